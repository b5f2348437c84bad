/** The wall with bubblewrap around a server that is not root, where these tests are. */
import { testWall } from './wall/attempts.ts';
import { variants } from './wall/stage.ts';

for (const variant of variants.filter((it) => it.user !== undefined)) testWall(variant);

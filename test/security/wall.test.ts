/** The wall with bubblewrap, the server as who runs these tests. */
import { testWall } from './wall/attempts.ts';
import { variants } from './wall/stage.ts';

for (const variant of variants.filter((it) => it.level === 'bubblewrap' && it.user === undefined)) testWall(variant);

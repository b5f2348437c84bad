/** The wall without bubblewrap: a user for each function. */
import { testWall } from './wall/attempts.ts';
import { variants } from './wall/stage.ts';

for (const variant of variants.filter((it) => it.level === 'user')) testWall(variant);

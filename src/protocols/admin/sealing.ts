import { z } from 'zod';
import type { ShownSealingKey } from '../../identity/index.ts';
import type { Answer, Call } from './call.ts';
import { input, time } from './input.ts';

const rotateInput = z.strictObject({ dropOld: z.boolean().optional() });

function shown(keys: readonly ShownSealingKey[]): Answer {
  return { keys: keys.map(({ until, ...rest }) => ({ ...rest, ...(until === undefined ? {} : { until: time(until) }) })) };
}

/** ListSealingKeys: ids, never the keys. */
export function listSealingKeys({ rooms }: Call): Answer {
  return shown(rooms.identity.sealingKeys());
}

/** RotateSealingKey; with dropOld every sealed session ends at once. */
export async function rotateSealingKey(call: Call): Promise<Answer> {
  return shown(await call.rooms.identity.rotateSealingKey(input(call, rotateInput)));
}

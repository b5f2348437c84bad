import { Fault } from '../../../faults/index.ts';
import { type Answer, type Call, param } from '../call.ts';
import { codeSizeLimit } from '../uploads.ts';

/** An answer that lists nothing: what this server does not have. */
export function nothing(field: string): () => Promise<Answer> {
  return async () => ({ status: 200, body: { [field]: [] } });
}

/** The same, below a function, which must be there. */
export function nothingOf(field: string): (call: Call) => Promise<Answer> {
  return async (call) => {
    if (!call.rooms.functions.get(call.name)) throw new Fault('FunctionNotFound', `There is no function ${call.name.slice(0, 200)}.`);
    return { status: 200, body: { [field]: [] } };
  };
}

/** GetAccountSettings. */
export async function getAccountSettings(): Promise<Answer> {
  return { status: 200, body: { availableAZs: [], defaultRole: '' } };
}

/** GetAccountConfigs: the limit on packages is the one that the SDK for Node asks for. */
export async function getAccountConfigs(call: Call): Promise<Answer> {
  const asked = param(call, 'config');
  return { status: 200, body: !asked || asked === 'CodeSizeLimit' ? { CodeSizeLimit: codeSizeLimit } : {} };
}

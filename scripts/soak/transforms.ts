import { join } from 'node:path';
import {
  createAccessPoint,
  createBucket,
  createObjectFc,
  deleteFunction,
  deployFunction,
  filesOf,
  ossDo,
} from '../../test/acceptance/harness/deploy.ts';
import { type Call, openCall, send } from '../../test/acceptance/harness/http.ts';
import { pathOf, queryOf, signHeaderV4 } from '../../test/acceptance/harness/sign.ts';
import { python, root } from '../../test/acceptance/harness/toolchain.ts';
import { pick, type Scenario } from './scenario.ts';

const bucket = 'soak';
let alias = '';

const due: Record<string, { status: number; body: RegExp }> = {
  'do=upper': { status: 200, body: /^SMALL LETTERS$/ },
  'do=chunked&count=20&size=20000': { status: 200, body: /^A{20000}B/ },
  'do=raise': { status: 500, body: /FunctionInvocationError/ },
  'do=exit': { status: 500, body: /FunctionInvocationError/ },
  'do=silent': { status: 500, body: /FunctionResponseMissing/ },
  'do=late': { status: 200, body: /^answered before the end$/ },
};

/** GetObject through an Object FC access point: answers, missing answers, crashes, and clients that leave. */
export const transforms: Scenario = {
  name: 'transforms',
  skip: python.skip,
  clients: 3,
  prepare: async (sluice) => {
    await createBucket(sluice, bucket);
    await createAccessPoint(sluice, bucket, 'ap-soak');
    await ossDo(sluice, { method: 'PUT', bucket, key: 'text', body: 'small letters' });
    const many = filesOf(join(root, 'test', 'acceptance', 'functions', 'many'));
    await deployFunction(sluice, 'soak-transforms', [...many, ...filesOf(python.tools?.oss2.newest as string)], { timeout: 20 });
    alias = await createObjectFc(sluice, { bucket, accessPoint: 'ap-soak', name: 'soak-transforms', functionName: 'soak-transforms' });
  },
  round: async (sluice) => {
    const what = pick(Object.keys(due));
    const request = { method: 'GET', bucket: alias, key: 'text', query: Object.fromEntries(new URLSearchParams(what)) };
    const call: Call = { path: pathOf(request) + queryOf(request.query), headers: signHeaderV4(request, sluice.key) };
    if (Math.random() < 0.1) return leave(sluice.data, call);
    const { status, body } = await send(sluice.data, call);
    if (status === 503) return 'throttled';
    if (status !== due[what]?.status || !due[what].body.test(body.toString()))
      throw new Error(`${what}: ${status} ${body.subarray(0, 500)}`);
    return status === 200 ? 'done' : 'failed as due';
  },
  tidy: (sluice) => deleteFunction(sluice, 'soak-transforms'),
};

/** A client that does not wait for its answer. */
async function leave(origin: string, call: Call): Promise<string> {
  const request = openCall(origin, call);
  request.on('error', () => {});
  request.end();
  await new Promise((resolve) => setTimeout(resolve, Math.random() * 30));
  request.destroy();
  return 'left';
}

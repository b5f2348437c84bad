import { createHmac } from 'node:crypto';
import { Fault } from '../../faults/index.ts';
import type { RequestContext } from '../../http/index.ts';
import { equalSecret, now, randomToken } from '../../kit/index.ts';
import type { Answer, Call, FcRooms } from './call.ts';

/** A package as a URL names it. */
type Named = { function: string; qualifier: string } | { layer: string; version: number };

/** Below the prefix of the API, so that no other path can be meant. */
export const downloadPath = '/2023-03-30/package-download';

const validMs = 15 * 60_000;
/** New at each start: a URL ends with the server that gave it. */
const secret = randomToken(32);

function sign(named: Named, expires: number): string {
  return createHmac('sha256', secret)
    .update(JSON.stringify([named, expires]))
    .digest('base64url');
}

/** A URL of this listener under which a package can be fetched for 15 minutes without a signature of the caller's. */
export function packageUrl({ ctx, api }: Call, named: Named): string {
  const expires = now() + validMs;
  const query = new URLSearchParams({ package: JSON.stringify(named), expires: String(expires), signature: sign(named, expires) });
  // The classic SDK for Node leaves the port out of Host, whatever it is.
  const port = api === '2016-08-15' && !/:\d+$/.test(ctx.host) ? `:${ctx.localPort}` : '';
  // The listener answers only Host names that it was given.
  return `${ctx.encrypted ? 'https' : 'http'}://${ctx.host || 'localhost'}${port}${downloadPath}?${query}`;
}

/** GetFunctionCode. */
export async function getFunctionCode(call: Call): Promise<Answer> {
  const qualifier = call.qualifier || 'LATEST';
  const { checksum } = call.rooms.functions.packageOf(call.name, qualifier);
  return { status: 200, body: { checksum, url: packageUrl(call, { function: call.name, qualifier }) } };
}

/** Answers such a URL. @throws Fault AccessDenied for one that was changed or is too old */
export function download(ctx: RequestContext, { functions }: FcRooms): Answer {
  if (ctx.method !== 'GET' && ctx.method !== 'HEAD')
    throw new Fault('MethodNotAllowed', 'This path takes GET.', { headers: { Allow: 'GET, HEAD' } });
  const value = (name: string) => ctx.query.find((entry) => entry.name === name)?.value ?? '';
  const expires = Number(value('expires'));
  let named: Named;
  try {
    named = JSON.parse(value('package')) as Named;
  } catch {
    throw new Fault('AccessDenied', 'The URL is not one that GetFunctionCode has given.');
  }
  if (!equalSecret(value('signature'), sign(named, expires)))
    throw new Fault('AccessDenied', 'The URL is not one that GetFunctionCode has given.');
  if (!(ctx.startedAt < expires)) throw new Fault('AccessDenied', 'The URL has expired; ask for a new one.');
  const found = 'function' in named ? functions.packageOf(named.function, named.qualifier) : layerPackage(functions, named);
  const headers = {
    'Content-Type': 'application/zip',
    'Content-Disposition': 'attachment; filename="code.zip"',
    'x-fc-code-checksum': found.checksum,
  };
  return { status: 200, headers, file: { path: found.file, size: found.size } };
}

function layerPackage({ layers }: FcRooms['functions'], { layer, version }: { layer: string; version: number }) {
  const record = layers.get(layer, version);
  return { file: layers.packageOf(record), size: record.codeSize, checksum: record.codeChecksum };
}

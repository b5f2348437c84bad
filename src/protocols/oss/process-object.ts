import type { Resolved } from '../../accesspoints/index.ts';
import { Fault } from '../../faults/index.ts';
import { requireReadable } from './archive.ts';
import { type Call, noSuchBucket } from './call.ts';
import { authorizeSource, authorizeTarget } from './guard.ts';
import { invalid } from './headers.ts';
import { processParameter, renderObject } from './process.ts';
import { Parameters } from './process-parameters.ts';
import { readDocument } from './request-body.ts';
import { sendText } from './respond.ts';
import { bucketBehind } from './sides.ts';

const mostBytes = 32 * 1024;
const saving = 'sys/saveas';

/** What is made, and where it is kept. */
interface Saving {
  readonly process: string;
  readonly bucket: string | undefined;
  readonly key: string;
}

/** Reads `x-oss-process=image/...|sys/saveas,o_KEY,b_BUCKET`; ali-oss percent-encodes it. @throws Fault */
async function readSaving(call: Call): Promise<Saving> {
  const text = (await readDocument(call, mostBytes)).toString('utf8').trim();
  const raw = text.startsWith(`${processParameter}=`) ? text.slice(processParameter.length + 1) : '';
  let value: string;
  try {
    value = decodeURIComponent(raw);
  } catch {
    throw invalid(processParameter, raw.slice(0, 100), `The body must be ${processParameter}=..., percent-encoded or plain.`);
  }
  if (value === '') throw new Fault('MissingArgument', `The body must be ${processParameter}=image/...|${saving},o_KEY,b_BUCKET.`);
  const [process = '', target = '', more] = value.split('|');
  if (!target.startsWith(saving) || more !== undefined) {
    throw new Fault('NotImplemented', `ProcessObject is carried out as image/...|${saving},o_KEY,b_BUCKET only.`);
  }
  const params = new Parameters(target.slice('sys/'.length));
  const key = params.require(params.text('o'), 'o, the key in Base64');
  const bucket = params.text('b');
  params.finish();
  return { process, bucket, key };
}

/** ProcessObject: makes a picture and keeps it as an object. The caller reads the one and writes the other. @throws Fault */
export async function processObject(call: Call): Promise<void> {
  const { process, bucket, key } = await readSaving(call);
  const { store, accesspoints } = call.rooms;
  const target: { name: string; key: string; resolved: Resolved | undefined } =
    bucket === undefined
      ? { name: call.name, key, resolved: call.resolved }
      : { name: bucket, key, resolved: accesspoints.resolve(bucket) };
  authorizeSource(call, { name: call.name, key: call.key, resolved: call.resolved });
  authorizeTarget(call, target);
  const into = target.resolved?.kind === 'object-fc' ? undefined : bucketBehind(call.rooms, target.resolved)?.name;
  if (into === undefined) throw noSuchBucket(target.name);
  const found = store.get(call.bucket.name, call.key);
  if (!found || found.head.target !== undefined) throw new Fault('NoSuchKey', undefined, { extra: { Key: call.key } });
  requireReadable(call, found.head);
  let size = 0;
  await renderObject(call, found, process, async ({ contentType, length, body }) => {
    const made = await store.put({ bucket: into, key, source: body, size: length, contentType, headers: {}, meta: {} });
    size = made.size;
  });
  sendText(call.ctx, JSON.stringify({ bucket: into, fileSize: size, object: key, status: 'OK' }), 'application/json');
}

/**
 * Carries out scripted steps with ali-oss and prints what came back as JSON: standard input
 * {endpoint, accessKeyId, accessKeySecret, region, signature, style, steps}, standard output {sdk, version, results}.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { text } from 'node:stream/consumers';
import OSS from 'ali-oss';
import { storeOperations } from './store.ts';

interface Step {
  op: string;
  bucket: string;
  key: string;
  keys: string[];
  body: string;
  meta?: Record<string, string>;
  contentType?: string;
  range?: [number, number];
  ifMatch?: string;
  ifNoneMatch?: string;
  prefix?: string;
  delimiter?: string;
  after?: string;
  maxKeys?: number;
  expires?: number;
  acl?: string;
  policy?: string;
  process?: string;
}

const job = JSON.parse(await text(process.stdin)) as {
  endpoint: string;
  accessKeyId: string;
  accessKeySecret: string;
  region: string;
  signature: 'v1' | 'v4';
  style: 'path' | 'host';
  steps: Step[];
};
const require = createRequire(import.meta.url);
const { version } = JSON.parse(readFileSync(require.resolve('ali-oss/package.json'), 'utf8')) as { version: string };

const client = new OSS({
  accessKeyId: job.accessKeyId,
  accessKeySecret: job.accessKeySecret,
  endpoint: job.endpoint,
  region: `oss-${job.region}`,
  secure: false,
  authorizationV4: job.signature === 'v4',
  sldEnable: job.style === 'path',
});

const unquote = (value: string | undefined) => (value ?? '').replaceAll('"', '');
const requestId = (result: { res: { headers: Record<string, string> } }) => result.res.headers['x-oss-request-id'];

function describe(headers: Record<string, string>) {
  const meta: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) if (name.startsWith('x-oss-meta-')) meta[name.slice('x-oss-meta-'.length)] = value;
  return {
    etag: unquote(headers.etag),
    contentType: headers['content-type'],
    size: Number(headers['content-length'] ?? -1),
    crc64: headers['x-oss-hash-crc64ecma'],
    meta,
  };
}

function listed(result: { objects?: { name: string }[]; prefixes?: string[]; isTruncated: boolean }) {
  return { keys: (result.objects ?? []).map((entry) => entry.name), prefixes: result.prefixes ?? [], truncated: result.isTruncated };
}

function listing(step: Step, after: string) {
  return {
    ...(step.prefix === undefined ? {} : { prefix: step.prefix }),
    ...(step.delimiter === undefined ? {} : { delimiter: step.delimiter }),
    ...(step.after === undefined ? {} : { [after]: step.after }),
    'max-keys': step.maxKeys ?? 100,
  };
}

const operations: Record<string, (step: Step) => Promise<object>> = {
  ...storeOperations(client),
  createBucket: async (step) => ({ requestId: requestId(await client.putBucket(step.bucket)) }),
  deleteBucket: async (step) => ({ requestId: requestId(await client.deleteBucket(step.bucket)) }),
  listBuckets: async () => ({ names: ((await client.listBuckets({})).buckets ?? []).map((bucket: { name: string }) => bucket.name) }),
  put: async (step) => {
    const result = await client.put(step.key, Buffer.from(step.body, 'base64'), {
      ...(step.meta ? { meta: step.meta } : {}),
      ...(step.contentType ? { headers: { 'Content-Type': step.contentType } } : {}),
    });
    const headers = result.res.headers;
    return { requestId: requestId(result), etag: unquote(headers.etag), crc64: headers['x-oss-hash-crc64ecma'] };
  },
  get: async (step) => {
    const result = await client.get(step.key, {
      headers: {
        ...(step.range ? { Range: `bytes=${step.range[0]}-${step.range[1]}` } : {}),
        ...(step.ifMatch ? { 'If-Match': step.ifMatch } : {}),
        ...(step.ifNoneMatch ? { 'If-None-Match': step.ifNoneMatch } : {}),
      },
    });
    const { status, headers } = result.res;
    // ali-oss takes 304 for a success.
    if (status === 304) throw Object.assign(new Error('not modified'), { status, code: '', requestId: requestId(result) });
    return { ...describe(headers), status, body: Buffer.from(result.content).toString('base64'), requestId: requestId(result) };
  },
  process: async (step) => {
    const { res, content } = await client.get(step.key, { process: step.process });
    return { ...describe(res.headers), status: res.status, body: Buffer.from(content).toString('base64') };
  },
  head: async (step) => describe((await client.head(step.key)).res.headers),
  objectMeta: async (step) => describe((await client.getObjectMeta(step.key)).res.headers),
  listV1: async (step) => listed(await client.list(listing(step, 'marker'), {})),
  listV2: async (step) => listed(await client.listV2(listing(step, 'start-after'), {})),
  delete: async (step) => ({ requestId: requestId(await client.delete(step.key)) }),
  deleteMany: async (step) => ({ keys: ((await client.deleteMulti(step.keys)).deleted ?? []).map((entry: { Key: string }) => entry.Key) }),
  putBucketAcl: async (step) => ({ status: (await client.putBucketACL(step.bucket, step.acl)).res.status }),
  getBucketAcl: async (step) => ({ acl: (await client.getBucketACL(step.bucket)).acl }),
  putObjectAcl: async (step) => ({ status: (await client.putACL(step.key, step.acl)).res.status }),
  getObjectAcl: async (step) => ({ acl: (await client.getACL(step.key)).acl }),
  putBucketPolicy: async (step) => ({ status: (await client.putBucketPolicy(step.bucket, JSON.parse(step.policy ?? ''))).status }),
  // ali-oss gives the policy back parsed.
  getBucketPolicy: async (step) => ({ policy: JSON.stringify((await client.getBucketPolicy(step.bucket)).policy) }),
  deleteBucketPolicy: async (step) => ({ status: (await client.deleteBucketPolicy(step.bucket)).status }),
  presign: async (step) => ({
    url:
      job.signature === 'v4'
        ? await client.signatureUrlV4('GET', step.expires ?? 60, {}, step.key)
        : client.signatureUrl(step.key, { expires: step.expires ?? 60 }),
  }),
};

async function carryOut(step: Step): Promise<object> {
  try {
    if (step.bucket) client.useBucket(step.bucket);
    const run = operations[step.op];
    if (!run) throw new Error(`ali-oss driver: no step ${step.op}`);
    return { ok: true, ...(await run(step)) };
  } catch (cause) {
    const fault = cause as { status?: number; code?: string; requestId?: string; message: string };
    if (fault.status === undefined) throw cause;
    return { ok: false, status: fault.status, code: fault.code, requestId: fault.requestId, message: fault.message };
  }
}

const results: object[] = [];
for (const step of job.steps) results.push(await carryOut(step));
process.stdout.write(JSON.stringify({ sdk: 'ali-oss', version, results }), () => process.exit(0));

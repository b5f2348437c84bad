/** The operations of the matrix with ali-oss: names as arguments, one line of JSON for each on standard output. The environment is told in matrix.test.ts. */
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import OSS from 'ali-oss';
import { features, notOffered as withoutFeatures } from './ali-oss-features.ts';

const env = (name: string) => process.env[`MATRIX_${name}`] ?? '';
const { version } = JSON.parse(readFileSync(createRequire(import.meta.url).resolve('ali-oss/package.json'), 'utf8')) as { version: string };
const [name, text, key] = [env('BUCKET'), 'The quick brown fox\n', 'a b/ü+%.txt'];
// With an IP address ali-oss invents a Host header; `localhost` and sldEnable give path style.
const endpoint = env('ENDPOINT').replace('127.0.0.1', 'localhost');
const state: { upload: string; parts: { number: number; etag: string }[] } = { upload: '', parts: [] };

function open(signature: string, bucket: string, keys: Record<string, string> = {}): OSS {
  const own = { accessKeyId: env('KEY_ID'), accessKeySecret: env('KEY_SECRET') };
  return new OSS({ ...own, ...keys, endpoint, bucket, region: 'oss-cn-qingdao', sldEnable: true, authorizationV4: signature === 'v4' });
}

const client = open(env('SIGNATURE'), name);

async function connect(): Promise<object> {
  const [accessKeyId, accessKeySecret] = [env('KEY_ID'), env('KEY_SECRET')];
  // connect>
  const client = new OSS({
    endpoint,
    sldEnable: true,
    authorizationV4: true,
    region: 'oss-cn-qingdao',
    bucket: 'demo',
    accessKeyId,
    accessKeySecret,
  });

  await client.put('hello.txt', Buffer.from('hello'));
  const { content } = await client.get('hello.txt');
  const { objects } = await client.listV2({ 'max-keys': 1000 });
  // <connect
  return { body: content.toString(), names: objects?.map((object) => object.name) };
}

/** The server's answer to what has to fail. */
async function refusal(run: Promise<{ res: { status: number } }>): Promise<{ status: number; code: string }> {
  try {
    return { status: (await run).res.status, code: 'no error' };
  } catch (cause) {
    return cause as { status: number; code: string };
  }
}

const unquoted = (value: string | undefined) => (value ?? '').replaceAll('"', '');
const bodyOf = (reply: { content: Buffer }) => ({ body: reply.content.toString() });

/** An operation whose success is all that it tells; a later row reads what it did. */
const none = (run: () => Promise<unknown>) => async () => {
  await run();
  return {};
};

async function inFolder(use: (path: string) => Promise<object>): Promise<object> {
  const folder = mkdtempSync(join(tmpdir(), 'matrix-'));
  try {
    return await use(join(folder, 'big'));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function listed(result: { objects?: { name: string }[]; prefixes?: string[] }): object {
  return { keys: result.objects?.map((object) => object.name), prefixes: result.prefixes };
}

async function uploads(query: object): Promise<string[]> {
  return ((await client.listUploads(query)).uploads ?? []).map((upload) => upload.name);
}

const presignV4 = (method: string, called: string) => async () => ({ url: await open('v4', name).signatureUrlV4(method, 600, {}, called) });

const objects: Record<string, () => Promise<object>> = {
  connect,
  PutObject: async () => {
    const { res } = await client.put(key, Buffer.from(text), { headers: { 'Content-Type': 'text/x-fox' }, meta: { author: 'alice' } });
    return { etag: unquoted(res.headers.etag) };
  },
  GetObject: async () => {
    const reply = await client.get(key);
    return { ...bodyOf(reply), type: reply.res.headers['content-type'], author: reply.res.headers['x-oss-meta-author'] };
  },
  'GetObject, a range': async () => bodyOf(await client.get(key, { headers: { Range: 'bytes=4-8' } })),
  'GetObject, conditions': async () => {
    const etag = `"${createHash('md5').update(text).digest('hex').toUpperCase()}"`;
    const same = await refusal(client.get(key, { headers: { 'If-None-Match': etag } }));
    const other = await refusal(client.get(key, { headers: { 'If-Match': '"00000000000000000000000000000000"' } }));
    return { same: same.status, other: other.status };
  },
  HeadObject: async () => {
    const { headers } = (await client.head(key)).res;
    return { size: Number(headers['content-length']), type: headers['content-type'], author: headers['x-oss-meta-author'] };
  },
  GetObjectMeta: async () => {
    const { headers } = (await client.getObjectMeta(key)).res;
    return { size: Number(headers['content-length']), etag: unquoted(headers.etag) };
  },
  PutObjectAcl: none(() => client.putACL(key, 'private')),
  GetObjectAcl: async () => ({ acl: (await client.getACL(key)).acl }),
  PutObjectTagging: none(() => client.putObjectTagging(key, { color: 'red' })),
  GetObjectTagging: async () => ({ tags: (await client.getObjectTagging(key)).tag }),
  DeleteObjectTagging: async () => {
    await client.deleteObjectTagging(key);
    return { tags: (await client.getObjectTagging(key)).tag };
  },
  CopyObject: async () => {
    await client.copy('copy', key, { meta: { author: 'bob' } });
    const reply = await client.get('copy');
    return { ...bodyOf(reply), author: reply.res.headers['x-oss-meta-author'] };
  },
  AppendObject: async () => {
    const first = await client.append('log', Buffer.from('hello, '), {});
    const second = await client.append('log', Buffer.from('world'), { position: first.nextAppendPosition });
    return { position: Number(second.nextAppendPosition), ...bodyOf(await client.get('log')) };
  },
  PutSymlink: none(() => client.putSymlink('link', 'log')),
  GetSymlink: async () => ({ target: (await client.getSymlink('link')).targetName }),
  ListObjects: async () => {
    for (const each of ['list/1', 'list/2', 'list/sub/3']) await client.put(each, Buffer.from(''));
    return listed(await client.list({ prefix: 'list/', delimiter: '/', 'max-keys': 100 }, {}));
  },
  ListObjectsV2: async () => listed(await client.listV2({ prefix: 'list/', delimiter: '/', 'max-keys': '100' })),
  DeleteObject: async () => {
    await client.delete('copy');
    return { after: (await refusal(client.get('copy'))).status };
  },
  DeleteMultipleObjects: async () => {
    const { deleted } = await client.deleteMulti(['list/1', 'list/2', 'list/sub/3']);
    return { keys: deleted?.map((entry) => entry.Key).sort() };
  },
  'presigned GET, V1': async () => ({ url: open('v1', name).signatureUrl(key, { expires: 600 }) }),
  'presigned GET, V4': presignV4('GET', key),
  'presigned PUT, V1': async () => ({ url: open('v1', name).signatureUrl('presigned', { expires: 600, method: 'PUT' }) }),
  'presigned PUT, V4': presignV4('PUT', 'presigned'),
  'GetObject at http://localhost': async () => bodyOf(await client.get(key)),
  'STS token': async () => {
    const keys = { accessKeyId: env('STS_ID'), accessKeySecret: env('STS_SECRET'), stsToken: env('STS_TOKEN') };
    return bodyOf(await open(env('SIGNATURE'), name, keys).get(key));
  },
  'GetObject by the alias of an access point': async () => bodyOf(await open(env('SIGNATURE'), env('ALIAS')).get(env('ALIAS_KEY'))),
  'transformed GetObject': async () => bodyOf(await open(env('SIGNATURE'), env('OBJECT_FC_ALIAS')).get(env('ALIAS_KEY'))),
  'transformed GetObject, a parameter': async () =>
    bodyOf(await open(env('SIGNATURE'), env('OBJECT_FC_ALIAS')).get(env('ALIAS_KEY'), { subres: { say: 'a b/ü' } })),
};

const parts: Record<string, () => Promise<object>> = {
  InitiateMultipartUpload: async () => {
    state.upload = (await client.initMultipartUpload('parts')).uploadId;
    return { given: state.upload !== '' };
  },
  UploadPart: async () => {
    const { etag } = await client.uploadPart('parts', state.upload, 1, Buffer.alloc(102400, 'a'), 0, 102400);
    state.parts = [{ number: 1, etag }];
    return { etag: unquoted(etag) };
  },
  UploadPartCopy: async () => {
    const from = { sourceKey: key, sourceBucketName: name };
    const { etag } = await client.uploadPartCopy('parts', state.upload, 2, '4-8', from);
    state.parts.push({ number: 2, etag });
    return { etag: unquoted(etag) };
  },
  ListParts: async () => ({ sizes: (await client.listParts('parts', state.upload, {})).parts.map((part) => Number(part.Size)) }),
  ListMultipartUploads: async () => ({ keys: await uploads({}) }),
  CompleteMultipartUpload: async () => {
    const { etag } = await client.completeMultipartUpload('parts', state.upload, state.parts);
    const { headers } = (await client.head('parts')).res;
    return { parts: unquoted(etag).split('-')[1], size: Number(headers['content-length']) };
  },
  AbortMultipartUpload: async () => {
    await client.abortMultipartUpload('given-up', (await client.initMultipartUpload('given-up')).uploadId);
    return { left: (await uploads({ prefix: 'given-up' })).length };
  },
  "the client's uploader": () =>
    inFolder(async (path) => {
      writeFileSync(path, '0123456789'.repeat(30720));
      await client.multipartUpload('big', path, { partSize: 102400, parallel: 3 });
      const { headers } = (await client.head('big')).res;
      return { size: Number(headers['content-length']), type: headers['x-oss-object-type'] };
    }),
};

const settings: Record<string, () => Promise<object>> = {
  PutBucket: none(() => client.putBucket(name)),
  ListBuckets: async () => {
    const { buckets } = await client.listBuckets({ prefix: name });
    return { found: buckets?.some((bucket) => bucket.name === name) };
  },
  GetBucketInfo: async () => {
    const { bucket } = await client.getBucketInfo(name);
    return { name: bucket.Name, acl: bucket.AccessControlList.Grant };
  },
  GetBucketLocation: async () => ({ location: (await client.getBucketLocation(name)).location }),
  PutBucketAcl: none(() => client.putBucketACL(name, 'public-read')),
  GetBucketAcl: async () => ({ acl: (await client.getBucketACL(name)).acl }),
  GetBucketStat: async () => ({ objects: Number((await client.getBucketStat(name)).stat.ObjectCount) }),
  PutBucketTags: none(() => client.putBucketTags(name, { team: 'a' })),
  GetBucketTags: async () => ({ tags: (await client.getBucketTags(name)).tag }),
  DeleteBucketTags: async () => {
    await client.deleteBucketTags(name);
    return { tags: (await client.getBucketTags(name)).tag };
  },
  PutBucketPolicy: none(() => client.putBucketPolicy(name, JSON.parse(env('POLICY')))),
  GetBucketPolicy: async () => ({ policy: (await client.getBucketPolicy(name)).policy }),
  DeleteBucketPolicy: async () => {
    await client.deleteBucketPolicy(name);
    // ali-oss gives no error for a policy that is not there, only the answer.
    return { code: /<Code>(\w+)</.exec(String((await client.getBucketPolicy(name)).res.data))?.[1] };
  },
  PutBucketCors: none(() => {
    const rule = { allowedOrigin: 'http://a.example', allowedMethod: ['GET', 'PUT'], allowedHeader: '*', maxAgeSeconds: '60' };
    return client.putBucketCORS(name, [rule]);
  }),
  GetBucketCors: async () => ({ origins: (await client.getBucketCORS(name)).rules.flatMap((rule) => rule.allowedOrigin) }),
  DeleteBucketCors: async () => {
    await client.deleteBucketCORS(name);
    return { code: (await refusal(client.getBucketCORS(name))).code };
  },
  PutBucketReferer: none(() => client.putBucketReferer(name, true, ['http://a.example'])),
  GetBucketReferer: async () => {
    const { referers, allowEmpty } = await client.getBucketReferer(name);
    return { referers, empty: allowEmpty };
  },
  DeleteBucket: async () => {
    const other = `${name}-gone`;
    await client.putBucket(other);
    await client.deleteBucket(other);
    return { code: (await refusal(client.getBucketInfo(other))).code };
  },
};

const operations = { ...objects, ...parts, ...settings, ...features(client, (bucket) => open(env('SIGNATURE'), bucket)) };
const notOffered = new Set([
  ...withoutFeatures,
  ...["the client's downloader", 'GetBucketPolicyStatus', 'OptionObject'],
  ...['Put', 'Get', 'Delete'].flatMap((verb) => [`${verb}BucketPublicAccessBlock`, `${verb}PublicAccessBlock`]),
  ...['Put', 'Get', 'Delete'].flatMap((verb) => [`${verb}AccessPointPolicy`, `${verb}AccessPointPublicAccessBlock`]),
  ...['CreateAccessPoint', 'GetAccessPoint', 'ListAccessPoints', 'DeleteAccessPoint'],
  ...['CreateAccessPointForObjectProcess', 'GetAccessPointForObjectProcess', 'ListAccessPointsForObjectProcess'],
  ...['DeleteAccessPointForObjectProcess', 'PutAccessPointConfigForObjectProcess', 'GetAccessPointConfigForObjectProcess'],
  ...['Put', 'Get', 'Delete'].map((verb) => `${verb}AccessPointPolicyForObjectProcess`),
]);

async function carryOut(op: string): Promise<object> {
  if (notOffered.has(op)) return { op, result: 'not offered' };
  try {
    const run = operations[op];
    if (!run) throw new Error('no such operation');
    return { op, result: 'done', detail: await run() };
  } catch (cause) {
    return { op, result: 'failed', detail: String(cause) };
  }
}

const print = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`);
print({ client: 'ali-oss', version });
for (const op of process.argv.slice(2)) print(await carryOut(op));
process.exit(0);

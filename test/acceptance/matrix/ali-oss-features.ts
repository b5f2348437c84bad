/** Operations of the ali-oss driver on versions, archives, encryption, callbacks, forms, pictures and more settings of buckets. */
import type OSS from 'ali-oss';

const env = (name: string) => process.env[`MATRIX_${name}`] ?? '';
const bodyOf = async (reply: Promise<{ content: Buffer }>) => (await reply).content.toString();

async function codeOf(run: Promise<unknown>): Promise<object> {
  const fault = await run.then(
    () => undefined,
    (cause: { code?: string }) => cause,
  );
  return { code: fault?.code ?? 'no error' };
}

async function gone(run: Promise<unknown>, read: () => Promise<unknown>): Promise<object> {
  await run;
  return codeOf(read());
}

async function none(...runs: (() => Promise<unknown>)[]): Promise<object> {
  for (const run of runs) await run();
  return {};
}

/** The fields of a form that may upload one object, as a server gives them to a browser. */
function form(client: OSS, signature: 'v1' | 'v4'): Record<string, string> {
  const now = new Date();
  const expiration = new Date(now.getTime() + 600_000).toISOString();
  if (signature === 'v1') return client.calculatePostSignature({ expiration, conditions: [{ bucket: env('BUCKET') }] });
  const time = now.toISOString().replace(/[-:]|\.\d+/g, '');
  const credential = `${env('KEY_ID')}/${time.slice(0, 8)}/cn-qingdao/oss/aliyun_v4_request`;
  const fields = { 'x-oss-signature-version': 'OSS4-HMAC-SHA256', 'x-oss-credential': credential, 'x-oss-date': time };
  const policy = { expiration, conditions: Object.entries(fields).map(([name, value]) => ({ [name]: value })) };
  const encoded = Buffer.from(JSON.stringify(policy)).toString('base64');
  return { ...fields, policy: encoded, 'x-oss-signature': client.signPostObjectPolicyV4(policy, now) };
}

/** The operations by name; `client` has the bucket of the driver, and `open` makes clients of others. */
export function features(client: OSS, open: (bucket: string) => OSS): Record<string, () => Promise<object>> {
  const name = env('BUCKET');
  const [versioned, shared] = [open(`${name}-v`), open(env('SHARED'))];
  let marker = '';
  return {
    PutBucketVersioning: () =>
      none(
        () => versioned.putBucket(`${name}-v`),
        () => versioned.putBucketVersioning(`${name}-v`, 'Enabled'),
      ),
    GetBucketVersioning: async () => ({ status: (await versioned.getBucketVersioning(`${name}-v`)).versionStatus }),
    'GetObject of a version': async () => {
      const versionId = (await versioned.put('note', Buffer.from('one'))).res.headers['x-oss-version-id'];
      await versioned.put('note', Buffer.from('two'));
      return { old: await bodyOf(versioned.get('note', { versionId })), now: await bodyOf(versioned.get('note')) };
    },
    'DeleteObject, a delete marker': async () => {
      const { headers } = (await versioned.delete('note')).res;
      marker = headers['x-oss-version-id'] ?? '';
      return { marker: headers['x-oss-delete-marker'] === 'true' };
    },
    ListObjectVersions: async () => {
      const { objects, deleteMarker } = await versioned.getBucketVersions({});
      return { versions: objects.length, markers: deleteMarker.length };
    },
    'DeleteObject of a version': async () => {
      await versioned.delete('note', { versionId: marker });
      return { body: await bodyOf(versioned.get('note')) };
    },
    RestoreObject: async () => {
      await client.put('cold', Buffer.from('frozen'), { headers: { 'x-oss-storage-class': 'Archive' } });
      const { code } = (await codeOf(client.get('cold'))) as { code: string };
      await client.restore('cold');
      return { before: code, body: await bodyOf(client.get('cold')) };
    },
    'PutObject, encrypted': async () => {
      await client.put('secret', Buffer.from('secret'), { headers: { 'x-oss-server-side-encryption': 'AES256' } });
      return { algorithm: (await client.head('secret')).res.headers['x-oss-server-side-encryption'] };
    },
    'PutObject, a callback': async () => {
      // biome-ignore lint/suspicious/noTemplateCurlyInString: OSS fills it in.
      const callback = { url: env('CALLBACK'), body: 'object=${object}' };
      return { answer: (await client.put('told', Buffer.from('told'), { callback })).data };
    },
    PutBucketLifecycle: () =>
      none(() => client.putBucketLifecycle(name, [{ id: 'tidy', prefix: 'tmp/', status: 'Enabled', expiration: { days: 30 } }])),
    GetBucketLifecycle: async () => {
      const [rule] = (await client.getBucketLifecycle(name)).rules;
      return { rule: rule?.id, prefix: rule?.prefix, days: Number(rule?.expiration.days) };
    },
    DeleteBucketLifecycle: () => gone(client.deleteBucketLifecycle(name), () => client.getBucketLifecycle(name)),
    PutBucketEncryption: () => none(() => client.putBucketEncryption(name, { SSEAlgorithm: 'AES256' })),
    GetBucketEncryption: async () => ({ algorithm: (await client.getBucketEncryption(name)).encryption.SSEAlgorithm }),
    DeleteBucketEncryption: () => gone(client.deleteBucketEncryption(name), () => client.getBucketEncryption(name)),
    PutBucketWebsite: () => none(() => client.putBucketWebsite(name, { index: 'index.html' })),
    GetBucketWebsite: async () => ({ index: (await client.getBucketWebsite(name)).index }),
    DeleteBucketWebsite: () => gone(client.deleteBucketWebsite(name), () => client.getBucketWebsite(name)),
    'GetObject, x-oss-process': async () => ({ info: await bodyOf(shared.get('picture.png', { process: 'image/info' })) }),
    ProcessObject: async () => {
      await shared.processObjectSave('picture.png', 'small.png', 'image/resize,w_10', name);
      return { info: await bodyOf(client.get('small.png', { process: 'image/info' })) };
    },
    'PostObject form, V1': async () => ({ fields: form(client, 'v1') }),
    'PostObject form, V4': async () => ({ fields: form(client, 'v4') }),
  };
}

/** What ali-oss has no call for. */
export const notOffered = ['DescribeRegions', 'PutStyle', 'GetStyle', 'ListStyle', 'DeleteStyle'];

/**
 * Takes objects through their versions with ali-oss and prints what came back: standard input {endpoint, accessKeyId, accessKeySecret, region},
 * standard output JSON.
 */
import { text } from 'node:stream/consumers';
import OSS from 'ali-oss';

const job = JSON.parse(await text(process.stdin)) as { endpoint: string; accessKeyId: string; accessKeySecret: string; region: string };
const bucket = 'versions-ali-oss';
const client = new OSS({ ...job, region: `oss-${job.region}`, secure: false, authorizationV4: true, sldEnable: true });

const versionOf = (result: { res: { headers: Record<string, string> } }): string => result.res.headers['x-oss-version-id'] ?? '';
async function fault(call: Promise<unknown>): Promise<[number, string] | undefined> {
  try {
    await call;
    return undefined;
  } catch (error) {
    const { status, code } = error as { status: number; code: string };
    return [status, code];
  }
}
const body = async (key: string, options = {}) => String((await client.get(key, options)).content);

await client.putBucket(bucket);
client.useBucket(bucket);
const said: Record<string, unknown> = {};
await client.putBucketVersioning(bucket, 'Enabled');
said.status = (await client.getBucketVersioning(bucket)).versionStatus;
const one = versionOf(await client.put('k', Buffer.from('one')));
const two = versionOf(await client.put('k', Buffer.from('two')));
said.one = await body('k', { versionId: one });
said.head = versionOf(await client.head('k', { versionId: one })) === one;
said.meta = (await client.getObjectMeta('k', { versionId: one })).status;
await client.putACL('k', 'private', { versionId: one });
said.acl = [(await client.getACL('k', { versionId: one })).acl, (await client.getACL('k')).acl];
await client.putObjectTagging('k', { a: '1' }, { versionId: one });
said.tags = [(await client.getObjectTagging('k', { versionId: one })).tag, (await client.getObjectTagging('k')).tag];
await client.copy('copy', 'k', { versionId: one });
said.copy = await body('copy');
await client.multipartUpload('parts', Buffer.alloc(150_000, 7), { partSize: 102_400 });
const marker = versionOf(await client.delete('k'));
said.absent = [await fault(client.get('k')), await fault(client.get('k', { versionId: marker }))];
const listed = await client.getBucketVersions({ 'max-keys': 100 });
said.versions = listed.objects.map(({ name, isLatest }) => [name, isLatest]);
said.markers = listed.deleteMarker.map(({ name }) => name);
await client.delete('k', { versionId: marker });
said.restored = await body('k');
const removed = await client.deleteMulti([{ key: 'k', versionId: one }, { key: 'k', versionId: two }, 'copy']);
said.removed = removed.deleted?.map(({ Key, DeleteMarker }) => [Key, DeleteMarker]);
await client.putBucketVersioning(bucket, 'Suspended');
said.suspended = versionOf(await client.put('k', Buffer.from('null')));
await client.putBucketLifecycle(bucket, [
  { id: 'a', prefix: 'logs/', status: 'Enabled', expiration: { days: 3 }, tag: { key: 't', value: '1' } },
  { id: 'b', prefix: 'x/', status: 'Disabled', noncurrentVersionExpiration: { noncurrentDays: 2 } },
]);
said.rules = (await client.getBucketLifecycle(bucket)).rules;
await client.deleteBucketLifecycle(bucket);
said.norules = await fault(client.getBucketLifecycle(bucket));
process.stdout.write(JSON.stringify(said));

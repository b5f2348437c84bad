/** Unmodified vendor SDKs on what a store has besides plain objects: uploads in parts, copies, tags. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { type Client, clients, runClient, type Step, type StepResult } from './harness/clients.ts';
import { type Sluice, startSluice } from './harness/sluice.ts';

let sluice: Sluice;
before(async () => {
  sluice = await startSluice();
});
after(() => sluice.finish(async () => {}));

const md5 = (bytes: Buffer) => createHash('md5').update(bytes).digest();
const partSize = 102_400;
const crc1234 = '14865968487149912872';

function partsEtag(bytes: Buffer): string {
  const hash = createHash('md5');
  let parts = 0;
  for (let at = 0; at < bytes.length; at += partSize, parts++) hash.update(md5(bytes.subarray(at, at + partSize)));
  return `${hash.digest('hex').toUpperCase()}-${parts}`;
}

/** Carries out named steps and gives each one's result; a step that should work and did not fails here. */
async function results(client: Client, signature: 'v1' | 'v4', steps: Record<string, Step>): Promise<(step: string) => StepResult> {
  const run = await runClient(client, sluice, signature, Object.values(steps));
  const names = Object.keys(steps);
  return (step) => {
    const result = run.results[names.indexOf(step)];
    assert.ok(result, step);
    return result;
  };
}

function good(result: (step: string) => StepResult, step: string): StepResult {
  const found = result(step);
  assert.ok(found.ok, `${step}: ${JSON.stringify(found)}`);
  return found;
}

const bucketOf = (client: Client, signature: string) =>
  `store-${client.sdk}-${client.version.replaceAll('.', '-')}-${client.style ?? 'ip'}-${signature}`;

const rows: { client: Client; signature: 'v1' | 'v4' }[] = [
  { client: clients.oss2Older, signature: 'v1' },
  { client: clients.oss2Newest, signature: 'v1' },
  { client: clients.oss2Newest, signature: 'v4' },
  { client: clients.aliOss, signature: 'v1' },
  { client: clients.aliOss, signature: 'v4' },
  { client: clients.aliOssByIp, signature: 'v1' },
];

describe('objects that grow', () => {
  for (const { client, signature } of rows) {
    test(`${client.name}, ${signature.toUpperCase()}`, { skip: client.skip }, async () => {
      const bucket = `${bucketOf(client, signature)}-b`;
      const line = (text: string) => Buffer.from(text).toString('base64');
      const result = await results(client, signature, {
        create: { op: 'createBucket', bucket },
        first: { op: 'append', bucket, key: 'log', position: 0, body: line('1234') },
        // oss2 compares the checksum of the whole with its own, from that of the beginning: CRC-64/XZ of 1234.
        second: { op: 'append', bucket, key: 'log', position: 4, body: line('56789'), crc64: crc1234 },
        wrong: { op: 'append', bucket, key: 'log', position: 3, body: line('x') },
        plain: { op: 'put', bucket, key: 'plain', body: '' },
        notSo: { op: 'append', bucket, key: 'plain', position: 0, body: line('x') },
        read: { op: 'get', bucket, key: 'log' },
      });
      assert.deepEqual([good(result, 'first').position, good(result, 'second').position], [4, 9]);
      assert.equal(result('second').crc64, '11051210869376104954');
      assert.deepEqual([result('wrong').status, result('wrong').code], [409, 'PositionNotEqualToLength']);
      assert.deepEqual([result('notSo').status, result('notSo').code], [409, 'ObjectNotAppendable']);
      assert.equal(Buffer.from(good(result, 'read').body ?? '', 'base64').toString(), '123456789');
    });
  }
});

describe('uploads in parts, copies and tags', () => {
  const bytes = randomBytes(350_000);
  const body = bytes.toString('base64');
  for (const { client, signature } of rows) {
    test(`${client.name}, ${signature.toUpperCase()}`, { skip: client.skip }, async () => {
      const bucket = `${bucketOf(client, signature)}-a`;
      const odd = 'dir/ä b+c%.bin';
      const result = await results(client, signature, {
        create: { op: 'createBucket', bucket },
        multipart: { op: 'multipart', bucket, key: odd, body, partSize },
        read: { op: 'get', bucket, key: odd },
        abort: { op: 'abort', bucket, key: 'aborted' },
        resumable: { op: 'resumable', bucket, key: 'resumed', body, partSize },
        copy: { op: 'copy', bucket, key: 'copy', source: odd },
        copied: { op: 'get', bucket, key: 'copy' },
        anew: { op: 'copy', bucket, key: 'anew', source: odd, meta: { new: 'value' } },
        described: { op: 'head', bucket, key: 'anew' },
        stale: { op: 'copy', bucket, key: 'stale', source: odd, ifMatch: '"00000000000000000000000000000000"' },
        copyParts: {
          ...{ op: 'copyParts', bucket, key: 'pieces', source: odd },
          ranges: [
            [0, 199_999],
            [200_000, 349_999],
          ],
        },
        pieces: { op: 'get', bucket, key: 'pieces' },
        putTags: { op: 'putTags', bucket, key: odd, tags: { one: '1', 'two words': 'x=y' } },
        getTags: { op: 'getTags', bucket, key: odd },
        deleteTags: { op: 'deleteTags', bucket, key: odd },
        noTags: { op: 'getTags', bucket, key: odd },
      });
      const multipart = good(result, 'multipart');
      const etag = partsEtag(bytes);
      assert.deepEqual([multipart.etag, multipart.again], [etag, etag]);
      assert.deepEqual([multipart.truncated, multipart.sizes, multipart.uploads], [true, [partSize, partSize], [odd]]);
      const read = good(result, 'read');
      assert.ok(Buffer.from(read.body ?? '', 'base64').equals(bytes));
      assert.deepEqual([read.contentType, read.meta, read.crc64], ['x/parts', { in: 'parts' }, multipart.crc64]);
      assert.deepEqual([good(result, 'abort').status, result('abort').uploads], [204, []]);
      assert.deepEqual([good(result, 'resumable').etag, result('resumable').body], [etag, body]);
      assert.equal(good(result, 'copy').etag, etag);
      assert.deepEqual([good(result, 'copied').body, result('copied').meta], [body, { in: 'parts' }]);
      good(result, 'anew');
      assert.deepEqual(good(result, 'described').meta, { new: 'value' });
      assert.deepEqual([result('stale').ok, result('stale').status, result('stale').code], [false, 412, 'PreconditionFailed']);
      good(result, 'copyParts');
      assert.equal(good(result, 'pieces').body, body);
      for (const step of ['putTags', 'deleteTags']) good(result, step);
      assert.deepEqual(good(result, 'getTags').tags, { one: '1', 'two words': 'x=y' });
      assert.deepEqual(good(result, 'noTags').tags, {});
    });
  }
});

describe('symlinks and the settings of buckets', () => {
  for (const { client, signature } of rows) {
    test(`${client.name}, ${signature.toUpperCase()}`, { skip: client.skip }, async () => {
      const bucket = `${bucketOf(client, signature)}-c`;
      const target = 'dir/ä b.txt';
      const tags = { team: 'store', 'cost center': '7' };
      const result = await results(client, signature, {
        create: { op: 'createBucket', bucket },
        put: { op: 'put', bucket, key: target, body: Buffer.from('content').toString('base64') },
        putSymlink: { op: 'putSymlink', bucket, key: 'link', target },
        getSymlink: { op: 'getSymlink', bucket, key: 'link' },
        read: { op: 'get', bucket, key: 'link' },
        stat: { op: 'stat', bucket },
        putBucketTags: { op: 'putBucketTags', bucket, tags },
        getBucketTags: { op: 'getBucketTags', bucket },
        deleteBucketTags: { op: 'deleteBucketTags', bucket },
        noCors: { op: 'getCors', bucket },
        putCors: { op: 'putCors', bucket, origins: ['https://a.test', 'https://*.b.test'] },
        getCors: { op: 'getCors', bucket },
        deleteCors: { op: 'deleteCors', bucket },
        putReferer: { op: 'putReferer', bucket, empty: false, referers: ['http://a.test', 'http://*.b.test'] },
        getReferer: { op: 'getReferer', bucket },
        lifecycle: { op: 'getLifecycle', bucket },
        website: { op: 'putWebsite', bucket },
      });
      for (const step of ['putSymlink', 'putBucketTags', 'deleteBucketTags', 'putCors', 'deleteCors', 'putReferer']) good(result, step);
      assert.equal(good(result, 'getSymlink').target, target);
      assert.equal(Buffer.from(good(result, 'read').body ?? '', 'base64').toString(), 'content');
      const { objects, size, multipart } = good(result, 'stat');
      assert.deepEqual([objects, size, multipart], [2, 7, 0]);
      assert.deepEqual(good(result, 'getBucketTags').tags, tags);
      assert.deepEqual([result('noCors').status, result('noCors').code], [404, 'NoSuchCORSConfiguration']);
      assert.deepEqual(good(result, 'getCors').origins, ['https://a.test', 'https://*.b.test']);
      assert.deepEqual([good(result, 'getReferer').referers, result('getReferer').empty], [['http://a.test', 'http://*.b.test'], false]);
      assert.deepEqual([result('lifecycle').status, result('lifecycle').code], [404, 'NoSuchLifecycle']);
      good(result, 'website');
    });
  }
});

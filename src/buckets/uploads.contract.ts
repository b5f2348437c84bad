import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { buffer } from 'node:stream/consumers';
import { it } from 'node:test';
import { Crc64 } from '../kit/index.ts';
import { bodyOf, chunked, md5, plain } from './contract.ts';
import type { Store } from './store.ts';
import { leastPartBytes, type Part, type UploadName } from './uploads.ts';

const object = { bucket: 'bucket', key: 'big' };
const described = { contentType: 'image/png', headers: { 'cache-control': 'no-store' }, meta: { a: 'b' } };

function partsEtag(bodies: readonly Buffer[]): string {
  const hash = createHash('md5');
  for (const body of bodies) hash.update(createHash('md5').update(body).digest());
  return `${hash.digest('hex')}-${bodies.length}`;
}

/** What every store must do with uploads in parts. */
export function uploadsContract(current: () => Store): void {
  const start = (key = object.key): Promise<UploadName> => current().uploads.start({ ...object, key, ...described });
  const put = (name: UploadName, number: number, bytes: Buffer): Promise<Part> =>
    current().uploads.put({ ...name, number, source: chunked(bytes), size: bytes.length });
  const namesIn = (key: string) => ({ bucket: 'bucket', prefix: '', delimiter: '', afterKey: key, afterUpload: '', maxUploads: 1000 });
  const uploads = () => current().uploads.list(namesIn(''));

  it('makes one object of parts that came in any order, and reads any range of it', async () => {
    const store = current();
    const bodies = [300_000, leastPartBytes, 250_001, 17].map((size) => randomBytes(size));
    const whole = Buffer.concat(bodies);
    const name = await start();
    const numbers = [2, 3, 500, 10_000];
    const parts: Part[] = [];
    for (const i of [2, 0, 3, 1]) parts[i] = await put(name, numbers[i] as number, bodies[i] as Buffer);
    assert.deepEqual(
      parts.map(({ etag, crc64, size }) => ({ etag, crc64, size })),
      bodies.map((body) => ({ etag: md5(body), crc64: Crc64.of(body).toString(), size: body.length })),
    );
    assert.equal(store.head('bucket', 'big'), undefined);
    const head = await store.uploads.complete({ ...name, parts: parts.map(({ number, etag }) => ({ number, etag: etag.toUpperCase() })) });
    const { blob, modifiedAt, ...rest } = head;
    assert.ok(blob && modifiedAt);
    assert.deepEqual(rest, {
      ...{ ...object, ...described, size: whole.length, etag: partsEtag(bodies), crc64: Crc64.of(whole).toString() },
      ...{ type: 'Multipart', pieces: 4, tags: {}, storageClass: 'Standard', acl: 'default', version: 'null' },
    });
    for (let round = 0; round < 2; round++) {
      const found = store.get('bucket', 'big');
      assert.deepEqual(found?.head, head);
      assert.ok(whole.equals(await bodyOf(found)));
      for (const [from, to] of [
        [0, 0],
        [299_999, 300_000],
        [300_000, 300_000 + leastPartBytes - 1],
        [12_345, whole.length - 5],
        [whole.length - 17, whole.length - 1],
      ] as const) {
        const part = await buffer(found?.open({ start: from, end: to }) ?? []);
        assert.ok(whole.subarray(from, to + 1).equals(part), `${from}-${to}`);
      }
    }
    assert.deepEqual(uploads().uploads, []);
  });

  it('keeps a small object in parts in memory like any other', async () => {
    const name = await start();
    const { etag } = await put(name, 7, Buffer.from('small'));
    await current().uploads.complete({ ...name, parts: [{ number: 7, etag }] });
    assert.equal(current().get('bucket', 'big')?.small?.toString(), 'small');
    const empty = await start('empty');
    await put(empty, 1, Buffer.alloc(0));
    assert.equal((await current().uploads.complete({ ...empty, parts: 'all' })).size, 0);
    assert.equal(current().get('bucket', 'empty')?.small?.length, 0);
  });

  it('takes the newest of parts with one number, and leaves out those that are not named', async () => {
    const store = current();
    const name = await start();
    await put(name, 1, randomBytes(leastPartBytes));
    const body = randomBytes(leastPartBytes);
    const first = await put(name, 1, body);
    await put(name, 2, randomBytes(leastPartBytes));
    const last = await put(name, 3, Buffer.from('end'));
    await store.uploads.complete({ ...name, parts: [first, last] });
    assert.ok(Buffer.concat([body, Buffer.from('end')]).equals(await bodyOf(store.get('bucket', 'big'))));
    await store.settled();
    assert.ok(Buffer.concat([body, Buffer.from('end')]).equals(await bodyOf(store.get('bucket', 'big'))));
  });

  it('refuses lists of parts that are not right, and can be completed all the same', async () => {
    const { uploads: made } = current();
    const name = await start();
    const [one, two] = [await put(name, 1, randomBytes(1000)), await put(name, 2, randomBytes(1000))];
    const cases = [
      [[], 'InvalidPart'],
      [[{ number: 3, etag: one.etag }], 'InvalidPart'],
      [[{ number: 1, etag: two.etag }], 'InvalidPart'],
      [[two, one], 'InvalidPartOrder'],
      [[one, one], 'InvalidPartOrder'],
      [[one, two], 'EntityTooSmall'],
    ] as const;
    for (const [parts, code] of cases) await assert.rejects(made.complete({ ...name, parts }), { code }, code);
    await assert.rejects(put(name, 0, Buffer.alloc(1)), { code: 'InvalidArgument' });
    await assert.rejects(put(name, 10_001, Buffer.alloc(1)), { code: 'InvalidArgument' });
    await made.complete({ ...name, parts: [two] });
    assert.equal(current().head('bucket', 'big')?.size, 1000);
  });

  it('returns the object again when it is completed twice, and nothing else', async () => {
    const { uploads: made } = current();
    const name = await start();
    const part = await put(name, 1, Buffer.from('once'));
    const outcomes = await Promise.all([1, 2, 3].map(() => made.complete({ ...name, parts: [part] })));
    assert.equal(new Set(outcomes.map(({ blob }) => blob)).size, 1);
    assert.equal((await made.complete({ ...name, parts: 'all' })).etag, outcomes[0]?.etag);
    await assert.rejects(made.complete({ ...name, parts: [{ number: 1, etag: md5(Buffer.from('other')) }] }), { code: 'NoSuchUpload' });
    await current().put(plain('big', Buffer.from('newer')));
    await assert.rejects(made.complete({ ...name, parts: [part] }), { code: 'NoSuchUpload' });
  });

  it('knows an upload by its bucket, key and id only', async () => {
    const { uploads: made } = current();
    const name = await start();
    for (const wrong of [
      { ...name, key: 'other' },
      { ...name, upload: 'f'.repeat(32) },
    ]) {
      await assert.rejects(put(wrong, 1, Buffer.alloc(1)), { code: 'NoSuchUpload' });
      await assert.rejects(made.complete({ ...wrong, parts: 'all' }), { code: 'NoSuchUpload' });
      await assert.rejects(made.abort(wrong), { code: 'NoSuchUpload' });
      assert.throws(() => made.parts({ ...wrong, after: 0, maxParts: 10 }), { code: 'NoSuchUpload' });
    }
    await assert.rejects(made.start({ ...object, ...described, bucket: 'nowhere' }), { code: 'NoSuchBucket' });
    await assert.rejects(made.start({ ...object, ...described, key: '/x' }), { code: 'InvalidObjectName' });
  });

  it('aborts, also while a part is on its way', async () => {
    const { uploads: made } = current();
    const name = await start();
    await put(name, 1, randomBytes(1000));
    let proceed = () => {};
    const wait = new Promise<void>((resolve) => {
      proceed = resolve;
    });
    const slow = async function* () {
      yield randomBytes(300_000);
      await wait;
    };
    const late = made.put({ ...name, number: 2, source: slow() });
    late.catch(() => {});
    await made.abort(name);
    proceed();
    await assert.rejects(late, { code: 'NoSuchUpload' });
    await assert.rejects(made.abort(name), { code: 'NoSuchUpload' });
    assert.deepEqual(uploads().uploads, []);
  });

  it('forbids overwriting when it completes', async () => {
    const name = await start();
    await put(name, 1, Buffer.from('new'));
    await current().put(plain('big', Buffer.from('old')));
    const completion = { ...name, parts: 'all', forbidOverwrite: true } as const;
    await assert.rejects(current().uploads.complete(completion), { code: 'FileAlreadyExists' });
    await current().delete('bucket', 'big');
    await current().uploads.complete(completion);
    assert.equal(current().get('bucket', 'big')?.small?.toString(), 'new');
  });

  it('gives a reader one version, whatever happens meanwhile', async () => {
    const store = current();
    const bodies = [randomBytes(600_000), randomBytes(600_000), randomBytes(600_000)];
    const name = await start();
    for (const [i, body] of bodies.entries()) await put(name, i + 1, body);
    await store.uploads.complete({ ...name, parts: 'all' });
    const streams = [1, 2].map(() => store.get('bucket', 'big')?.open() ?? assert.fail());
    await once(streams[0] as NodeJS.ReadableStream, 'readable');
    await store.put(plain('big', Buffer.from('newer')));
    await store.settled();
    for (const stream of streams) assert.ok(Buffer.concat(bodies).equals(await buffer(stream)));
    // With the readers gone nothing holds the bytes.
    await store.settled();
  });

  it('lists parts and uploads in pages', async () => {
    const { uploads: made } = current();
    const names: UploadName[] = [];
    for (const key of ['a', 'a', 'b/1', 'b/2', 'c', 'é']) names.push(await start(key));
    for (const number of [5, 1, 3]) await put(names[0] as UploadName, number, Buffer.alloc(number));
    const page = made.parts({ ...(names[0] as UploadName), after: 0, maxParts: 2 });
    assert.deepEqual([page.parts.map(({ number }) => number), page.truncated], [[1, 3], true]);
    const rest = made.parts({ ...(names[0] as UploadName), after: 3, maxParts: 2 });
    assert.deepEqual([rest.parts.map(({ number, size }) => [number, size]), rest.truncated], [[[5, 5]], false]);
    const sorted = names.map(({ key, upload }) => `${key} ${upload}`).toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    for (const maxUploads of [1, 2, 5, 6]) {
      const seen: string[] = [];
      let from = namesIn('');
      for (;;) {
        const { uploads: some, truncated, nextKey = '', nextUpload = '' } = made.list({ ...from, maxUploads });
        seen.push(...some.map(({ key, upload }) => `${key} ${upload}`));
        if (!truncated) break;
        from = { ...from, afterKey: nextKey, afterUpload: nextUpload };
      }
      assert.deepEqual(seen, sorted, `${maxUploads} at a time`);
    }
    const top = made.list({ ...namesIn(''), delimiter: '/', maxUploads: 3 });
    assert.deepEqual([top.uploads.map(({ key }) => key), top.prefixes, top.truncated, top.nextKey], [['a', 'a'], ['b/'], true, 'b/']);
    const after = made.list({ ...namesIn('b/'), delimiter: '/' });
    assert.deepEqual([after.uploads.map(({ key }) => key), after.prefixes], [['c', 'é'], []]);
    assert.deepEqual(
      made.list(namesIn('a')).uploads.map(({ key }) => key),
      ['b/1', 'b/2', 'c', 'é'],
    );
    assert.equal(made.list({ ...namesIn(''), prefix: 'b/' }).uploads.length, 2);
  });

  it('keeps a bucket with unfinished uploads', async () => {
    const name = await start();
    await assert.rejects(current().deleteBucket('bucket'), { code: 'BucketNotEmpty' });
    await current().uploads.abort(name);
    await current().deleteBucket('bucket');
  });

  it('makes parts of objects, whole and in ranges', async () => {
    const store = current();
    const bytes = randomBytes(400_000);
    await store.put(plain('source', bytes));
    const name = await start();
    const from = { bucket: 'bucket', key: 'source' };
    const one = await store.uploads.copy({ ...name, number: 1, from, check: () => undefined });
    assert.deepEqual([one.size, one.etag], [400_000, md5(bytes)]);
    const two = await store.uploads.copy({ ...name, number: 2, from, check: () => ({ start: 5, end: 200_000 }) });
    assert.deepEqual([two.size, two.etag], [199_996, md5(bytes.subarray(5, 200_001))]);
    const refused = new Error('no');
    const check = () => {
      throw refused;
    };
    await assert.rejects(store.uploads.copy({ ...name, number: 3, from, check }), refused);
    await assert.rejects(store.uploads.copy({ ...name, number: 3, from: { ...from, key: 'absent' }, check: () => undefined }), {
      code: 'NoSuchKey',
    });
    await store.uploads.complete({ ...name, parts: [one, two] });
    await store.delete('bucket', 'source');
    await store.settled();
    assert.ok(Buffer.concat([bytes, bytes.subarray(5, 200_001)]).equals(await bodyOf(store.get('bucket', 'big'))));
  });
}

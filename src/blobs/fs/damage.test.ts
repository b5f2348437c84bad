import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { store } from '../contract.ts';
import { BlobKeyError, type BlobKeys, makeBlobKeys, readBlobKeys } from '../keys.ts';
import { type Blobs, DamagedBlob, LockedBlob, pieceBytes } from '../port.ts';
import { openFsBlobs } from './blobs.ts';
import { blobPath } from './layout.ts';

const size = 2 * pieceBytes + 1000;

describe('damage on the disk', () => {
  let folder: string;
  let keys: BlobKeys;
  let blobs: Blobs;
  let heard: unknown[];
  const file = (id: string) => blobPath(join(folder, 'blobs'), id);
  const open = (options: { keys?: BlobKeys | undefined; bare?: boolean } = { keys }) =>
    openFsBlobs({ folder: join(folder, 'blobs'), durability: 'relaxed', ...options, onDamage: (error) => heard.push(error) });
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'sluice-damage-'));
    keys = makeBlobKeys(join(folder, 'keys.json'));
    heard = [];
    blobs = await open();
  });
  afterEach(async () => {
    await blobs.close();
    rmSync(folder, { recursive: true });
  });
  const flip = (id: string, at: number) => {
    const bytes = readFileSync(file(id));
    bytes[at] = (bytes[at] as number) ^ 1;
    writeFileSync(file(id), bytes);
  };
  /** The bytes that came out before the end or the error. */
  async function sent(id: string, start: number, end: number): Promise<{ bytes: Buffer; error: unknown }> {
    const target = new PassThrough();
    const arrived = buffer(target);
    let error: unknown;
    await blobs
      .read(id, { start, end })
      .sendTo?.(target)
      .catch((failure: unknown) => {
        error = failure;
      });
    target.end();
    return { bytes: await arrived, error };
  }

  for (const sealed of [false, true]) {
    const what = sealed ? 'sealed' : 'plain';
    it(`${what}: a flipped bit is found in whole reads and ranges, and nothing of its piece goes out`, async () => {
      const bytes = randomBytes(size);
      const id = await store(blobs, bytes, 70_000, { sealed });
      flip(id, pieceBytes + 5);
      const { bytes: before, error } = await sent(id, 0, size - 1);
      assert.ok(error instanceof DamagedBlob && error.blob === id);
      assert.match(error.message, new RegExp(`bytes from ${pieceBytes} to ${2 * pieceBytes - 1}`));
      assert.ok(before.equals(bytes.subarray(0, pieceBytes)));
      await assert.rejects(buffer(blobs.read(id, { start: 2 * pieceBytes - 1, end: 2 * pieceBytes })), DamagedBlob);
      assert.equal(heard.length, 2);
      // The other pieces are as good as before.
      for (const [start, end] of [[5, 99] as const, [2 * pieceBytes, size - 1] as const]) {
        const part = await sent(id, start, end);
        assert.ok(part.error === undefined && part.bytes.equals(bytes.subarray(start, end + 1)));
        assert.ok((await buffer(blobs.read(id, { start, end }))).equals(bytes.subarray(start, end + 1)));
      }
    });

    it(`${what}: every byte of a small file counts`, async () => {
      const id = await store(blobs, Buffer.from('x'), 1, { sealed });
      const length = statSync(file(id)).size;
      for (let at = 0; at < length; at++) {
        flip(id, at);
        assert.throws(
          () => blobs.readSmall(id, 1),
          (error) => error instanceof DamagedBlob || error instanceof LockedBlob,
          `byte ${at}`,
        );
        flip(id, at);
      }
      assert.equal(blobs.readSmall(id, 1).toString(), 'x');
    });

    it(`${what}: a file that lost its end, or grew one, is damaged`, async () => {
      const id = await store(blobs, randomBytes(size), 70_000, { sealed });
      const whole = readFileSync(file(id));
      for (const length of [0, 10, pieceBytes, size, whole.length - 1]) {
        truncateSync(file(id), length);
        assert.throws(() => blobs.read(id, { start: 0, end: 0 }), DamagedBlob, `${length} bytes`);
        assert.throws(() => blobs.readSmall(id, 1), DamagedBlob, `${length} bytes`);
        await assert.rejects(blobs.facts(id), DamagedBlob);
        writeFileSync(file(id), whole);
      }
      writeFileSync(file(id), Buffer.concat([whole, Buffer.alloc(100)]));
      assert.throws(() => blobs.read(id, { start: 0, end: 0 }), DamagedBlob);
    });
  }

  it('a sealed blob says nothing of its content, and no two are alike', async () => {
    const bytes = Buffer.alloc(size, 'secret words ');
    const ids = [await store(blobs, bytes, 70_000, { sealed: true }), await store(blobs, bytes, 70_000, { sealed: true })];
    const [one, two] = ids.map((id) => readFileSync(file(id))) as [Buffer, Buffer];
    assert.equal(one.includes('secret words'), false);
    assert.notDeepEqual(one.subarray(0, 1000), two.subarray(0, 1000));
    assert.equal(one.includes(keys.current.key), false);
    assert.deepEqual((await blobs.facts(ids[0] as string)).sealed, true);
  });

  it('pieces of a sealed blob cannot change places, and it cannot be cut at a piece', async () => {
    const id = await store(blobs, randomBytes(3 * pieceBytes), 70_000, { sealed: true });
    const whole = readFileSync(file(id));
    const [first, second] = [whole.subarray(0, pieceBytes), whole.subarray(pieceBytes, 2 * pieceBytes)];
    writeFileSync(file(id), Buffer.concat([second, first, whole.subarray(2 * pieceBytes)]));
    assert.ok((await sent(id, 0, 0)).error instanceof DamagedBlob);
  });

  it('a key that is not there is named, and comes back with the file', async () => {
    const id = await store(blobs, randomBytes(100), 100, { sealed: true });
    await blobs.close();
    const others = makeBlobKeys(join(folder, 'other.json'));
    for (const wrong of [others, undefined]) {
      blobs = await open({ keys: wrong });
      assert.throws(
        () => blobs.readSmall(id, 100),
        (error) => error instanceof LockedBlob && error.message.includes(keys.current.id),
      );
      assert.throws(() => blobs.read(id, { start: 0, end: 1 }), LockedBlob);
      await blobs.close();
    }
    blobs = await open();
    assert.equal(blobs.readSmall(id, 100).length, 100);
    const none = await open({ keys: undefined });
    await assert.rejects(none.create({ sealed: true }), /no encryption key/);
    await none.close();
  });

  it('a new key in front seals what is new, and the old one behind it opens what is old', async () => {
    const old = await store(blobs, Buffer.from('old'), 3, { sealed: true });
    await blobs.close();
    const other = makeBlobKeys(join(folder, 'other.json'));
    const both = [readFileSync(join(folder, 'other.json'), 'utf8'), readFileSync(join(folder, 'keys.json'), 'utf8')];
    const file = join(folder, 'both.json');
    writeFileSync(file, JSON.stringify({ version: 1, keys: both.flatMap((text) => JSON.parse(text).keys) }), { mode: 0o600 });
    blobs = await open({ keys: readBlobKeys(file) });
    const young = await store(blobs, Buffer.from('young'), 5, { sealed: true });
    assert.deepEqual([blobs.readSmall(old, 3).toString(), blobs.readSmall(young, 5).toString()], ['old', 'young']);
    await blobs.close();
    blobs = await open({ keys: other });
    assert.equal(blobs.readSmall(young, 5).toString(), 'young');
    assert.throws(() => blobs.readSmall(old, 3), LockedBlob);
  });

  it('a blob of an early version, without checksums, is read where they are accepted', async () => {
    const bytes = randomBytes(300_000);
    const id = await store(blobs, bytes);
    writeFileSync(file(id), bytes);
    assert.throws(() => blobs.read(id, { start: 0, end: 0 }), DamagedBlob);
    await blobs.close();
    blobs = await open({ bare: true });
    assert.ok((await sent(id, 0, 299_999)).bytes.equals(bytes));
    assert.ok((await buffer(blobs.read(id, { start: 7, end: 280_000 }))).equals(bytes.subarray(7, 280_001)));
    assert.deepEqual(await blobs.facts(id).then(({ size: found, checked }) => [found, checked]), [300_000, false]);
    writeFileSync(file(id), bytes.subarray(0, 100));
    assert.ok(blobs.readSmall(id, 100).equals(bytes.subarray(0, 100)));
    assert.throws(() => blobs.readSmall(id, 101), /shorter/);
    assert.match(String((await sent(id, 0, 200)).error), /shorter/);
  });
});

describe('the file of encryption keys', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'sluice-keys-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('is for its owner only, and gives back what was made', () => {
    const file = join(folder, 'keys.json');
    assert.equal(readBlobKeys(file), undefined);
    const made = makeBlobKeys(file);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.deepEqual(readBlobKeys(file)?.current, made.current);
    chmodSync(file, 0o644);
    assert.throws(() => readBlobKeys(file), /chmod 600/);
  });

  it('is refused when it is damaged, and a key whose id is another is no key', () => {
    const file = join(folder, 'keys.json');
    makeBlobKeys(file);
    const text = readFileSync(file, 'utf8');
    const other = text.replace(/"id": "(.)/, (_, digit: string) => `"id": "${digit === '0' ? '1' : '0'}`);
    for (const damaged of ['', '{}', '{"version":2,"keys":[]}', '{"version":1,"keys":[]}', text.slice(0, -9), other]) {
      writeFileSync(file, damaged);
      assert.throws(() => readBlobKeys(file), BlobKeyError, damaged);
    }
    assert.throws(() => makeBlobKeys(join(folder, 'none', 'keys.json')), BlobKeyError);
  });
});

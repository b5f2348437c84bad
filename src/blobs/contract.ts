import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { type BlobOptions, type Blobs, DamagedBlob, MissingBlob } from './port.ts';

/** Writes one blob, in chunks of `chunk` bytes, and returns its id. */
export async function store(blobs: Pick<Blobs, 'create'>, bytes: Buffer, chunk = 50_000, options?: BlobOptions): Promise<string> {
  const writer = await blobs.create(options);
  for (let at = 0; at < bytes.length; at += chunk) await writer.write(bytes.subarray(at, at + chunk));
  await writer.commit();
  return writer.id;
}

/** What every blob driver must do. `open` opens an empty store; `close` ends and removes it. */
export function blobsContract(name: string, open: () => Promise<{ blobs: Blobs; remove: () => Promise<void> }>): void {
  describe(`blobs contract: ${name}`, () => {
    let blobs: Blobs;
    let remove: () => Promise<void>;
    const missing = (id: string) => {
      assert.throws(() => blobs.readSmall(id, 1), MissingBlob);
      assert.throws(() => blobs.read(id, { start: 0, end: 0 }), MissingBlob);
    };

    beforeEach(async () => {
      ({ blobs, remove } = await open());
    });
    afterEach(async () => {
      await blobs.close();
      await remove();
    });

    it('gives back what was written, whatever the size of blob and chunks', async () => {
      for (const size of [0, 1, 65_536, 262_144, 262_145, 3_000_000]) {
        for (const chunk of [7919, 262_144, 3_000_000]) {
          const bytes = randomBytes(size);
          const id = await store(blobs, bytes, chunk);
          assert.match(id, /^[0-9a-f]{32}$/);
          assert.ok(bytes.equals(await buffer(blobs.read(id, { start: 0, end: size - 1 }))), `${size} in ${chunk}`);
          if (size <= 65_536) assert.ok(bytes.equals(blobs.readSmall(id, size)));
        }
      }
    });

    it('reads ranges', async () => {
      const bytes = randomBytes(1_000_000);
      const id = await store(blobs, bytes);
      for (const [start, end] of [
        [0, 0],
        [999_999, 999_999],
        [262_143, 262_144],
        [1, 700_000],
      ] as const) {
        assert.ok(bytes.subarray(start, end + 1).equals(await buffer(blobs.read(id, { start, end }))));
      }
    });

    it('fails instead of ending early when a blob is too short', async () => {
      const id = await store(blobs, randomBytes(100));
      for (const end of [100, 400_000]) await assert.rejects(buffer(blobs.read(id, { start: 0, end })), /shorter/);
      await assert.rejects(buffer(blobs.read(id, { start: 300_000, end: 300_001 })), /shorter/);
      assert.throws(() => blobs.readSmall(id, 101), DamagedBlob);
    });

    it('shows nothing before commit and nothing after abort', async () => {
      const writer = await blobs.create();
      await writer.write(randomBytes(1_000_000));
      missing(writer.id);
      await writer.abort();
      await writer.abort();
      missing(writer.id);
      await assert.rejects(writer.commit());
      await assert.rejects(async () => writer.write(randomBytes(1)));
    });

    it('keeps a committed blob through a late abort', async () => {
      const writer = await blobs.create();
      await writer.write(Buffer.from('x'));
      await writer.commit();
      await writer.abort();
      assert.equal(blobs.readSmall(writer.id, 1).toString(), 'x');
    });

    it('removes; an open reader still gets every byte', async () => {
      const bytes = randomBytes(2_000_000);
      const id = await store(blobs, bytes);
      const before = blobs.read(id, { start: 0, end: bytes.length - 1 });
      await blobs.remove(id);
      await blobs.remove(id);
      missing(id);
      assert.ok(bytes.equals(await buffer(before)));
    });

    it('copies: each lives without the other', async () => {
      const bytes = randomBytes(300_000);
      const id = await store(blobs, bytes);
      const begun: string[] = [];
      const copies = [await blobs.copy(id, (copy) => begun.push(copy)), await blobs.copy(id, (copy) => begun.push(copy))];
      assert.deepEqual(begun, copies);
      await blobs.remove(id);
      missing(id);
      await blobs.remove(copies[0] as string);
      assert.ok(bytes.equals(await buffer(blobs.read(copies[1] as string, { start: 0, end: bytes.length - 1 }))));
      await assert.rejects(
        blobs.copy(id, () => {}),
        MissingBlob,
      );
    });

    it('lets a reader leave in the middle', async () => {
      const id = await store(blobs, randomBytes(2_000_000));
      const stream = blobs.read(id, { start: 0, end: 1_999_999 });
      await once(stream, 'readable');
      stream.read();
      stream.destroy();
      await once(stream, 'close');
    });

    it('sweeps what nobody knows, and neither young blobs nor those being written', async () => {
      const known = await store(blobs, Buffer.from('known'));
      const lost = [await store(blobs, Buffer.from('lost')), await store(blobs, Buffer.from('lost'))];
      const writer = await blobs.create();
      await writer.write(Buffer.from('open'));
      assert.equal(await blobs.sweep(() => false, 60_000), 0);
      assert.equal(await blobs.sweep((id) => id === known, -1000), 2);
      for (const id of lost) missing(id);
      assert.equal(blobs.readSmall(known, 5).toString(), 'known');
      await writer.commit();
      assert.equal(blobs.readSmall(writer.id, 4).toString(), 'open');
    });

    it('tells what it knows of a blob, and lists those that are visible', async () => {
      const ids = [await store(blobs, randomBytes(0)), await store(blobs, randomBytes(300_000))];
      const writer = await blobs.create();
      await writer.write(randomBytes(10));
      const facts = await Promise.all(ids.map((id) => blobs.facts(id)));
      assert.deepEqual(
        facts.map(({ size, checked }) => [size, checked]),
        [
          [0, true],
          [300_000, true],
        ],
      );
      assert.ok(facts.every(({ modifiedAt }) => Number.isSafeInteger(modifiedAt) && modifiedAt > 1.6e12));
      const listed: string[] = [];
      for await (const id of blobs.list()) listed.push(id);
      assert.deepEqual(listed.toSorted(), ids.toSorted());
      await writer.abort();
      await assert.rejects(blobs.facts(writer.id), MissingBlob);
      assert.equal(blobs.removable(), true);
    });

    it('counts its open writers', async () => {
      const writers = await Promise.all([blobs.create(), blobs.create(), blobs.create()]);
      assert.equal(blobs.writers(), 3);
      await writers[0]?.commit();
      await writers[1]?.abort();
      await writers[1]?.abort();
      assert.equal(blobs.writers(), 1);
      await writers[2]?.commit();
      assert.equal(blobs.writers(), 0);
    });

    it('takes many writers at once', async () => {
      const bodies = Array.from({ length: 40 }, () => randomBytes(300_000));
      const ids = await Promise.all(bodies.map((bytes) => store(blobs, bytes)));
      for (const [i, id] of ids.entries()) assert.ok(bodies[i]?.equals(await buffer(blobs.read(id, { start: 0, end: 299_999 }))));
    });
  });
}

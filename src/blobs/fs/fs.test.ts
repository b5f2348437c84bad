import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { blobsContract, store } from '../contract.ts';
import { makeBlobKeys } from '../keys.ts';
import type { Blobs } from '../port.ts';
import { openFsBlobs } from './blobs.ts';

for (const durability of ['full', 'relaxed'] as const) {
  blobsContract(`fs, ${durability}`, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sluice-blobs-'));
    return { blobs: await openFsBlobs({ folder, durability }), remove: () => rm(folder, { recursive: true }) };
  });
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

/** Seals every blob, whatever is asked. */
function sealing(inner: Blobs): Blobs {
  return new Proxy(inner, {
    get: (target, name) => {
      if (name === 'create') return () => target.create({ sealed: true });
      const value = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

blobsContract('fs, sealed', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-blobs-'));
  const keys = makeBlobKeys(join(folder, 'keys.json'));
  const blobs = sealing(await openFsBlobs({ folder: join(folder, 'blobs'), durability: 'full', keys }));
  return { blobs, remove: () => rm(folder, { recursive: true }) };
});

describe('fs driver', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-fs-'));
  });
  afterEach(() => rm(folder, { recursive: true }));
  const open = () => openFsBlobs({ folder: join(folder, 'blobs'), durability: 'full' });

  it('keeps files and folders from other users, two folders deep', async () => {
    const blobs = await open();
    const id = await store(blobs, randomBytes(10));
    await blobs.close();
    assert.deepEqual(await filesBelow(folder), [join(folder, 'blobs', 'data', id[0] as string, id[1] as string, id)]);
    for (const entry of await readdir(folder, { recursive: true })) assert.equal((await stat(join(folder, entry))).mode & 0o077, 0, entry);
  });

  it('keeps its blobs when opened again', async () => {
    const blobs = await open();
    const id = await store(blobs, Buffer.from('stays'));
    await blobs.close();
    const again = await open();
    assert.equal(again.readSmall(id, 5).toString(), 'stays');
    await again.close();
  });

  it('sweeps temporary files that a crash left, and leaves foreign files alone', async () => {
    const blobs = await open();
    const left = join(folder, 'blobs', 'tmp', 'a'.repeat(32));
    const foreign = join(folder, 'blobs', 'tmp', 'README');
    await writeFile(left, 'half');
    await writeFile(foreign, 'mine');
    assert.equal(await blobs.sweep(() => true, 60_000), 0);
    for (const file of [left, foreign]) await utimes(file, 1, 1);
    assert.equal(await blobs.sweep(() => true, 60_000), 1);
    assert.deepEqual(await filesBelow(folder), [foreign]);
    await blobs.close();
  });

  it('leaves nothing behind when the disk takes no more', async () => {
    // A file size limit stands in for a full disk: the write fails with EFBIG in the middle of a blob.
    const script = `const { openFsBlobs } = await import(${JSON.stringify(import.meta.resolve('./blobs.ts'))});
      const blobs = await openFsBlobs({ folder: ${JSON.stringify(join(folder, 'blobs'))}, durability: 'full' });
      for (const size of [150000, 1000000, 5000000]) {
        const writer = await blobs.create();
        try {
          for (let at = 0; at < size; at += 50000) await writer.write(Buffer.alloc(50000));
          await writer.commit();
          console.log('committed');
        } catch (error) { console.log(error.code); }
        await writer.abort();
      }
      const small = await blobs.create();
      await small.write(Buffer.from('fits'));
      await small.commit();
      console.log(small.id);`;
    const limited = ['-c', 'ulimit -f 100; exec "$0" --input-type=module -e "$1"', process.execPath, script];
    const child = spawn('bash', limited, { stdio: ['ignore', 'pipe', 'inherit'] });
    const exited = once(child, 'exit');
    const lines = (await text(child.stdout)).trim().split('\n');
    assert.deepEqual(await exited, [0, null]);
    assert.deepEqual(lines.slice(0, 3), ['EFBIG', 'EFBIG', 'EFBIG']);
    assert.deepEqual(
      (await filesBelow(folder)).map((file) => file.slice(-32)),
      [lines[3]],
    );
  });

  it('leaves nothing behind when the blob cannot be moved to its place', async () => {
    const blobs = await open();
    const writer = await blobs.create();
    await writer.write(Buffer.from('x'));
    await rm(join(folder, 'blobs', 'data'), { recursive: true });
    await writeFile(join(folder, 'blobs', 'data'), '');
    await assert.rejects(writer.commit());
    assert.deepEqual(await filesBelow(folder), [join(folder, 'blobs', 'data')]);
    await blobs.close();
  });
});

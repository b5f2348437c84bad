import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type Metadata, openMetadata } from '../../metadata/index.ts';
import type { ObjectHead } from '../store.ts';
import { EmbeddedRestores } from './restores.ts';

let folder = '';
let metadata: Metadata;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-restores-'));
  metadata = await openMetadata({ file: join(folder, 'meta.sqlite'), durability: 'relaxed' });
});
after(async () => {
  await metadata.close();
  await rm(folder, { recursive: true });
});

const head = (blob: string) => ({ key: `key of ${blob}`, blob }) as ObjectHead;
const hour = 3_600_000;
const rows = () => metadata.all<{ blob: string }>('select blob from restores order by blob').map(({ blob }) => blob);

test('a restore lasts as long as it is asked for, survives a restart, and leaves no row behind', async () => {
  const restores = new EmbeddedRestores(metadata);
  assert.equal(restores.find(head('a')), undefined);
  assert.equal(await restores.restore(head('a'), { lastsMs: 0, takesMs: 0 }), 'begun');
  assert.equal(restores.find(head('a')), undefined, 'its time is over');
  assert.equal(await restores.restore(head('b'), { lastsMs: hour, takesMs: 0 }), 'begun');
  assert.deepEqual(rows(), ['b']);
  const again = new EmbeddedRestores(metadata);
  const { readyAt = 0, until = 0 } = again.find(head('b')) ?? {};
  assert.equal(until - readyAt, hour);
  assert.equal(await again.restore(head('b'), { lastsMs: 2 * hour, takesMs: hour }), 'prolonged');
  const prolonged = again.find(head('b'));
  assert.equal(prolonged?.readyAt, readyAt, 'what is ready stays so');
  assert.ok((prolonged?.until ?? 0) >= readyAt + 2 * hour);
  await again.end(head('b'));
  assert.deepEqual(rows(), []);
  await assert.rejects(again.end(head('b')), { code: 'ArchiveRestoreFileStale' });
});

test('a restore under way can be neither begun again nor ended', async () => {
  const restores = new EmbeddedRestores(metadata);
  await restores.restore(head('slow'), { lastsMs: hour, takesMs: hour });
  const { readyAt = 0, until = 0 } = restores.find(head('slow')) ?? {};
  assert.equal(until - readyAt, hour, 'it lasts from when it is ready');
  await assert.rejects(restores.restore(head('slow'), { lastsMs: hour, takesMs: 0 }), { code: 'RestoreAlreadyInProgress' });
  await assert.rejects(restores.end(head('slow')), { code: 'ArchiveRestoreNotFinished' });
});

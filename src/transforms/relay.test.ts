import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { ClientGone, Relay } from './relay.ts';

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-relay-'));
});
after(() => rmSync(folder, { recursive: true }));

/** A client that takes each chunk after a pause from `pauses` (in turns of the event loop), in turn. */
function slowClient(pauses: number[]): { client: Writable; taken: Buffer[] } {
  const taken: Buffer[] = [];
  let at = 0;
  const client = new Writable({
    highWaterMark: 2000,
    write(chunk: Buffer, _encoding, done) {
      taken.push(Buffer.from(chunk));
      let turns = pauses[at++ % pauses.length] as number;
      const wait = () => {
        if (turns-- > 0) setImmediate(wait);
        else done();
      };
      wait();
    },
  });
  return { client, taken };
}

const limits = { bufferBytes: 3000, spoolBytes: 12_000, idleMs: 5000, patienceMs: 0 };

test('whatever the speed of either side, every byte arrives once and in order', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1, maxLength: 40 }),
      fc.array(fc.integer({ min: 0, max: 12 }), { minLength: 1, maxLength: 8 }),
      fc.array(fc.integer({ min: 0, max: 6 }), { minLength: 1, maxLength: 8 }),
      async (sizes, pauses, gaps) => {
        const { client, taken } = slowClient(pauses);
        const relay = new Relay(client, { ...limits, folder });
        const chunks = sizes.map((size) => randomBytes(size));
        for (const [i, chunk] of chunks.entries()) {
          const room = relay.write(chunk);
          if (room) await room;
          for (let turns = gaps[i % gaps.length] as number; turns > 0; turns -= 1) await new Promise((resolve) => setImmediate(resolve));
        }
        await relay.end();
        await relay.close();
        assert.ok(Buffer.concat(taken).equals(Buffer.concat(chunks)));
      },
    ),
    { numRuns: 200 },
  );
  assert.deepEqual(readdirSync(folder), []);
});

test('a client that leaves ends the wait of the writer', async () => {
  const client = new Writable({ highWaterMark: 1, write() {} });
  client.on('error', () => {});
  const relay = new Relay(client, { ...limits, spoolBytes: 0, folder });
  const writing = (async () => {
    for (let i = 0; i < 10; i += 1) await relay.write(Buffer.alloc(2000));
  })();
  setImmediate(() => client.destroy());
  await assert.rejects(writing, ClientGone);
  assert.throws(() => relay.write(Buffer.alloc(1)), ClientGone);
  await relay.close();
});

test('a client that stops reading is given up after idleMs', async () => {
  const client = new Writable({ highWaterMark: 1, write() {} });
  const relay = new Relay(client, { ...limits, spoolBytes: 0, idleMs: 50, folder });
  relay.write(Buffer.alloc(10));
  relay.write(Buffer.alloc(10));
  await assert.rejects(relay.end(), /read nothing for 50 ms/);
  await relay.close();
});

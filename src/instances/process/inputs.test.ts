import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { FrameError } from '../../kit/index.ts';
import { Inputs } from './inputs.ts';
import { frame } from './wire.ts';

interface Sent {
  type: number;
  head: Record<string, unknown>;
  bytes: number;
}

function open(...sources: Readable[]): { inputs: Inputs; sent: Sent[]; bytes: () => number } {
  const sent: Sent[] = [];
  const send = (type: number, head: object, body?: Buffer) => sent.push({ type, head: { ...head }, bytes: body?.length ?? 0 });
  const inputs = new Inputs(
    sources.map((source) => () => source),
    send,
  );
  return { inputs, sent, bytes: () => sent.reduce((sum, { bytes }) => sum + bytes, 0) };
}

const turns = async () => {
  for (let i = 0; i < 20; i++) await new Promise(setImmediate);
};

test('an input is sent no further ahead than one chunk beyond what the host wants', async () => {
  const chunk = Buffer.alloc(1000);
  const source = Readable.from(Array.from({ length: 10 }, () => chunk));
  const { inputs, sent, bytes } = open(source);
  inputs.wanted({ input: 0, bytes: 1500 });
  await turns();
  assert.equal(bytes(), 2000);
  inputs.wanted({ input: 0, bytes: 100 });
  await turns();
  assert.equal(bytes(), 2000, 'what was sent beyond counts');
  inputs.wanted({ input: 0, bytes: 100_000 });
  await once(source, 'end');
  await turns();
  assert.equal(bytes(), 10_000);
  assert.deepEqual(sent.at(-1), { type: frame.inputEnd, head: { input: 0 }, bytes: 0 });
});

test('an input that breaks off is told, and one that there is not is no question of our host', async () => {
  const source = new Readable({ read: () => {} });
  const { inputs, sent } = open(source);
  inputs.wanted({ input: 0, bytes: 10 });
  source.destroy(new Error('the disk'));
  await turns();
  assert.equal(sent.at(-1)?.type, frame.inputEnd);
  assert.match(String(sent.at(-1)?.head.message), /could not be read/);
  assert.throws(() => inputs.wanted({ input: 1, bytes: 10 }), FrameError);
  assert.throws(() => inputs.wanted({ input: 0, bytes: -1 }), FrameError);
});

test('the end of the invocation lets go of what was opened', async () => {
  const source = new Readable({ read: () => {} });
  const { inputs } = open(source);
  inputs.wanted({ input: 0, bytes: 10 });
  inputs.close();
  assert.ok(source.destroyed);
});

import assert from 'node:assert/strict';
import { randomBytes, randomInt } from 'node:crypto';
import { it } from 'node:test';
import { Crc64 } from '../kit/index.ts';
import { bodyOf, chunked, md5, plain } from './contract.ts';
import type { ObjectHead, PutRequest, Store } from './store.ts';

/** What every store must do with objects that grow. */
export function appendContract(current: () => Store): void {
  const append = (position: number, bytes: Buffer, more: Partial<PutRequest> = {}): Promise<ObjectHead> => {
    const { conditions: _, forbidOverwrite: __, ...request } = plain('log', bytes, more);
    return current().append({ ...request, position });
  };

  it('appends bytes of all sizes, and every state can be read', async () => {
    let whole = Buffer.alloc(0);
    for (let i = 0; i < 120; i++) {
      const bytes = randomBytes(i % 40 === 39 ? 300_000 : randomInt(0, 3000));
      const head = await append(whole.length, bytes, { meta: { a: String(i) } });
      whole = Buffer.concat([whole, bytes]);
      assert.deepEqual([head.size, head.type, head.crc64], [whole.length, 'Appendable', Crc64.of(whole).toString()]);
      // The first request describes the object.
      assert.equal(head.meta.a, '0');
      assert.ok(whole.equals(await bodyOf(current().get('bucket', 'log'))), `after ${i}`);
    }
    assert.ok((current().head('bucket', 'log')?.pieces ?? 99) < 40, 'small pieces were put together');
    await current().settled();
    assert.ok(whole.equals(await bodyOf(current().get('bucket', 'log'))));
    const copy = await current().copy({ from: { bucket: 'bucket', key: 'log' }, bucket: 'bucket', key: 'copy', check: () => {} });
    assert.deepEqual([copy.type, copy.etag, copy.pieces], ['Normal', md5(whole), 0]);
    await current().delete('bucket', 'log');
    await current().settled();
    assert.ok(whole.equals(await bodyOf(current().get('bucket', 'copy'))));
  });

  it('refuses other positions and objects that were not made by appending', async () => {
    await assert.rejects(append(1, Buffer.from('x')), { code: 'PositionNotEqualToLength' });
    await append(0, Buffer.from('abc'));
    for (const position of [0, 2, 4]) await assert.rejects(append(position, Buffer.from('x')), { code: 'PositionNotEqualToLength' });
    await assert.rejects(append(3, Buffer.from('x'), { contentMd5: Buffer.alloc(16) }), { code: 'InvalidDigest' });
    await append(3, Buffer.from('d'));
    assert.equal(current().get('bucket', 'log')?.small?.toString(), 'abcd');
    await current().put(plain('log', Buffer.from('plain')));
    await assert.rejects(append(5, Buffer.from('x')), { code: 'ObjectNotAppendable' });
  });

  it('lets exactly one of many append at a position', async () => {
    for (let position = 0; position < 3; position++) {
      const outcomes = await Promise.allSettled(['a', 'b', 'c', 'd'].map((letter) => append(position, Buffer.from(letter))));
      assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1);
      for (const outcome of outcomes) if (outcome.status === 'rejected') assert.equal(outcome.reason.code, 'PositionNotEqualToLength');
    }
    assert.equal(current().head('bucket', 'log')?.size, 3);
  });

  it('gives a reader what the object was, however it grows meanwhile', async () => {
    const first = randomBytes(100_000);
    for (let at = 0; at < first.length; at += 5_000) await append(at, first.subarray(at, at + 5_000));
    const reading = current().get('bucket', 'log');
    const stream = reading?.open();
    for (let at = 0; at < 40; at++) await append(first.length + at, chunkOf(at));
    await current().settled();
    const chunks: Buffer[] = [];
    for await (const chunk of stream ?? chunked(first)) chunks.push(chunk as Buffer);
    assert.ok(first.equals(Buffer.concat(chunks)));
  });
}

const chunkOf = (value: number) => Buffer.from([value]);

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Crc64 } from '../../kit/index.ts';
import { codeOf, type Harness, openHarness } from './fixture.ts';

let oss: Harness;
before(async () => {
  oss = await openHarness();
  await oss.send('PUT', 'logs', '');
});
after(() => oss.close());

const append = (position: string, body: string, headers: Record<string, string> = {}, key = 'log') =>
  oss.send('POST', 'logs', key, { query: { append: '', position }, body, headers });

test('appending makes an object, and makes it longer', async () => {
  const first = await append('0', 'one', { 'content-type': 'text/log', 'x-oss-meta-a': 'b', 'x-oss-tagging': 't=1' });
  assert.deepEqual([first.status, first.headers['x-oss-next-append-position']], [200, '3'], first.text);
  const second = await append('3', ' two', { 'x-oss-meta-a': 'other' });
  const crc = Crc64.of(Buffer.from('one two')).toString();
  assert.deepEqual([second.headers['x-oss-next-append-position'], second.headers['x-oss-hash-crc64ecma']], ['7', crc]);
  const { text, headers } = await oss.send('GET', 'logs', 'log');
  assert.deepEqual(
    [text, headers['x-oss-object-type'], headers['content-type'], headers['x-oss-meta-a']],
    ['one two', 'Appendable', 'text/log', 'b'],
  );
  assert.deepEqual([headers['x-oss-hash-crc64ecma'], headers['x-oss-tagging-count'], headers['content-md5']], [crc, '1', undefined]);
  assert.notEqual(first.headers.etag, second.headers.etag);
  assert.equal(headers['x-oss-next-append-position'], '7', 'SDKs ask the object where to go on');
});

test('another position and another kind of object are refused', async () => {
  const wrong = await append('2', 'x');
  assert.deepEqual([wrong.status, codeOf(wrong), wrong.headers['x-oss-next-append-position']], [409, 'PositionNotEqualToLength', '7']);
  await oss.send('PUT', 'logs', 'plain', { body: 'x' });
  const plain = await append('1', 'x', {}, 'plain');
  assert.deepEqual([plain.status, codeOf(plain)], [409, 'ObjectNotAppendable']);
  for (const position of ['', '-1', 'x']) assert.equal(codeOf(await append(position, 'x')), 'InvalidArgument', position);
  assert.equal(codeOf(await append('7', 'x', { 'content-md5': 'AAAAAAAAAAAAAAAAAAAAAA==' })), 'InvalidDigest');
  assert.equal((await oss.send('GET', 'logs', 'log')).text, 'one two');
});

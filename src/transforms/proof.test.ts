import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { Crc64 } from '../kit/index.ts';
import { inferType } from './content-type.ts';
import { type HeaderNote, readForwarded } from './forwarded.ts';
import { needsWhole, type Opening, provenHeaders } from './proof.ts';

const body = Buffer.from('transformed');
const md5 = createHash('md5').update(body).digest();

/** What the client gets of one forwarded header, and the note about it. */
function proven(name: string, value: string, opening: Partial<Opening> = {}): { value: string | undefined; note: HeaderNote | undefined } {
  const head = readForwarded([
    ['Content-Type', 'text/x'],
    [name, value],
  ]);
  const { headers, notes } = provenHeaders(head, { status: 200, key: 'k', first: body, whole: true, ...opening });
  assert.ok(notes.length <= 1);
  return { value: headers.find(([each]) => each.toLowerCase() === name.toLowerCase())?.[1], note: notes[0] };
}

describe('an ETag', () => {
  test('that claims to be a hash passes when it is that of the bytes, in any case and with or without quotes', () => {
    for (const [algorithm, quote] of [
      ['md5', '"'],
      ['sha1', '"'],
      ['sha256', ''],
      ['sha512', '"'],
    ] as const) {
      const etag = `${quote}${createHash(algorithm).update(body).digest('hex').toUpperCase()}${quote}`;
      assert.deepEqual(proven('ETag', etag), { value: etag, note: undefined }, algorithm);
    }
  });

  test('of the original becomes that of the bytes', () => {
    const { value, note } = proven('ETag', '"5D41402ABC4B2A76B9719D911017C592"');
    assert.equal(value, `"${md5.toString('hex').toUpperCase()}"`);
    assert.deepEqual([note?.header, note?.instead, note?.reason, note?.isFalse], ['etag', value, 'it is not the MD5 of the bytes', true]);
    assert.equal(proven('ETag', '"5D41402ABC4B2A76B9719D911017C592-3"').value, value);
  });

  test('that nobody can prove in time becomes weak; the Content-MD5 that the body is held to proves it', () => {
    const etag = `"${md5.toString('hex')}"`;
    const { value, note } = proven('ETag', etag, { whole: false });
    assert.deepEqual([value, note?.header], [`W/${etag}`, 'etag']);
    assert.deepEqual(proven('ETag', etag, { whole: false, contentMd5: md5.toString('base64') }), { value: etag, note: undefined });
    assert.equal(proven('ETag', etag, { first: undefined, whole: false }).value, `W/${etag}`);
  });

  test('of the function’s own making passes, and so does that of a part', () => {
    for (const etag of ['"thumbnail-7"', 'W/"5D41402ABC4B2A76B9719D911017C592"', '"0123456789ABCDEF"']) {
      assert.deepEqual(proven('ETag', etag), { value: etag, note: undefined });
    }
    const ofTheWhole = '"5D41402ABC4B2A76B9719D911017C592"';
    for (const status of [206, 304]) assert.deepEqual(proven('ETag', ofTheWhole, { status }), { value: ofTheWhole, note: undefined });
  });
});

describe('a digest', () => {
  test('passes when it is true, and is left out when it is false or cannot be proved', () => {
    for (const [name, good] of [
      ['x-oss-hash-crc64ecma', Crc64.of(body).toString()],
      ['Content-MD5', md5.toString('base64')],
    ] as const) {
      assert.deepEqual(proven(name, good), { value: good, note: undefined });
      const wrong = proven(name, '1');
      assert.deepEqual([wrong.value, wrong.note?.header, wrong.note?.isFalse], [undefined, name.toLowerCase(), true]);
      const late = proven(name, good, { whole: false });
      assert.deepEqual([late.value, late.note?.reason], [undefined, 'it cannot be proved before the bytes are sent']);
    }
  });

  test('asks for the whole body; an ETag of the function’s own does not', () => {
    const needs = (name: string, value: string) => needsWhole(readForwarded([[name, value]]));
    assert.equal(needs('content-md5', 'x'), true);
    assert.equal(needs('etag', `"${md5.toString('hex')}"`), true);
    assert.equal(needs('etag', '"mine"'), false);
    assert.equal(needs('content-encoding', 'gzip'), false);
  });
});

describe('Content-Encoding', () => {
  test('passes when the bytes begin so, or nobody can tell', () => {
    const gzip = gzipSync('x');
    assert.equal(proven('Content-Encoding', 'gzip', { first: gzip }).value, 'gzip');
    assert.equal(proven('Content-Encoding', 'br, gzip', { first: gzip }).value, 'br, gzip');
    assert.equal(proven('Content-Encoding', 'gzip', { first: gzip.subarray(0, 1), whole: false }).value, 'gzip');
    for (const coding of ['br', 'identity']) assert.equal(proven('Content-Encoding', coding).value, coding);
    assert.equal(proven('Content-Encoding', 'gzip', { status: 206 }).value, 'gzip');
    assert.equal(proven('Content-Encoding', 'gzip', { first: undefined }).value, 'gzip');
  });

  test('is left out when it is not what was done', () => {
    for (const coding of ['gzip', 'GZIP', 'x-gzip', 'zstd', 'aws-chunked']) {
      const { value, note } = proven('Content-Encoding', coding);
      assert.deepEqual([value, note?.header, note?.isFalse], [undefined, 'content-encoding', true], coding);
    }
  });
});

describe('a date', () => {
  test('in the form that SDKs read passes', () => {
    const past = 'Sun, 06 Nov 1994 08:49:37 GMT';
    assert.deepEqual(proven('Last-Modified', past), { value: past, note: undefined });
    const future = 'Sun, 06 Nov 2094 08:49:37 GMT';
    assert.deepEqual(proven('Expires', future), { value: future, note: undefined });
  });

  test('in another form is written anew', () => {
    for (const sent of [
      '1994-11-06T08:49:37Z',
      'Sunday, 06-Nov-94 08:49:37 GMT',
      'Sun Nov  6 08:49:37 1994 GMT',
      'Sun, 6 Nov 1994 08:49:37 GMT',
    ]) {
      const { value, note } = proven('Last-Modified', sent);
      assert.deepEqual([value, note?.sent], ['Sun, 06 Nov 1994 08:49:37 GMT', sent]);
    }
  });

  test('that is none is left out; of Expires it means that it has expired', () => {
    for (const sent of ['yesterday', '0', '', '1700000000']) {
      assert.deepEqual(
        [proven('Last-Modified', sent).value, proven('Last-Modified', sent).note?.header],
        [undefined, 'last-modified'],
        sent,
      );
      assert.equal(proven('Expires', sent).value, 'Thu, 01 Jan 1970 00:00:00 GMT', sent);
    }
  });

  test('of a change in the future becomes now', () => {
    const before = Math.floor(Date.now() / 1000) * 1000;
    const { value, note } = proven('Last-Modified', 'Sun, 06 Nov 2094 08:49:37 GMT');
    assert.ok(Date.parse(String(value)) >= before && Date.parse(String(value)) <= Date.now());
    assert.equal(note?.reason, 'it lies in the future');
  });
});

test('what may not be forwarded is dropped without being called false', () => {
  const { notes, headers } = readForwarded([
    ['Connection', 'close'],
    ['x-oss-request-id', '1'],
    ['X-Oss-Meta-A', 'a\nb'],
    ['x-oss-meta-b', 'c'],
  ]);
  assert.deepEqual(headers, [['x-oss-meta-b', 'c']]);
  assert.deepEqual(
    notes.map(({ header, isFalse }) => [header, isFalse]),
    [
      ['connection', false],
      ['x-oss-request-id', false],
      ['x-oss-meta-a', false],
    ],
  );
});

describe('the type of a body for which none is named', () => {
  const png = Buffer.from('\x89PNG\r\n\x1a\n....', 'latin1');

  test('is told by its first bytes, whatever the key says', () => {
    for (const [type, first] of [
      ['image/png', png],
      ['image/jpeg', Buffer.from('\xff\xd8\xff\xe0', 'latin1')],
      ['image/webp', Buffer.from('RIFF....WEBPVP8 ')],
      ['image/avif', Buffer.from('\0\0\0\x1cftypavif')],
      ['video/mp4', Buffer.from('\0\0\0\x1cftypisom')],
      ['application/pdf', Buffer.from('%PDF-1.7')],
      ['application/gzip', gzipSync('x')],
    ] as const) {
      assert.equal(inferType('cat.txt', first), type);
    }
    assert.equal(inferType('a.zip', Buffer.from('PK\x03\x04..')), 'application/zip');
    assert.match(inferType('a.docx', Buffer.from('PK\x03\x04..')), /wordprocessingml/);
  });

  test('of text is told by the ending of the key', () => {
    const text = Buffer.from('a,b\n1,2\n');
    for (const [key, type] of [
      ['table.csv', 'text/csv'],
      ['dir/page.HTML', 'text/html'],
      ['data.json', 'application/json'],
      ['cat.png', 'text/plain'],
      ['no-ending', 'text/plain'],
    ] as const) {
      assert.equal(inferType(key, text), type, key);
    }
    assert.equal(inferType('', Buffer.from('<?xml version="1.0"?><Error/>')), 'application/xml');
    assert.equal(inferType('x', Buffer.from('grüße'.repeat(100)).subarray(0, 512)), 'text/plain');
  });

  test('is unknown for other bytes', () => {
    assert.equal(inferType('page.html', Buffer.from([0, 1, 2, 3])), 'application/octet-stream');
    assert.equal(inferType('page.html', Buffer.from([0x61, 0xff, 0xfe, 0x62])), 'application/octet-stream');
    assert.equal(inferType('cat.png', undefined), 'application/octet-stream');
    assert.equal(inferType('a.csv', undefined), 'text/csv');
  });

  test('stands in the head unless the function names one, and not on 304', () => {
    const typeOf = (status: number, key: string, first: Buffer | undefined) =>
      provenHeaders(readForwarded([]), { status, key, first, whole: true }).headers.find(([name]) => name === 'Content-Type')?.[1];
    assert.equal(typeOf(200, 'a.png', png), 'image/png');
    assert.equal(typeOf(404, 'a.csv', Buffer.from('gone')), 'text/plain');
    assert.equal(typeOf(304, 'a.png', undefined), undefined);
  });
});

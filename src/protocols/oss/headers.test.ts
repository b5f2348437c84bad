import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '../../faults/index.ts';
import type { RequestContext } from '../../http/index.ts';
import { parseQuery } from '../../signing/index.ts';
import { contentMd5, etagHeader, readConditions, readOverrides, xmlDate } from './headers.ts';
import { encoder } from './listing.ts';
import { userHeaders, userUrl } from './transform.ts';
import { forwardedHeaders } from './write-get-object-response.ts';

const withQuery = (rawQuery: string) => ({ rawQuery, query: parseQuery(rawQuery) }) as unknown as RequestContext;
const withHeaders = (headers: Record<string, string>) => ({ headers }) as unknown as RequestContext;

test('ETag, Content-MD5 and dates have the forms that SDKs parse', () => {
  assert.equal(etagHeader('d41d8cd98f00b204e9800998ecf8427e'), '"D41D8CD98F00B204E9800998ECF8427E"');
  assert.equal(contentMd5('d41d8cd98f00b204e9800998ecf8427e'), '1B2M2Y8AsgTpgAmY7PhCfg==');
  assert.equal(xmlDate(Date.UTC(2023, 9, 30, 3, 15, 40, 987)), '2023-10-30T03:15:40.000Z');
});

test('response-* parameters replace headers; control characters are refused', () => {
  assert.equal(readOverrides(withQuery('w=1')), undefined);
  const replaced = readOverrides(withQuery('response-content-type=text%2Fplain&response-content-disposition=n%C3%A4h&response-other=x'));
  assert.deepEqual(Object.fromEntries(replaced ?? []), { 'Content-Type': 'text/plain', 'Content-Disposition': 'n\u00c3\u00a4h' });
  assert.throws(
    () => readOverrides(withQuery('response-expires=a%0D%0AX-Evil:1')),
    (error) => error instanceof Fault && error.code === 'InvalidArgument',
  );
});

test('conditions: quotes and weakness go, dates are read, nonsense dates do not count', () => {
  assert.equal(readConditions(withHeaders({ range: 'bytes=0-1' })), undefined);
  assert.deepEqual(readConditions(withHeaders({ 'if-match': '"ABC", W/"d"', 'if-none-match': '*' })), {
    ifMatch: ['abc', 'd'],
    ifNoneMatch: ['*'],
  });
  assert.deepEqual(readConditions(withHeaders({ 'if-modified-since': 'Sun, 06 Nov 1994 08:49:37 GMT', 'if-unmodified-since': 'soon' })), {
    ifModifiedSince: 784111777000,
  });
});

test('the URL that a function sees has no signature and is otherwise byte for byte', () => {
  const url = (rawQuery: string, presigned: boolean) => userUrl({ host: 'h:1', path: '/a/b%2Fc', rawQuery }, presigned);
  assert.equal(url('', false), 'http://h:1/a/b%2Fc');
  assert.equal(url('w=1&Expires=9', false), 'http://h:1/a/b%2Fc?w=1&Expires=9');
  assert.equal(url('security-token=t&w=%7a&Expires=9&OSSAccessKeyId=a&Signature=s&x', true), 'http://h:1/a/b%2Fc?w=%7a&x');
  assert.equal(
    url('x-oss-signature=1&X-Oss-Security-Token=2&%78-oss-credential=3&x-oss-process=p', true),
    'http://h:1/a/b%2Fc?x-oss-process=p',
  );
  assert.equal(url('signature=mine&Signature=s', true), 'http://h:1/a/b%2Fc?signature=mine');
});

test('headers for the function carry no credentials', () => {
  assert.deepEqual(userHeaders(['Host', 'h', 'AUTHORIZATION', 's', 'Cookie', 'c', 'X-Oss-Security-Token', 't', 'Range', 'bytes=0-1']), [
    ['Host', 'h'],
    ['Range', 'bytes=0-1'],
  ]);
});

test('forwarded headers lose their prefix in any case and keep order and bytes', () => {
  const raw = [
    'Host',
    'h',
    'X-Oss-Fwd-Header-Content-Type',
    'image/png',
    'x-oss-fwd-status',
    '200',
    'x-oss-fwd-header-x-oss-meta-n',
    '\u00e4',
    'x-oss-fwd-header-',
    'none',
  ];
  assert.deepEqual(forwardedHeaders(raw), [
    ['Content-Type', 'image/png'],
    ['x-oss-meta-n', '\u00e4'],
  ]);
});

test('encoding-type=url survives decoders that read a plus as a space', () => {
  const encode = encoder('url');
  assert.equal(encode('a+b c/ü&<\u0001'), 'a%2Bb%20c%2F%C3%BC%26%3C%01');
  assert.equal(encoder(undefined)('a b'), 'a b');
});

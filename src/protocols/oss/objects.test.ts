import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { Crc64, parseXml } from '../../kit/index.ts';
import { signOssHeader } from '../../signing/index.ts';
import { type Answer, codeOf, fetchUrl, type Harness, headerLines, openHarness, rawClient, signing } from './fixture.ts';

let oss: Harness;
const callback = Buffer.from('{"callbackUrl":"http://127.0.0.1:1/","callbackBody":"a"}').toString('base64');
const text = 'The quick brown fox jumps over the lazy dog';
const md5 = (body: string | Buffer, encoding: 'hex' | 'base64' = 'hex') => createHash('md5').update(body).digest(encoding);

before(async () => {
  oss = await openHarness();
  assert.equal((await oss.send('PUT', 'photos', '')).status, 200);
  const headers = {
    'content-type': 'text/plain',
    'content-md5': md5(text, 'base64'),
    'x-oss-meta-Owner': 'ann',
    'cache-control': 'max-age=9',
    'content-disposition': 'attachment; filename="\u00c3\u00a4.txt"',
  };
  const put = await oss.send('PUT', 'photos', 'fox.txt', { body: text, headers });
  assert.equal(put.status, 200, put.text);
});

after(() => oss.close());

describe('PutObject', () => {
  test('answers with ETag, CRC-64 and Content-MD5', async () => {
    const answer = await oss.send('PUT', 'photos', 'a/b c+ü.txt', { body: text, scheme: 'OSS1' });
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.etag, `"${md5(text).toUpperCase()}"`);
    assert.equal(answer.headers['x-oss-hash-crc64ecma'], Crc64.of(Buffer.from(text)).toString());
    assert.equal(answer.headers['content-md5'], md5(text, 'base64'));
    assert.equal(answer.headers['content-length'], '0');
    assert.match(String(answer.headers['x-oss-request-id']), /^[0-9A-F]{24}$/);
    assert.equal(answer.headers.server, 'AliyunOSS');
    const back = await oss.send('GET', 'photos', 'a/b c+ü.txt');
    assert.equal(back.text, text);
    assert.equal(back.headers['content-type'], 'application/octet-stream');
  });

  for (const [name, options, status, code] of [
    ['a wrong Content-MD5', { headers: { 'content-md5': md5('other', 'base64') } }, 400, 'InvalidDigest'],
    ['a malformed Content-MD5', { headers: { 'content-md5': 'abc' } }, 400, 'InvalidDigest'],
    ['a wrong x-oss-content-sha256', { headers: { 'x-oss-content-sha256': 'a'.repeat(64) } }, 400, 'InvalidDigest'],
    ['x-oss-forbid-overwrite', { headers: { 'x-oss-forbid-overwrite': 'true' } }, 409, 'FileAlreadyExists'],
    ['an unknown storage class', { headers: { 'x-oss-storage-class': 'Gold' } }, 400, 'InvalidArgument'],
    ['a tag that cannot be one', { headers: { 'x-oss-tagging': 'a%3F=b' } }, 400, 'InvalidTag'],
    ['a callback to where none may be made', { headers: { 'x-oss-callback': callback } }, 403, 'AccessDenied'],
    ['too much metadata', { headers: { 'x-oss-meta-a': 'x'.repeat(9_000) } }, 400, 'InvalidArgument'],
    ['a copy of what is not there', { headers: { 'x-oss-copy-source': '/photos/none' } }, 404, 'NoSuchKey'],
  ] as const) {
    test(`${name} is refused and leaves the object alone`, async () => {
      const answer = await oss.send('PUT', 'photos', 'fox.txt', { body: 'changed', ...options });
      assert.deepEqual([answer.status, codeOf(answer)], [status, code], answer.text);
      assert.equal((await oss.send('GET', 'photos', 'fox.txt')).text, text);
    });
  }

  test('a right x-oss-content-sha256 is accepted', async () => {
    const sha256 = createHash('sha256').update('body').digest('hex');
    const answer = await oss.send('PUT', 'photos', 'sha', { body: 'body', headers: { 'x-oss-content-sha256': sha256 } });
    assert.equal(answer.status, 200, answer.text);
  });

  test('chunked without a length works; neither length nor chunks is MissingContentLength', async () => {
    const headers = signOssHeader(signing('PUT', 'photos', 'chunked'));
    const chunked = await fetchUrl(`http://127.0.0.1:${oss.port}/photos/chunked`, {
      ...{ method: 'PUT', headers: { ...headers, 'transfer-encoding': 'chunked' }, body: 'in chunks' },
    });
    assert.equal(chunked.status, 200, chunked.text);
    assert.equal((await oss.send('GET', 'photos', 'chunked')).text, 'in chunks');
    const raw = await rawClient(oss.port);
    raw.socket.write(`PUT /photos/chunked HTTP/1.1\r\nHost: h\r\n${headerLines(headers)}\r\n\r\n`);
    assert.match(await raw.sees(/<\/Error>/), /^HTTP\/1\.1 411 [\s\S]*MissingContentLength/);
    raw.socket.destroy();
  });

  test('more than 5 GiB is refused before a byte is read', async () => {
    const raw = await rawClient(oss.port);
    const headers = signOssHeader(signing('PUT', 'photos', 'huge'));
    raw.socket.write(
      `PUT /photos/huge HTTP/1.1\r\nHost: 127.0.0.1\r\nExpect: 100-continue\r\nContent-Length: 5368709121\r\n${headerLines(headers)}\r\n\r\n`,
    );
    const seen = await raw.closed;
    assert.match(seen, /^HTTP\/1\.1 400 [\s\S]*EntityTooLarge/);
    assert.doesNotMatch(seen, /100 Continue/);
  });

  test('Expect: 100-continue: sent for a good request only', async () => {
    const raw = await rawClient(oss.port);
    const headers = signOssHeader(signing('PUT', 'photos', 'expected'));
    raw.socket.write(
      `PUT /photos/expected HTTP/1.1\r\nHost: 127.0.0.1\r\nExpect: 100-continue\r\nContent-Length: 4\r\n${headerLines(headers)}\r\n\r\n`,
    );
    await raw.sees(/100 Continue\r\n\r\n/);
    raw.socket.write('body');
    await raw.sees(/HTTP\/1\.1 200 OK/);
    raw.socket.destroy();
    const refused = await rawClient(oss.port);
    refused.socket.write('PUT /photos/x HTTP/1.1\r\nHost: 127.0.0.1\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n');
    const seen = await refused.closed;
    assert.match(seen, /^HTTP\/1\.1 403 [\s\S]*AccessDenied/);
    assert.doesNotMatch(seen, /100 Continue/);
  });

  test('an upload that breaks off leaves no object', async () => {
    const raw = await rawClient(oss.port);
    const headers = signOssHeader(signing('PUT', 'photos', 'broken'));
    raw.socket.write(`PUT /photos/broken HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n${headerLines(headers)}\r\n\r\nhalf`);
    raw.socket.end();
    await raw.closed;
    assert.equal(codeOf(await oss.send('GET', 'photos', 'broken')), 'NoSuchKey');
  });
});

describe('GetObject', () => {
  test('gives the object with its headers', async () => {
    const { headers, text: body, status } = await oss.send('GET', 'photos', 'fox.txt');
    assert.deepEqual([status, body], [200, text]);
    assert.equal(headers['content-type'], 'text/plain');
    assert.equal(headers['content-length'], String(text.length));
    assert.equal(headers['content-md5'], md5(text, 'base64'));
    assert.equal(headers['cache-control'], 'max-age=9');
    assert.equal(headers['content-disposition'], 'attachment; filename="\u00c3\u00a4.txt"');
    assert.equal(headers['x-oss-meta-owner'], 'ann');
    assert.equal(headers['x-oss-object-type'], 'Normal');
    assert.equal(headers['x-oss-storage-class'], 'Standard');
    assert.equal(headers['accept-ranges'], 'bytes');
    assert.match(String(headers['last-modified']), /^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/);
    assert.equal(headers['content-encoding'], undefined);
  });

  for (const [range, status, body, contentRange, extra = {}] of [
    ['bytes=4-8', 206, 'quick', 'bytes 4-8/43'],
    ['bytes=-3', 206, 'dog', 'bytes 40-42/43'],
    ['bytes=40-', 206, 'dog', 'bytes 40-42/43'],
    ['bytes=40-99', 206, 'dog', 'bytes 40-42/43'],
    ['bytes=43-', 200, text, undefined],
    ['bytes=9-1', 200, text, undefined],
    ['pages=1-2', 200, text, undefined],
    ['bytes=0-1,4-5', 200, text, undefined],
    ['bytes=43-', 416, undefined, 'bytes */43', { 'x-oss-range-behavior': 'standard' }],
  ] as const) {
    test(`Range: ${range} is ${status}`, async () => {
      const answer = await oss.send('GET', 'photos', 'fox.txt', { headers: { range, ...(extra as Record<string, string>) } });
      assert.equal(answer.status, status);
      assert.equal(answer.headers['content-range'], contentRange);
      if (body === undefined) assert.equal(codeOf(answer), 'InvalidRange');
      else assert.equal(answer.text, body);
      assert.equal(answer.headers['content-md5'], status === 200 ? md5(text, 'base64') : undefined);
    });
  }

  test('conditions', async () => {
    const etag = `"${md5(text).toUpperCase()}"`;
    const past = 'Sun, 06 Nov 1994 08:49:37 GMT';
    const future = new Date(Date.now() + 86_400_000).toUTCString();
    for (const [headers, status] of [
      [{ 'if-match': etag }, 200],
      [{ 'if-match': '"other"' }, 412],
      [{ 'if-none-match': etag }, 304],
      [{ 'if-none-match': etag.toLowerCase() }, 304],
      [{ 'if-none-match': '*' }, 304],
      [{ 'if-none-match': '"other"' }, 200],
      [{ 'if-modified-since': future }, 304],
      [{ 'if-modified-since': past }, 200],
      [{ 'if-modified-since': 'nonsense' }, 200],
      [{ 'if-unmodified-since': past }, 412],
      [{ 'if-unmodified-since': future }, 200],
    ] as const) {
      for (const method of ['GET', 'HEAD']) {
        const answer = await oss.send(method, 'photos', 'fox.txt', { headers });
        assert.equal(answer.status, status, `${method} ${JSON.stringify(headers)}`);
        if (status === 304) assert.deepEqual([answer.headers.etag, answer.text], [etag, '']);
        if (status === 412) assert.equal(codeOf(answer), 'PreconditionFailed');
      }
    }
  });

  test('response-* parameters replace headers when they are signed', async () => {
    const query = { 'response-content-type': 'image/png', 'response-cache-control': 'no-store' };
    for (const scheme of ['OSS1', 'OSS4'] as const) {
      const answer = await fetchUrl(oss.presign('photos', 'fox.txt', { scheme, query }));
      assert.deepEqual([answer.status, answer.headers['content-type'], answer.headers['cache-control']], [200, 'image/png', 'no-store']);
      const added = await fetchUrl(`${oss.presign('photos', 'fox.txt', { scheme })}&response-content-type=text%2Fhtml`);
      assert.equal(codeOf(added), 'SignatureDoesNotMatch');
    }
    const anonymous = await fetchUrl(`http://127.0.0.1:${oss.port}/photos/fox.txt?response-content-type=text%2Fhtml`);
    assert.equal(codeOf(anonymous), 'InvalidRequest');
  });

  test('a large object streams, whole and in ranges', async () => {
    const body = Buffer.alloc(3_000_000);
    for (let i = 0; i < body.length; i += 4) body.writeUInt32LE(i, i);
    await oss.send('PUT', 'photos', 'large', { body });
    const whole = await oss.send('GET', 'photos', 'large');
    assert.ok(whole.body.equals(body));
    assert.equal(whole.headers['x-oss-hash-crc64ecma'], Crc64.of(body).toString());
    const part = await oss.send('GET', 'photos', 'large', { headers: { range: 'bytes=1000000-1999999' } });
    assert.ok(part.body.equals(body.subarray(1_000_000, 2_000_000)));
  });

  test('what the store does not have is NotImplemented by name', async () => {
    const answer = await oss.send('GET', 'photos', 'fox.txt', { query: { 'x-oss-process': 'image/resize,w_1' } });
    assert.equal(codeOf(answer), 'NotImplemented', answer.text);
    const null1 = await oss.send('GET', 'photos', 'fox.txt', { query: { versionId: 'null', w: '100' } });
    assert.equal(null1.status, 200);
  });
});

describe('HEAD', () => {
  test('the headers follow each write of the object', async () => {
    for (const text of ['first', 'the second']) {
      const { headers } = await oss.send('PUT', 'photos', 'rewritten.txt', { body: text, headers: { 'x-oss-meta-text': text } });
      for (const method of ['HEAD', 'GET', 'HEAD']) {
        const seen = (await oss.send(method, 'photos', 'rewritten.txt')).headers;
        assert.deepEqual(
          [seen.etag, seen['content-length'], seen['content-md5'], seen['x-oss-hash-crc64ecma'], seen['x-oss-meta-text']],
          [headers.etag, String(text.length), headers['content-md5'], headers['x-oss-hash-crc64ecma'], text],
        );
      }
    }
    await oss.send('DELETE', 'photos', 'rewritten.txt');
  });

  test('HeadObject has the headers of GetObject and no body', async () => {
    const head = await oss.send('HEAD', 'photos', 'fox.txt');
    const get = await oss.send('GET', 'photos', 'fox.txt');
    const shown = ({ headers }: Answer) => {
      const { date, connection, 'x-oss-request-id': _id, 'x-oss-server-time': _ms, 'keep-alive': _ka, ...rest } = headers;
      return rest;
    };
    assert.deepEqual(shown(head), shown(get));
    assert.equal(head.text, '');
  });

  test('GetObjectMeta by HEAD and by GET', async () => {
    const head = await oss.send('HEAD', 'photos', 'fox.txt', { query: { objectMeta: '' } });
    assert.deepEqual([head.status, head.headers['content-length'], head.headers['x-oss-meta-owner']], [200, '43', undefined]);
    const get = await oss.send('GET', 'photos', 'fox.txt', { query: { objectMeta: '' } });
    assert.deepEqual([get.status, get.text, get.headers.etag], [200, '', head.headers.etag]);
  });

  test('errors of HEAD come in x-oss-err', async () => {
    const answer = await oss.send('HEAD', 'photos', 'none');
    assert.equal(answer.status, 404);
    assert.equal(answer.text, '');
    assert.equal(answer.headers['x-oss-ec'], '0026-00000001');
    const xml = parseXml(Buffer.from(String(answer.headers['x-oss-err']), 'base64').toString());
    const fields = Object.fromEntries(xml.children.map((node) => [node.name, node.text]));
    assert.equal(fields.Code, 'NoSuchKey');
    assert.equal(fields.RequestId, answer.headers['x-oss-request-id']);
    assert.equal(fields.HostId, `127.0.0.1:${oss.port}`);
    assert.equal(fields.EC, '0026-00000001');
  });
});

test('a key of dots is an ordinary key', async () => {
  const raw = async (method: string, body?: string) => {
    const headers = signOssHeader(signing(method, 'photos', '../../etc/passwd'));
    return await fetchUrl(`http://127.0.0.1:${oss.port}/photos/../../etc/passwd`, { method, headers, body });
  };
  assert.equal((await raw('PUT', 'not yours')).status, 200);
  assert.equal((await raw('GET')).text, 'not yours');
  const list = await oss.send('GET', 'photos', '', { query: { prefix: '../' } });
  assert.match(list.text, /<Key>\.\.\/\.\.\/etc\/passwd<\/Key>/);
  assert.equal((await raw('DELETE')).status, 204);
});

describe('DeleteObject and DeleteMultipleObjects', () => {
  const remove = (xml: string, options: { query?: Record<string, string>; headers?: Record<string, string> } = {}) =>
    oss.send('POST', 'photos', '', {
      ...{ body: xml, query: { delete: '', ...options.query }, headers: { 'content-md5': md5(xml, 'base64'), ...options.headers } },
    });

  test('204 twice', async () => {
    await oss.send('PUT', 'photos', 'gone', { body: 'x' });
    assert.equal((await oss.send('DELETE', 'photos', 'gone')).status, 204);
    const again = await oss.send('DELETE', 'photos', 'gone');
    assert.deepEqual([again.status, again.text], [204, '']);
  });

  test('many keys, quiet and not, encoded and not', async () => {
    for (const key of ['m/a&b', 'm/c d']) await oss.send('PUT', 'photos', key, { body: 'x' });
    const answer = await remove('<Delete><Object><Key>m/a&amp;b</Key></Object><Object><Key>m/none</Key></Object></Delete>');
    assert.match(
      answer.text,
      /<DeleteResult><Deleted><Key>m\/a&amp;b<\/Key><\/Deleted><Deleted><Key>m\/none<\/Key><\/Deleted><\/DeleteResult>$/,
    );
    const encoded = await remove('<Delete><Object><Key>m/c d</Key></Object></Delete>', { query: { 'encoding-type': 'url' } });
    assert.match(encoded.text, /<EncodingType>url<\/EncodingType><Deleted><Key>m%2Fc%20d<\/Key>/);
    const quiet = await remove('<Delete><Quiet>true</Quiet><Object><Key>m/c d</Key></Object></Delete>');
    assert.deepEqual([quiet.status, quiet.headers['content-length']], [200, '0']);
    assert.equal(codeOf(await oss.send('GET', 'photos', 'm/c d')), 'NoSuchKey');
  });

  test('bad documents', async () => {
    const one = '<Object><Key>a</Key></Object>';
    for (const [xml, code, headers = {}] of [
      ['', 'MalformedXML'],
      ['<Delete>', 'MalformedXML'],
      ['nonsense', 'MalformedXML'],
      ['<Other/>', 'MalformedXML'],
      ['<Delete></Delete>', 'MalformedXML'],
      ['<Delete><Object/></Delete>', 'MalformedXML'],
      [`<Delete>${one.repeat(1_001)}</Delete>`, 'MalformedXML'],
      [`<!DOCTYPE d [<!ENTITY a "aaaa">]><Delete><Object><Key>&a;</Key></Object></Delete>`, 'MalformedXML'],
      [`<Delete>${one}</Delete>`, 'InvalidDigest', { 'content-md5': md5('other', 'base64') }],
      [`<Delete>${' '.repeat(2_100_000)}</Delete>`, 'EntityTooLarge'],
    ] as const) {
      const answer = await remove(xml, { headers: headers as Record<string, string> });
      assert.deepEqual([codeOf(answer), answer.status], [code, 400], xml.slice(0, 60));
    }
    const unsummed = await oss.send('POST', 'photos', '', { query: { delete: '' }, body: `<Delete>${one}</Delete>` });
    assert.equal(codeOf(unsummed), 'MissingArgument');
  });
});

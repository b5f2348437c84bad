/** Bad input: each kind has its named error; after each the server lives and nothing is left open. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { after, afterEach, before, describe, test } from 'node:test';
import {
  type CodeFile,
  createAccessPoint,
  createBucket,
  deleteFunction,
  deployFunction,
  functionArn,
  objectFcXml,
  ossCall,
  ossDo,
  zip,
} from './harness/deploy.ts';
import { dial, openCall, type Reply, send, sendRaw, start } from './harness/http.ts';
import { type Key, pathOf, presignV1, presignV4, queryOf, signAcs3, signHeaderV1, signHeaderV4, type Unsigned } from './harness/sign.ts';
import { type Sluice, startSluice } from './harness/sluice.ts';

const bucket = 'acc-bad';
const key = 'here.txt';
const text = 'untouched\n';
const minute = 60_000;

let sluice: Sluice;
before(async () => {
  sluice = await startSluice();
  await createBucket(sluice, bucket);
  await ossDo(sluice, { method: 'PUT', bucket, key, body: text });
  await createAccessPoint(sluice, bucket, 'ap-bad');
});
afterEach(() => sluice.quiet());
after(() => sluice.finish(async () => assert.equal((await ossDo(sluice, { method: 'GET', bucket, key })).body.toString(), text)));

function assertFault(reply: Reply, status: number, code: string, title = ''): void {
  assert.deepEqual([reply.status, reply.code], [status, code], `${title} ${reply.body.toString().slice(0, 600)}`);
  assert.match(reply.headers['x-oss-request-id'] ?? '', /^[0-9A-F]{24}$/, title);
  assert.ok(!/\bat .*\.ts:\d+/.test(reply.body.toString()), 'a stack trace leaked');
  assert.ok(!reply.body.includes(sluice.key.secret), 'the secret leaked');
}

const get = (more: Partial<Unsigned> = {}): Unsigned => ({ method: 'GET', bucket, key, ...more });
const fetchPath = (path: string, headers: Record<string, string> = {}) => send(sluice.data, { path, headers });
const inSeconds = (seconds: number) => Math.floor(Date.now() / 1000) + seconds;

const schemes = [
  { name: 'V1', sign: signHeaderV1 },
  { name: 'V4', sign: signHeaderV4 },
] as const;

describe('signatures', () => {
  for (const { name, sign } of schemes) {
    const signed = (request: Unsigned, by: Key = sluice.key) => fetchPath(pathOf(request) + queryOf(request.query), sign(request, by));

    test(`${name}: the right key is let in`, async () => {
      assert.equal((await signed(get())).body.toString(), text);
    });
    test(`${name}: wrong secret, unknown id`, async () => {
      assertFault(await signed(get(), { ...sluice.key, secret: 'another secret' }), 403, 'SignatureDoesNotMatch');
      assertFault(await signed(get(), { ...sluice.key, id: 'unknown-id' }), 403, 'InvalidAccessKeyId');
    });
    test(`${name}: a date 20 minutes away, either side`, async () => {
      for (const away of [-20 * minute, 20 * minute]) {
        const reply = await signed(get({ now: new Date(Date.now() + away) }));
        assertFault(reply, 403, 'RequestTimeTooSkewed');
        assert.match(reply.body.toString(), /<ServerTime>\d{4}-\d\d-\d\dT/);
      }
    });
    test(`${name}: a signature, path, header or query that was changed afterwards`, async () => {
      const request = get({ headers: { 'x-oss-meta-a': '1' } });
      const headers = sign(request, sluice.key);
      const authorization = headers.authorization as string;
      const last = authorization.at(-2) === 'A' ? 'B' : 'A';
      const changed = name === 'V1' ? `${authorization.slice(0, -2)}${last}=` : authorization.replace(/.$/, (c) => (c === '0' ? '1' : '0'));
      assertFault(await fetchPath(pathOf(request), { ...headers, authorization: changed }), 403, 'SignatureDoesNotMatch');
      assertFault(await fetchPath(`/${bucket}/other.txt`, headers), 403, 'SignatureDoesNotMatch');
      assertFault(await fetchPath(pathOf(request), { ...headers, 'x-oss-meta-a': '2' }), 403, 'SignatureDoesNotMatch');
      assertFault(await fetchPath(pathOf(request), { ...headers, 'x-oss-meta-b': '2' }), 403, 'SignatureDoesNotMatch');
      assertFault(await fetchPath(`${pathOf(request)}?acl`, headers), 403, 'SignatureDoesNotMatch');
      const method = await send(sluice.data, { method: 'DELETE', path: pathOf(request), headers });
      assertFault(method, 403, 'SignatureDoesNotMatch');
    });
  }

  test('malformed Authorization headers', async () => {
    const date = new Date().toUTCString();
    for (const authorization of [
      'OSS',
      'OSS :',
      'OSS id',
      'Basic YTpi',
      'OSS4-HMAC-SHA256 Credential=x,Signature=y',
      `OSS4-HMAC-SHA256 ${'='.repeat(3000)}`,
    ]) {
      const reply = await fetchPath(`/${bucket}/${key}`, { authorization, date });
      assert.ok([400, 403].includes(reply.status), `${authorization}: ${reply.status}`);
      assert.notEqual(reply.code, '', authorization);
    }
  });

  test('no signature at all', async () => {
    assertFault(await fetchPath(`/${bucket}/${key}`), 403, 'AccessDenied');
  });

  test('a security token that is not one', async () => {
    for (const { sign } of schemes) {
      const reply = await fetchPath(pathOf(get()), sign(get(), { id: 'STS.forged', secret: 'forged', token: 'forged token' }));
      assert.equal(reply.status, 403);
      assert.ok(['InvalidSecurityToken', 'InvalidAccessKeyId'].includes(reply.code), reply.code);
    }
  });

  test('presigned URLs that expired', async () => {
    assertFault(await fetchPath(presignV1(get(), sluice.key, inSeconds(-1))), 403, 'AccessDenied');
    const past = { ...get(), now: new Date(Date.now() - 2 * minute) };
    assertFault(await fetchPath(presignV4(past, sluice.key, 60)), 403, 'AccessDenied');
    assert.match((await fetchPath(presignV1(get(), sluice.key, inSeconds(-1)))).body.toString(), /<Expires>/);
  });

  test('a V4 URL that would live for more than seven days', async () => {
    const reply = await fetchPath(presignV4(get(), sluice.key, 604_801));
    assert.ok(reply.status === 400 || reply.status === 403, String(reply.status));
    assert.notEqual(reply.code, '');
  });

  test('a presigned URL turned into another operation', async () => {
    const urls = [presignV1(get(), sluice.key, inSeconds(60)), presignV4(get(), sluice.key, 60)];
    for (const url of urls) {
      assert.equal((await fetchPath(url)).status, 200);
      for (const selector of [
        'acl',
        'objectMeta',
        'tagging',
        'symlink',
        'uploads',
        'uploadId=1',
        'accessPoint',
        'x-oss-process=image/info',
        'x-oss-write-get-object-response',
        'accessPointForObjectProcess',
        'response-content-type=text/html',
      ]) {
        assertFault(await fetchPath(`${url}&${selector}`), 403, 'SignatureDoesNotMatch', selector);
      }
      const longer = url.includes('Expires=')
        ? url.replace(/Expires=\d+/, `Expires=${inSeconds(9999)}`)
        : url.replace('x-oss-expires=60', 'x-oss-expires=600');
      assertFault(await fetchPath(longer), 403, 'SignatureDoesNotMatch');
      assertFault(await send(sluice.data, { method: 'PUT', path: url, body: Buffer.from('no') }), 403, 'SignatureDoesNotMatch');
    }
  });
});

describe('names', () => {
  test('buckets against the rules', async () => {
    for (const name of ['ab', 'Upper', '-edge', 'edge-', 'under_score', 'dots.in.it', 'x'.repeat(64), 'mine-ossalias', 'mine-opapalias']) {
      assertFault(await ossCall(sluice, { method: 'PUT', bucket: name }), 400, 'InvalidBucketName', name);
    }
  });

  test('keys against the rules', async () => {
    for (const name of ['/leading', '\\leading', 'x'.repeat(1024), 'ü'.repeat(512)]) {
      assertFault(await ossCall(sluice, { method: 'PUT', bucket, key: name, body: 'x' }), 400, 'InvalidObjectName', name.slice(0, 20));
    }
  });

  test('a path that cannot be decoded', async () => {
    for (const path of [`/${bucket}/%zz`, `/${bucket}/%ff%fe`, `/${bucket}/a%`]) {
      const reply = await fetchPath(path, signHeaderV1(get(), sluice.key));
      assert.ok(reply.status === 400 || reply.status === 403, `${path}: ${reply.status}`);
      assert.notEqual(reply.code, '', path);
    }
  });

  test('`../` in a key is an ordinary key and never a path', async () => {
    const climbing = ['../climbed.txt', '../../../../../../../../tmp/sluice-climbed.txt', 'a/../../b', './.', '..'];
    for (const name of climbing) {
      await ossDo(sluice, { method: 'PUT', bucket, key: name, body: `body of ${name}` });
      assert.equal((await ossDo(sluice, { method: 'GET', bucket, key: name })).body.toString(), `body of ${name}`);
    }
    const files = readdirSync(sluice.folder, { recursive: true }) as string[];
    assert.deepEqual(
      files.filter((file) => file.includes('climbed')),
      [],
    );
    assert.equal(existsSync('/tmp/sluice-climbed.txt'), false);
    for (const name of climbing) await ossDo(sluice, { method: 'DELETE', bucket, key: name });
    const passwd = await fetchPath('/../../../../etc/passwd', signHeaderV1(get(), sluice.key));
    assert.ok(passwd.status >= 400 && !passwd.body.includes('root:'), String(passwd.status));
  });

  test('access points against the rules', async () => {
    for (const name of ['ab', 'Upper', '-edge', 'edge-', 'x'.repeat(20), 'a-ossalias']) {
      const body = `<CreateAccessPointConfiguration><AccessPointName>${name}</AccessPointName><NetworkOrigin>internet</NetworkOrigin></CreateAccessPointConfiguration>`;
      const reply = await ossCall(sluice, { method: 'PUT', bucket, query: { accessPoint: '' }, body });
      assertFault(reply, 400, 'InvalidArgument', name);
    }
    for (const name of ['Upper', '-edge', 'edge-', 'x'.repeat(64)]) {
      const headers = { 'x-oss-access-point-for-object-process-name': name };
      const body = objectFcXml('ap-bad', functionArn(sluice, 'none'), `acs:ram::${sluice.accountId}:role/aliyunfcdefaultrole`);
      const reply = await ossCall(sluice, { method: 'PUT', bucket, query: { accessPointForObjectProcess: '' }, headers, body });
      assertFault(reply, 400, 'InvalidArgument', name);
    }
  });
});

describe('bodies', () => {
  const create = (body: string) => ossCall(sluice, { method: 'PUT', bucket: 'acc-bad-xml', body });
  const remove = (body: Buffer | string) => {
    const md5 = createHash('md5').update(body).digest('base64');
    return ossCall(sluice, { method: 'POST', bucket, query: { delete: '' }, headers: { 'content-md5': md5 }, body });
  };

  test('XML that is malformed, of another kind, or deep', async () => {
    for (const body of [
      '<CreateBucketConfiguration>',
      '<a></b>',
      'not xml',
      '\0',
      '<?xml version="1.0"?>',
      `${'<a>'.repeat(5000)}${'</a>'.repeat(5000)}`,
    ]) {
      assertFault(await create(body), 400, 'MalformedXML', body.slice(0, 30));
    }
    for (const body of ['<Delete><Object><Key>a</Key></Delete>', '<Delete></Delete>', '<Other/>', '', '<Delete>&undefined;</Delete>']) {
      assertFault(await remove(body), 400, 'MalformedXML', body.slice(0, 30));
    }
  });

  test('entity bombs and outside entities', async () => {
    const lines = Array.from({ length: 12 }, (_, i) => `<!ENTITY e${i + 1} "${`&e${i};`.repeat(10)}">`).join('');
    const bomb = `<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e0 "boom">${lines}]><Delete><Object><Key>&e12;</Key></Object></Delete>`;
    const outside = '<!DOCTYPE x [<!ENTITY file SYSTEM "file:///etc/passwd">]><Delete><Object><Key>&file;</Key></Object></Delete>';
    for (const body of [bomb, outside, '<!DOCTYPE x SYSTEM "http://127.0.0.1:1/x.dtd"><Delete/>']) {
      const reply = await remove(body);
      assertFault(reply, 400, 'MalformedXML');
      assert.ok(!reply.body.includes('root:'));
    }
  });

  test('XML beyond the limit', async () => {
    const big = `<Delete>${'<Object><Key>aaaaaaaaaaaaaaaaaaaaaaaa</Key></Object>'.repeat(200_000)}</Delete>`;
    assertFault(await remove(big), 400, 'EntityTooLarge');
  });

  test('more than 1000 keys in one delete', async () => {
    assertFault(await remove(`<Delete>${'<Object><Key>a</Key></Object>'.repeat(1001)}</Delete>`), 400, 'MalformedXML');
  });

  test('a Content-MD5 that is not the body’s, or no MD5 at all', async () => {
    const md5 = createHash('md5').update('other').digest('base64');
    for (const value of [md5, 'AAAA']) {
      const reply = await ossCall(sluice, { method: 'PUT', bucket, key: 'md5', headers: { 'content-md5': value }, body: 'body' });
      assertFault(reply, 400, 'InvalidDigest', value);
    }
    assertFault(await ossCall(sluice, { method: 'GET', bucket, key: 'md5' }), 404, 'NoSuchKey');
  });

  test('JSON of the Function Compute API: malformed, of another kind, oversized, deep', async () => {
    const valid = { functionName: 'fn', runtime: 'python3.10', handler: 'index.handler', code: { zipFile: 'AAAA' } };
    assertFcFault(await fcCall('POST', '/2023-03-30/functions', '{"functionName":'), 400, 'MalformedJSON');
    assertFcFault(await fcCall('POST', '/2023-03-30/functions', '['.repeat(100_000)), 400, 'InvalidArgument');
    assertFcFault(await fcCall('POST', '/2023-03-30/functions', '{"a":'.repeat(100_000)), 400, 'InvalidArgument');
    for (const body of [
      '[]',
      '"text"',
      'null',
      '{}',
      JSON.stringify({ ...valid, functionName: '../up' }),
      JSON.stringify({ ...valid, runtime: 'cobol' }),
      JSON.stringify({ ...valid, timeout: 'soon' }),
      JSON.stringify({ ...valid, memorySize: -1 }),
      JSON.stringify({ ...valid, functionName: 'x'.repeat(65) }),
      `{"__proto__":{"functionName":"x"}}`,
    ]) {
      assertFcFault(await fcCall('POST', '/2023-03-30/functions', body), 400, 'InvalidArgument', body.slice(0, 80));
    }
    assertFcFault(await fcCall('GET', '/2023-03-30/functions/none', ''), 404, 'FunctionNotFound');
    assertFcFault(await fcCall('GET', '/2023-03-30/nothing', ''), 404, 'PathNotSupported');
    const wrong = await fcCall('GET', '/2023-03-30/functions', '', { ...sluice.key, secret: 'wrong' });
    assert.equal(wrong.status, 403, wrong.body.toString());
  });

  test('JSON beyond the limit is refused before it is read', async () => {
    const { host } = new URL(sluice.control);
    const headers = signAcs3({ method: 'POST', path: '/2023-03-30/functions', host, body: Buffer.alloc(0) }, sluice.key);
    const answer = await sendRaw(
      sluice.control,
      `POST /2023-03-30/functions HTTP/1.1\r\n${Object.entries({ ...headers, 'content-length': String(10 * 2 ** 30), connection: 'close' })
        .map(([name, value]) => `${name}: ${value}\r\n`)
        .join('')}\r\n{`,
      5000,
    );
    assert.match(answer, /^HTTP\/1\.1 4(00|13) /);
    assert.match(answer, /EntityTooLarge|InvalidArgument/);
  });
});

function assertFcFault(reply: Reply, status: number, code: string, title = ''): void {
  assert.deepEqual([reply.status, reply.code], [status, code], `${title} ${reply.body.toString().slice(0, 600)}`);
  assert.ok(!/\bat .*\.ts:\d+/.test(reply.body.toString()), 'a stack trace leaked');
}

function fcCall(method: string, path: string, body: string, by: Key = sluice.key): Promise<Reply> {
  const bytes = Buffer.from(body);
  const { host } = new URL(sluice.control);
  return send(sluice.control, {
    method,
    path,
    headers: signAcs3({ method, path, host, body: bytes }, by),
    ...(body ? { body: bytes } : {}),
  });
}

describe('HTTP', () => {
  test('headers beyond the limit', async () => {
    for (const origin of [sluice.data, sluice.control, sluice.functions]) {
      const answer = await sendRaw(origin, `GET / HTTP/1.1\r\nHost: x\r\nX-Big: ${'a'.repeat(200_000)}\r\n\r\n`);
      assert.match(answer, /^HTTP\/1\.1 4(31|00) |^$/, origin);
    }
  });

  test('bytes that are no HTTP, and requests that could be read two ways', async () => {
    const smuggled = 'GET /x HTTP/1.1\r\nHost: x\r\n\r\n';
    for (const bytes of [
      'hello\r\n\r\n',
      '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
      'GET / HTTP/1.1\r\n\r\n',
      `POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}`,
      `POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab${smuggled}`,
      'GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n',
      'GET / HTTP/1.1\r\nHost : x\r\n\r\n',
      'GET / HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n',
    ]) {
      const answer = await sendRaw(sluice.data, Buffer.from(bytes, 'latin1'), 500);
      assert.ok(!/^HTTP\/1\.1 (2|5)/.test(answer), `${JSON.stringify(bytes.slice(0, 60))} -> ${answer.slice(0, 100)}`);
    }
  });

  test('the control listener answers only its own Host names', async () => {
    const reply = await send(sluice.control, { path: '/health/live', headers: { host: 'attacker.example' } });
    assert.deepEqual([reply.status, reply.code], [421, 'MisdirectedRequest']);
  });

  test('clients that leave: connected, in the head, in a body', async () => {
    (await dial(sluice.data)).destroy();
    const half = await dial(sluice.data);
    half.write('GET /acc-bad/here.txt HT');
    half.destroy();
    const request: Unsigned = { method: 'PUT', bucket, key: 'never whole' };
    const headers = { ...signHeaderV4(request, sluice.key), 'content-length': '1000000' };
    const upload = openCall(sluice.data, { method: 'PUT', path: pathOf(request), headers });
    const closed = new Promise<void>((resolve) => upload.once('close', resolve));
    upload.on('error', () => {});
    upload.write(Buffer.alloc(300_000));
    await new Promise((resolve) => upload.once('drain', resolve));
    upload.destroy();
    await closed;
    await sluice.quiet();
    assertFault(await ossCall(sluice, { method: 'GET', bucket, key: 'never whole' }), 404, 'NoSuchKey');
  });

  test('a client that leaves in the middle of a plain download', async () => {
    const bytes = Buffer.alloc(32 << 20, 7);
    await ossDo(sluice, { method: 'PUT', bucket, key: 'big', body: bytes });
    const response = await start(sluice.data, {
      path: pathOf(get({ key: 'big' })),
      headers: signHeaderV4(get({ key: 'big' }), sluice.key),
    });
    await new Promise((resolve) => response.once('data', resolve));
    response.destroy();
    await sluice.quiet();
    await ossDo(sluice, { method: 'DELETE', bucket, key: 'big' });
  });
});

/** A ZIP of many empty files, written by hand (PKWARE APPNOTE, sections 4.3.7, 4.3.12 and 4.3.16). */
function emptyEntries(count: number): Buffer {
  const local: Buffer[] = [];
  const central: Buffer[] = [];
  for (let index = 0; index < count; index++) {
    const name = Buffer.from(`f/${String(index).padStart(8, '0')}`);
    const head = Buffer.alloc(30);
    head.writeUInt32LE(0x04034b50, 0);
    head.writeUInt16LE(name.length, 26);
    local.push(head, name);
    const entry = Buffer.alloc(46);
    entry.writeUInt32LE(0x02014b50, 0);
    entry.writeUInt16LE(name.length, 28);
    entry.writeUInt32LE(index * (30 + name.length), 42);
    central.push(entry, name);
  }
  const [files, directory, end] = [Buffer.concat(local), Buffer.concat(central), Buffer.alloc(22)];
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(count, 8);
  end.writeUInt16LE(count, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(files.length, 16);
  return Buffer.concat([files, directory, end]);
}

describe('code packages', () => {
  const deploy = (name: string, archive: Buffer) => {
    const body = { functionName: name, runtime: 'python3.10', handler: 'index.handler', code: { zipFile: archive.toString('base64') } };
    return fcCall('POST', '/2023-03-30/functions', JSON.stringify(body));
  };
  const index: CodeFile = { name: 'index.py', data: Buffer.from('def handler(event, context):\n    return "x"\n') };
  /** Other bytes of the same length in place of a name, wherever the archive holds it. */
  const renamed = (archive: Buffer, from: string, to: string) => Buffer.from(archive.toString('latin1').replaceAll(from, to), 'latin1');

  async function refused(name: string, archive: Buffer): Promise<void> {
    assertFcFault(await deploy('hostile', archive), 400, 'InvalidCodePackage', name);
    assertFcFault(await fcCall('GET', '/2023-03-30/functions/hostile', ''), 404, 'FunctionNotFound');
  }

  test('names that leave the folder', async () => {
    const archive = await zip([index, { name: 'aa/evil-entry.py', data: Buffer.from('evil') }]);
    for (const to of ['../evil-entry.py', '/etc/evil-entry', '..\\evil-entry.py', 'C:\\evil-entry.py']) {
      await refused(to, renamed(archive, 'aa/evil-entry.py', to.padEnd(16, 'x').slice(0, 16)));
    }
    const files = readdirSync(sluice.folder, { recursive: true }) as string[];
    assert.deepEqual(
      files.filter((file) => file.includes('evil-entry')),
      [],
    );
  });

  test('links that leave the folder, and one name twice', async () => {
    const link = (target: string): CodeFile => ({ name: 'link', data: Buffer.from(target), mode: 0o120777 });
    for (const target of ['/etc/passwd', '../../../../etc/passwd', '..']) await refused(target, await zip([index, link(target)]));
    const twice = await zip([index, { name: 'indey.py', data: Buffer.from('evil') }]);
    await refused('twice', renamed(twice, 'indey.py', 'index.py'));
  });

  test('bombs: by ratio, by number, by a false size', async () => {
    const zeros = Buffer.alloc(96 << 20);
    const bomb = await zip([index, { name: 'zeros', data: zeros }], 9);
    await refused('ratio', bomb);
    const few = await deploy('hostile', emptyEntries(2));
    assert.equal(few.status, 200, 'the same archive with few entries is accepted');
    await deleteFunction(sluice, 'hostile');
    await refused('number', emptyEntries(60_000));
    const small = Buffer.from(bomb);
    const size = Buffer.alloc(4);
    size.writeUInt32LE(zeros.length);
    const truth = Buffer.alloc(4);
    truth.writeUInt32LE(100);
    for (let at = small.indexOf(size); at >= 0; at = small.indexOf(size, at + 4)) truth.copy(small, at);
    await refused('false size', small);
  });

  test('archives that are cut off or are none', async () => {
    const archive = await zip([index]);
    await refused('half', archive.subarray(0, archive.length >> 1));
    await refused('none', Buffer.from('this is no archive'));
    assertFcFault(await deploy('hostile', Buffer.alloc(0)), 400, 'InvalidArgument');
    const wrongBase64 = {
      functionName: 'hostile',
      runtime: 'python3.10',
      handler: 'index.handler',
      code: { zipFile: '!!! no base64 !!!' },
    };
    const reply = await fcCall('POST', '/2023-03-30/functions', JSON.stringify(wrongBase64));
    assert.equal(reply.status, 400, reply.body.toString());
  });

  test('a package object that is not there', async () => {
    const body = {
      functionName: 'hostile',
      runtime: 'python3.10',
      handler: 'index.handler',
      code: { ossBucketName: bucket, ossObjectName: 'none.zip' },
    };
    const reply = await fcCall('POST', '/2023-03-30/functions', JSON.stringify(body));
    assert.ok(reply.status >= 400 && reply.status < 500, reply.body.toString());
    assert.notEqual(reply.code, '');
  });

  test('a function that was deployed beside all this still deletes cleanly', async () => {
    await deployFunction(sluice, 'harmless', [index]);
    await deleteFunction(sluice, 'harmless');
  });
});

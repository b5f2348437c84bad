import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { ossCall, ossDo } from '../acceptance/harness/deploy.ts';
import { dial, send, sendRaw } from '../acceptance/harness/http.ts';
import { pathOf, presignV4, signHeaderV4 } from '../acceptance/harness/sign.ts';
import { type Sluice, startSluice } from '../acceptance/harness/sluice.ts';

let sluice: Sluice;

before(async () => {
  sluice = await startSluice({
    env: {
      SLUICE_LOG_LEVEL: 'trace',
      SLUICE_HTTP_HEADERS_TIMEOUT_MS: '700',
      SLUICE_HTTP_IDLE_MS: '700',
      SLUICE_HTTP_CONNECTIONS_PER_ADDRESS: '40',
      SLUICE_HTTP_REQUESTS_PER_KEY: '3',
    },
  });
  await ossDo(sluice, { method: 'PUT', bucket: 'doors' });
  await ossDo(sluice, { method: 'PUT', bucket: 'doors', key: 'plain.txt', body: 'a plain object' });
});
after(async () => {
  await sluice.quiet();
  await sluice.stop();
});

const doors = () => Object.entries({ data: sluice.data, control: sluice.control, functions: sluice.functions });

/** A request that a proxy in front could take for another one than we do. The smuggled part asks for something that would answer 200. */
const inner = 'GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n';
const smuggling: Record<string, string> = {
  'a length and chunks': `POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${inner}`,
  'chunks and a length': `POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n0\r\n\r\n${inner}`,
  'two lengths': `POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nContent-Length: ${inner.length}\r\n\r\n${inner}`,
  'a list of lengths': `POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0, 0\r\n\r\n${inner}`,
  'a blank before the colon': `POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n${inner}`,
  'a coding behind another': `POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: xchunked\r\n\r\n${inner}`,
  'chunks in HTTP/1.0': `POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n0\r\n\r\n${inner}`,
  'a folded coding': `POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n${inner}`,
  'a bare LF': `GET / HTTP/1.1\nHost: localhost\n\n${inner}`,
  'a bare LF between headers': `GET / HTTP/1.1\r\nHost: localhost\nX: y\r\n\r\n${inner}`,
  'a bare CR': `GET / HTTP/1.1\r\nHost: localhost\rX: y\r\n\r\n${inner}`,
  'a NUL in a name': `GET / HTTP/1.1\r\nHost: localhost\r\nX\0: y\r\n\r\n${inner}`,
  'a NUL in a forwarded header': `POST /?x-oss-write-get-object-response HTTP/1.1\r\nHost: localhost\r\nx-oss-fwd-header-Content-Type: a\0b\r\nContent-Length: 0\r\n\r\n${inner}`,
  'two Hosts': `GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil\r\n\r\n${inner}`,
  'no Host': `GET / HTTP/1.1\r\n\r\n${inner}`,
  'a broken chunk size': `POST /doors/x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5;\0\r\nabcde\r\n0\r\n\r\n${inner}`,
};

describe('request smuggling', () => {
  for (const [name, bytes] of Object.entries(smuggling)) {
    test(`${name}: refused, and what follows is not served`, async () => {
      for (const [door, origin] of doors()) {
        const answer = await sendRaw(origin, bytes, 1500);
        const statuses = [...answer.matchAll(/HTTP\/1\.1 (\d{3})/g)].map((match) => Number(match[1]));
        assert.ok(statuses.length <= 1, `${door} answered ${statuses}`);
        assert.ok((statuses[0] ?? 400) >= 400, `${door} answered ${statuses}`);
        assert.doesNotMatch(answer, /"live"/);
      }
      sluice.alive();
    });
  }
});

describe('slow clients', () => {
  test('a head that never ends gets 408, and its connection is closed', async () => {
    for (const [door, origin] of doors()) {
      if (door === 'functions') continue;
      const answer = await sendRaw(origin, 'GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ', 5000);
      assert.match(answer, /^HTTP\/1\.1 408 /, door);
    }
  });

  test('a head that drips is not kept alive by its dripping', async () => {
    const socket = await dial(sluice.data);
    let answer = '';
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1');
    });
    socket.on('error', () => {});
    const closed = once(socket, 'close');
    socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n');
    const drip = setInterval(() => socket.write('X: y\r\n'), 100);
    await closed;
    clearInterval(drip);
    assert.match(answer, /^HTTP\/1\.1 408 /);
  });

  test('a body that stops gets RequestTimeout', async () => {
    const request = { method: 'PUT', bucket: 'doors', key: 'slow.txt' };
    const headers = Object.entries(signHeaderV4(request, sluice.key)).map(([name, value]) => `${name}: ${value}\r\n`);
    const head = `PUT ${pathOf(request)} HTTP/1.1\r\nHost: localhost\r\n${headers.join('')}Content-Length: 100\r\n\r\nabc`;
    assert.match(await sendRaw(sluice.data, head, 5000), /^HTTP\/1\.1 400 [\s\S]*RequestTimeout/);
    assert.equal((await ossCall(sluice, { method: 'GET', bucket: 'doors', key: 'slow.txt' })).code, 'NoSuchKey');
  });
});

describe('limits', () => {
  test('a head beyond the limit gets 431', async () => {
    for (const [door, origin] of doors()) {
      const answer = await sendRaw(origin, `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(70_000)}\r\n\r\n`);
      assert.match(answer, /^HTTP\/1\.1 431 /, door);
    }
  });

  test('one address gets so many connections and no more; others are served', async () => {
    const { port } = new URL(sluice.data);
    const open: Socket[] = [];
    let refused = 0;
    for (let i = 0; i < 60; i += 1) {
      const socket = connect({ port: Number(port), host: '127.0.0.1', localAddress: '127.0.0.7' });
      socket.on('error', () => {});
      socket.on('close', () => (refused += 1));
      open.push(socket);
      await once(socket, 'connect').catch(() => {});
    }
    while (refused < 20) await new Promise((resolve) => setTimeout(resolve, 10));
    assert.equal((await ossCall(sluice, { method: 'GET', bucket: 'doors', key: 'plain.txt' })).status, 200);
    for (const socket of open) socket.destroy();
  });

  test('one access key gets so many requests at work and no more', async () => {
    const request = { method: 'PUT', bucket: 'doors', key: 'held.txt' };
    const headers = Object.entries(signHeaderV4(request, sluice.key)).map(([name, value]) => `${name}: ${value}\r\n`);
    const head = `PUT ${pathOf(request)} HTTP/1.1\r\nHost: localhost\r\n${headers.join('')}Content-Length: 100\r\n\r\nabc`;
    const held = await Promise.all([1, 2, 3].map(() => dial(sluice.data)));
    for (const socket of held) socket.write(head);
    await new Promise((resolve) => setTimeout(resolve, 200));
    const reply = await ossCall(sluice, { method: 'GET', bucket: 'doors', key: 'plain.txt' });
    assert.deepEqual([reply.status, reply.code, reply.headers['retry-after']], [503, 'SlowDown', '1']);
    for (const socket of held) socket.destroy();
    await sluice.quiet();
    assert.equal((await ossCall(sluice, { method: 'GET', bucket: 'doors', key: 'plain.txt' })).status, 200);
  });
});

describe('names', () => {
  test('the control listener answers no Host but its own: a page of another name cannot reach it (DNS rebinding)', async () => {
    for (const host of ['evil.example', 'localhost.evil.example', 'evil.example:9001', '127.0.0.1.nip.io']) {
      const reply = await send(sluice.control, { path: '/metrics', headers: { host } });
      assert.equal(reply.status, 421, host);
    }
    assert.match(await sendRaw(sluice.control, 'GET /metrics HTTP/1.1\r\nHost: \r\n\r\n'), /^HTTP\/1\.1 421 /);
  });

  test('no answer of the data listener repeats a strange Host, nor follows it', async () => {
    for (const host of ['evil.example', '"><script>', 'doors.evil.example']) {
      const request = { method: 'GET', bucket: 'doors', key: 'none' };
      const answer = await sendRaw(sluice.data, `GET ${pathOf(request)} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
      assert.doesNotMatch(answer, /<script>|Location:/i);
    }
  });

  test('a path that climbs is a key, or nothing', async () => {
    for (const path of [
      '/doors/../../../../etc/passwd',
      '/doors/%2e%2e/%2e%2e/etc/passwd',
      '/../keys.json',
      '/doors/..%2f..%2fkeys.json',
      '//etc/passwd',
    ]) {
      const answer = await sendRaw(sluice.data, `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n`);
      assert.match(answer, /^HTTP\/1\.1 (400|403|404) /, path);
      assert.doesNotMatch(answer, /root:|sealing/);
    }
    const stored = await ossCall(sluice, { method: 'PUT', bucket: 'doors', key: 'a/../../../../../../tmp/sluice-climbed', body: 'x' });
    assert.equal(stored.status, 200);
    assert.ok(!existsSync('/tmp/sluice-climbed'));
  });
});

describe('audit log', () => {
  test('names who changed what and who was denied, and holds no secret', async () => {
    const wrong = { id: sluice.key.id, secret: 'not-the-secret-at-all' };
    const request = { method: 'GET', bucket: 'doors', key: 'plain.txt' };
    const denied = await send(sluice.data, { path: pathOf(request), headers: signHeaderV4(request, wrong) });
    assert.equal(denied.status, 403);
    await ossDo(sluice, { method: 'PUT', bucket: 'doors', key: 'audited.txt', body: 'x' });
    const file = join(sluice.folder, 'data', 'audit', 'audit.log');
    const find = (pattern: RegExp) => {
      const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n') : [];
      return lines.filter((line) => pattern.test(line)).map((line) => JSON.parse(line) as Record<string, unknown>);
    };
    while (find(/audited\.txt/).length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    const [change] = find(/audited\.txt/);
    assert.equal(change?.operation, 'PutObject');
    assert.match(String(change?.actor), /:root$/);
    assert.deepEqual([change?.outcome, change?.accessKeyId, change?.remote], ['done', sluice.key.id, '127.0.0.1']);
    const refusal = find(/SignatureDoesNotMatch/)[0];
    assert.deepEqual([refusal?.outcome, refusal?.status, refusal?.actor], ['denied', 403, 'unknown']);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.doesNotMatch(readFileSync(file, 'utf8'), /acceptance-secret|not-the-secret/);
  });
});

test('no log line holds a secret, a signature or a token, at the most talkative level', async () => {
  const request = { method: 'GET', bucket: 'doors', key: 'plain.txt' };
  const url = presignV4(request, sluice.key, 60);
  assert.equal((await send(sluice.data, { path: url })).status, 200);
  const headers = signHeaderV4({ ...request, headers: { 'x-oss-security-token': 'TOKEN-THAT-IS-SECRET' } }, sluice.key);
  await send(sluice.data, { path: pathOf(request), headers: { ...headers, cookie: 'session=COOKIE-THAT-IS-SECRET' } });
  const signature = /x-oss-signature=([0-9a-f]+)/.exec(url)?.[1] as string;
  const authorization = headers.authorization as string;
  await new Promise((resolve) => setTimeout(resolve, 300));
  for (const secret of [sluice.key.secret, signature, authorization.slice(-40), 'TOKEN-THAT-IS-SECRET', 'COOKIE-THAT-IS-SECRET']) {
    assert.ok(!sluice.log.includes(secret), `the log holds ${createHash('sha256').update(secret).digest('hex').slice(0, 8)}`);
  }
  assert.match(sluice.log, /"operation":"GetObject"/);
});

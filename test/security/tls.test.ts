import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { developmentCertificate } from '../../src/http/index.ts';
import { sendRaw } from '../acceptance/harness/http.ts';
import { pathOf, signHeaderV4 } from '../acceptance/harness/sign.ts';
import { startSluice } from '../acceptance/harness/sluice.ts';

async function get(origin: string, path: string, headers: Record<string, string>, ca: string | undefined, body?: Buffer) {
  const { hostname, port } = new URL(origin);
  const call = request({ hostname, port, path, headers, ca, method: body ? 'PUT' : 'GET', agent: false });
  call.end(body);
  const [response] = await once(call, 'response');
  return { status: response.statusCode as number, body: await buffer(response) };
}

test('TLS with a development certificate: trusted by its authority alone, on both public doors, and never plain', async () => {
  const sluice = await startSluice({ env: { SLUICE_TLS_DEVELOPMENT: 'true', SLUICE_DOMAINS: 'oss.test' } });
  try {
    assert.match(sluice.data, /^https:/);
    assert.match(sluice.control, /^https:/);
    assert.match(sluice.functions, /^http:/);
    const folder = join(sluice.folder, 'data', 'tls');
    const ca = readFileSync(join(folder, 'ca.pem'), 'utf8');
    for (const key of ['ca.key', 'server.key']) assert.equal(statSync(join(folder, key)).mode & 0o777, 0o600);
    const put = (bucket: string, key: string | undefined, body: Buffer) => {
      const unsigned = { method: 'PUT', bucket, ...(key ? { key } : {}) };
      return get(sluice.data, pathOf(unsigned), signHeaderV4(unsigned, sluice.key), ca, body);
    };
    assert.equal((await put('over-tls', undefined, Buffer.from(''))).status, 200);
    const large = Buffer.alloc(5_000_000, 'tls');
    assert.equal((await put('over-tls', 'large.bin', large)).status, 200);
    const unsigned = { method: 'GET', bucket: 'over-tls', key: 'large.bin' };
    const back = await get(sluice.data, pathOf(unsigned), signHeaderV4(unsigned, sluice.key), ca);
    assert.ok(back.body.equals(large));
    assert.equal((await get(sluice.control, '/health/live', {}, ca)).status, 200);
    await assert.rejects(get(sluice.control, '/health/live', {}, undefined), /certificate|signature|issuer/i);
    assert.equal(await sendRaw(sluice.data, 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'), '');
    const { port } = new URL(sluice.data);
    const old = connectTls({ port: Number(port), host: '127.0.0.1', ca, maxVersion: 'TLSv1.1', minVersion: 'TLSv1' });
    await assert.rejects(once(old, 'secureConnect'));
    const named = connectTls({ port: Number(port), host: '127.0.0.1', ca, servername: 'bucket.oss.test' });
    await once(named, 'secureConnect');
    assert.equal(named.authorized, true);
    named.destroy();
    await sluice.quiet().catch(() => {});
  } finally {
    await sluice.stop();
  }
});

test('TLS with a given certificate, and clear errors for wrong ones', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-tls-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const first = developmentCertificate(join(folder, 'one'), ['127.0.0.1']);
  developmentCertificate(join(folder, 'two'), ['127.0.0.1']);
  const file = (name: string) => join(folder, name);
  const sluice = await startSluice({ env: { SLUICE_TLS_CERT: file('one/server.pem'), SLUICE_TLS_KEY: file('one/server.key') } });
  assert.equal((await get(sluice.control, '/health/live', {}, readFileSync(first.authority, 'utf8'))).status, 200);
  await sluice.stop();
  const fails = async (env: Record<string, string>, expected: RegExp) => {
    await assert.rejects(startSluice({ env }), expected);
  };
  await fails({ SLUICE_TLS_CERT: file('one/server.pem'), SLUICE_TLS_KEY: file('two/server.key') }, /not the key of the certificate/);
  await fails({ SLUICE_TLS_CERT: file('none.pem'), SLUICE_TLS_KEY: file('two/server.key') }, /cannot be read \(ENOENT\)/);
  await fails({ SLUICE_TLS_CERT: file('one/server.key'), SLUICE_TLS_KEY: file('one/server.key') }, /holds no PEM certificate/);
  await fails({ SLUICE_TLS_CERT: file('one/server.pem') }, /tls\.cert and tls\.key: give both or neither/);
});

test('the authority stays the same when a certificate is made anew, and openssl agrees with it', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-ca-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const { authority, cert } = developmentCertificate(folder, ['localhost', '127.0.0.1', '::1']);
  const before = readFileSync(authority, 'utf8');
  assert.equal(developmentCertificate(folder, ['localhost']).cert, cert, 'a good certificate is kept');
  const again = developmentCertificate(folder, ['localhost', 'other.test']);
  assert.notEqual(again.cert, cert);
  assert.equal(readFileSync(authority, 'utf8'), before);
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' });
  } catch {
    return t.skip('no openssl on this machine');
  }
  const verdict = execFileSync('openssl', ['verify', '-x509_strict', '-CAfile', authority, join(folder, 'server.pem')]);
  assert.match(verdict.toString(), /OK/);
});

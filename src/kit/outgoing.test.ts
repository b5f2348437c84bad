import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { isAllowEntry, isForbidden } from './addresses.ts';
import { type OutgoingError, type OutgoingRequest, openOutgoing } from './outgoing.ts';

async function serve(t: TestContext, listener: RequestListener): Promise<number> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.closeAllConnections());
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

function open(t: TestContext, allow: string[], ca?: string) {
  const outgoing = openOutgoing({ allow, ca, connectMs: 1_000 });
  t.after(() => outgoing.close());
  return outgoing;
}

const get = (url: string, more: Partial<OutgoingRequest> = {}): OutgoingRequest => ({
  url,
  method: 'GET',
  headersMs: 5_000,
  bodyMs: 5_000,
  ...more,
});
const reason = (name: string, text?: RegExp) => (error: OutgoingError) => {
  assert.equal(error.reason, name);
  if (text) assert.match(error.message, text);
  return true;
};

test('a request to an allowed address carries method, headers and body, and brings the answer', async (t) => {
  const port = await serve(t, (req, res) => {
    const parts: Buffer[] = [];
    req.on('data', (part: Buffer) => parts.push(part));
    req.on('end', () => {
      res.writeHead(201, { 'x-two': ['a', 'b'] });
      res.end(`${req.method} ${req.url} ${req.headers['x-one']} ${Buffer.concat(parts)}`);
    });
  });
  const outgoing = open(t, [`127.0.0.1:${port}`]);
  const answer = await outgoing.request(
    get(`http://127.0.0.1:${port}/a%20b?c=d`, { method: 'POST', headers: { 'x-one': '1' }, body: Buffer.from('event') }),
  );
  assert.equal(answer.status, 201);
  assert.equal(answer.headers['x-two'], 'a, b');
  assert.equal(answer.body.toString(), 'POST /a%20b?c=d 1 event');
});

test('what is not on the list is refused with the setting that allows it', async (t) => {
  const port = await serve(t, (_req, res) => res.end());
  const outgoing = open(t, ['127.0.0.1:1', `localhost:${port}`, `[::1]:${port}`]);
  const url = `http://127.0.0.1:${port}/`;
  await assert.rejects(outgoing.request(get(url)), reason('denied', new RegExp(`127\\.0\\.0\\.1:${port}.*outgoing\\.allow`)));
  for (const other of [
    'ftp://127.0.0.1:1/',
    'file:///etc/passwd',
    'not a url',
    'http://user:secret@127.0.0.1:1/',
    'http://127.0.0.1:80:80/',
  ]) {
    await assert.rejects(outgoing.request(get(other)), reason('denied'));
  }
  await assert.rejects(outgoing.request(get('http://user:secret@127.0.0.1:1/')), (error: Error) => !error.message.includes('secret'));
});

test('an address is one address however it is written', async (t) => {
  const port = await serve(t, (_req, res) => res.end('here'));
  const outgoing = open(t, [`127.0.0.1:${port}`]);
  for (const host of ['127.1', '0x7f000001', '2130706433', '127.0.0.1.']) {
    assert.equal((await outgoing.request(get(`http://${host}:${port}/`))).body.toString(), 'here', host);
  }
});

test('a name that leads to this machine is refused, though the name is on the list', async (t) => {
  let requests = 0;
  const port = await serve(t, (_req, res) => {
    requests++;
    res.end();
  });
  const outgoing = open(t, [`localhost:${port}`]);
  await assert.rejects(outgoing.request(get(`http://localhost:${port}/`)), reason('denied', /localhost leads to (127\.0\.0\.1|::1)/));
  assert.equal(requests, 0);
});

test('addresses that no name may lead to', () => {
  for (const address of [
    '127.0.0.1',
    '127.8.8.8',
    '0.0.0.0',
    '169.254.169.254',
    '100.100.100.200',
    '168.63.129.16',
    '224.0.0.1',
    '255.255.255.255',
  ]) {
    assert.ok(isForbidden(address), address);
  }
  for (const address of [
    '::1',
    '::',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '0:0:0:0:0:FFFF:a9fe:a9fe',
    'fe80::1%eth0',
    '::127.0.0.1',
    'fe80::1',
    'fd00:ec2::254',
    'ff02::1',
    '64:ff9b::7f00:1',
    '2002:7f00:1::',
    'nonsense',
  ]) {
    assert.ok(isForbidden(address), address);
  }
  for (const address of ['10.0.0.5', '172.16.0.1', '192.168.1.1', '8.8.8.8', '2001:db8::1', 'fd12::1', '::ffff:10.0.0.5']) {
    assert.ok(!isForbidden(address), address);
  }
});

test('the form of an entry', () => {
  for (const entry of ['worker.internal:8080', '10.0.0.5:8080', '[::1]:80', 'a_b:65535']) assert.ok(isAllowEntry(entry), entry);
  for (const entry of ['worker', 'worker:', 'worker:0', 'worker:65536', ':80', '::1:80', '[zz]:80', 'http://worker:80', '*:80', 'a b:80']) {
    assert.ok(!isAllowEntry(entry), entry);
  }
});

test('a redirect is not followed', async (t) => {
  let paths = '';
  const port = await serve(t, (req, res) => {
    paths += req.url;
    res.writeHead(302, { location: '/there' }).end();
  });
  const answer = await open(t, [`127.0.0.1:${port}`]).request(get(`http://127.0.0.1:${port}/here`));
  assert.equal(answer.status, 302);
  assert.equal(paths, '/here');
});

test('nobody listening is unreachable: nothing was sent', async (t) => {
  const server = createTcpServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  const pending = open(t, [`127.0.0.1:${port}`]).request(get(`http://127.0.0.1:${port}/`));
  await assert.rejects(pending, (error: OutgoingError) => reason('unreachable', /ECONNREFUSED/)(error) && error.sent === false);
});

test('a request that was sent is never sent again', async (t) => {
  let requests = 0;
  const port = await serve(t, (req) => {
    requests++;
    req.socket.destroy();
  });
  const pending = open(t, [`127.0.0.1:${port}`]).request(get(`http://127.0.0.1:${port}/`));
  await assert.rejects(pending, (error: OutgoingError) => reason('lost')(error) && error.sent);
  assert.equal(requests, 1);
});

test('deadlines: a head that does not come, and a body that does not end', async (t) => {
  const port = await serve(t, (req, res) => {
    if (req.url === '/body') res.writeHead(200).write('half');
  });
  const outgoing = open(t, [`127.0.0.1:${port}`]);
  await assert.rejects(outgoing.request(get(`http://127.0.0.1:${port}/head`, { headersMs: 50 })), reason('late'));
  await assert.rejects(outgoing.request(get(`http://127.0.0.1:${port}/body`, { bodyMs: 50 })), reason('late'));
});

test('an answer larger than the limit is not read', async (t) => {
  const port = await serve(t, (req, res) => {
    if (req.url === '/told') res.setHeader('content-length', 2_000);
    res.write(Buffer.alloc(1_000));
    res.end(Buffer.alloc(1_000));
  });
  const outgoing = open(t, [`127.0.0.1:${port}`]);
  for (const path of ['told', 'untold']) {
    await assert.rejects(outgoing.request(get(`http://127.0.0.1:${port}/${path}`, { maxBytes: 1_999 })), reason('too-large', /1999/));
    assert.equal((await outgoing.request(get(`http://127.0.0.1:${port}/${path}`, { maxBytes: 2_000 }))).body.length, 2_000);
  }
});

test('an aborted request ends with the reason of its signal', async (t) => {
  const abort = new AbortController();
  const port = await serve(t, () => abort.abort(new Error('the client left')));
  const outgoing = open(t, [`127.0.0.1:${port}`]);
  await assert.rejects(outgoing.request(get(`http://127.0.0.1:${port}/`, { signal: abort.signal })), /the client left/);
  await assert.rejects(outgoing.request(get(`http://127.0.0.1:${port}/`, { signal: abort.signal })), /the client left/);
});

/** A certificate that vouches for itself; by the openssl program, which is everywhere where there are tests. */
function certificate(folder: string, address: string): { cert: string; key: string } {
  const [cert, key] = [join(folder, `${address}.crt`), join(folder, `${address}.key`)];
  const about = [
    '-nodes',
    '-days',
    '1',
    '-subj',
    `/CN=${address}`,
    '-addext',
    `subjectAltName=IP:${address}`,
    '-keyout',
    key,
    '-out',
    cert,
  ];
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', ...about], { stdio: 'ignore' });
  return { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') };
}

test('TLS: a trusted certificate of the right name, and nothing else', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-tls-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const [good, wrong] = [certificate(folder, '127.0.0.1'), certificate(folder, '127.0.0.2')];
  const start = async (options: { cert: string; key: string }) => {
    const server = createTlsServer(options, (_req, res) => res.end('sealed')).listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.after(() => server.closeAllConnections());
    t.after(() => server.close());
    return (server.address() as AddressInfo).port;
  };
  const [port, wrongPort] = [await start(good), await start(wrong)];
  const allow = [`127.0.0.1:${port}`, `127.0.0.1:${wrongPort}`];
  const trusting = open(t, allow, good.cert + wrong.cert);
  assert.equal((await trusting.request(get(`https://127.0.0.1:${port}/`))).body.toString(), 'sealed');
  await assert.rejects(trusting.request(get(`https://127.0.0.1:${wrongPort}/`)), reason('unreachable', /ALTNAME/));
  await assert.rejects(open(t, allow).request(get(`https://127.0.0.1:${port}/`)), reason('unreachable'));
});

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import type { FunctionVersion } from '../../functions/index.ts';
import { openOutgoing } from '../../kit/index.ts';
import { openStage, type Stage } from '../fixture.ts';

interface Seen {
  method: string | undefined;
  url: string | undefined;
  headers: IncomingMessage['headers'];
  body: string;
}

async function serve(
  t: TestContext,
  act: (seen: Seen, res: ServerResponse, req: IncomingMessage) => void,
): Promise<{ seen: Seen[]; host: string }> {
  const seen: Seen[] = [];
  const server = createServer(async (req, res) => {
    const one = { method: req.method, url: req.url, headers: req.headers, body: (await buffer(req)).toString() };
    seen.push(one);
    act(one, res, req);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.closeAllConnections());
  t.after(() => server.close());
  return { seen, host: `127.0.0.1:${(server.address() as AddressInfo).port}` };
}

async function stageOf(t: TestContext, allow: string[]): Promise<Stage> {
  const outgoing = openOutgoing({ allow });
  t.after(() => outgoing.close());
  return openStage(t, {}, { outgoing });
}

const remote = (url: string, more: Partial<FunctionVersion> = {}): Partial<FunctionVersion> => ({
  runtime: 'custom-container',
  handler: 'none',
  url,
  revision: `${url} ${JSON.stringify(more)}`,
  ...more,
});

test('a URL that speaks the contract is a function', async (t) => {
  const { seen, host } = await serve(t, (one, res) => res.end(`${one.body} answered`));
  const stage = await stageOf(t, [host]);
  const fn = stage.fn(remote(`http://${host}/base/`, { initializer: { handler: 'x', timeoutMs: 1_000 } }));
  const result = await stage.instances.invoke(fn, stage.call({ event: Buffer.from('event'), requestId: 'ID1', logTail: true }));
  assert.equal(result.failure, undefined, result.payload.toString());
  assert.equal(result.payload.toString(), 'event answered');
  assert.match(result.logTail ?? '', /FC Invoke End RequestId: ID1/);
  await stage.instances.invoke(fn, stage.call());
  assert.deepEqual(
    seen.map(({ method, url, headers }) => [method, url, headers['x-fc-control-path']]),
    [
      ['POST', '/base/initialize', '/initialize'],
      ['POST', '/base/invoke', '/invoke'],
      ['POST', '/base/invoke', '/invoke'],
    ],
  );
  const { headers } = seen[1] as Seen;
  assert.equal(headers['x-fc-request-id'], 'ID1');
  assert.equal(headers['x-fc-security-token'], 'call-token-value');
  assert.equal(headers['content-type'], 'application/octet-stream');
});

test('a URL that is not allowed is refused, and nothing is sent to it', async (t) => {
  const { seen, host } = await serve(t, (_one, res) => res.end());
  const stage = await stageOf(t, [`localhost:${host.split(':')[1]}`]);
  const refused = { code: 'FunctionNotStarted', message: /outgoing\.allow/ };
  await assert.rejects(stage.instances.invoke(stage.fn(remote(`http://${host}/`)), stage.call()), refused);
  await assert.rejects(stage.instances.prepare(stage.fn(remote('http://169.254.169.254/latest'))), refused);
  const named = await stage.instances.invoke(stage.fn(remote(`http://localhost:${host.split(':')[1]}/`)), stage.call());
  assert.match(named.payload.toString(), /localhost leads to .*an address of this machine/);
  await assert.rejects(stage.instances.invoke(stage.fn({ runtime: 'custom-container' }), stage.call()), /by URL only/);
  assert.deepEqual(seen, []);
});

test('an event that was given is never given again', async (t) => {
  const { seen, host } = await serve(t, (_one, _res, req) => req.socket.destroy());
  const stage = await stageOf(t, [host]);
  const result = await stage.instances.invoke(stage.fn(remote(`http://${host}/`)), stage.call());
  assert.match(result.payload.toString(), /not called again, because it may have acted already/);
  assert.equal(seen.length, 1);
});

test('a refused connection is named with its host', async (t) => {
  const { host } = await serve(t, () => {});
  const stage = await stageOf(t, ['127.0.0.1:1', host]);
  const result = await stage.instances.invoke(stage.fn(remote('http://127.0.0.1:1/')), stage.call());
  assert.equal(result.failure?.kind, 'exited');
  assert.match(result.payload.toString(), /No connection to 127\.0\.0\.1:1 \(ECONNREFUSED\).*"FunctionNotStarted"/);
});

test('a deadline ends the call, not the instance', async (t) => {
  const { host } = await serve(t, (one, res) => {
    if (one.body === 'stream') res.write('half');
    else if (one.body !== 'slow') res.end('quick');
  });
  const stage = await stageOf(t, [host]);
  const fn = stage.fn(remote(`http://${host}/`, { timeoutMs: 200 }));
  for (const event of ['slow', 'stream']) {
    const late = await stage.instances.invoke(fn, stage.call({ event: Buffer.from(event) }));
    assert.equal(late.failure?.kind, 'timeout');
    assert.match(late.payload.toString(), /Function timed out after 0\.2 seconds/);
  }
  assert.equal((await stage.instances.invoke(fn, stage.call())).payload.toString(), 'quick');
});

test('a failed initializer is the start’s failure, and is tried again', async (t) => {
  let broken = true;
  const { host } = await serve(t, (one, res) => {
    if (one.url === '/initialize' && broken) res.writeHead(500).end('{"errorMessage":"warming up"}');
    else res.end('fine');
  });
  const stage = await stageOf(t, [host]);
  const fn = stage.fn(remote(`http://${host}`, { initializer: { handler: 'x', timeoutMs: 1_000 } }));
  const failed = await stage.instances.invoke(fn, stage.call());
  assert.deepEqual([failed.failure?.kind, failed.failure?.message], ['initializer', 'warming up']);
  broken = false;
  assert.equal((await stage.instances.invoke(fn, stage.call())).payload.toString(), 'fine');
});

test('a call outlives its timeout while its answer flows, and no longer', async (t) => {
  const { host } = await serve(t, (_one, res) => void setTimeout(() => res.end('late'), 900));
  const stage = await stageOf(t, [host]);
  const fn = stage.fn(remote(`http://${host}`, { timeoutMs: 300 }));
  const flowing = await stage.instances.invoke(fn, stage.call({ spareMs: () => 500 }));
  assert.deepEqual([flowing.failure, flowing.payload.toString()], [undefined, 'late']);
  const still = await stage.instances.invoke(fn, stage.call({ spareMs: () => 0 }));
  assert.equal(still.failure?.kind, 'timeout');
});

import assert from 'node:assert/strict';
import { existsSync, statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { randomHex } from '../../kit/index.ts';
import { until } from '../fixture.ts';
import { Door, idLength, secretLength } from './door.ts';

const id = `c-${randomHex((idLength - 2) / 2)}`;
const secret = randomHex(secretLength / 2);

async function open(t: TestContext): Promise<{ door: Door; path: string; knock: (greeting: string) => Socket }> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-door-'));
  const path = join(folder, 's.sock');
  const door = await Door.open(path);
  const sockets: Socket[] = [];
  t.after(async () => {
    for (const socket of sockets) socket.destroy();
    await door.close();
    assert.equal(existsSync(path), false);
    await rm(folder, { recursive: true });
  });
  const knock = (greeting: string) => {
    const socket = connect(path);
    socket.on('error', () => {});
    socket.write(greeting);
    sockets.push(socket);
    return socket;
  };
  return { door, path, knock };
}

const closed = (socket: Socket) => new Promise<void>((resolve) => socket.once('close', () => resolve()));

test('the right secret opens each kind of connection once, and what follows is handed on', async (t) => {
  const { door, path, knock } = await open(t);
  assert.equal(statSync(path).mode & 0o777, 0o666);
  const taken: string[] = [];
  door.expect(id, secret, (kind, _socket, rest) => taken.push(kind + rest.toString()));
  const greeting = knock(`F${id}`);
  greeting.write(secret.slice(0, 10));
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual(taken, []);
  greeting.write(`${secret.slice(10)}more`);
  await until(() => taken.length === 1, 'the first is in');
  await closed(knock(`F${id}${secret}`));
  knock(`O${id}${secret}`);
  await until(() => taken.length === 2, 'the second is in');
  await closed(knock(`O${id}${secret}`));
  assert.deepEqual(taken, ['Fmore', 'O']);
  assert.equal(door.strangers, 0);
});

test('a wrong secret, id or kind is shown out', async (t) => {
  const { door, knock } = await open(t);
  door.expect(id, secret, () => assert.fail('nobody may come in'));
  const wrong = secret.replace(/^./, (digit) => (digit === '0' ? '1' : '0'));
  const other = `c-${randomHex((idLength - 2) / 2)}`;
  for (const greeting of [`F${id}${wrong}`, `F${other}${secret}`, `X${id}${secret}`, 'F'.repeat(200), `F${id}${' '.repeat(64)}`]) {
    await closed(knock(greeting));
  }
  door.forget(id);
  await closed(knock(`F${id}${secret}`));
});

test('strangers are limited in number and time', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { door, knock } = await open(t);
  const first = knock('F');
  const firstClosed = closed(first);
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  while (door.strangers < 1) await turn();
  const others = Array.from({ length: 64 }, () => knock('F'));
  const othersClosed = others.map(closed);
  await firstClosed;
  while (door.strangers < 64) await turn();
  t.mock.timers.tick(5_001);
  await Promise.all(othersClosed);
  while (door.strangers > 0) await turn();
});

test('the port of the loopback address takes the same greeting', async (t) => {
  const { door } = await open(t);
  const port = await door.listenTcp();
  assert.equal(await door.listenTcp(), port);
  const taken: string[] = [];
  door.expect(id, secret, (kind, _socket, rest) => taken.push(kind + rest.toString()), ['F']);
  const sockets: Socket[] = [];
  const knock = (greeting: string) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.resume();
    socket.on('error', () => {});
    socket.write(greeting);
    sockets.push(socket);
    return socket;
  };
  await closed(knock(`O${id}${secret}`));
  await closed(knock(`F${id}${'0'.repeat(secretLength)}`));
  knock(`F${id}${secret}rest`);
  await until(() => taken.length === 1, 'it is in');
  await closed(knock(`F${id}${secret}`));
  assert.deepEqual(taken, ['Frest']);
  for (const socket of sockets) socket.destroy();
});

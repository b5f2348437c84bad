/** The command line as people see it: on a terminal of a given width, which is resized, with Ctrl C from the keyboard; and in a pipe. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createConnection, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { after, before, describe, type TestContext, test } from 'node:test';
import { Cli } from './harness/cli.ts';
import { type Sluice, startSluice } from './harness/sluice.ts';
import { compiled, python, root } from './harness/toolchain.ts';

const MB = 1024 * 1024;
const control = /\x1b\[[0-9;?]*[A-Za-z]/g;
let sluice: Sluice;
let cli: Cli;

before(async () => {
  sluice = await startSluice();
  cli = new Cli(sluice);
  await cli.good('bucket create acc-terminal');
  writeFileSync(cli.path('big.bin'), randomBytes(40 * MB));
});
after(async () => {
  cli.remove();
  await sluice.finish(async () => {});
});

interface Step {
  after: string;
  do: 'interrupt' | 'resize';
  columns?: number;
}

interface Shown {
  code: number;
  shown: string;
  /** Steps that were not reached. */
  left: number;
}

/** Runs `sluice` on a terminal. */
async function onTerminal(
  words: string[],
  options: { columns?: number; steps?: Step[]; env?: Record<string, string> } = {},
): Promise<Shown> {
  const { columns = 80, steps = [], env = {} } = options;
  const child = spawn(python.tools?.interpreter ?? 'python3', [join(root, 'test', 'acceptance', 'terminal', 'on_terminal.py')], {
    cwd: cli.folder,
    env: {
      ...{ PATH: process.env.PATH, TERM: 'xterm-256color', XDG_CONFIG_HOME: join(cli.folder, 'xdg') },
      ...{ SLUICE_ENDPOINT: sluice.control, SLUICE_DATA_ENDPOINT: sluice.data },
      ...{ SLUICE_ACCESS_KEY_ID: sluice.key.id, SLUICE_ACCESS_KEY_SECRET: sluice.key.secret },
      ...compiled,
      ...env,
    },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  child.stdin.end(JSON.stringify({ words: [process.execPath, join(root, 'bin', 'sluice'), ...words], columns, steps }));
  return (await json(child.stdout)) as Shown;
}

/** The states of a line that moves, without what moves it. */
function drawn(shown: string): string[] {
  return shown
    .split(/[\r\n]+/)
    .map((line) => line.replace(control, ''))
    .filter((line) => line !== '');
}

/** A way to the server that takes so many bytes of what each client sends, and then no more until it is opened. */
async function slowWay(t: TestContext, limit: number) {
  const sockets = new Set<Socket>();
  let open = false;
  const server = createServer((client) => {
    const { port } = new URL(sluice.data);
    const upstream = createConnection(Number(port), '127.0.0.1');
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => sockets.delete(socket));
    }
    let passed = 0;
    client.on('data', (chunk: Buffer) => {
      passed += chunk.length;
      upstream.write(chunk);
      if (passed > limit && !open) client.pause();
    });
    upstream.pipe(client);
    client.on('close', () => upstream.destroy());
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { port } = server.address() as { port: number };
  return {
    url: `http://127.0.0.1:${port}`,
    open: () => {
      open = true;
      for (const socket of sockets) socket.resume();
    },
  };
}

describe('on a terminal', { skip: python.skip }, () => {
  test('an upload shows how far it is, follows the width, and Ctrl C keeps what was sent', async (t) => {
    const way = await slowWay(t, 9 * MB);
    const steps: Step[] = [
      { after: '/s', do: 'resize', columns: 40 },
      { after: '\\r[^\\r]{20,39}\\x1b\\[K\\r[^\\r]{20,39}\\x1b\\[K', do: 'interrupt' },
    ];
    const env = { SLUICE_DATA_ENDPOINT: way.url };
    const { code, shown, left } = await onTerminal(['object', 'put', 'big.bin', 'acc-terminal/big'], { columns: 90, steps, env });
    assert.equal(left, 0, shown);
    assert.equal(code, 130, shown);
    const lines = drawn(shown);
    const wide = lines.filter((line) => line.startsWith('big.bin  ['));
    assert.ok(
      wide.some((line) => /^big\.bin {2}\[#* *\] +\d+% {2}[\d.]+ MB of 40\.0 MB {2}[\d.]+ [KMG]?B\/s/.test(line)),
      shown,
    );
    assert.ok(
      lines.every((line) => line.length < 90 || /^\d+ bytes/.test(line)),
      'no line is broken by the edge of the terminal',
    );
    assert.match(
      shown,
      /\r\x1b\[K[^\r]*sluice: Interrupted\.\r\n\d+ bytes are kept on the server; the same command goes on from there\.\r\n$/,
    );
    assert.doesNotMatch(shown, /\x1b\[[0-9;]*m/, 'no colours');
    // What is kept is on the server, and remembered beside the profiles.
    assert.equal(readdirSync(join(cli.folder, 'xdg', 'sluice', 'uploads')).length, 1);
    const kept = Number(/(\d+) bytes are kept/.exec(shown)?.[1]);
    const uploads = (await cli.good('object uploads acc-terminal --json')).json as { uploads: unknown[] };
    assert.equal(uploads.uploads.length, 1);
    way.open();
    const again = await onTerminal(['object', 'put', 'big.bin', 'acc-terminal/big'], { env });
    assert.equal(again.code, 0, again.shown);
    assert.match(again.shown, /acc-terminal\/big: 41943040 bytes, ETag [0-9A-F]{32}-5, checksum right\.\r\n$/);
    assert.ok(kept === 0 || drawn(again.shown).length > 0);
    assert.deepEqual(((await cli.good('object uploads acc-terminal --json')).json as { uploads: unknown[] }).uploads, []);
    assert.equal(readdirSync(join(cli.folder, 'xdg', 'sluice', 'uploads')).length, 0);
    const back = await cli.good('object get acc-terminal/big -');
    assert.ok(back.bytes.equals(readFileSync(cli.path('big.bin'))));
  });

  test('60 columns, and NO_COLOR or not: help and tables have no colours, and progress fits', async () => {
    for (const env of [{}, { NO_COLOR: '1' }, { TERM: 'dumb' }] as Record<string, string>[]) {
      const help = await onTerminal(['object', 'put', '--help'], { columns: 60, env });
      assert.equal(help.code, 0);
      assert.doesNotMatch(help.shown, /\x1b/, JSON.stringify(env));
      assert.ok(
        drawn(help.shown).every((line) => line.length <= 60),
        help.shown,
      );
    }
    const table = await onTerminal(['bucket', 'list'], { columns: 60 });
    assert.match(table.shown, /^NAME .*\r\nacc-terminal /);
    assert.doesNotMatch(table.shown, /\x1b/);
    const got = await onTerminal(['object', 'get', 'acc-terminal/big', 'copy.bin'], { columns: 60 });
    assert.equal(got.code, 0, got.shown);
    assert.ok(
      drawn(got.shown).every((line) => line.length < 60 || line.startsWith('copy.bin: ')),
      got.shown,
    );
  });

  test('a secret that is asked for is not shown', async () => {
    const env = { SLUICE_ACCESS_KEY_SECRET: '' };
    const steps: Step[] = [{ after: 'not shown\\): ', do: 'interrupt' }];
    const { code, shown } = await onTerminal(['profile', 'set', 'p', '--access-key-id', 'k'], { env, steps });
    assert.equal(code, 130, shown);
    assert.match(shown, /Access key secret \(not shown\): \r\nsluice: Interrupted\.\r\n$/);
  });
});

describe('in a pipe', () => {
  test('there is no progress and nothing that moves a cursor', async () => {
    const put = await cli.good('object put big.bin acc-terminal/piped');
    assert.equal(put.err, '');
    assert.match(put.out, /^acc-terminal\/piped: 41943040 bytes, ETag [0-9A-F]{32}-5, checksum right\.\n$/);
    const missing = await cli.fails(
      'object get acc-terminal/none',
      1,
      /^sluice: NoSuchKey: .* \(request [0-9A-F]{24}\)\nsluice object list <bucket>\n$/,
    );
    assert.doesNotMatch(missing.err, /[\x1b\r]/);
  });

  test('an upload in parts: --no-resume leaves nothing, a changed file begins anew, --update compares parts', async (t) => {
    const way = await slowWay(t, 9 * MB);
    let env = { SLUICE_DATA_ENDPOINT: way.url };
    const interrupted = async (...more: string[]) => {
      const child = cli.start(['object', 'put', 'big.bin', 'acc-terminal/part', ...more], env);
      for (;;) {
        const { uploads } = (await cli.good('object uploads acc-terminal/part --json')).json as { uploads: unknown[] };
        if (uploads.length > 0) break;
      }
      child.kill('SIGINT');
      return cli.ended(child);
    };
    const kept = await interrupted();
    assert.equal(kept.code, 130);
    assert.match(kept.err, /\d+ bytes are kept on the server/);
    way.open();
    // Other bytes than were sent: nothing of the old ones is used.
    writeFileSync(cli.path('big.bin'), randomBytes(40 * MB));
    const fresh = await cli.good('object put big.bin acc-terminal/part --json', { env });
    assert.equal(fresh.json.bytes, 40 * MB);
    const back = await cli.good('object get acc-terminal/part -');
    assert.ok(back.bytes.equals(readFileSync(cli.path('big.bin'))));
    const slow = await slowWay(t, 9 * MB);
    env = { SLUICE_DATA_ENDPOINT: slow.url };
    const none = await interrupted('--no-resume');
    assert.equal(none.code, 130);
    assert.doesNotMatch(none.err, /are kept/);
    assert.deepEqual(((await cli.good('object uploads acc-terminal --json')).json as { uploads: unknown[] }).uploads, []);
    const again = (await cli.good(['object', 'put', '-r', '.', 'acc-terminal/tree', '--update', '--json'])).json;
    assert.ok(Number(again.objects) >= 1);
    const same = (await cli.good(['object', 'put', '-r', '.', 'acc-terminal/tree', '--update', '--json'])).json;
    assert.equal(same.objects, 0, 'files that were put in parts are known again');
  });
});

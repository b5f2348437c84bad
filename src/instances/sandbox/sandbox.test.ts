import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, type TestContext, test } from 'node:test';
import { functionUid, isRoot, processesWith, until } from '../fixture.ts';
import { type Launch, type Launched, openSandbox, type Sandbox, SandboxError } from './sandbox.ts';
import { findTool, trySetpriv } from './tools.ts';
import { Wall } from './wall.ts';

const scratch = mkdtempSync(join(tmpdir(), 'sluice-sandbox-'));
chmodSync(scratch, 0o711);
after(() => rmSync(scratch, { recursive: true, force: true }));
const limits = { memoryMb: 256, processes: 64, fileBytes: 64 * 1024 * 1024 };
const linux = process.platform === 'linux';
const sh = findTool('sh') as string;

/** Every wall that can be built here: the levels, and the middle one without control groups. */
async function walls(): Promise<[name: string, wall: Sandbox][]> {
  const found: [string, Sandbox][] = [];
  for (const setting of ['bubblewrap', 'user', 'none'] as const) {
    try {
      found.push([setting, await openSandbox({ dropPrivileges: isRoot, setting, scratch, readable: [] })]);
    } catch (error) {
      assert.ok(error instanceof SandboxError);
    }
  }
  const setpriv = (await trySetpriv(isRoot))?.program;
  const means = { dropPrivileges: isRoot, readable: [], bwrap: undefined, dieWithParent: false, cgroups: undefined };
  if (isRoot) {
    found.push(['user without control groups', new Wall('user', { ...means, setpriv })]);
    found.push(['user without setpriv', new Wall('user', { ...means, setpriv: undefined })]);
  }
  return found;
}

let serial = 0;
/** Sleeps of this very run: others on the machine may sleep too. */
let naps = process.pid * 1_000;

function start(
  wall: Sandbox,
  script: string,
  changes: Partial<Launch> = {},
): { launched: Launched; folder: string; ended: Promise<{ code: number | null; output: string }> } {
  const folder = join(scratch, `own-${++serial}`);
  mkdirSync(folder, { mode: 0o700 });
  if (functionUid !== undefined) chownSync(folder, functionUid, functionUid);
  const launched = wall.launch({
    program: sh,
    args: ['-c', script],
    cwd: '/',
    env: { OWN: folder, PATH: '/usr/bin:/bin' },
    uid: functionUid,
    stdio: ['ignore', 'pipe', 'pipe'],
    readable: [],
    writable: [folder],
    limits,
    ...changes,
  });
  let output = '';
  for (const stream of [launched.child.stdout, launched.child.stderr]) stream?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const ended = new Promise<{ code: number | null; output: string }>((resolve) =>
    launched.child.once('close', (code) => resolve({ code, output })),
  );
  return { launched, folder, ended };
}

/** Keeps the test alive while nothing but unreferenced timers are awaited. */
function awake(t: TestContext): void {
  const timer = setInterval(() => {}, 1_000);
  t.after(() => clearInterval(timer));
}

describe('every level of the wall', { skip: !linux && 'the wall is for Linux' }, async () => {
  for (const [name, wall] of await walls()) {
    test(`${name}: the environment arrives as it is, and nothing else`, async () => {
      const env = { PLAIN: 'x', QUOTED: `it's "so" $HOME \`id\``, LINES: 'a\nb\n', EMPTY: '', PATH: '/usr/bin:/bin', 'not.a-name': 'lost' };
      const { output } = await start(wall, 'env -0', { env }).ended;
      const seen = Object.fromEntries(
        output
          .split('\0')
          .filter(Boolean)
          .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
      );
      const { PWD: _, SLUICE_WALL: __, SHLVL: ___, _: ____, ...rest } = seen;
      const { 'not.a-name': _____, ...wanted } = env;
      assert.deepEqual(rest, wanted);
    });

    test(`${name}: limits, user, no new privileges, no descriptor left over`, async () => {
      const { output, code } = await start(
        wall,
        'id -u; ulimit -c; ulimit -n; ulimit -f; grep NoNewPrivs /proc/self/status; ls -l /proc/self/fd',
      ).ended;
      assert.equal(code, 0, output);
      const [uid, core, files, size, privileges, ...descriptors] = output.trim().split('\n');
      assert.equal(Number(uid), functionUid ?? process.getuid?.());
      assert.deepEqual([core, files, size], ['0', '4096', String(limits.fileBytes / 512)]);
      if (name !== 'user without setpriv') assert.match(privileges ?? '', /1$/);
      const left = descriptors.filter((line) => / ([3-9]|\d\d+) -> /.test(line) && !/\/dev\/null|\/proc\/\d+\/fd/.test(line));
      assert.deepEqual(left, []);
    });

    test(`${name}: exit codes and signals come through, and a program that is not there says so`, async () => {
      assert.equal((await start(wall, 'exit 7').ended).code, 7);
      const missing = await start(wall, '', { program: '/nowhere/program' }).ended;
      assert.equal(missing.code, 127);
      assert.match(missing.output, /not found/);
      const { launched, ended } = start(wall, 'trap "echo asked; exit 3" TERM; echo up; while :; do sleep 0.05; done');
      launched.child.stdout?.once('data', () => launched.terminate());
      assert.deepEqual(await ended, { code: 3, output: 'up\nasked\n' });
    });

    test(`${name}: kill takes along what has left its group, its session and its environment`, async (t) => {
      awake(t);
      const folder = join(scratch, `own-${serial + 1}`);
      const [own, bare, session] = [++naps, ++naps, ++naps];
      const daemon = `setsid sh -c 'setsid env -i sleep ${bare}' & setsid sh -c 'exec sleep ${session}' & sleep 0.3; echo up; sleep ${own}`;
      const { launched } = start(wall, daemon);
      const exited = new Promise((resolve) => launched.child.once('exit', resolve));
      await new Promise((resolve) => launched.child.stdout?.once('data', resolve));
      await until(() => [own, bare, session].every((nap) => sleepers(nap).length > 0), 'all of them run');
      assert.ok((await processesWith(folder)).length > 0);
      launched.kill();
      await exited;
      // Without a user of its own a process that cleared its environment cannot be told from the server's.
      const gone = name === 'none' ? [own, session] : [own, bare, session];
      await until(() => !gone.some((nap) => sleepers(nap).length > 0), `${gone} are gone`);
      for (const pid of sleepers(bare)) process.kill(pid, 'SIGKILL');
    });

    test(`${name}: the end of the program is the end of what it started`, async (t) => {
      awake(t);
      const nap = ++naps;
      const { ended } = start(wall, `setsid sh -c 'exec sleep ${nap}' < /dev/null > /dev/null 2>&1 & sleep 0.2; exit 0`);
      await ended;
      await until(() => sleepers(nap).length === 0, 'nothing is left');
    });

    test(`${name}: more than its disk is a breach, also in files without names`, async (t) => {
      awake(t);
      const limited = { ...limits, fileBytes: 1024 * 1024 * 1024, diskBytes: 20 * 1024 * 1024 };
      const fill = 'exec 9> "$OWN/file"; rm "$OWN/file"; dd if=/dev/zero bs=1M count=60 >&9 2> /dev/null; sleep 600';
      const { launched, ended } = start(wall, fill, { limits: limited });
      await ended;
      assert.equal(launched.breach, 'it wrote more than 20 MB to its disk');
    });

    test(`${name}: too much memory is told, where it is counted`, async (t) => {
      awake(t);
      if (wall.notes.some((note) => note.includes('no control groups'))) return t.skip('no control groups');
      const { launched, ended } = start(wall, `a=xxxxxxxxxxxxxxxx; while :; do a="$a$a"; done`, { limits: { ...limits, memoryMb: 32 } });
      assert.notEqual((await ended).code, 0);
      assert.equal(launched.outOfMemory(), true);
    });
  }
});

function sleepers(nap: number): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => {
      try {
        return pid > 0 && readFileSync(`/proc/${pid}/cmdline`, 'latin1').startsWith(`sleep\u0000${nap}\u0000`);
      } catch {
        return false;
      }
    });
}

describe('bubblewrap', async () => {
  const wall = await openSandbox({ dropPrivileges: isRoot, setting: 'bubblewrap', scratch, readable: [] }).catch((error: Error) => error);
  const skip = wall instanceof Error ? wall.message : false;

  test('code at /code, layers joined at /opt, links of layers as links', { skip }, async () => {
    const [code, first, second] = ['code', 'first', 'second'].map((name) => join(scratch, name)) as [string, string, string];
    for (const folder of [code, join(first, 'python/a'), join(second, 'python/b'), join(second, 'bin')])
      mkdirSync(folder, { recursive: true });
    writeFileSync(join(code, 'main'), 'main');
    writeFileSync(join(first, 'python/a/x'), 'first');
    writeFileSync(join(second, 'python/b/y'), 'second');
    writeFileSync(join(first, 'same'), 'first');
    writeFileSync(join(second, 'same'), 'second');
    writeFileSync(join(scratch, 'outside'), 'outside');
    symlinkSync(join(scratch, 'outside'), join(second, 'link'));
    const script = `cat /code/main ${code}/main /opt/python/a/x /opt/python/b/y /opt/same; echo; ls /opt; cat /opt/link; touch /code/x /opt/x /x /dev/x`;
    const { output } = await start(wall as Sandbox, script, { code, layers: [first, second] }).ended;
    assert.match(output, /^mainmainfirstsecondfirst\nbin\nlink\npython\nsame\n/);
    assert.match(output, /\/opt\/link: No such file/);
    assert.equal(output.match(/Read-only file system/g)?.length, 4);
  });

  test('what needs no network has none but its own loopback', { skip }, async () => {
    const mine = (await start(wall as Sandbox, 'readlink /proc/self/ns/net').ended).output;
    const { output } = await start(wall as Sandbox, 'readlink /proc/self/ns/net; tail -n +3 /proc/net/dev', { offline: true }).ended;
    const [its = '', ...devices] = output.trim().split('\n');
    assert.match(its, /^net:/);
    assert.notEqual(its, mine.trim());
    assert.deepEqual(
      devices.map((line) => line.trim().split(':')[0]),
      ['lo'],
    );
  });

  test('sees nothing of the machine but the system and what it was given', { skip }, async () => {
    const { output } = await start(
      wall as Sandbox,
      'ls -A /; ls /home /root /var/lib /run /sys 2>&1; ls /proc | grep -c "^[0-9]"; hostname',
    ).ended;
    const names = output.split('\n');
    for (const name of ['home', 'root', 'sys', 'boot', 'mnt', 'srv', 'media']) assert.ok(!names.includes(name), name);
    assert.ok(Number(names.at(-3)) < 8);
    assert.equal(names.at(-2), 'function');
  });

  test('a process inside is found by the id that it has there', { skip }, async (t) => {
    const { launched, ended } = start(wall as Sandbox, `sleep ${++naps} & echo $!; wait`);
    t.after(() => launched.kill());
    const inner = Number(await new Promise<Buffer>((resolve) => launched.child.stdout?.once('data', resolve)));
    const outer = launched.pidOf(inner);
    assert.ok(outer !== undefined && outer !== inner);
    await until(() => sleepers(naps).includes(outer), 'that is the process');
    assert.equal(launched.pidOf(99_999), undefined);
    launched.kill();
    await ended;
    assert.equal(launched.pidOf(inner), undefined);
  });
});

test('descriptors that the server was started with are handed to nobody', { skip: !linux }, async () => {
  const secret = join(scratch, 'secret');
  writeFileSync(secret, 'secret');
  const file = openSync(secret, 'r');
  const script = `import { openSandbox } from ${JSON.stringify(join(import.meta.dirname, 'sandbox.ts'))};
    const wall = await openSandbox({ dropPrivileges: ${isRoot}, scratch: ${JSON.stringify(scratch)}, readable: [] });
    const order = { program: '/bin/ls', args: ['-l', '/proc/self/fd'], cwd: '/', env: {}, uid: ${functionUid}, stdio: ['ignore', 'pipe', 'inherit'] };
    const { child } = wall.launch({ ...order, readable: [], writable: [], limits: ${JSON.stringify(limits)} });
    child.stdout.pipe(process.stdout);`;
  // Node itself keeps back those up to the first gap after 15.
  const inherited = 40;
  const gap = Array<'ignore'>(inherited - 3).fill('ignore');
  const server = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit', ...gap, file] });
  let output = '';
  server.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  await new Promise((resolve) => server.once('close', resolve));
  closeSync(file);
  assert.match(output, / 40 -> \/dev\/null/);
  assert.doesNotMatch(output, /secret/);
});

test('what was asked for and does not work is refused with its reason', async () => {
  const wrong = isRoot ? 'none' : 'user';
  await assert.rejects(openSandbox({ dropPrivileges: isRoot, setting: wrong, scratch, readable: [] }), {
    name: 'SandboxError',
    message: /Use|use/,
  });
});

test('trials leave nothing behind', async () => {
  await openSandbox({ dropPrivileges: isRoot, scratch, readable: [] });
  assert.deepEqual(
    readdirSync(scratch).filter((name) => name.startsWith('trial')),
    [],
  );
  assert.ok(existsSync(scratch));
});

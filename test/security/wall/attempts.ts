/**
 * Hostile functions, one test a hole, at every level of the wall: a real server, a real deployed function that tries to get out, and a victim beside it. Each
 * attempt is stopped, and what stopped it is named.
 */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { deleteFunction } from '../../acceptance/harness/deploy.ts';
import { send } from '../../acceptance/harness/http.ts';
import { pathOf, queryOf, signHeaderV4 } from '../../acceptance/harness/sign.ts';
import { type Outcome, processesIn, processesNamed, until, type Variant, WallStage, whyNot } from './stage.ts';

interface Home {
  tmp: string;
  file: string;
  code: string;
  pid: number;
  uid: number;
}

const mebibyte = 1024 * 1024;
/** What an instance may hold on its disk. Bytes. */
const diskLimit = 512 * mebibyte;
// The data folder of a server in use is not below /tmp, which functions have one of their own of.
process.env.TMPDIR = '/var/tmp';

/** Every attempt as a test, at one level of the wall. */
export function testWall(variant: Variant): void {
  const { level, plain } = variant;
  describe(`the wall, ${variant.name}`, { skip: whyNot(variant) }, () => {
    let stage: WallStage;
    let data: string;
    let secret: string;
    let victim: Home;
    const extra: string[] = [];

    const deploy = async (name: string, ...rest: [Parameters<WallStage['deploy']>[1], Parameters<WallStage['deploy']>[2]?]) => {
      await stage.deploy(name, ...rest);
      extra.push(name);
    };

    before(async () => {
      stage = await WallStage.open(variant);
      data = join(stage.sluice.folder, 'data');
      secret = stage.sluice.key.secret;
      victim = (await stage.attempt<Home>('victim', 'home')).found as Home;
    });
    after(() =>
      stage?.sluice.finish(async () => {
        for (const name of ['hostile', 'victim', ...extra]) await deleteFunction(stage.sluice, name);
      }),
    );

    test('the server says at its start which level is in force, and what it does not prevent', async () => {
      assert.match(await stage.note(), new RegExp(`sandbox ${level}: .*network`));
    });

    test('reads nothing of the data folder, nor the keys', async () => {
      const names = readdirSync(data);
      assert.ok(names.includes('meta') && names.includes('blobs') && names.includes('packages'));
      const folders = (names: string[]) => ({ folders: true, paths: names.map((name) => join(data, name)) });
      await stage.refused('hostile', 'look', folders(['meta', 'blobs', 'packages', 'spool']));
      if (level === 'user') await stage.refused('hostile', 'look', folders(['', 'run', 'run/tmp', 'run/code']));
      else {
        // On the way to its own files there is nothing else.
        const { found } = await stage.attempt('hostile', 'look', folders(['', 'run/tmp', 'run/code']));
        assert.deepEqual(found?.[join(data, '')], { reached: "['run']" });
        for (const name of ['run/tmp', 'run/code']) assert.match(found?.[join(data, name)]?.reached ?? '', /^\['[^',]+'\]$/);
      }
      await stage.refused('hostile', 'look', {
        paths: ['meta/sluice.sqlite', 'keys.json', 'lock', 'pid/x'].map((name) => join(data, name)),
      });
      await stage.refused('hostile', 'change', {
        paths: ['meta/sluice.sqlite', 'keys.json', 'sluice.json', 'lock'].map((name) => join(data, name)),
      });
    });

    test('reads no environment but its own', async () => {
      const { pid } = stage.sluice;
      const { found, message } = await stage.attempt<{ own: number; foreign: number[]; secrets: string[]; server: Outcome }>(
        'hostile',
        'environments',
        { secret, pid },
      );
      assert.ok(found, message);
      assert.match(found.server.stopped ?? '', /EACCES|ENOENT/);
      assert.deepEqual(found.foreign, []);
      assert.deepEqual(found.secrets, []);
      assert.ok(found.own > 0);
    });

    test('sees the processes of others by name at most', async () => {
      const { found } = await stage.attempt<{ pids: number[] }>('hostile', 'visible');
      assert.ok(found);
      // The outer level hides them all; a user of its own hides what they hold, not that they are.
      if (level === 'bubblewrap') assert.ok(found.pids.length <= 5, `${found.pids.length} processes`);
      else assert.ok(found.pids.includes(stage.sluice.pid));
    });

    test('reads neither the code nor the files of another function, and changes none', async () => {
      assert.ok(statSync(victim.code).isDirectory());
      await stage.refused('hostile', 'look', {
        folders: true,
        paths: [victim.code, join(victim.code, '..'), victim.tmp, join(victim.tmp, '..')],
      });
      await stage.refused('hostile', 'look', { paths: [join(victim.code, 'index.py'), victim.file] });
      await stage.refused('hostile', 'change', { paths: [join(victim.code, 'index.py'), victim.file] });
      assert.equal(readFileSync(victim.file, 'utf8'), 'a secret of this instance');
    });

    test('changes none of its own code', async () => {
      const own = (await stage.attempt<Home>('hostile', 'home')).found as Home;
      const paths = [join(own.code, 'index.py'), ...(level === 'bubblewrap' ? ['/code/index.py'] : [])];
      await stage.refused('hostile', 'change', { paths });
    });

    test('leaves no process behind: in a session of its own, without its environment, deaf to signals', async () => {
      const seconds = 4;
      await deploy('daemons', { timeout: seconds });
      for (const how of [{}, { exit: true }, { return: true }]) {
        const name = `wall-daemon-${level}-${Object.keys(how)[0] ?? 'late'}`;
        const attempt = stage.attempt('daemons', 'daemon', { name, ...how });
        await until(() => processesNamed(name).length > 0, 'the daemon runs');
        const { failure, message } = await attempt;
        if ('return' in how) {
          assert.equal(failure, undefined);
          // An instance that lives on may keep what it started; it goes with it.
          await deleteFunction(stage.sluice, 'daemons');
          extra.splice(extra.indexOf('daemons'), 1);
        } else assert.match(message, 'exit' in how ? /exited unexpectedly/ : /timed out after 4 seconds/);
        await until(() => processesNamed(name).length === 0, `the daemon is gone (${name})`);
      }
      await stage.works();
    });

    test('forks without end: the server works on, and all of it dies', async () => {
      await deploy('bomb', { timeout: 5 });
      const { found } = await stage.attempt<Home>('bomb', 'home');
      const { code } = found as Home;
      const attempt = stage.attempt('bomb', 'fork_bomb');
      await until(() => processesIn(code).length > 20, 'the bomb explodes');
      const begun = performance.now();
      await stage.works();
      const took = performance.now() - begun;
      assert.ok(took < 10_000, `another function took ${Math.round(took)} ms`);
      assert.ok(processesIn(code).length < 300, `${processesIn(code).length} processes`);
      const { failure, message } = await attempt;
      assert.ok(failure, 'the call failed');
      assert.match(message, /timed out|exited unexpectedly|memory/);
      await until(() => processesIn(code).length <= 1, 'at most the fork server is left', 20);
      await stage.works();
      assert.ok((await stage.attempt<Home>('bomb', 'home')).found, 'the function itself starts again');
    });

    for (const how of [{}, { unnamed: true }, { unnamed: true, mapped: true }]) {
      test(`fills the disk: ended at 512 MB, and the space comes back (files ${Object.keys(how).join(', ') || 'by name'})`, async () => {
        const { found, message } = await stage.attempt<{ written: number; stopped: Record<string, string> }>('hostile', 'fill_disk', {
          bytes: 3 * diskLimit,
          ...how,
        });
        assert.equal(found, undefined, `it wrote ${found?.written} bytes and was stopped by ${JSON.stringify(found?.stopped)}`);
        assert.match(message, /it wrote more than 512 MB to its disk|ran out of memory/);
        await until(() => usedBelow(join(data, 'run')) < 64 * mebibyte, 'what it wrote is removed');
        if (level === 'user') {
          const { uid } = (await stage.attempt<Home>('hostile', 'home')).found as Home;
          await stage.attempt('hostile', 'shoot_all');
          await until(
            () => !['/tmp', '/var/tmp', '/dev/shm'].some((folder) => hasFilesOf(folder, uid)),
            'nothing of it is left in open folders',
          );
        }
        await stage.works();
      });
    }

    test('fills the disk with empty files: ended', async () => {
      const { message } = await stage.attempt('hostile', 'fill_folders', { files: 2_000_000 });
      assert.match(message, /it made more than 100000 files|timed out/);
      await stage.works();
    });

    test('fills the memory: in one process, and in many that are small', async (t) => {
      const one = await stage.attempt('hostile', 'fill_memory', { processes: 1, bytes: 4096 * mebibyte });
      assert.equal(one.failure, 'UnhandledInvocationError');
      assert.match(one.message, /memory|^$/i);
      if ((await stage.note()).includes('no control groups')) return t.diagnostic('the memory of many processes is not counted here');
      const many = await stage.attempt<{ ended: number[] }>('hostile', 'fill_memory', { processes: 12, bytes: 200 * mebibyte });
      // The kernel ends the largest first: the instance itself, or its children one by one.
      if (many.found)
        assert.ok(
          many.found.ended.some((status) => status === 9),
          JSON.stringify(many.found),
        );
      else assert.match(many.message, /ran out of memory|timed out|exited unexpectedly/);
      await stage.works();
    });

    test('takes none of the ports of the server', async () => {
      const ports = [stage.sluice.data, stage.sluice.control, stage.sluice.functions].map((url) => Number(new URL(url).port));
      const found = await stage.refused('hostile', 'listen', { ports });
      assert.deepEqual([...new Set(Object.values(found).map((it) => it.stopped))], ['EADDRINUSE']);
      await stage.works();
    });

    test('sends no signal to the server or another function', async () => {
      await stage.refused('hostile', 'shoot', { pids: [stage.sluice.pid, victimPid()] });
      await stage.works();
    });

    test('kills all that it can: itself', async () => {
      const { failure, message } = await stage.attempt('hostile', 'shoot_all');
      assert.ok(failure);
      // So soon after the test of the memory the server may take it for a kill by the kernel.
      assert.match(message, /exited unexpectedly|ran out of memory/);
      await stage.works();
      assert.ok((await stage.attempt<Home>('hostile', 'home')).found);
    });

    test('stops its fork server: both are ended, and the next call works', async () => {
      await deploy('stops', { timeout: 2 });
      const { message } = await stage.attempt('stops', 'stop_fork_server');
      assert.match(message, /timed out/);
      assert.ok((await stage.attempt<Home>('stops', 'home')).found);
    });

    test('looks into no other process, and changes none', async () => {
      await stage.refused('hostile', 'trace', { pids: [stage.sluice.pid, victimPid()] });
      await stage.works();
    });

    test('reaches the control listener and gets nowhere with it', async () => {
      const anonymous = await stage.attempt<{ status: number; body: string }>('hostile', 'request', {
        url: `${stage.sluice.control}/2023-03-30/functions`,
        method: 'GET',
      });
      assert.ok(anonymous.found && [401, 403].includes(anonymous.found.status), JSON.stringify(anonymous.found));
      const { accessKeyId: id, accessKeySecret, securityToken: token } = anonymous.credentials!;
      const key = { id, secret: accessKeySecret, token };
      for (const [method, path] of [
        ['GET', '/2023-03-30/functions'],
        ['GET', '/2023-03-30/functions/victim'],
        ['DELETE', '/2023-03-30/functions/victim'],
        ['POST', '/2023-03-30/functions/victim/invocations'],
      ] as const) {
        const reply = await stage.call(method, path, key);
        assert.equal(reply.status, 403, `${method} ${path}: ${reply.status} ${reply.body}`);
      }
      for (const call of [
        { method: 'GET' },
        { method: 'PUT', bucket: 'bucket-of-hostile' },
        { method: 'GET', bucket: 'any', key: 'any' },
      ]) {
        const path = pathOf(call) + queryOf();
        const reply = await send(stage.sluice.data, { method: call.method, path, headers: signHeaderV4(call, key) });
        assert.ok([403, 404].includes(reply.status), `${call.method} ${path}: ${reply.status}`);
      }
      await stage.works();
    });

    test('is nobody else on the socket of the instances, and hears nothing there', async () => {
      const socket = socketOf(data);
      const own = (await stage.attempt<Home>('hostile', 'home')).found as Home;
      const other = victim.tmp.split('/').at(-1) as string;
      const greetings = {
        'as the victim, with a guess': `F${other}${'0'.repeat(64)}`,
        'as itself once more': `F${own.tmp.split('/').at(-1)}${'0'.repeat(64)}`,
        'as nobody': `O${'c-'.padEnd(26, 'f')}${'f'.repeat(64)}`,
        'as noise': '\n'.repeat(200),
      };
      await stage.refused('hostile', 'impersonate', { socket, greetings });
      await stage.works();
    });

    test('links that it leaves are removed, and not what they name', async () => {
      const canary = join(stage.sluice.folder, 'canary');
      mkdirSync(join(canary, 'folder'), { recursive: true, mode: 0o777 });
      writeFileSync(join(canary, 'folder', 'file'), 'canary');
      const targets = [canary, join(canary, 'folder', 'file'), data, join(data, 'keys.json'), victim.tmp];
      await deploy('links', {});
      const own = (await stage.attempt<Home>('links', 'home')).found as Home;
      const { found, message } = await stage.attempt('links', 'plant_links', { targets });
      assert.ok(found, message);
      for (const [what, { reached }] of Object.entries(found)) assert.equal(reached !== undefined, what.startsWith('symbolic'), what);
      await deleteFunction(stage.sluice, 'links');
      extra.splice(extra.indexOf('links'), 1);
      await until(() => statSync(own.tmp, { throwIfNoEntry: false }) === undefined, 'its folder is gone');
      assert.equal(readFileSync(join(canary, 'folder', 'file'), 'utf8'), 'canary');
      assert.ok(readdirSync(join(data, 'blobs')));
      assert.equal(readFileSync(victim.file, 'utf8'), 'a secret of this instance');
    });

    test('folders that turn into links while the server removes them lead it nowhere', async () => {
      const folders = 300;
      const canary = join(stage.sluice.folder, 'canary-of-the-race');
      const fill = () => {
        for (let at = 0; at < 200; at++) mkdirSync(join(canary, `x${at}`, 'y'), { recursive: true });
      };
      fill();
      await deploy('race', {});
      for (let round = 0; round < 3; round++) {
        const first = stage.attempt<Home>('race', 'home');
        const { tmp } = (await first).found as Home;
        const dying = stage.attempt('race', 'grow', { folders });
        const swapping = stage.attempt('race', 'swap', { folder: tmp, target: canary, folders, seconds: 4 });
        assert.match((await dying).message, /exited unexpectedly/);
        await swapping;
        assert.equal(readdirSync(canary).length, 200, 'nothing that a link named was removed');
      }
      rmSync(canary, { recursive: true });
    });

    test('programs with the set-user-id bit give it nothing', async () => {
      const program = readFileSync('/usr/bin/id');
      await deploy('privileges', {}, [{ name: 'id', data: program, mode: 0o6755 }]);
      const { found, message } = await stage.attempt<Record<string, unknown>>('privileges', 'privileges');
      assert.ok(found, message);
      const { uid } = (await stage.attempt<Home>('privileges', 'home')).found as Home;
      assert.equal(found.package, String(uid));
      assert.ok([String(uid), 'EACCES'].includes(String(found.own)));
      assert.notEqual(found.su, '0');
      assert.notEqual(found.sudo, '0');
      assert.match(String(found.mode), /^0o7[0-5][0-5]$/);
      assert.equal(found['new privileges'], true);
      assert.deepEqual(found.capabilities, ['0'.repeat(16), '0'.repeat(16), '0'.repeat(16)]);
      // In a user namespace there is no user 0 to become.
      assert.deepEqual([found.setuid, found.mount], [{ stopped: plain ? 'EINVAL' : 'EPERM' }, { stopped: 'EPERM' }]);
      if (!plain) assert.deepEqual(found.groups, []);
    });

    test('leaves no control group and lifts no limit', async () => {
      const { found, message } = await stage.attempt('hostile', 'join_groups');
      assert.deepEqual(found, {}, message);
    });

    test('variables of its own reach no program that runs with the rights of the server', async () => {
      // The loader writes a file for every program that starts with these, as that program's user.
      const folder = join(stage.sluice.folder, 'loader');
      mkdirSync(folder, { mode: 0o777 });
      await deploy('loader', { environment: { LD_DEBUG: 'files', LD_DEBUG_OUTPUT: join(folder, 'of'), ENV: join(folder, 'env.sh') } });
      const { uid } = (await stage.attempt<Home>('loader', 'home')).found as Home;
      const owners = new Set(readdirSync(folder).map((name) => statSync(join(folder, name)).uid));
      assert.deepEqual(
        [...owners].filter((owner) => owner !== uid),
        [],
      );
    });

    /** A process of the victim, as the server counts it. */
    function victimPid(): number {
      const [pid] = processesIn(victim.code);
      assert.ok(pid, 'the victim runs');
      return pid;
    }
  });
}

function socketOf(data: string): string {
  const inside = join(data, 'run', 'instances.sock');
  assert.ok(statSync(inside).isSocket());
  return inside;
}

function usedBelow(folder: string): number {
  let used = 0;
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    used += statSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false })?.size ?? 0;
  }
  return used;
}

function hasFilesOf(folder: string, uid: number): boolean {
  return readdirSync(folder).some(
    (name) => name.startsWith('fill-') && statSync(join(folder, name), { throwIfNoEntry: false })?.uid === uid,
  );
}

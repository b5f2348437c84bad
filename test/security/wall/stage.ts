import assert from 'node:assert/strict';
import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { deployFunction, type FunctionOptions } from '../../acceptance/harness/deploy.ts';
import { type Reply, send } from '../../acceptance/harness/http.ts';
import { type Key, signAcs3 } from '../../acceptance/harness/sign.ts';
import { type Sluice, type StartOptions, startSluice } from '../../acceptance/harness/sluice.ts';
import { bubblewrap, python, root } from '../../acceptance/harness/toolchain.ts';

export type Level = 'bubblewrap' | 'user';

/** A level of the wall, and who runs the server. */
export interface Variant {
  name: string;
  level: Level;
  /** The server is not root: it runs as this user, where the tests themselves are root. */
  user?: number;
  plain: boolean;
}

const someUser = 61_234;

const isRoot = process.getuid?.() === 0;

/** Every way in which the wall stands. */
export const variants: Variant[] = [
  { name: 'level bubblewrap', level: 'bubblewrap', plain: !isRoot },
  { name: 'level user', level: 'user', plain: false },
  ...(isRoot ? [{ name: 'level bubblewrap, server not root', level: 'bubblewrap' as Level, user: someUser, plain: true }] : []),
];
const code = readFileSync(join(import.meta.dirname, 'hostile.py'));

/** Why the tests of a level are skipped, or false. */
export function whyNot({ level, user }: Variant): string | false {
  if (process.platform !== 'linux') return 'the wall is tested on Linux';
  if (python.skip) return python.skip;
  if (user !== undefined && !isReachable(root)) return 'another user cannot reach this folder';
  if (level === 'bubblewrap') return bubblewrap.skip;
  return isRoot ? false : 'functions have users of their own only where the server is root';
}

function isReachable(folder: string): boolean {
  for (let here = folder; ; here = dirname(here)) {
    if ((statSync(here).mode & 0o005) !== 0o005) return false;
    if (here === dirname(here)) return true;
  }
}

/** Where one attempt of a function ended: what it reached, or the name of the error that stopped it. */
export interface Outcome {
  reached?: string;
  stopped?: string;
}

/** What an invocation of a hostile function came to. */
export interface End<T> {
  found: T | undefined;
  /** x-fc-error-type, when it failed. */
  failure: string | undefined;
  /** errorMessage of the vendor's error JSON, when it failed. */
  message: string;
  credentials: { accessKeyId: string; accessKeySecret: string; securityToken: string } | undefined;
}

/** A server at one level of the wall, with a hostile function and its victim. */
export class WallStage {
  readonly sluice: Sluice;
  readonly level: Level;

  private constructor(sluice: Sluice, level: Level) {
    this.sluice = sluice;
    this.level = level;
  }

  static async open({ level, user }: Variant): Promise<WallStage> {
    const options: StartOptions = { env: { SLUICE_SANDBOX: level, HOME: '/nonexistent' }, ...(user === undefined ? {} : { user }) };
    const stage = new WallStage(await startSluice(options), level);
    try {
      for (const name of ['hostile', 'victim']) await stage.deploy(name, {});
    } catch (error) {
      await stage.sluice.stop();
      throw error;
    }
    return stage;
  }

  async deploy(name: string, options: FunctionOptions, files: { name: string; data: Buffer; mode?: number }[] = []): Promise<void> {
    await deployFunction(this.sluice, name, [{ name: 'index.py', data: code }, ...files], { memorySize: 256, timeout: 20, ...options });
  }

  /** Lets a function make one attempt; every end is a result. */
  async attempt<T = Record<string, Outcome>>(name: string, attempt: string, details: object = {}): Promise<End<T>> {
    const reply = await this.#invoke(name, JSON.stringify({ attempt, ...details }));
    const told = JSON.parse(reply.body.toString()) as { found?: T; credentials?: End<T>['credentials']; errorMessage?: string };
    const { found, credentials, errorMessage = '' } = told;
    return { found, credentials, failure: reply.headers['x-fc-error-type'], message: errorMessage };
  }

  /** Fails unless every attempt was stopped, and every error is one that says that it may not. */
  async refused(name: string, attempt: string, details: object = {}): Promise<Record<string, Outcome>> {
    const { found, message } = await this.attempt(name, attempt, details);
    assert.ok(found, message);
    assert.ok(Object.keys(found).length > 0, 'something was attempted');
    for (const [what, { reached, stopped }] of Object.entries(found)) {
      assert.equal(reached, undefined, `${what} reached ${reached}`);
      assert.match(stopped ?? '', named, what);
    }
    return found;
  }

  /** The server and another function still do their work. */
  async works(): Promise<void> {
    this.sluice.alive();
    const { status } = await send(this.sluice.control, { path: '/health/live' });
    assert.equal(status, 200);
    const { found, message } = await this.attempt<{ pid: number }>('victim', 'home');
    assert.ok(found?.pid, message);
  }

  /** What the server says of itself at its start. */
  async note(): Promise<string> {
    const { body } = await send(this.sluice.control, { path: '/health/ready' });
    return (JSON.parse(body.toString()) as { parts: { functions: { note: string } } }).parts.functions.note;
  }

  /** The Function Compute API, signed with any key. */
  call(method: string, path: string, key: Key, body: Buffer = Buffer.alloc(0)): Promise<Reply> {
    const { host } = new URL(this.sluice.control);
    return send(this.sluice.control, { method, path, headers: signAcs3({ method, path, host, body }, key), body });
  }

  async #invoke(name: string, event: string): Promise<Reply> {
    const path = `/2023-03-30/functions/${name}/invocations`;
    for (;;) {
      const reply = await this.call('POST', path, this.sluice.key, Buffer.from(event));
      // The instance that the last attempt killed may still be on its way out.
      if (reply.status !== 429) return this.#checked(reply, name);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }

  #checked(reply: Reply, name: string): Reply {
    assert.equal(reply.status, 200, `InvokeFunction ${name}: ${reply.status} ${reply.body}\n${this.sluice.log.slice(-2000)}`);
    return reply;
  }
}

const named =
  /^(EACCES|EPERM|ENOENT|EROFS|ESRCH|EADDRINUSE|ENOTDIR|EBUSY|EXDEV|PermissionError|ProcessLookupError|FileNotFoundError|closed)$/;

/** Ids of the processes of this machine whose command line mentions `text`, as root sees them. */
export function processesNamed(text: string): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => Number.isSafeInteger(pid) && pid > 1 && pid !== process.pid)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes(text);
      } catch {
        return false;
      }
    });
}

/** Ids of the processes that work in a folder; other servers on this machine may have functions of the same user. */
export function processesIn(folder: string): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => {
      try {
        return Number.isSafeInteger(pid) && readlinkSync(`/proc/${pid}/cwd`).startsWith(folder);
      } catch {
        return false;
      }
    });
}

/** Resolves when `condition` holds; fails after `seconds`. */
export async function until(condition: () => boolean | Promise<boolean>, what: string, seconds = 10): Promise<void> {
  for (const end = performance.now() + seconds * 1000; performance.now() < end; ) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`Waited ${seconds} seconds in vain: ${what}`);
}

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { send } from './http.ts';
import { descendants, openFiles, ownConnectionsTo, type ProcessNote } from './processes.ts';
import type { Key } from './sign.ts';
import { compiled, python, reachablePackages, root } from './toolchain.ts';

export interface StartOptions {
  env?: Record<string, string>;
  args?: string[];
  /** Runs the server as this user and group. */
  user?: number;
  /** Another `bin/sluice` than that of the repository. */
  program?: string;
}

interface Ready {
  event: 'ready';
  data: string;
  control: string;
  functions: string;
}

const startMs = 30_000;
const stopMs = 40_000;
const quietMs = 8_000;

/** A running `bin/sluice serve` and what the tests ask of it. */
export class Sluice {
  readonly key: Key = { id: 'acceptance-root', secret: 'acceptance-secret-0123456789' };
  readonly accountId = '1234567890123456';
  readonly folder: string;
  readonly #child: ChildProcess;
  readonly #copies: string[];
  #log = '';
  #ready: Ready | undefined;
  #ended: { code: number | null; signal: string | null } | undefined;
  #files: string[] = [];

  constructor(options: StartOptions) {
    this.folder = mkdtempSync(join(tmpdir(), 'sluice-acceptance-'));
    chmodSync(this.folder, 0o711);
    if (options.user !== undefined) chownSync(this.folder, options.user, options.user);
    const packages = reachablePackages();
    this.#copies = packages?.temporary ? [packages.folder] : [];
    const { SLUICE_VENDOR_DOC: _, NODE_OPTIONS: __, NODE_TEST_CONTEXT: ___, ...inherited } = process.env;
    const own = ['--data', join(this.folder, 'data'), '--port', '0', '--control-port', '0', '--ready-json'];
    this.#child = spawn(
      process.execPath,
      [options.program ?? process.env.SLUICE_BIN ?? join(root, 'bin', 'sluice'), 'serve', ...own, ...(options.args ?? [])],
      {
        cwd: this.folder,
        ...(options.user === undefined ? {} : { uid: options.user, gid: options.user }),
        env: {
          ...inherited,
          ...compiled,
          SLUICE_ACCESS_KEY_ID: this.key.id,
          SLUICE_ACCESS_KEY_SECRET: this.key.secret,
          SLUICE_ACCOUNT_ID: this.accountId,
          ...(python.tools ? { SLUICE_PYTHON_INTERPRETER: python.tools.interpreter } : {}),
          ...(packages ? { SLUICE_PYTHON_PACKAGES: packages.folder } : {}),
          ...options.env,
        },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    this.#child.stderr?.on('data', (chunk: Buffer) => {
      this.#log += chunk.toString();
    });
    // A test run that is broken off takes its server along.
    const kill = () => this.#child.kill('SIGKILL');
    const leave = () => process.exit(1);
    process.on('exit', kill);
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, leave);
    this.#child.on('exit', (code, signal) => {
      this.#ended = { code, signal };
      process.off('exit', kill).off('SIGINT', leave).off('SIGTERM', leave);
    });
  }

  /** Waits for the JSON line that tells the addresses. */
  async ready(): Promise<this> {
    const lines = createInterface({ input: this.#child.stdout as NodeJS.ReadableStream });
    const found = new Promise<Ready>((resolve, reject) => {
      lines.on('line', (line) => {
        if (line.startsWith('{') && line.includes('"ready"')) resolve(JSON.parse(line) as Ready);
      });
      this.#child.on('error', reject);
      this.#child.on('exit', (code) =>
        reject(new Error(`sluice serve ended with ${code} before it was ready:\n${this.#log.slice(-4000)}`)),
      );
      setTimeout(() => reject(new Error(`sluice serve was not ready in ${startMs} ms:\n${this.#log.slice(-4000)}`)), startMs).unref();
    });
    try {
      this.#ready = await found;
    } catch (cause) {
      this.#child.kill('SIGKILL');
      this.#remove();
      throw cause;
    }
    this.#files = openFiles(this.pid);
    return this;
  }

  get pid(): number {
    return this.#child.pid as number;
  }
  get data(): string {
    return (this.#ready as Ready).data;
  }
  get control(): string {
    return (this.#ready as Ready).control;
  }
  get functions(): string {
    return (this.#ready as Ready).functions;
  }
  get log(): string {
    return this.#log;
  }

  /** Fails unless the server still runs. */
  alive(): void {
    assert.equal(this.#ended, undefined, `the server ended:\n${this.#log.slice(-4000)}`);
  }

  /** Sum over the series of one metric whose labels match; undefined when there is none. */
  async metric(name: string, labels: Record<string, string> = {}): Promise<number | undefined> {
    const { status, body } = await send(this.control, { path: '/metrics' });
    assert.equal(status, 200, 'GET /metrics');
    return sumOf(body.toString(), name, labels);
  }

  /** Waits until nothing that a request opens is open: no exchange, writer, connection, busy instance or dead child; fails after 8 s. */
  async quiet(): Promise<void> {
    const deadline = performance.now() + quietMs;
    for (;;) {
      this.alive();
      const open = await this.#stillOpen();
      if (open.length === 0) return;
      if (performance.now() > deadline) assert.fail(`left open: ${open.join('; ')}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async #stillOpen(): Promise<string[]> {
    const { body } = await send(this.control, { path: '/metrics' });
    const text = body.toString();
    const value = (name: string, labels = {}) => {
      assert.notEqual(sumOf(text, name, {}), undefined, `GET /metrics shows no ${name}`);
      return sumOf(text, name, labels) ?? 0;
    };
    const open: string[] = [];
    const expectNone = (what: string, count: number) => {
      if (count !== 0) open.push(`${count} ${what}`);
    };
    expectNone('exchanges', value('sluice_exchanges_open'));
    expectNone('blob writers', value('sluice_blob_writers_open'));
    expectNone('data connections', value('sluice_connections_open', { listener: 'data' }));
    expectNone('functions connections', value('sluice_connections_open', { listener: 'functions' }));
    // One is that of this very question; the Function Compute SDK keeps its own alive.
    const known = 1 + ownConnectionsTo(Number(new URL(this.control).port));
    if (value('sluice_connections_open', { listener: 'control' }) > known) open.push(`more than ${known} control connections`);
    for (const state of ['starting', 'initialising', 'busy', 'draining']) {
      expectNone(`${state} instances`, sumOf(text, 'sluice_instances', { state }) ?? 0);
    }
    for (const child of descendants(this.pid))
      if (child.state === 'Z') open.push(`dead child ${child.pid} (${child.command}) was not reaped`);
    return open;
  }

  /** After the last function was deleted: fails unless no instance, child, file or socket is left beyond those of the start. */
  async emptied(): Promise<void> {
    await this.quiet();
    const deadline = performance.now() + quietMs;
    for (;;) {
      const children = descendants(this.pid);
      const kept = Array.from({ length: ownConnectionsTo(Number(new URL(this.control).port)) }, () => 'socket:');
      const files = extra(openFiles(this.pid), [...this.#files, ...kept]).filter((file) => !isFolder(file));
      if (children.length === 0 && files.length === 0) return;
      if (performance.now() > deadline) assert.fail(`left after all functions were deleted: ${JSON.stringify({ children, files })}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  /** The end of a test file: `tidy`, then `emptied`, and in any case `stop`. */
  async finish(tidy: () => Promise<unknown>): Promise<void> {
    try {
      await tidy();
      await this.emptied();
    } finally {
      await this.stop();
    }
  }

  /** SIGTERM, unless it was sent already; fails unless the server ends with 0 and takes every child with it. Removes its folder. */
  async stop(options: { signalled?: boolean } = {}): Promise<void> {
    try {
      this.alive();
      const children = descendants(this.pid);
      const exit = once(this.#child, 'exit', { signal: AbortSignal.timeout(stopMs) });
      if (!options.signalled) this.#child.kill('SIGTERM');
      await exit;
      assert.deepEqual(this.#ended, { code: 0, signal: null }, `SIGTERM ended the server otherwise:\n${this.#log.slice(-4000)}`);
      await this.#gone(children);
    } finally {
      if (!this.#ended) this.#child.kill('SIGKILL');
      this.#remove();
    }
  }

  async #gone(children: ProcessNote[]): Promise<void> {
    const deadline = performance.now() + 2000;
    const left = () => children.filter((child) => child.stillRuns());
    while (left().length > 0 && performance.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 20));
    assert.deepEqual(
      left().map((child) => `${child.pid} ${child.command}`),
      [],
      'children outlived the server',
    );
  }

  #remove(): void {
    for (const folder of [this.folder, ...this.#copies]) rmSync(folder, { recursive: true, force: true });
  }
}

/** The store keeps handles of its own folders, a bounded number, to sync them. */
function isFolder(path: string): boolean {
  return path.startsWith('/') && (statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false);
}

/** What `now` holds beyond `then`, counting repeats. */
function extra(now: string[], then: string[]): string[] {
  const left = [...then];
  return now.filter((file) => {
    const at = left.indexOf(file);
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
}

function sumOf(text: string, name: string, labels: Record<string, string>): number | undefined {
  let sum: number | undefined;
  for (const line of text.split('\n')) {
    const [, metric, inside = '', value] = /^([a-zA-Z_:]+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    if (metric !== name || !Object.entries(labels).every(([label, wanted]) => inside.includes(`${label}="${wanted}"`))) continue;
    sum = (sum ?? 0) + Number(value);
  }
  return sum;
}

/** Starts `bin/sluice serve` on free ports with a fresh data folder and waits until it is ready. */
export function startSluice(options: StartOptions = {}): Promise<Sluice> {
  return new Sluice(options).ready();
}

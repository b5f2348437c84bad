import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import type { Sluice } from './sluice.ts';
import { compiled, root } from './toolchain.ts';

export interface Ran {
  code: number;
  out: string;
  /** Standard output as it came. */
  bytes: Buffer;
  err: string;
  /** Standard output as JSON. */
  json: Record<string, unknown>;
}

export interface RunOptions {
  env?: Record<string, string>;
  stdin?: string | Buffer;
}

/** The command line of one server, run in a folder of its own. */
export class Cli {
  readonly folder: string;
  readonly #sluice: Sluice;

  constructor(sluice: Sluice) {
    this.#sluice = sluice;
    this.folder = mkdtempSync(join(tmpdir(), 'sluice-cli-'));
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  /** Starts bin/sluice with the root key and the endpoints of the server in its environment. */
  start(words: string[], env: Record<string, string> = {}): ChildProcess {
    const { data, control, key } = this.#sluice;
    return spawn(process.execPath, [process.env.SLUICE_BIN ?? join(root, 'bin', 'sluice'), ...words], {
      cwd: this.folder,
      env: {
        ...{ PATH: process.env.PATH, XDG_CONFIG_HOME: join(this.folder, 'xdg'), SLUICE_ENDPOINT: control, SLUICE_DATA_ENDPOINT: data },
        ...{ SLUICE_ACCESS_KEY_ID: key.id, SLUICE_ACCESS_KEY_SECRET: key.secret },
        ...compiled,
        ...env,
      },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
  }

  async run(line: string | string[], { env = {}, stdin = '' }: RunOptions = {}): Promise<Ran> {
    return this.ended(this.start(Array.isArray(line) ? line : line.split(' '), env), stdin);
  }

  /** Waits for a command that was started. */
  async ended(child: ChildProcess, stdin: string | Buffer = ''): Promise<Ran> {
    // One that does not read its input is not at fault.
    child.stdin?.on('error', () => undefined).end(stdin);
    const code = new Promise<number>((resolve) => child.once('close', (exit, signal) => resolve(exit ?? (signal ? 128 : -1))));
    const [bytes, err] = await Promise.all([buffer(child.stdout as NodeJS.ReadableStream), buffer(child.stderr as NodeJS.ReadableStream)]);
    const out = bytes.toString();
    let json: Record<string, unknown> = {};
    try {
      json = JSON.parse(out) as Record<string, unknown>;
    } catch {
      // For people.
    }
    return { code: await code, out, bytes, err: err.toString(), json };
  }

  async good(line: string | string[], options: RunOptions = {}): Promise<Ran> {
    const ran = await this.run(line, options);
    assert.equal(ran.code, 0, `sluice ${Array.isArray(line) ? line.join(' ') : line}: ${ran.err}${ran.out}`);
    return ran;
  }

  async fails(line: string | string[], code: number, message: RegExp, options: RunOptions = {}): Promise<Ran> {
    const ran = await this.run(line, options);
    assert.equal(ran.code, code, `sluice ${Array.isArray(line) ? line.join(' ') : line}: ${ran.err}${ran.out}`);
    assert.match(ran.err, message);
    return ran;
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A way to an endpoint that lets `limit` bytes of each connection's answers through, and then nothing more, or ends it. */
export async function narrowWay(endpoint: string, options: { limits: number[]; end: 'stall' | 'cut' }) {
  const { hostname, port } = new URL(endpoint);
  const open = new Set<{ destroy(): void }>();
  let connections = 0;
  let reached = () => {};
  const atLimit = new Promise<void>((resolve) => {
    reached = resolve;
  });
  const server = createServer((client) => {
    const limit = options.limits[connections++] ?? Number.POSITIVE_INFINITY;
    const upstream = createConnection(Number(port), hostname);
    let passed = 0;
    for (const socket of [client, upstream]) {
      open.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => open.delete(socket));
    }
    client.pipe(upstream);
    upstream.on('data', (chunk: Buffer) => {
      const part = chunk.subarray(0, Math.max(0, limit - passed));
      passed += part.length;
      if (!client.write(part)) {
        upstream.pause();
        client.once('drain', () => upstream.resume());
      }
      if (passed < limit) return;
      upstream.pause();
      reached();
      if (options.end === 'cut') client.end(() => upstream.destroy());
    });
    upstream.on('end', () => client.end());
    client.on('close', () => upstream.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address() as { port: number };
  return {
    url: `http://127.0.0.1:${address.port}`,
    atLimit,
    get connections() {
      return connections;
    },
    close: () => {
      for (const socket of open) socket.destroy();
      server.close();
    },
  };
}

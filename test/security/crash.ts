import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type Reply, send } from '../acceptance/harness/http.ts';
import { type Key, pathOf, queryOf, signHeaderV4, type Unsigned } from '../acceptance/harness/sign.ts';
import { root } from '../acceptance/harness/toolchain.ts';
import { randomOf } from './fuzz.ts';

const key: Key = { id: 'crash-root', secret: 'crash-secret-0123456789' };
const bucket = 'crash';
const lanes = 8;
const keysEach = 6;
const readyMs = 30_000;

/** A server on a folder that outlives it, to be killed at any moment. */
export class Victim {
  readonly child: ChildProcess;
  data = '';
  #log = '';

  constructor(folder: string, env: Record<string, string> = {}, under: readonly string[] = []) {
    const { NODE_OPTIONS: _, NODE_TEST_CONTEXT: __, ...inherited } = process.env;
    const serve = ['serve', '--data', folder, '--port', '0', '--control-port', '0', '--ready-json', '--log-level', 'error'];
    const line = [...under, process.execPath, process.env.SLUICE_BIN ?? join(root, 'bin', 'sluice'), ...serve];
    this.child = spawn(line[0] as string, line.slice(1), {
      env: { ...inherited, SLUICE_ACCESS_KEY_ID: key.id, SLUICE_ACCESS_KEY_SECRET: key.secret, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: under.length > 0,
    });
    this.child.stderr?.on('data', (chunk: Buffer) => {
      this.#log += chunk.toString();
    });
    const alongside = () => this.child.kill('SIGKILL');
    process.once('exit', alongside);
    this.child.once('exit', () => process.off('exit', alongside));
  }

  async ready(): Promise<this> {
    const lines = createInterface({ input: this.child.stdout as NodeJS.ReadableStream });
    const ended = once(this.child, 'exit').then(() => Promise.reject(new Error(`the server did not start:\n${this.#log}`)));
    ended.catch(() => {});
    const timeout = AbortSignal.timeout(readyMs);
    const line = (async () => {
      for (;;) {
        const [text] = (await once(lines, 'line', { signal: timeout })) as [string];
        if (text.includes('"ready"')) return text;
      }
    })();
    line.catch(() => {});
    this.data = (JSON.parse(await Promise.race([line, ended])) as { data: string }).data;
    return this;
  }

  call(request: Unsigned & { body?: Buffer }): Promise<Reply> {
    const { body, ...unsigned } = request;
    return send(this.data, {
      method: request.method,
      path: pathOf(unsigned) + queryOf(unsigned.query),
      headers: signHeaderV4(unsigned, key),
      ...(body ? { body } : {}),
    });
  }

  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const exit = once(this.child, 'exit');
    this.child.kill(signal);
    await exit;
  }
}

const absent = 'absent';
const hashOf = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

/** What one key holds by the word of the server, and what an operation without an answer may have made of it. */
interface Known {
  acknowledged: string;
  pending?: string;
}

export interface CrashResult {
  rounds: number;
  acknowledged: number;
  checked: number;
  /** Blob files that no object refers to after the last start. */
  orphans: number;
  /** Uploads in parts that the kills left unfinished. */
  aborted: number;
  lost: string[];
}

/** One change of one key, and what the key holds once it is acknowledged. */
interface Change {
  expected: string;
  run: () => Promise<Reply>;
}

/** Parts are as small as they may be. */
const partBytes = 102_400;

/** An upload in parts; only its completion changes the key. */
async function uploadInParts(server: Victim, name: string, bodies: readonly Buffer[]): Promise<Reply> {
  const object = { bucket, key: name };
  const begun = await server.call({ ...object, method: 'POST', query: { uploads: '' }, body: Buffer.alloc(0) });
  const uploadId = /<UploadId>(\w+)</.exec(begun.body.toString())?.[1] ?? '';
  const sent = bodies.map((body, i) => server.call({ ...object, method: 'PUT', query: { partNumber: String(i + 1), uploadId }, body }));
  for (const reply of await Promise.all(sent)) if (reply.status !== 200) return reply;
  const parts = bodies.map((body, i) => {
    const etag = createHash('md5').update(body).digest('hex');
    return `<Part><PartNumber>${i + 1}</PartNumber><ETag>${etag}</ETag></Part>`;
  });
  const list = Buffer.from(`<CompleteMultipartUpload>${parts.join('')}</CompleteMultipartUpload>`);
  return server.call({ ...object, method: 'POST', query: { uploadId }, body: list });
}

function changeOf(server: Victim, lane: number, name: string, model: ReadonlyMap<string, Known>, random: () => number): Change {
  const kind = random();
  if (kind < 0.2) return { expected: absent, run: () => server.call({ method: 'DELETE', bucket, key: name }) };
  if (kind < 0.4) {
    const bodies = Array.from({ length: 1 + Math.floor(random() * 3) }, () => randomBytes(partBytes));
    return { expected: hashOf(Buffer.concat(bodies)), run: () => uploadInParts(server, name, bodies) };
  }
  const source = `lane-${lane}/${Math.floor(random() * keysEach)}`;
  const known = model.get(source);
  if (kind < 0.5 && source !== name && known && known.acknowledged !== absent && known.pending === undefined) {
    const headers = { 'x-oss-copy-source': `/${bucket}/${source}` };
    return { expected: known.acknowledged, run: () => server.call({ method: 'PUT', bucket, key: name, headers, body: Buffer.alloc(0) }) };
  }
  const body = randomBytes(random() < 0.3 ? Math.floor(random() * 300_000) : Math.floor(random() * 4_000));
  return { expected: hashOf(body), run: () => server.call({ method: 'PUT', bucket, key: name, body }) };
}

async function work(server: Victim, lane: number, model: Map<string, Known>, random: () => number, done: () => boolean): Promise<number> {
  let acknowledged = 0;
  while (!done()) {
    const name = `lane-${lane}/${Math.floor(random() * keysEach)}`;
    const known = model.get(name) ?? { acknowledged: absent };
    model.set(name, known);
    const change = changeOf(server, lane, name, model, random);
    known.pending = change.expected;
    try {
      const reply = await change.run();
      if (reply.status >= 300) throw new Error(`${reply.status} ${reply.body}`);
    } catch (error) {
      // Killed in the middle: either state is right.
      if (done()) return acknowledged;
      throw error;
    }
    known.acknowledged = known.pending;
    delete known.pending;
    acknowledged += 1;
  }
  return acknowledged;
}

/** Compares every key with the model, which then knows for sure. */
async function verify(server: Victim, model: Map<string, Known>, lost: string[]): Promise<void> {
  for (const [name, known] of model) {
    const reply = await server.call({ method: 'GET', bucket, key: name });
    const found = reply.status === 200 ? hashOf(reply.body) : reply.code === 'NoSuchKey' ? absent : `${reply.status} ${reply.code}`;
    if (found !== known.acknowledged && found !== known.pending)
      lost.push(`${name}: found ${found.slice(0, 40)}, acknowledged ${known.acknowledged.slice(0, 12)}`);
    known.acknowledged = found;
    delete known.pending;
  }
  const listed = await server.call({ method: 'GET', bucket, query: { 'list-type': '2', 'max-keys': '1000' } });
  const names = [...listed.body.toString().matchAll(/<Key>([^<]*)<\/Key>/g)].map((match) => match[1]);
  const expected = [...model].filter(([, known]) => known.acknowledged !== absent).map(([name]) => name);
  assert.deepEqual(names.sort(), expected.sort(), 'the listing agrees with the objects');
}

function blobFiles(folder: string): number {
  const names = readdirSync(join(folder, 'blobs'), { recursive: true }) as string[];
  return names.filter((name) => statSync(join(folder, 'blobs', name), { throwIfNoEntry: false })?.isFile()).length;
}

/** Aborts what the kills have left unfinished; returns how many uploads that were. */
async function abortUploads(server: Victim): Promise<number> {
  const listed = (await server.call({ method: 'GET', bucket, query: { uploads: '' } })).body.toString();
  const uploads = [...listed.matchAll(/<Key>([^<]*)<\/Key><UploadId>(\w+)</g)];
  for (const [, name = '', uploadId = ''] of uploads) {
    assert.equal((await server.call({ method: 'DELETE', bucket, key: name, query: { uploadId } })).status, 204);
  }
  return uploads.length;
}

/** Number of blobs of all objects: an object in parts says so in its ETag. */
async function blobsListed(server: Victim): Promise<number> {
  const listed = await server.call({ method: 'GET', bucket, query: { 'list-type': '2', 'max-keys': '1000' } });
  const etags = [...listed.body.toString().matchAll(/<ETag>[^<]*?([0-9A-F]{32})(?:-(\d+))?[^<]*<\/ETag>/g)];
  return etags.reduce((sum, [, , parts]) => sum + Number(parts ?? 1), 0);
}

/**
 * Kills a server under a write load with SIGKILL at random moments and starts it again on the same folder, `rounds` times; after each start
 * every key must hold what was last acknowledged, or what was under way.
 * @param env further environment of the server, e.g. to break it on purpose
 */
export async function crashRounds(folder: string, rounds: number, seed: number, env: Record<string, string> = {}): Promise<CrashResult> {
  const random = randomOf(seed);
  const model = new Map<string, Known>();
  const result: CrashResult = { rounds: 0, acknowledged: 0, checked: 0, orphans: 0, aborted: 0, lost: [] };
  const first = await new Victim(folder, env).ready();
  assert.equal((await first.call({ method: 'PUT', bucket })).status, 200);
  let server = first;
  for (let round = 0; round < rounds && result.lost.length === 0; round += 1) {
    let killed = false;
    const finished = Promise.all(Array.from({ length: lanes }, (_, lane) => work(server, lane, model, random, () => killed)));
    // A lane that fails before the kill is heard of behind it.
    finished.catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 80 + random() * 500));
    killed = true;
    await server.end('SIGKILL');
    for (const count of await finished) result.acknowledged += count;
    server = await new Victim(folder, env).ready();
    await verify(server, model, result.lost);
    result.checked += model.size;
    result.rounds += 1;
  }
  result.aborted = await abortUploads(server);
  const known = await blobsListed(server);
  // What was aborted is removed in the background.
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  result.orphans = blobFiles(folder) - known;
  await server.end('SIGTERM');
  return result;
}

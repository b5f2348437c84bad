import { createHash, randomUUID } from 'node:crypto';
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { memoryBlobs } from '../../blobs/index.ts';
import { openBuckets, type Store } from '../../buckets/index.ts';
import { type Functions, openFunctions } from '../../functions/index.ts';
import { createListener } from '../../http/index.ts';
import { type Identity, openIdentity } from '../../identity/index.ts';
import { findInterpreter, type Instances, openInstances } from '../../instances/index.ts';
import { now, packZip } from '../../kit/index.ts';
import { openMetadata } from '../../metadata/index.ts';
import { parseQuery, signAcs3 } from '../../signing/index.ts';
import { asyncSettings, openTasks } from '../../tasks/index.ts';
import { createTelemetry } from '../../telemetry/index.ts';
import { createFcDialect, type FcRooms } from './index.ts';

export const region = 'cn-qingdao';
export const key = { accessKeyId: 'root-key', accessKeySecret: 'root-secret' };

export interface Reply {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
  /** The body as JSON. */
  json: Record<string, unknown>;
}

export interface Sent {
  /** Version of the API; 2023-03-30 when left out. */
  api?: string;
  method?: string;
  path: string;
  query?: string;
  body?: Buffer | string | object;
  headers?: Record<string, string>;
  /** Changes after signing. */
  tamper?: { headers?: Record<string, string | undefined>; body?: string; path?: string };
  credentials?: { accessKeyId: string; accessKeySecret: string; securityToken?: string };
  nonce?: string;
  /** Hangs up when it aborts. */
  signal?: AbortSignal;
  now?: number;
}

/** The dialect on a real listener over real rooms, with instances as given. */
export interface House {
  port: number;
  functions: Functions;
  identity: Identity;
  buckets: Store;
  dataDir: string;
  runDir: string;
  /** Sends one signed request of version 2023-03-30. */
  send(request: Sent): Promise<Reply>;
  close(): Promise<void>;
}

/** @param instances undefined for real ones */
export async function openHouse(instances: Pick<Instances, 'invoke'> | undefined): Promise<House> {
  const root = await mkdtemp(join(tmpdir(), 'fc-'));
  await chmod(root, 0o711);
  const [dataDir, runDir] = [join(root, 'data'), join(root, 'run')];
  await mkdir(dataDir, { mode: 0o700 });
  await mkdir(runDir, { mode: 0o711 });
  const isRoot = process.getuid?.() === 0;
  const telemetry = createTelemetry({ level: 'silent' });
  const metadata = await openMetadata({ file: join(dataDir, 'metadata.db'), durability: 'relaxed' });
  const rootKey = { id: key.accessKeyId, secret: key.accessKeySecret };
  const identity = await openIdentity({ metadata, rootKey, keyFile: join(dataDir, 'keys') });
  const buckets = openBuckets({ metadata, blobs: memoryBlobs(), region });
  const { accountId } = identity;
  const interpreter = (await findInterpreter({ dropPrivileges: isRoot }))?.path;
  const functions = await openFunctions({ metadata, runDir, dataDir, accountId, region, serverIsRoot: isRoot, python: { interpreter } });
  const assume: FcRooms['assume'] = (role, options) => identity.assume(role ?? 'AliyunFCDefaultRole', options);
  const real = instances
    ? undefined
    : await openInstances({
        runDir,
        region,
        accountId,
        logger: telemetry.log,
        credentialsFor: (fn) => assume(fn.role, { sessionName: 'env', ttlMs: 3_600_000, claims: { function: fn.arn } }),
        limits: { maxInstances: 4, queue: 10 },
        python: {},
        onLog: () => undefined,
      });
  if (real) {
    functions.onChange((name, current) => real.retire(name, current));
    functions.onScale((version) => void real.prepare(version));
  }
  const served = (instances ?? real) as Instances;
  const tasks = await openTasks({
    metadata,
    resolve: (name, qualifier) => functions.resolve(name, qualifier),
    settings: (name, qualifier) => asyncSettings(functions.get(name) && functions.configurations.get('async', name, qualifier)?.value),
    invoke: (version, call) =>
      served.invoke(version, {
        ...call,
        credentials: assume(version.role, { sessionName: 'task', ttlMs: 60_000, claims: { function: version.arn } }),
      }),
    onProblem: (error) => telemetry.log.error({ err: error }, 'task'),
    limits: { pauseMs: 20 },
  });
  const dialect = createFcDialect({ functions, instances: served, tasks, identity, buckets, region, assume });
  const listener = createListener({ name: 'control', host: '127.0.0.1', port: 0, dialect, telemetry });
  await listener.start();
  return {
    port: listener.port,
    functions,
    identity,
    buckets,
    dataDir,
    runDir,
    send: (request) => send(listener.port, request),
    close: async () => {
      await listener.drain(0);
      tasks.halt();
      await real?.close();
      await tasks.close();
      await functions.close();
      await metadata.close();
      await rm(root, { recursive: true, force: true });
    },
  };
}

function bytesOf(body: Sent['body']): Buffer {
  if (body === undefined) return Buffer.alloc(0);
  if (Buffer.isBuffer(body)) return body;
  return Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
}

function send(port: number, request: Sent): Promise<Reply> {
  const { method = 'GET', path, query = '', tamper = {} } = request;
  const body = bytesOf(request.body);
  const fullPath = `/${request.api ?? '2023-03-30'}${path}`;
  // Node leaves the length of a body of DELETE out.
  const length = method === 'DELETE' && body.length > 0 ? { 'content-length': String(body.length) } : {};
  const headers = { host: `127.0.0.1:${port}`, 'content-type': 'application/json', ...length, ...request.headers };
  const sha256 = createHash('sha256').update(body).digest('hex');
  const signed = signAcs3(
    { method, path: fullPath, query: parseQuery(query), headers },
    { ...key, ...request.credentials },
    { sha256, nonce: request.nonce ?? randomUUID(), now: request.now ?? now() },
  );
  const all = Object.entries({ ...headers, ...signed, ...tamper.headers }).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  return exchange(
    port,
    method,
    `${tamper.path ?? fullPath}${query && `?${query}`}`,
    Object.fromEntries(all),
    tamper.body ?? body,
    request.signal,
  );
}

/** One plain request. */
export function exchange(
  port: number,
  method: string,
  path: string,
  headers: Record<string, string>,
  body: string | Buffer = '',
  signal?: AbortSignal,
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const req = httpRequest(
      { host: '127.0.0.1', port, method, path, headers, agent: false, ...(signal ? { signal } : {}) },
      async (res) => {
        const chunks: Buffer[] = [];
        for await (const chunk of res) chunks.push(chunk as Buffer);
        const bytes = Buffer.concat(chunks);
        const isJson = res.headers['content-type'] === 'application/json' && bytes.length > 0;
        resolve({ status: res.statusCode ?? 0, headers: res.headers, body: bytes, json: isJson ? JSON.parse(bytes.toString()) : {} });
      },
    );
    req.on('error', reject);
    req.end(body);
  });
}

export function codeZip(source = 'def handler(event, context):\n    return event\n'): Promise<Buffer> {
  return packZip([{ name: 'index.py', data: Buffer.from(source) }]);
}

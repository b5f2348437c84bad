import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { randomHex } from '../kit/index.ts';
import { createAccessPoint } from './access-point.ts';
import { type Asking, part } from './action.ts';
import { Client } from './client.ts';
import type { Connection } from './config.ts';
import { CliFailure } from './failure.ts';
import { deploy, type FunctionInfo, planOf } from './function-deploy.ts';
import type { ToldDetail } from './invocation.ts';
import { fetchThrough } from './invocation-fetch.ts';
import { type Answer, answerOf, bytesOf, type Recording } from './invocation-recording.ts';
import { writtenRecord } from './invocation-wait.ts';
import { createObjectFc, roleArnOf, usualRole } from './object-fc.ts';
import { tell } from './output.ts';
import { Store } from './store.ts';
import { readReply, Transport } from './transport.ts';

/** What a replay came to. */
export interface Replayed {
  readonly answer: Answer;
  readonly detail: ToldDetail;
}

type Options = Readonly<Record<string, unknown>>;

/** The code to run: a folder, ZIP or JAR, and settings of the function beside those of the recording. */
export interface Code {
  readonly path: string;
  readonly settings: Readonly<Record<string, unknown>>;
  /** Removed after the replay. */
  readonly temporary?: string;
}

/** The code of the deployed function of a running server, with its settings. */
export async function deployedCode({ client, connection }: Asking, name: string): Promise<Code> {
  const info = await client.fc<FunctionInfo & { initializer?: string }>('GET', `/functions/${part(name)}`);
  const { url } = await client.fc<{ url: string }>('GET', `/functions/${part(name)}/code`);
  const { pathname, search } = new URL(url);
  const transport = new Transport(connection.endpoint, '--endpoint', connection.caFile);
  const reply = await transport.send({ method: 'GET', path: pathname + search, headers: { host: transport.endpoint.host } });
  const bytes = await readReply(reply, 2 ** 30);
  if (reply.status !== 200) throw new CliFailure(1, `The code of ${name} could not be fetched: ${reply.status}.`);
  const folder = await mkdtemp(join(tmpdir(), 'sluice-replay-code-'));
  const path = join(folder, 'code.zip');
  await writeFile(path, bytes);
  if ((info.layers ?? []).length > 0) tell('The layers of the function are not part of a replay.');
  const { runtime, handler, timeout, memorySize, instanceConcurrency, environmentVariables } = info;
  return { path, settings: { runtime, handler, timeout, memorySize, instanceConcurrency, environmentVariables }, temporary: folder };
}

/** Runs recordings against code in a server of its own, in a folder that is removed afterwards; no running server is touched. */
export class Offline {
  readonly #asking: Asking;
  readonly #stop: () => Promise<void>;
  #closed: Promise<void> | undefined;

  constructor(asking: Asking, stop: () => Promise<void>) {
    this.#asking = asking;
    this.#stop = stop;
  }

  static async open({ region, accountId }: Pick<Recording, 'region' | 'accountId'>): Promise<Offline> {
    const [{ loadSettings }, { openServer }] = await Promise.all([import('../config.ts'), import('../main.ts')]);
    const data = await mkdtemp(join(tmpdir(), 'sluice-replay-'));
    const key = { accessKeyId: 'replay', accessKeySecret: randomHex(20) };
    const flags = {
      ...{ data, host: '127.0.0.1', port: 0, controlPort: 0, functionsHost: '127.0.0.1', functionsPort: 0, region, ...key },
      ...{
        durability: 'relaxed',
        logLevel: 'silent',
        runDir: '',
        'invocations.records': 'all',
        ...(/^\d{16}$/.test(accountId) ? { accountId } : {}),
      },
    };
    const { runDir: _, ...given } = flags;
    const server = await openServer(loadSettings({ flags: given }));
    const { control: endpoint, data: dataEndpoint } = server.addresses;
    const connection: Connection = { endpoint, dataEndpoint, region, ...key };
    const asking: Asking = { connection, options: {}, client: new Client(connection), store: new Store(connection) };
    return new Offline(asking, async () => {
      await server.stop();
      await rm(data, { recursive: true, force: true });
    });
  }

  /** @param folder where files that the recording names lie */
  async run(recording: Recording, code: Code, folder: string): Promise<Replayed> {
    const { bucket, key, source, supporting, accessPoint, request } = recording;
    const { store } = this.#asking;
    await this.#deploy(recording, code);
    await store.text({ method: 'PUT', bucket });
    if (source) await store.text({ method: 'PUT', bucket, key, headers: source.headers, body: await contentOf(source.body, folder) });
    await createAccessPoint(store, bucket, supporting);
    const arn = `acs:fc:${recording.region}:${recording.accountId}:functions/${recording.function.name}`;
    const processing = { functionArn: arn, roleArn: roleArnOf(usualRole, arn), features: ['GetObject-Range'], forwardHeaders: [] };
    const { alias } = await createObjectFc(store, bucket, accessPoint, { accessPoint: supporting, processing });
    const fetched = await fetchThrough(this.#asking, { ...request, alias, key });
    const detail = await writtenRecord(this.#asking, fetched.requestId);
    const answer = answerOf(detail);
    return { detail, answer: answer.body && !fetched.broken ? { ...answer, body: bytesOf(fetched.body) } : answer };
  }

  async #deploy(recording: Recording, { path, settings }: Code): Promise<void> {
    const { name, runtime, handler, timeoutMs, memoryMb } = recording.function;
    const plan = await planOf(path, { name } satisfies Options, this.#asking.client);
    // The role of a manifest, and layers, are of another server.
    const { role: _role, layers: _layers, ...own } = plan.settings;
    const recorded = { runtime, handler, timeout: Math.ceil(timeoutMs / 1000), memorySize: memoryMb };
    await deploy(this.#asking, { ...plan, settings: { ...recorded, ...settings, ...own } });
  }

  /** Ends the server; what is under way fails. */
  close(): Promise<void> {
    this.#closed ??= this.#stop();
    return this.#closed;
  }
}

/** The bytes that a recording holds, or names. @throws CliFailure when it does neither */
export async function contentOf(
  { base64, file }: { base64?: string | undefined; file?: string | undefined },
  folder: string,
): Promise<Buffer> {
  if (base64 !== undefined) return Buffer.from(base64, 'base64');
  if (file === undefined) throw new CliFailure(2, 'The recording has no bytes of the object.');
  return readFile(isAbsolute(file) ? file : resolve(folder, file));
}

/** The folder of a file. */
export function folderOf(file: string): string {
  return dirname(resolve(file));
}

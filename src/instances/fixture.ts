import { chownSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import type { FunctionVersion } from '../functions/index.ts';
import { findInterpreter, type Instances, type InstancesOptions, openInstances } from './instances.ts';
import type { Invocation, InvocationResult } from './invocation.ts';

/** Real instances over a folder of code, for tests. */
export interface Stage {
  readonly instances: Instances;
  readonly folder: string;
  readonly runDir: string;
  /** Lines that functions printed, with the request that they were assigned to. */
  readonly lines: { request: string; line: string }[];
  readonly notes: string[];
  fn(changes?: Partial<FunctionVersion>): FunctionVersion;
  call(changes?: Partial<Invocation>): Invocation;
  /** Invokes `handler` with a text event. */
  run(handler: string, event?: string, changes?: Partial<FunctionVersion>): Promise<InvocationResult>;
}

export const isRoot: boolean = process.getuid?.() === 0;
/** A user that nobody else uses, when the tests may change users. */
export const functionUid: number | undefined = isRoot ? 42_000 + (process.pid % 10_000) : undefined;

/** Why tests with real Python must be skipped on this machine, or false. In CI they never are. */
export async function withoutPython(): Promise<string | false> {
  const found = await findInterpreter({ dropPrivileges: isRoot });
  return found || process.env.CI === 'true' ? false : 'no Python 3.9 or newer was found';
}

let serial = 0;

/** Writes `files` into a code folder and opens instances that run them; all of it goes when the test ends. */
export async function openStage(t: TestContext, files: Record<string, string>, options: Partial<InstancesOptions> = {}): Promise<Stage> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-test-'));
  await chmod(folder, 0o711);
  const code = join(folder, 'code');
  await mkdir(code);
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(code, name)), { recursive: true });
    await writeFile(join(code, name), text);
  }
  if (functionUid !== undefined) chownSync(code, 0, functionUid);
  const lines: Stage['lines'] = [];
  const notes: string[] = [];
  const note = (details: object, message: string) => notes.push(`${message} ${JSON.stringify(details)}`);
  const runDir = join(folder, 'run');
  const instances = await openInstances({
    runDir,
    region: 'cn-qingdao',
    accountId: '1234567890123456',
    logger: { info: note, warn: note, error: note },
    credentialsFor: () => ({ accessKeyId: 'STS.env', accessKeySecret: 'env-secret-value', securityToken: 'env-token-value' }),
    limits: { maxInstances: 16, queue: 64 },
    // The same tests at another level of the wall.
    sandbox: (process.env.SLUICE_SANDBOX as InstancesOptions['sandbox']) ?? 'auto',
    python: {},
    onLog: (_name, _instance, request, line) => lines.push({ request, line }),
    ...options,
  });
  t.after(async () => {
    await instances.close();
    await rm(folder, { recursive: true, force: true });
  });
  const fn: Stage['fn'] = (changes = {}) => ({
    arn: 'acs:fc:cn-qingdao:1234567890123456:functions/resize',
    name: 'resize',
    qualifier: 'LATEST',
    versionId: 'LATEST',
    revision: `revision-of-${changes.handler ?? 'index.handler'}`,
    runtime: 'python3.10',
    handler: 'index.handler',
    timeoutMs: 10_000,
    memoryMb: 256,
    instanceConcurrency: 1,
    idleTimeoutMs: 60_000,
    maxInstances: 4,
    env: {},
    codeDir: code,
    layerDirs: [],
    provisioned: 0,
    ...(functionUid === undefined ? {} : { uid: functionUid }),
    ...changes,
  });
  const call: Stage['call'] = (changes = {}) => ({
    requestId: `REQUEST-${++serial}`,
    event: Buffer.from('{}'),
    credentials: { accessKeyId: 'STS.call', accessKeySecret: 'call-secret-value', securityToken: 'call-token-value' },
    ...changes,
  });
  const run: Stage['run'] = (handler, event = '{}', changes = {}) =>
    instances.invoke(fn({ handler, ...changes }), call({ event: Buffer.from(event) }));
  return { instances, folder, runDir, lines, notes, fn, call, run };
}

/** The JSON that a function returned. */
export function json(result: InvocationResult): Record<string, unknown> {
  return JSON.parse(result.payload.toString('utf8')) as Record<string, unknown>;
}

/** Names of the folders that instances have at this moment. */
export async function instanceFolders(runDir: string): Promise<string[]> {
  const names = await readdir(join(runDir, 'tmp'), { recursive: true });
  return names.map((name) => basename(name)).filter((name) => name.startsWith('c-'));
}

/** Ids of the processes whose environment mentions `text`, except this one. */
export async function processesWith(text: string): Promise<number[]> {
  const found: number[] = [];
  for (const name of await readdir('/proc').catch(() => [] as string[])) {
    const pid = Number(name);
    if (!Number.isSafeInteger(pid) || pid === process.pid) continue;
    const environment = await readFile(`/proc/${name}/environ`, 'latin1').catch(() => '');
    if (environment.includes(text)) found.push(pid);
  }
  return found;
}

/** Resolves when `condition` holds; fails after half a minute. */
export async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (let round = 0; round < 3_000; round++) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`Waited half a minute in vain: ${what}`);
}

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, stat } from 'node:fs/promises';
import { basename, extname, join, resolve } from 'node:path';
import { Crc64, packFolder } from '../kit/index.ts';
import type { Asking } from './action.ts';
import { part } from './action.ts';
import type { Client } from './client.ts';
import { CliFailure } from './failure.ts';
import { functionNameOf } from './function-init.ts';
import { type Manifest, manifestName, readManifest } from './manifest.ts';
import { readIgnores } from './serverless/ignore.ts';
import { Store } from './store.ts';

/** A function as the API shows it. */
export interface FunctionInfo {
  readonly functionName: string;
  readonly functionArn: string;
  readonly runtime: string;
  readonly handler: string;
  readonly timeout: number;
  readonly memorySize: number;
  readonly instanceConcurrency: number;
  readonly role: string;
  readonly description: string;
  readonly codeChecksum: string;
  readonly codeSize: number;
  readonly layers?: readonly { arn: string }[];
  readonly environmentVariables: Readonly<Record<string, string>>;
  readonly lastModifiedTime: string;
  readonly createdTime: string;
}

export interface Deployed {
  readonly function: FunctionInfo;
  readonly created: boolean;
  /** False when the server had these very bytes. */
  readonly codeSent: boolean;
  readonly changed: boolean;
}

type Options = Readonly<Record<string, unknown>>;

/** What new functions get where nothing is said; the API's own 3 s are soon over. */
const usualTimeout = 60;
/** Larger packages go through a bucket: a request holds 100 MB, of base64. */
const inlineBytes = 32 * 1024 * 1024;
/** What is no part of a package. */
const omitted = new Set([manifestName, '.fcignore', '.s', '.git', '.hg', '.svn', '.DS_Store', '__pycache__', '.venv', '.idea', '.vscode']);

/** What is deployed, and how. */
export interface Plan {
  readonly name: string;
  readonly folder: string | undefined;
  /** Folder, ZIP or JAR; undefined for a function without code, or whose code the server has. */
  readonly source: string | undefined;
  /** Code that is in a bucket of the server. */
  readonly object?: { readonly ossBucketName: string; readonly ossObjectName: string };
  readonly build: string | undefined;
  /** Fields of the API that were given. */
  readonly settings: Readonly<Record<string, unknown>>;
}

/** From a folder with its manifest, or a package, and the options of the command, which win. @throws CliFailure */
export async function planOf(target: string, options: Options, client: Pick<Client, 'admin'>): Promise<Plan> {
  const info = await stat(target).catch((error: Error) => {
    throw new CliFailure(2, `${target} cannot be deployed: ${error.message}`);
  });
  const folder = info.isDirectory() ? target : undefined;
  const manifest = folder === undefined ? {} : await readManifest(folder);
  const name = (options.name as string | undefined) ?? manifest.name ?? functionNameOf(basename(resolve(target), extname(target)));
  return {
    ...{ name, folder, build: options.build === false ? undefined : manifest.build },
    source: folder !== undefined && manifest.package !== undefined ? join(folder, manifest.package) : target,
    settings: await settingsOf(manifest, options, client),
  };
}

async function settingsOf(manifest: Manifest, options: Options, client: Pick<Client, 'admin'>): Promise<Record<string, unknown>> {
  const whole = (name: string) => {
    const value = options[name];
    if (value === undefined) return undefined;
    if (!/^\d{1,9}$/.test(String(value))) throw new CliFailure(2, `--${name}: must be a whole number.`);
    return Number(value);
  };
  const environment = { ...manifest.environment, ...pairsOf(options.env as string[] | undefined) };
  const role = (options.role as string | undefined) ?? manifest.role;
  const given = {
    runtime: options.runtime ?? manifest.runtime,
    handler: options.handler ?? manifest.handler,
    description: options.description ?? manifest.description,
    timeout: whole('timeout') ?? manifest.timeout,
    memorySize: whole('memory') ?? manifest.memorySize,
    instanceConcurrency: whole('concurrency') ?? manifest.instanceConcurrency,
    layers: options.layer ?? manifest.layers,
    environmentVariables: Object.keys(environment).length > 0 ? environment : undefined,
    role: role === undefined ? undefined : await roleArn(role, client),
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

function pairsOf(pairs: readonly string[] = []): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf('=');
      if (at < 1) throw new CliFailure(2, `--env ${pair.slice(0, Math.max(at, 0))}: write NAME=VALUE.`);
      return [pair.slice(0, at), pair.slice(at + 1)];
    }),
  );
}

/** The ARN of a role, given as one or by its name. @throws CliFailure EntityNotExist.Role */
export async function roleArn(role: string, client: Pick<Client, 'admin'>): Promise<string> {
  if (role === '' || role.startsWith('acs:')) return role;
  return (await client.admin<{ arn: string }>('GET', `/roles/${part(role)}`)).arn;
}

/** Runs the build command of a plan, its output on standard error. @throws CliFailure when it fails */
export async function build({ build: command, folder }: Plan): Promise<void> {
  if (command !== undefined && folder !== undefined) await runCommand(command, folder, `It is in ${join(folder, manifestName)}.`);
}

/** Runs a shell command in a folder, its output on standard error. @throws CliFailure with what to do next when it fails */
export async function runCommand(command: string, folder: string, next: string): Promise<void> {
  const child = spawn(command, { shell: true, cwd: folder, stdio: ['ignore', process.stderr, process.stderr] });
  const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
  if (code !== 0) throw new CliFailure(1, `The command ended with ${code ?? signal}: ${command.trim()}`, { next });
}

/** The package of a source. @throws CliFailure */
export async function packageOf(source: string, folder?: string): Promise<Buffer> {
  const info = await stat(source).catch((error: Error) => {
    const next =
      folder === undefined
        ? undefined
        : `It is the package in ${join(folder, manifestName)}; its build command should make it: leave out --no-build.`;
    throw new CliFailure(2, `There is nothing to deploy: ${error.message}`, { next });
  });
  if (info.isDirectory()) return packFolder(source, omitted, await readIgnores(source));
  if (!/\.(zip|jar)$/i.test(source)) throw new CliFailure(2, `${source} is no folder, ZIP or JAR.`);
  return readFile(source);
}

/** The function, or undefined when there is none. */
export async function findFunction(client: Client, name: string): Promise<FunctionInfo | undefined> {
  try {
    return await client.fc<FunctionInfo>('GET', `/functions/${part(name)}`);
  } catch (error) {
    if (error instanceof CliFailure && error.answer?.code === 'FunctionNotFound') return undefined;
    throw error;
  }
}

/** Makes or updates a function. Code that the server has is not sent again, and settings that it has are not set again. */
export async function deploy(asking: Asking, plan: Plan): Promise<Deployed> {
  const { client } = asking;
  await build(plan);
  const content = plan.source === undefined ? undefined : await packageOf(plan.source, plan.folder);
  const old = await findFunction(client, plan.name);
  const settings = old ? plan.settings : { timeout: usualTimeout, ...plan.settings };
  if (!old && settings.runtime === undefined) {
    throw new CliFailure(2, `${plan.name} is a new function: say what runs it.`, {
      next: `--runtime nodejs24 (python3.10, java11, go1, ...), or runtime in ${manifestName}`,
    });
  }
  const codeSent = content === undefined ? plan.object !== undefined : old?.codeChecksum !== checksumOf(content);
  if (old && !codeSent && isSame(old, settings)) return { function: old, created: false, codeSent, changed: false };
  const code = content === undefined || !codeSent ? plan.object : await codeOf(asking, content);
  const body = { ...settings, ...(codeSent ? { code } : {}) };
  const answer = old
    ? await client.fc<FunctionInfo>('PUT', `/functions/${part(plan.name)}`, { body, silenceMs: 0 })
    : await client.fc<FunctionInfo>('POST', '/functions', { body: withHandler({ functionName: plan.name, ...body }), silenceMs: 0 });
  return { function: answer, created: old === undefined, codeSent, changed: true };
}

function withHandler(input: Record<string, unknown>): Record<string, unknown> {
  if (input.handler !== undefined) return input;
  const runtime = String(input.runtime);
  const handler = /^(python|nodejs)/.test(runtime) ? 'index.handler' : runtime === 'go1' ? 'main' : undefined;
  if (handler === undefined && runtime.startsWith('java')) throw new CliFailure(2, 'Give --handler PACKAGE.CLASS::METHOD.');
  return handler === undefined ? input : { ...input, handler };
}

function isSame(old: FunctionInfo, settings: Readonly<Record<string, unknown>>): boolean {
  const now: Record<string, unknown> = { ...old, layers: old.layers?.map(({ arn }) => arn) ?? [] };
  const sorted = (value: unknown) =>
    value !== null && typeof value === 'object' && !Array.isArray(value)
      ? Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
      : value;
  return Object.entries(settings).every(([field, value]) => JSON.stringify(sorted(now[field])) === JSON.stringify(sorted(value)));
}

/** The CRC-64 of a package, as functions have it. */
export function checksumOf(code: Buffer): string {
  return String(Crc64.of(code));
}

/** The code as an input names it: inside the request, or in the bucket that the server lends for it. */
export async function codeOf({ client, connection }: Asking, code: Buffer): Promise<Record<string, string>> {
  const checksum = checksumOf(code);
  if (code.length <= inlineBytes) return { zipFile: code.toString('base64'), checksum };
  const { credentials, ossBucket, objectName } = await client.uploadToken();
  const { AccessKeyId: accessKeyId, AccessKeySecret: accessKeySecret, SecurityToken: securityToken } = credentials;
  const key = `sluice/${objectName}`;
  const store = new Store({ ...connection, accessKeyId, accessKeySecret, securityToken });
  await store.text({ method: 'PUT', bucket: ossBucket, key, body: code });
  return { ossBucketName: ossBucket, ossObjectName: key, checksum };
}

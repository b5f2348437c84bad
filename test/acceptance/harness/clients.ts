import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { json, text } from 'node:stream/consumers';
import type { Sluice } from './sluice.ts';
import { go, python, root } from './toolchain.ts';

export interface Step {
  op: string;
  bucket?: string;
  key?: string;
  keys?: string[];
  /** Base64. */
  body?: string;
  meta?: Record<string, string>;
  contentType?: string;
  range?: [number, number];
  ifMatch?: string;
  ifNoneMatch?: string;
  prefix?: string;
  delimiter?: string;
  after?: string;
  maxKeys?: number;
  expires?: number;
  slashSafe?: boolean;
  name?: string;
  accessPoint?: string;
  functionArn?: string;
  roleArn?: string;
  features?: string[];
  acl?: string;
  policy?: string;
  block?: boolean;
  continuation?: string;
  partSize?: number;
  source?: string;
  ranges?: [number, number][];
  position?: number;
  crc64?: string;
  target?: string;
  tags?: Record<string, string>;
  origins?: string[];
  referers?: string[];
  empty?: boolean;
  process?: string;
}

/** What one step came back with; which fields are there depends on the step. */
export interface StepResult {
  ok: boolean;
  status?: number;
  code?: string;
  message?: string;
  requestId?: string;
  etag?: string;
  crc64?: string;
  contentType?: string;
  size?: number;
  meta?: Record<string, string>;
  body?: string;
  keys?: string[];
  prefixes?: string[];
  truncated?: boolean;
  names?: string[];
  url?: string;
  arn?: string;
  alias?: string;
  name?: string;
  accessPoint?: string;
  functionArn?: string;
  roleArn?: string;
  features?: string[];
  actions?: string[];
  acl?: string;
  policy?: string;
  public?: boolean;
  blocked?: boolean;
  continuation?: string;
  again?: string;
  sizes?: number[];
  uploads?: string[];
  position?: number;
  target?: string;
  tags?: Record<string, string>;
  objects?: number;
  multipart?: number;
  origins?: string[];
  referers?: string[];
  empty?: boolean;
}

export interface Client {
  /** For test titles. */
  name: string;
  sdk: string;
  /** The exact version that the driver must report. */
  version: string;
  skip: string | false;
  command: () => { program: string; args: string[]; env?: Record<string, string> };
  /** How the SDK reaches the server when not by IP address and path style. */
  style?: 'path' | 'host';
  endpoint?: (data: string) => string;
}

const drivers = join(root, 'test', 'acceptance', 'clients');

function oss2(which: '2.18.3' | 'newest', version: string): Client {
  return {
    name: `oss2 ${version}`,
    sdk: 'oss2',
    version,
    skip: python.skip,
    command: () => ({
      program: python.tools?.interpreter as string,
      // -S: without the system's own packages, whose OpenSSL does not fit the cryptography that oss2 brings along.
      args: ['-S', join(drivers, 'python', 'driver.py')],
      env: { PYTHONPATH: python.tools?.oss2[which] as string, PYTHONDONTWRITEBYTECODE: '1' },
    }),
  };
}

function goClient(which: 'v1-2.2.3' | 'v1-newest' | 'v2-newest', sdk: string, version: string): Client {
  return {
    name: `Go ${sdk.slice(3)} ${version}`,
    sdk,
    version,
    skip: go.skip,
    command: () => ({ program: go.tools?.programs[which] as string, args: [] }),
  };
}

function aliOss(style: 'path' | 'host'): Client {
  return {
    name: `ali-oss 6.23.0 (${style === 'path' ? 'localhost, path style' : 'IP address, bucket in Host'})`,
    sdk: 'ali-oss',
    version: '6.23.0',
    skip: false,
    command: () => ({ program: process.execPath, args: [join(drivers, 'node', 'driver.ts')] }),
    style,
    // With an IP endpoint ali-oss puts the bucket into the Host header alone.
    ...(style === 'path' ? { endpoint: (data: string) => data.replace('127.0.0.1', 'localhost') } : {}),
  };
}

/** Newest versions are pinned in the requirement and module files; a driver that reports another one fails its test. */
export const clients = {
  oss2Older: oss2('2.18.3', '2.18.3'),
  oss2Newest: oss2('newest', '2.19.1'),
  aliOss: aliOss('path'),
  aliOssByIp: aliOss('host'),
  goV1Older: goClient('v1-2.2.3', 'go-v1', 'v2.2.3'),
  goV1Newest: goClient('v1-newest', 'go-v1', 'v3.0.2'),
  goV2Newest: goClient('v2-newest', 'go-v2', 'v1.6.1'),
} satisfies Record<string, Client>;

export interface Run {
  sdk: string;
  version: string;
  results: StepResult[];
}

/** Lets an SDK carry out steps against the server and returns one result a step. */
export async function runClient(
  client: Client,
  sluice: Sluice,
  signature: 'v1' | 'v4',
  steps: Step[],
  key: { id: string; secret: string } = sluice.key,
): Promise<Run> {
  const { program, args, env } = client.command();
  const child = spawn(program, args, { env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'pipe'], timeout: 60_000 });
  const endpoint = client.endpoint?.(sluice.data) ?? sluice.data;
  const exit = new Promise<number | null>((resolve) => child.on('close', resolve));
  const job = { endpoint, accessKeyId: key.id, accessKeySecret: key.secret, region: 'cn-qingdao', signature, style: client.style, steps };
  child.stdin.end(JSON.stringify(job));
  const [output, errors] = await Promise.all([json(child.stdout).catch((cause: Error) => cause), text(child.stderr)]);
  const code = await exit;
  if (code !== 0 || output instanceof Error) throw new Error(`${client.name} driver ended with ${code}: ${errors.slice(-3000)}`);
  return output as Run;
}

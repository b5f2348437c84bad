import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, relative } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { ZipFile } from 'yazl';
import { type Reply, send } from './http.ts';
import { pathOf, queryOf, signHeaderV4 } from './sign.ts';
import type { Sluice } from './sluice.ts';

type Fc = typeof import('@alicloud/fc20230330');

const require = createRequire(import.meta.url);
const fc = require('@alicloud/fc20230330') as Fc;
const { version } = JSON.parse(readFileSync(require.resolve('@alicloud/fc20230330/package.json'), 'utf8')) as { version: string };

export interface CodeFile {
  name: string;
  data: Buffer;
  mode?: number;
}

export interface FunctionOptions {
  timeout?: number;
  memorySize?: number;
  role?: string;
  environment?: Record<string, string>;
  /** Further fields of CreateFunctionInput, such as runtime, handler and instanceConcurrency. */
  settings?: Record<string, unknown>;
  /** Uploads the ZIP into this bucket first and names it there, instead of sending it inside the request. */
  through?: string;
}

/** The unmodified Function Compute SDK, pointed at the server's control listener. */
export function fcClient(sluice: Sluice): InstanceType<Fc['default']> {
  assert.equal(version, '4.7.6', '@alicloud/fc20230330');
  const config = {
    accessKeyId: sluice.key.id,
    accessKeySecret: sluice.key.secret,
    endpoint: new URL(sluice.control).host,
    protocol: 'HTTP',
    regionId: 'cn-qingdao',
    readTimeout: 60_000,
    // What this SDK calls the connect timeout is the longest silence of the server, so it covers unpacking too.
    connectTimeout: 60_000,
  };
  return new fc.default(config as ConstructorParameters<Fc['default']>[0]);
}

/** A folder's files for a code package, below `prefix`; byte code left out. */
export function filesOf(folder: string, prefix = ''): CodeFile[] {
  return (readdirSync(folder, { recursive: true }) as string[])
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile() && !path.includes('__pycache__'))
    .map((path) => ({ name: prefix + relative(folder, path), data: readFileSync(path), mode: statSync(path).mode & 0o777 }));
}

/** A ZIP archive in memory. */
export function zip(files: CodeFile[], compressionLevel = 1): Promise<Buffer> {
  const archive = new ZipFile();
  for (const { name, data, mode } of files)
    archive.addBuffer(data, name, { mode: 0o100000 | (mode ?? 0o644), ...(data.length > 0 ? { compressionLevel } : { compress: false }) });
  archive.end();
  return buffer(archive.outputStream as NodeJS.ReadableStream);
}

/** The ARN of a function of the server's account. */
export function functionArn(sluice: Sluice, name: string): string {
  return `acs:fc:cn-qingdao:${sluice.accountId}:functions/${name}`;
}

/** Creates a Python function with @alicloud/fc20230330, as a user of the vendor's cloud does. */
export async function deployFunction(sluice: Sluice, name: string, files: CodeFile[], options: FunctionOptions = {}): Promise<void> {
  const archive = await zip(files);
  const code: Record<string, string> = {};
  if (options.through) {
    const request = { method: 'PUT', bucket: options.through, key: `packages/${name}.zip` };
    const reply = await send(sluice.data, {
      method: 'PUT',
      path: pathOf(request),
      headers: signHeaderV4(request, sluice.key),
      body: archive,
    });
    assert.equal(reply.status, 200, reply.body.toString());
    code.ossBucketName = options.through;
    code.ossObjectName = request.key;
  } else code.zipFile = archive.toString('base64');
  const body = new fc.CreateFunctionInput({
    functionName: name,
    runtime: 'python3.10',
    handler: 'index.handler',
    memorySize: options.memorySize ?? 512,
    timeout: options.timeout ?? 60,
    ...(options.role ? { role: options.role } : {}),
    ...(options.environment ? { environmentVariables: options.environment } : {}),
    ...options.settings,
    code: new fc.InputCodeLocation(code),
  });
  const created = await fcClient(sluice).createFunction(new fc.CreateFunctionRequest({ body }));
  assert.equal(created.statusCode, 200);
  assert.equal(created.body?.functionName, name);
  assert.equal(created.body?.functionArn, functionArn(sluice, name));
}

/** Creates a function whose package is these bytes: a JAR as it is, or a ZIP. */
export async function deployArchive(sluice: Sluice, name: string, archive: Buffer, settings: Record<string, unknown>): Promise<void> {
  const code = new fc.InputCodeLocation({ zipFile: archive.toString('base64') });
  const body = new fc.CreateFunctionInput({ functionName: name, memorySize: 512, timeout: 60, ...settings, code });
  const created = await fcClient(sluice).createFunction(new fc.CreateFunctionRequest({ body }));
  assert.equal(created.statusCode, 200);
  assert.equal(created.body?.functionArn, functionArn(sluice, name));
}

/** Deletes a function with @alicloud/fc20230330. */
export async function deleteFunction(sluice: Sluice, name: string): Promise<void> {
  const gone = await fcClient(sluice).deleteFunction(name);
  assert.equal(gone.statusCode, 204);
}

/** One OSS request signed with V4 by the tests' own hand. */
export function ossCall(
  sluice: Sluice,
  request: {
    method: string;
    bucket?: string;
    key?: string;
    query?: Record<string, string>;
    headers?: Record<string, string>;
    body?: Buffer | string;
  },
): Promise<Reply> {
  const { body, ...unsigned } = request;
  return send(sluice.data, {
    method: request.method,
    path: pathOf(unsigned) + queryOf(unsigned.query),
    headers: signHeaderV4(unsigned, sluice.key),
    ...(body === undefined ? {} : { body: Buffer.from(body) }),
  });
}

/** Like ossCall, and fails unless the answer is 2xx. */
export async function ossDo(sluice: Sluice, request: Parameters<typeof ossCall>[1]): Promise<Reply> {
  const reply = await ossCall(sluice, request);
  assert.ok(reply.status < 300, `${request.method} ${request.bucket ?? ''}/${request.key ?? ''}: ${reply.status} ${reply.body}`);
  return reply;
}

/** The XML that binds an Object FC access point to a function. */
export function objectFcXml(accessPoint: string, arn: string, role: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?>
<CreateAccessPointForObjectProcessConfiguration><AccessPointName>${accessPoint}</AccessPointName><ObjectProcessConfiguration>
<AllowedFeatures/><TransformationConfigurations><TransformationConfiguration><Actions><Action>getobject</Action></Actions><ContentTransformation>
<FunctionCompute><FunctionArn>${arn}</FunctionArn><FunctionAssumeRoleArn>${role}</FunctionAssumeRoleArn></FunctionCompute>
</ContentTransformation></TransformationConfiguration></TransformationConfigurations></ObjectProcessConfiguration>
</CreateAccessPointForObjectProcessConfiguration>`;
}

/** Creates a bucket unless it is there. */
export async function createBucket(sluice: Sluice, bucket: string): Promise<void> {
  await ossDo(sluice, { method: 'PUT', bucket });
}

/** Creates an access point on a bucket, once. Returns nothing; its name is what other calls need. */
export async function createAccessPoint(sluice: Sluice, bucket: string, name: string): Promise<string> {
  const body = `<CreateAccessPointConfiguration><AccessPointName>${name}</AccessPointName><NetworkOrigin>internet</NetworkOrigin></CreateAccessPointConfiguration>`;
  const reply = await ossDo(sluice, {
    method: 'PUT',
    bucket,
    query: { accessPoint: '' },
    headers: { 'content-type': 'application/xml' },
    body,
  });
  return textOf(reply, 'Alias');
}

/** Creates an Object FC access point over an access point and returns its alias. */
export async function createObjectFc(
  sluice: Sluice,
  options: { bucket: string; accessPoint: string; name: string; functionName: string },
): Promise<string> {
  const role = `acs:ram::${sluice.accountId}:role/aliyunfcdefaultrole`;
  const reply = await ossDo(sluice, {
    method: 'PUT',
    bucket: options.bucket,
    query: { accessPointForObjectProcess: '' },
    headers: { 'content-type': 'application/xml', 'x-oss-access-point-for-object-process-name': options.name },
    body: objectFcXml(options.accessPoint, functionArn(sluice, options.functionName), role),
  });
  const alias = textOf(reply, 'AccessPointForObjectProcessAlias');
  assert.match(alias, /^[a-z0-9-]{1,18}-[0-9a-f]{34}-opapalias$/);
  return alias;
}

function textOf(reply: Reply, element: string): string {
  const found = new RegExp(`<${element}>([^<]+)</${element}>`).exec(reply.body.toString())?.[1];
  assert.ok(found, `no <${element}> in ${reply.body}`);
  return found;
}

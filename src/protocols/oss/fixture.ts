import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { type IncomingHttpHeaders, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AccessPoints, openAccessPoints } from '../../accesspoints/index.ts';
import { makeBlobKeys, openFsBlobs } from '../../blobs/index.ts';
import { openBuckets, type Store } from '../../buckets/index.ts';
import type { FunctionVersion } from '../../functions/index.ts';
import { createListener, type Listener } from '../../http/index.ts';
import { type Identity, openIdentity, parsePolicy } from '../../identity/index.ts';
import type { Invocation } from '../../instances/index.ts';
import { childText, parseXml } from '../../kit/index.ts';
import { openMetadata } from '../../metadata/index.ts';
import { presignOss, signOssHeader } from '../../signing/index.ts';
import { createTelemetry } from '../../telemetry/index.ts';
import { openTransforms, type Transforms, transformsConfig } from '../../transforms/index.ts';
import type { OssRooms } from './call.ts';
import { createOssDialect } from './dialect.ts';

/** What the tests of this room sign with. */
export const rootKey = { id: 'rootkeyid', secret: 'rootkeysecret' };
export const accountId = '1234567890123456';
export const region = 'cn-qingdao';

/** The event and the credentials that a function under test is called with; what it throws is its failure. */
export type FunctionUnderTest = (event: FunctionEvent, credentials: Invocation['credentials']) => Promise<void>;

export interface FunctionEvent {
  getObjectContext: { outputRoute: string; outputToken: string; inputOssUrl: string };
  userRequest: { url: string; headers: Record<string, string> };
}

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
  text: string;
}

export interface SendOptions {
  query?: Record<string, string>;
  headers?: Record<string, string>;
  body?: Buffer | string;
  scheme?: 'OSS1' | 'OSS4';
  key?: { id: string; secret: string; token?: string };
  port?: number;
}

/** The dialect over real rooms on a temporary folder, behind real listeners; functions are JavaScript of the test. */
export interface Harness {
  port: number;
  functionsPort: number;
  identity: Identity;
  store: Store;
  accesspoints: AccessPoints;
  transforms: Transforms;
  /** What the one function does; set before each transform. */
  setFunction(run: FunctionUnderTest): void;
  /** Sends a path-style request signed in its headers. */
  send(method: string, bucket: string, key: string, options?: SendOptions): Promise<Answer>;
  /** Where blobs are files. */
  blobFolder: string;
  /** A signed URL. */
  presign(
    bucket: string,
    key: string,
    options?: { scheme?: 'OSS1' | 'OSS4'; method?: string; query?: Record<string, string>; now?: number; expiresIn?: number },
  ): string;
  close(): Promise<void>;
}

const version: FunctionVersion = {
  arn: `acs:fc:${region}:${accountId}:functions/resize`,
  name: 'resize',
  qualifier: 'LATEST',
  versionId: '1',
  revision: '1',
  runtime: 'python3.10',
  handler: 'index.handler',
  timeoutMs: 3_000,
  memoryMb: 128,
  instanceConcurrency: 1,
  idleTimeoutMs: 1_000,
  maxInstances: 1,
  env: {},
  codeDir: '/',
  layerDirs: [],
  provisioned: 0,
};

/** ARN that the test's Object FC access points are bound to. */
export const functionArn = version.arn;
const functionRoleArn = `acs:ram::${accountId}:role/aliyunfcdefaultrole`;

/** Opens everything; close() leaves nothing behind. */
export async function openHarness(options: Pick<OssRooms, 'callbacks' | 'callbackSigning' | 'restoreMs'> = {}): Promise<Harness> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-oss-'));
  const telemetry = createTelemetry({ level: 'silent', file: join(folder, 'log') });
  const metadata = await openMetadata({ file: join(folder, 'meta.sqlite'), durability: 'relaxed' });
  const keys = makeBlobKeys(join(folder, 'encryption'));
  const blobs = await openFsBlobs({ folder: join(folder, 'blobs'), durability: 'relaxed', keys });
  const identity = await openIdentity({ metadata, accountId, rootKey, keyFile: join(folder, 'keys') });
  const store = openBuckets({ metadata, blobs, region });
  const accesspoints = openAccessPoints({ metadata, buckets: store, accountId, region });
  const listeners: Listener[] = [];
  let run: FunctionUnderTest = () => Promise.reject(new Error('no function set'));
  const transforms = openTransforms({
    settings: transformsConfig.parse({}),
    spoolFolder: folder,
    outputRoute: () => `http://127.0.0.1:${listeners[1]?.port}`,
    resolveFunction: () => version,
    invoke: async (_version, call) => {
      const base = { payload: Buffer.alloc(0), instanceId: 'i', durationMs: 1, maxMemoryMb: 1, coldStart: false };
      try {
        await run(JSON.parse(call.event.toString()), call.credentials);
        return base;
      } catch (error) {
        return { ...base, failure: { kind: 'raised', errorType: 'UnhandledInvocationError', message: String(error) } };
      }
    },
    presign: ({ name, key, versionId, credentials }) =>
      presignOss({
        ...{ scheme: 'OSS1', method: 'GET', endpoint: `http://127.0.0.1:${listeners[1]?.port}`, bucket: name, key, ...credentials },
        ...{ query: versionId === undefined ? {} : { versionId }, now: Date.now(), expiresAt: credentials.expiresAt },
      }),
    assume: (role, options) => identity.assume(role ?? 'AliyunFCDefaultRole', options),
    release: (securityToken) => identity.release(securityToken),
    mayInvoke: (role, arn) => identity.roleAllows(role, 'fc:InvokeFunction', arn),
    metrics: telemetry.metrics,
  });
  const dialect = createOssDialect({ identity, accesspoints, store, transforms, region, domains: ['oss.test'], ...options });
  for (const name of ['data', 'functions']) {
    const listener = createListener({ name, host: '127.0.0.1', port: 0, dialect, telemetry });
    await listener.start();
    listeners.push(listener);
  }
  const [data, functions] = listeners as [Listener, Listener];
  return {
    ...{ blobFolder: join(folder, 'blobs'), port: data.port, functionsPort: functions.port, identity, store, accesspoints, transforms },
    setFunction(next) {
      run = next;
    },
    send: (method, bucket, key, options = {}) => sendSigned(method, bucket, key, { port: data.port, ...options }),
    presign: (bucket, key, options = {}) =>
      presignOss({
        ...{
          scheme: 'OSS4',
          method: 'GET',
          endpoint: `http://127.0.0.1:${data.port}`,
          bucket,
          key,
          region,
          now: Date.now(),
          expiresIn: 60,
        },
        ...{ accessKeyId: rootKey.id, accessKeySecret: rootKey.secret, ...options },
      }),
    async close() {
      for (const listener of listeners) await listener.drain(0);
      await store.close();
      await blobs.close();
      await metadata.close();
      telemetry.flush();
      await rm(folder, { recursive: true });
    },
  };
}

async function sendSigned(method: string, bucket: string, key: string, options: SendOptions): Promise<Answer> {
  const { query = {}, headers = {}, body, scheme = 'OSS4', port } = options;
  const signer: { id: string; secret: string; token?: string } = options.key ?? rootKey;
  const resource = { bucket: bucket === '' ? undefined : bucket, key: key === '' ? undefined : key };
  const lower = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  const signed = signOssHeader({
    ...{ scheme, method, ...resource, query, headers: lower, region, now: Date.now() },
    ...{ accessKeyId: signer.id, accessKeySecret: signer.secret, securityToken: signer.token },
  });
  const encode = (text: string) => encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
  const pairs = Object.entries(query).map(([name, value]) => (value === '' ? encode(name) : `${encode(name)}=${encode(value)}`));
  const path = bucket === '' ? '/' : `/${bucket}/${key.split('/').map(encode).join('/')}`;
  return await fetchUrl(`http://127.0.0.1:${port}${path}${pairs.length > 0 ? `?${pairs.join('&')}` : ''}`, {
    method,
    headers: { ...lower, ...signed },
    body,
  });
}

/** One request, its answer collected. No header is added but Host, Connection and the length of a body. */
export function fetchUrl(
  url: string,
  { method = 'GET', headers = {}, body }: { method?: string; headers?: Record<string, string>; body?: Buffer | string | undefined } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const target = new URL(url);
    // URL normalises dots in paths; what goes on the wire must be what the caller wrote.
    const path = url.slice(target.origin.length);
    const call = request({ host: target.hostname, port: target.port, path, method, headers }, (res) => {
      const chunks: Buffer[] = [];
      res.on('data', (chunk) => chunks.push(chunk));
      res.on('error', reject);
      res.on('end', () => {
        const whole = Buffer.concat(chunks);
        resolve({ status: res.statusCode ?? 0, headers: res.headers, body: whole, text: whole.toString() });
      });
    });
    call.on('error', reject);
    if (body !== undefined) {
      // Left to end(), node would re-encode the head by the kind of the body.
      if (headers['transfer-encoding'] === undefined) call.setHeader('Content-Length', Buffer.byteLength(body));
      call.write(Buffer.from(body));
    }
    call.end();
  });
}

/** The code of an error answer, from its XML or, for HEAD, from x-oss-err. */
export function codeOf({ headers, text }: Answer): string {
  const encoded = headers['x-oss-err'];
  const xml = typeof encoded === 'string' ? Buffer.from(encoded, 'base64').toString() : text;
  return /<Code>(.*?)<\/Code>/.exec(xml)?.[1] ?? '';
}

/** A client that sees every byte. */
export async function rawClient(
  port: number,
): Promise<{ socket: Socket; sees: (pattern: RegExp) => Promise<string>; closed: Promise<string> }> {
  const socket = connect(port, '127.0.0.1');
  socket.setEncoding('latin1');
  let text = '';
  socket.on('data', (piece) => {
    text += piece;
  });
  socket.on('error', () => {});
  const closed = new Promise<string>((resolve) => socket.once('close', () => resolve(text)));
  await once(socket, 'connect');
  const sees = async (pattern: RegExp): Promise<string> => {
    while (!pattern.test(text)) {
      const more = await Promise.race([once(socket, 'data').then(() => true), closed.then(() => false)]);
      if (!more) throw new Error(`closed without ${pattern}: ${text}`);
    }
    return text;
  };
  return { socket, sees, closed };
}

/** Parts of a signature by the root key. */
export function signing(method: string, bucket: string, key: string) {
  return {
    scheme: 'OSS4',
    method,
    bucket,
    key,
    region,
    now: Date.now(),
    accessKeyId: rootKey.id,
    accessKeySecret: rootKey.secret,
  } as const;
}

/** Headers as they are written on the wire. */
export function headerLines(headers: Record<string, string>): string {
  return Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}`)
    .join('\r\n');
}

/** Adds a role with one policy and opens a session of it. */
export async function sessionOf(
  { identity }: Harness,
  name: string,
  statement: Record<string, unknown>[],
  claims = {},
): Promise<{ id: string; secret: string; token: string }> {
  const trust = parsePolicy(
    JSON.stringify({
      Version: '1',
      Statement: [{ Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { Service: ['fc.aliyuncs.com'] } }],
    }),
    'trust',
  );
  const document = parsePolicy(JSON.stringify({ Version: '1', Statement: statement }));
  await identity.putRole({ name, trust, policies: [{ name: 'test', document }] });
  const session = identity.assume(name, { sessionName: 's', ttlMs: 60_000, claims });
  return { id: session.accessKeyId, secret: session.accessKeySecret, token: session.securityToken };
}

/** ObjectProcessConfiguration that binds the test's function, its elements in the order of the Java SDK. */
export const processing = `<ObjectProcessConfiguration><AllowedFeatures/><TransformationConfigurations><TransformationConfiguration>
  <Actions><Action>getobject</Action></Actions>
  <ContentTransformation><FunctionCompute><FunctionAssumeRoleArn>${functionRoleArn}</FunctionAssumeRoleArn><FunctionArn>${functionArn}</FunctionArn></FunctionCompute>
  <AdditionalFeatures><CustomForwardHeaders><CustomForwardHeader>x-tint</CustomForwardHeader></CustomForwardHeaders></AdditionalFeatures>
  </ContentTransformation></TransformationConfiguration></TransformationConfigurations></ObjectProcessConfiguration>`;

/** Header that names the test's Object FC access point. */
export const fcHeader = { 'x-oss-access-point-for-object-process-name': 'fc-ap-01' };
/** Bytes of `dir/cat.png` in the bucket `photos`. */
export const original = 'the original';

/** Makes the bucket `photos` with one object, the access point ap-01 and the Object FC access point fc-ap-01 on it, through the wire. */
export async function openPhotos(oss: Harness): Promise<{ apAlias: string; fcAlias: string }> {
  await oss.send('PUT', 'photos', '');
  await oss.send('PUT', 'photos', 'dir/cat.png', { body: original, headers: { 'content-type': 'image/png' } });
  const point = await oss.send('PUT', 'photos', '', {
    query: { accessPoint: '' },
    body: '<CreateAccessPointConfiguration><NetworkOrigin>internet</NetworkOrigin><AccessPointName>ap-01</AccessPointName></CreateAccessPointConfiguration>',
  });
  assert.equal(point.status, 200, point.text);
  const made = await oss.send('PUT', 'photos', '', {
    ...{ query: { accessPointForObjectProcess: '' }, headers: fcHeader },
    body: `<CreateAccessPointForObjectProcessConfiguration>${processing}<AccessPointName>ap-01</AccessPointName></CreateAccessPointForObjectProcessConfiguration>`,
  });
  assert.equal(made.status, 200, made.text);
  return {
    apAlias: childText(parseXml(point.text), 'Alias') ?? '',
    fcAlias: childText(parseXml(made.text), 'AccessPointForObjectProcessAlias') ?? '',
  };
}

import { createHash } from 'node:crypto';
import { now, randomHex } from '../../src/kit/index.ts';
import { presignOss, signAcs3, signOssHeader } from '../../src/signing/index.ts';

export interface Access {
  /** Base URLs of the data and control listeners. */
  data: string;
  control: string;
  region: string;
  accessKeyId: string;
  accessKeySecret: string;
}

export interface Reply {
  status: number;
  headers: Headers;
  text: string;
}

export interface OssCall {
  method: string;
  bucket: string;
  key?: string;
  query?: Record<string, string>;
  headers?: Record<string, string>;
  body?: Buffer;
}

const timeoutMs = 300_000;

function pathOf({ bucket, key = '' }: OssCall): string {
  return `/${bucket}/${key.split('/').map(encodeURIComponent).join('/')}`;
}

/** The demo's own client: plain signed requests to the public APIs, as any user could send them. */
export class Client {
  readonly access: Access;

  constructor(access: Access) {
    this.access = access;
  }

  /** One OSS request, signed with V4. Any status is an answer. */
  async oss(call: OssCall): Promise<Reply> {
    const { accessKeyId, accessKeySecret, region, data } = this.access;
    const { method, bucket, key, query = {}, headers = {} } = call;
    const signed = signOssHeader({
      scheme: 'OSS4',
      method,
      bucket,
      ...(key === undefined ? {} : { key }),
      query,
      headers,
      accessKeyId,
      accessKeySecret,
      region,
      now: now(),
    });
    const search = Object.entries(query).map(([name, value]) => (value === '' ? name : `${name}=${encodeURIComponent(value)}`));
    const url = `${data}${pathOf(call)}${search.length > 0 ? `?${search.join('&')}` : ''}`;
    return send(url, method, { ...headers, ...signed }, call.body);
  }

  /** One request of the Function Compute 3.0 API, signed with ACS3. Any status is an answer. */
  async functionCompute(method: string, path: string, action: string, input?: unknown): Promise<Reply> {
    const { accessKeyId, accessKeySecret, control } = this.access;
    const body = input === undefined ? undefined : Buffer.from(JSON.stringify(input));
    const headers: Record<string, string> = {
      host: new URL(control).host,
      'x-acs-action': action,
      'x-acs-version': '2023-03-30',
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    };
    const sha256 = createHash('sha256')
      .update(body ?? '')
      .digest('hex');
    const request = { method, path, query: [], headers };
    const signed = signAcs3(request, { accessKeyId, accessKeySecret }, { sha256, nonce: randomHex(16), now: now() });
    return send(`${control}${path}`, method, { ...headers, ...signed }, body);
  }

  /** A V4 presigned GET. Query parameters such as ?w= are part of what is signed: another width needs another URL. */
  presign(bucket: string, key: string, seconds: number, query: Record<string, string> = {}): string {
    const { accessKeyId, accessKeySecret, region, data } = this.access;
    return presignOss({
      scheme: 'OSS4',
      method: 'GET',
      endpoint: data,
      bucket,
      key,
      query,
      accessKeyId,
      accessKeySecret,
      region,
      now: now(),
      expiresIn: seconds,
    });
  }
}

async function send(url: string, method: string, headers: Record<string, string>, body: Buffer | undefined): Promise<Reply> {
  const { host: _, ...rest } = headers;
  const response = await fetch(url, {
    method,
    headers: rest,
    ...(body === undefined ? {} : { body: new Uint8Array(body) }),
    redirect: 'error',
    signal: AbortSignal.timeout(timeoutMs),
  });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

/** Fails unless the answer is a success. */
export function expectSuccess(what: string, reply: Reply): Reply {
  if (reply.status >= 200 && reply.status < 300) return reply;
  throw new Error(`${what} was answered ${reply.status}: ${reply.text.replace(/\s+/g, ' ').slice(0, 500)}`);
}

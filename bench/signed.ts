import { createHash, createHmac } from 'node:crypto';
import { type Key, pathOf, queryOf, signHeaderV4, type Unsigned } from '../test/acceptance/harness/sign.ts';
import type { LoadPlan } from './load.ts';

/** A store that speaks OSS or S3, and how requests to it are signed. */
export interface Store {
  readonly origin: string;
  readonly key: Key;
  readonly dialect: 'oss' | 's3';
  /** Region of S3. */
  readonly region: string;
}

type Request = Pick<Unsigned, 'method' | 'bucket' | 'key' | 'query'> & { body?: number };

/** One signed request as it goes on the wire, without its body. */
function wire(store: Store, request: Request): string {
  const { host } = new URL(store.origin);
  const headers = store.dialect === 'oss' ? signHeaderV4(request, store.key) : signS3(request, store, host);
  const length = request.body === undefined ? {} : { 'content-length': String(request.body) };
  const lines = Object.entries({ host, ...headers, ...length }).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${request.method} ${pathOf(request)}${queryOf(request.query)} HTTP/1.1\r\n${lines.join('')}\r\n`;
}

/** A load plan of these requests in turn. */
export function planOf(store: Store, requests: readonly Request[], load: Pick<LoadPlan, 'connections' | 'seconds' | 'requests'>): LoadPlan {
  const { hostname, port } = new URL(store.origin);
  const body = requests[0]?.body;
  return { host: hostname, port: Number(port || 80), request: requests.map((it) => wire(store, it)), ...(body ? { body } : {}), ...load };
}

const hmac = (secret: string | Buffer, text: string) => createHmac('sha256', secret).update(text).digest();

/** AWS Signature Version 4 in headers, the body not signed (Amazon S3 API reference, "Authenticating requests"). */
function signS3({ method, query = {}, ...resource }: Request, { key, region }: Store, host: string): Record<string, string> {
  const stamp = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
  const scope = `${stamp.slice(0, 8)}/${region}/s3/aws4_request`;
  const headers: Record<string, string> = { host, 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD', 'x-amz-date': stamp };
  const pairs = Object.entries(query).map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`);
  const names = Object.keys(headers).join(';');
  const lines = Object.entries(headers).map(([name, value]) => `${name}:${value}\n`);
  const canonical = [method, pathOf({ method, ...resource }), pairs.sort().join('&'), lines.join(''), names, 'UNSIGNED-PAYLOAD'].join('\n');
  const text = `AWS4-HMAC-SHA256\n${stamp}\n${scope}\n${createHash('sha256').update(canonical).digest('hex')}`;
  const secret = scope.split('/').reduce<string | Buffer>((parent, part) => hmac(parent, part), `AWS4${key.secret}`);
  const signature = hmac(secret, text).toString('hex');
  return { ...headers, authorization: `AWS4-HMAC-SHA256 Credential=${key.id}/${scope}, SignedHeaders=${names}, Signature=${signature}` };
}

/**
 * The store that a URL names: `http://host:port/bucket` speaks S3, `?oss` after it OSS, `?region=...` is its region. The key is in
 * SLUICE_BENCH_REFERENCE_KEY, as `id:secret`.
 */
export function storeAt(url: string, key: string | undefined): { store: Store; bucket: string } {
  const { origin, pathname, searchParams } = new URL(url);
  const [id, secret] = key?.split(':') ?? [];
  if (!id || !secret) throw new Error('Put the key of the reference store into SLUICE_BENCH_REFERENCE_KEY, as id:secret.');
  const dialect = searchParams.has('oss') ? 'oss' : 's3';
  const bucket = pathname.replace(/^\/|\/$/g, '');
  if (bucket === '') throw new Error('Name a bucket of the reference store that may be written to: http://host:port/bucket');
  return { bucket, store: { origin, key: { id, secret }, dialect, region: searchParams.get('region') ?? 'us-east-1' } };
}

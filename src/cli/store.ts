import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { now, parseXml, XmlError, type XmlNode } from '../kit/index.ts';
import { presignOss, signOssHeader } from '../signing/index.ts';
import type { Connection } from './config.ts';
import { CliFailure } from './failure.ts';
import { type Reply, readReply, Transport } from './transport.ts';

/** One request of the OSS API. */
export interface StoreAsked {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';
  readonly bucket?: string;
  readonly key?: string;
  /** Decoded; an empty value is a bare name, undefined is left out. */
  readonly query?: Readonly<Record<string, string | undefined>>;
  /** Lower-case names; values as text, sent as UTF-8. */
  readonly headers?: Readonly<Record<string, string | undefined>>;
  readonly body?: Buffer | string | (() => Readable);
  readonly signal?: AbortSignal | undefined;
}

/** Silence that a transform may take, milliseconds. */
const silenceMs = 15 * 60_000;

/** What to do about an error, by its code. */
const nextSteps: Record<string, string> = {
  NoSuchBucket: 'sluice bucket list; sluice bucket create <bucket>',
  NoSuchKey: 'sluice object list <bucket>',
  BucketNotEmpty: 'sluice object delete --recursive <bucket>/ --yes',
  NoSuchAccessPoint: 'sluice access-point list',
  NoSuchAccessPointForObjectProcess: 'sluice object-fc list',
  AccessPointInUse: 'Delete the Object FC access points that use it first: sluice object-fc list',
  AccessDenied:
    'The key works, but lacks this permission. "sluice policy explain" says which statement decides; an administrator can attach a policy.',
  InvalidAccessKeyId: 'Check the access key id (SLUICE_ACCESS_KEY_ID or the profile); "sluice profile list" shows the profiles.',
  SignatureDoesNotMatch: 'Check the access key secret (SLUICE_ACCESS_KEY_SECRET or the profile).',
  RequestTimeTooSkewed: 'Set the clock of this machine or of the server.',
  FunctionInvocationError: 'Why, and what the function printed: sluice invocation show <request>',
  FunctionResponseMissing: 'Why, and what the function printed: sluice invocation show <request>',
  FunctionTimeout: 'Give it more time: sluice function deploy ... --timeout <seconds>',
};

/** Codes of answers to HEAD, which have no body. */
const headCodes: Record<number, readonly [code: string, message: string]> = {
  403: ['AccessDenied', 'The request is refused; a GET would tell why.'],
  404: ['NoSuchKey', 'The object, or its bucket, does not exist.'],
  412: ['PreconditionFailed', 'A condition did not hold.'],
};

/** Talks to the data listener of a server: path style, every request signed with OSS V4. */
export class Store {
  readonly #connection: Connection;
  readonly #transport: Transport;

  /** @throws CliFailure for an endpoint that is none */
  constructor(connection: Connection) {
    this.#connection = connection;
    this.#transport = new Transport(connection.dataEndpoint, '--data-endpoint or SLUICE_DATA_ENDPOINT', connection.caFile);
  }

  /** The endpoint as it is shown: scheme, host and port. */
  get origin(): string {
    return this.#transport.origin;
  }

  /**
   * One request; the body of the answer has yet to be read.
   * @throws CliFailure 1 when it is refused, 3 when the server cannot be reached; LostConnection
   */
  async request(asked: StoreAsked): Promise<Reply> {
    const { method, bucket, key, body, signal } = asked;
    const query = defined(asked.query);
    const bytes = typeof body === 'string' ? Buffer.from(body) : body;
    const given = wire(defined(asked.headers));
    const headers = { ...given, ...(typeof bytes === 'function' ? {} : { 'content-length': String(bytes?.length ?? 0) }) };
    const signed = signOssHeader({ ...this.#signing(asked), query, headers: given });
    const path = `${bucket === undefined ? '/' : `/${bucket}/${encoded(key ?? '')}`}${searchOf(query)}`;
    const reply = await this.#transport.send({
      ...{ method, path, headers: { ...headers, ...signed }, silenceMs, signal },
      ...(bytes === undefined ? {} : { body: bytes }),
    });
    if (reply.status < 300) return reply;
    throw this.#refused(reply, await readReply(reply));
  }

  /** One request whose answer is XML. @throws like request */
  async xml(asked: StoreAsked): Promise<XmlNode> {
    const { text } = await this.text(asked);
    try {
      return parseXml(text);
    } catch (error) {
      if (error instanceof XmlError) throw this.#foreign(200, undefined);
      throw error;
    }
  }

  /** One request whose answer is text, or nothing. @throws like request */
  async text(asked: StoreAsked): Promise<{ text: string; headers: Reply['headers'] }> {
    const reply = await this.request(asked);
    return { text: (await readReply(reply)).toString(), headers: reply.headers };
  }

  /** A signed URL (V4). @param expires seconds of validity, to 604,800 */
  presign(asked: Pick<StoreAsked, 'method' | 'bucket' | 'key' | 'query' | 'headers'>, expires: number): string {
    const [query, headers] = [defined(asked.query), wire(defined(asked.headers))];
    return presignOss({ ...this.#signing(asked), query, headers, endpoint: this.#transport.origin, expiresIn: expires });
  }

  #signing({ method, bucket, key }: Pick<StoreAsked, 'method' | 'bucket' | 'key'>) {
    const { accessKeyId, accessKeySecret, securityToken, region } = this.#connection;
    return {
      ...{ scheme: 'OSS4' as const, method, accessKeyId, accessKeySecret, now: now(), region },
      ...(bucket === undefined ? {} : { bucket, key: key ?? '' }),
      ...(securityToken === undefined ? {} : { securityToken }),
    };
  }

  #refused({ status, headers }: Reply, body: Buffer): CliFailure {
    const told = errorOf(body.toString());
    const [headCode, headMessage] = headCodes[status] ?? [];
    const { code = headCode, message = headMessage, requestId } = told;
    const id = requestId ?? String(headers['x-oss-request-id'] ?? '');
    if (told.code === undefined && id === '') return this.#foreign(status, headers['content-type']);
    const name = code ?? `HTTP ${status}`;
    return new CliFailure(1, message === undefined ? name : `${name}: ${message}`, {
      next: nextSteps[name],
      answer: { code: name, requestId: id },
    });
  }

  #foreign(status: number, type: string | undefined): CliFailure {
    return new CliFailure(1, `${this.#transport.origin} answered ${status} ${type ?? ''}, not as a Sluice server does.`, {
      next: 'Set --data-endpoint or SLUICE_DATA_ENDPOINT to the OSS endpoint (port 9000 by default), not to the control listener.',
    });
  }
}

/** Content-MD5 of a document, which some operations want. */
export function md5(text: string): string {
  return createHash('md5').update(text).digest('base64');
}

function errorOf(text: string): { code?: string; message?: string; requestId?: string } {
  if (!text.includes('<Error>')) return {};
  try {
    const { children } = parseXml(text);
    const value = (name: string) => children.find((node) => node.name === name)?.text;
    const [code, message, requestId] = [value('Code'), value('Message'), value('RequestId')];
    return { ...(code ? { code } : {}), ...(message ? { message } : {}), ...(requestId ? { requestId } : {}) };
  } catch {
    return {};
  }
}

function defined(values: Readonly<Record<string, string | undefined>> = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(values).filter((pair): pair is [string, string] => pair[1] !== undefined));
}

/** Node writes headers as latin1: one character for each byte. */
function wire(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, Buffer.from(value, 'utf8').toString('latin1')]));
}

/** A key as it stands in a path. */
function encoded(key: string): string {
  return key.split('/').map(encodeURIComponent).join('/');
}

function searchOf(query: Record<string, string>): string {
  const pairs = Object.entries(query).map(([name, value]) =>
    value === '' ? encodeURIComponent(name) : `${encodeURIComponent(name)}=${encodeURIComponent(value)}`,
  );
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`;
}

import { createHash } from 'node:crypto';
import { now, randomHex } from '../kit/index.ts';
import { parseQuery, signAcs3, signFc1 } from '../signing/index.ts';
import type { Connection } from './config.ts';
import { CliFailure } from './failure.ts';
import { LostConnection, type Reply, readReply, Transport } from './transport.ts';

export interface Asked {
  readonly query?: Readonly<Record<string, string | undefined>>;
  /** Sent as JSON; bytes as they are. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Longest silence, milliseconds; 0 waits for ever. */
  readonly silenceMs?: number;
  readonly signal?: AbortSignal | undefined;
}

/** An answer as it came. */
export interface Answered {
  readonly status: number;
  readonly headers: Reply['headers'];
  readonly body: Buffer;
}

export interface UploadToken {
  readonly credentials: { readonly AccessKeyId: string; readonly AccessKeySecret: string; readonly SecurityToken: string };
  readonly ossBucket: string;
  readonly objectName: string;
}

/** What to do about an error, by its code. */
const nextSteps: Record<string, string> = {
  AccessDenied:
    'The key works, but lacks this permission. "sluice policy explain" says which statement decides; an administrator can attach a policy.',
  InvalidAccessKeyId: 'Check the access key id (SLUICE_ACCESS_KEY_ID or the profile); "sluice profile list" shows the profiles.',
  SignatureDoesNotMatch: 'Check the access key secret (SLUICE_ACCESS_KEY_SECRET or the profile).',
  UserDisable: 'The key or its user is disabled. An administrator can enable it: sluice key enable, sluice user enable.',
  SecurityTokenExpired: 'Assume the role again.',
  RequestTimeTooSkewed: 'Set the clock of this machine or of the server.',
  FunctionNotFound: 'sluice function list',
  VersionNotFound: 'sluice function versions <name>',
  'EntityNotExist.User': 'sluice user list',
  'EntityNotExist.Role': 'sluice role list',
  'EntityNotExist.Policy': 'sluice policy list, sluice policy list --system',
  'EntityNotExist.User.AccessKey': 'sluice key list',
  MisdirectedRequest: 'Use a name that the server answers to, or add this one to its setting controlHosts.',
};

/** Talks to the control listener of a server; every request is signed with ACS3-HMAC-SHA256. */
export class Client {
  readonly #connection: Connection;
  readonly #transport: Transport;

  /** @throws CliFailure for an endpoint that is none */
  constructor(connection: Connection) {
    this.#connection = connection;
    this.#transport = new Transport(connection.endpoint, '--endpoint or SLUICE_ENDPOINT', connection.caFile);
  }

  /**
   * One request of the admin API.
   * @param path below /admin/v1; its parts percent-encoded
   * @returns the answer's JSON; undefined for an empty one
   * @throws CliFailure 1 when the server refuses or fails, 3 when it cannot be reached
   */
  async admin<T = Record<string, unknown>>(method: string, path: string, asked: Asked = {}): Promise<T> {
    const answer = await this.send(method, `/admin/v1${path}`, asked);
    const json = jsonOf(answer);
    if (answer.status >= 200 && answer.status < 300) return json as T;
    throw this.#refused(answer, json);
  }

  /** All items of a list of the admin API, page after page. */
  async adminList<T = Record<string, unknown>>(path: string, field: string, query: Asked['query'] = {}): Promise<T[]> {
    const all: T[] = [];
    let next: string | undefined;
    do {
      const page: Record<string, unknown> = await this.admin('GET', path, { query: { ...query, next } });
      all.push(...((page[field] ?? []) as T[]));
      next = page.next as string | undefined;
    } while (next !== undefined);
    return all;
  }

  /** One request of the Function Compute API. @param path below its version; parts percent-encoded @throws like admin */
  async fc<T = Record<string, unknown>>(method: string, path: string, asked: Asked = {}): Promise<T> {
    const answer = await this.fcRaw(method, path, asked);
    return jsonOf(answer) as T;
  }

  /** The same with the answer as it came, which is no refusal. */
  async fcRaw(method: string, path: string, asked: Asked = {}): Promise<Answered> {
    return this.#accepted(await this.send(method, `/2023-03-30${path}`, asked));
  }

  /** One request of Function Compute 2.0, version 2021-04-06. @throws like admin */
  async fc2<T = Record<string, unknown>>(method: string, path: string, asked: Asked = {}): Promise<T> {
    return jsonOf(this.#accepted(await this.send(method, `/2021-04-06${path}`, asked))) as T;
  }

  #accepted(answer: Answered): Answered {
    if (answer.status >= 200 && answer.status < 300) return answer;
    throw this.#refused(answer, jsonOf(answer));
  }

  /** All items of a list of the Function Compute API, page after page. */
  async fcList<T = Record<string, unknown>>(path: string, field: string, query: Asked['query'] = {}): Promise<T[]> {
    const all: T[] = [];
    let nextToken: string | undefined;
    do {
      const page: Record<string, unknown> = await this.fc('GET', path, { query: { ...query, limit: '100', nextToken } });
      all.push(...((page[field] ?? []) as T[]));
      nextToken = (page.nextToken as string | undefined) || undefined;
    } while (nextToken !== undefined);
    return all;
  }

  /** A place for one code package that is too large for a request, with the credentials to put it there (tempBucketToken of FC 2016-08-15). */
  async uploadToken(): Promise<UploadToken> {
    const path = '/2016-08-15/tempBucketToken';
    const headers = { host: this.#transport.endpoint.host };
    const signed = signFc1({ method: 'GET', path, query: [], headers }, this.#connection, now());
    const reply = await this.#transport.send({ method: 'GET', path, headers: { ...headers, ...signed } });
    const answer = { status: reply.status, headers: reply.headers, body: await readReply(reply) };
    if (answer.status !== 200) throw this.#refused(answer, jsonOf(answer));
    return jsonOf(answer) as UploadToken;
  }

  /** One signed request of any API of the control listener. @throws CliFailure 3 when the server cannot be reached; LostConnection */
  async send(method: string, path: string, asked: Asked): Promise<Answered> {
    const reply = await this.#open(method, path, asked);
    return { status: reply.status, headers: reply.headers, body: await readReply(reply) };
  }

  /** A GET of the admin API whose answer is read line by line as it comes; ends with the answer. @throws like admin; the signal's reason */
  async adminLines(path: string, asked: Asked & { signal: AbortSignal }, onLine: (line: string) => void): Promise<void> {
    const reply = await this.#open('GET', `/admin/v1${path}`, { ...asked, silenceMs: 0 });
    if (reply.status >= 300) {
      const answer = { status: reply.status, headers: reply.headers, body: await readReply(reply) };
      throw this.#refused(answer, jsonOf(answer));
    }
    const abort = () => reply.body.destroy();
    asked.signal.addEventListener('abort', abort, { once: true });
    try {
      let rest = '';
      for await (const chunk of reply.body.setEncoding('utf8')) {
        const lines = `${rest}${chunk}`.split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) if (line !== '') onLine(line);
      }
    } catch (cause) {
      if (asked.signal.aborted) throw asked.signal.reason;
      throw new LostConnection('the stream broke off', { cause });
    } finally {
      asked.signal.removeEventListener('abort', abort);
    }
    if (asked.signal.aborted) throw asked.signal.reason;
  }

  async #open(method: string, path: string, { query = {}, body, headers: more = {}, silenceMs, signal }: Asked): Promise<Reply> {
    const bytes = body === undefined ? Buffer.alloc(0) : Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body));
    const pairs = Object.entries(query).filter((pair): pair is [string, string] => pair[1] !== undefined);
    const search = pairs.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`).join('&');
    const type: Record<string, string> =
      body === undefined ? {} : { 'content-type': Buffer.isBuffer(body) ? 'application/octet-stream' : 'application/json' };
    const headers: Record<string, string> = { host: this.#transport.endpoint.host, ...type, ...more };
    const signed = signAcs3({ method, path, query: parseQuery(search), headers }, this.#connection, {
      sha256: createHash('sha256').update(bytes).digest('hex'),
      nonce: randomHex(16),
      now: now(),
    });
    return this.#transport.send({
      ...{ method, path: search === '' ? path : `${path}?${search}`, body: bytes, signal },
      ...{ headers: { ...headers, ...signed, 'content-length': String(bytes.length) }, ...(silenceMs === undefined ? {} : { silenceMs }) },
    });
  }

  #refused({ status, headers }: Answered, json: unknown): CliFailure {
    const told = (json ?? {}) as Record<string, unknown>;
    // Function Compute 2.0 writes ErrorCode, and the request id into a header.
    const [code, message] = [told.Code ?? told.ErrorCode, told.Message ?? told.ErrorMessage];
    const requestId = told.RequestId ?? headers['x-fc-request-id'];
    if (typeof code !== 'string') {
      return new CliFailure(
        1,
        `${this.#connection.endpoint} answered ${status} ${headers['content-type'] ?? ''}, not as a Sluice server does.`,
        {
          next: 'Set --endpoint or SLUICE_ENDPOINT to the control listener (port 9001 by default), not to the OSS endpoint.',
        },
      );
    }
    return new CliFailure(1, `${code}: ${message}`, { next: nextSteps[code], answer: { code, requestId: String(requestId) } });
  }
}

function jsonOf({ headers, body }: Answered): unknown {
  if (!String(headers['content-type'] ?? '').startsWith('application/json')) return undefined;
  try {
    return JSON.parse(body.toString());
  } catch {
    return undefined;
  }
}

import { lookup as resolveName } from 'node:dns';
import type { LookupFunction } from 'node:net';
import type { Agent, buildConnector, Dispatcher } from 'undici';
import { canonicalEntry, isForbidden, plainHost } from './addresses.ts';
import { after, type Timer } from './clock.ts';

const defaultConnectMs = 5_000;
/** An idle connection is given up before common servers close theirs (5 s), so that no request meets a closed one. Milliseconds. */
const keepAliveMs = 4_000;
const defaultMaxBytes = 1024 * 1024;
const headLimit = 32 * 1024;

export type OutgoingReason =
  /** Not on the allow-list, or a name that leads to an address that names may not lead to. */
  | 'denied'
  /** No connection came about: nothing was sent. */
  | 'unreachable'
  /** A deadline passed after the request was, or may have been, sent. */
  | 'late'
  /** The connection ended, or what came over it was no HTTP, after the request was, or may have been, sent. */
  | 'lost'
  /** The answer is larger than the limit. */
  | 'too-large';

/** A request that did not come to a good end; the message says what to do, and names no header, body or query. */
export class OutgoingError extends Error {
  override readonly name = 'OutgoingError';
  readonly reason: OutgoingReason;
  constructor(reason: OutgoingReason, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
  /** Whether the other side may have got the request. */
  get sent(): boolean {
    return this.reason !== 'denied' && this.reason !== 'unreachable';
  }
}

export interface OutgoingRequest {
  /** http or https, on the allow-list. */
  url: string;
  method: 'GET' | 'POST' | 'PUT' | 'HEAD';
  headers?: Record<string, string>;
  body?: Buffer;
  /** Until the head of the answer is there, connecting included. */
  headersMs: number;
  /** From there until its body has ended. */
  bodyMs: number;
  /** Largest body of the answer, bytes; 1 MiB when left out. */
  maxBytes?: number;
  signal?: AbortSignal;
}

export interface OutgoingResponse {
  status: number;
  /** Lower-case names; repeated headers joined by a comma. */
  headers: Record<string, string>;
  body: Buffer;
}

/** The only way in which the server makes requests of its own. */
export interface Outgoing {
  /** @throws OutgoingError denied, unless the URL is http or https, without credentials, and its host and port are on the list */
  check(url: string): void;
  /**
   * Sends one request over a connection to a vetted address; never follows a redirect (the answer is handed on as it is) and never
   * sends anything twice.
   * @throws OutgoingError; the signal's reason when it aborts
   */
  request(request: OutgoingRequest): Promise<OutgoingResponse>;
  /** Ends every connection. */
  close(): Promise<void>;
}

/**
 * @param options.allow entries `host:port`: a name, an IPv4 address, or an IPv6 address in brackets; see `isAllowEntry` in addresses.ts
 * @param options.ca certificates (PEM) that are trusted besides the system's
 */
export function openOutgoing(options: OutgoingOptions): Outgoing {
  return new AllowedOutgoing(options);
}

interface OutgoingOptions {
  allow: readonly string[];
  /** Name of the setting that the list comes from; `outgoing.allow` when left out. */
  setting?: string;
  ca?: string | undefined;
  connectMs?: number;
}

class AllowedOutgoing implements Outgoing {
  readonly #allow: ReadonlySet<string>;
  readonly #setting: string;
  readonly #ca: string | undefined;
  readonly #connectMs: number;
  #agent: Promise<Agent> | undefined;

  constructor({ allow, setting = 'outgoing.allow', ca, connectMs = defaultConnectMs }: OutgoingOptions) {
    this.#setting = `the setting ${setting} (SLUICE_${setting.toUpperCase().replaceAll('.', '_')})`;
    this.#allow = new Set(allow.map((entry) => canonicalEntry(entry)));
    this.#ca = ca;
    this.#connectMs = connectMs;
  }

  check(url: string): void {
    let parsed: URL;
    try {
      parsed = new URL(url);
    } catch {
      throw new OutgoingError('denied', 'It is not a valid URL.');
    }
    if (parsed.protocol !== 'http:' && parsed.protocol !== 'https:')
      throw new OutgoingError('denied', 'Only http and https URLs are requested.');
    if (parsed.username !== '' || parsed.password !== '')
      throw new OutgoingError('denied', 'A URL with a user name or password is not requested.');
    const port = parsed.port || (parsed.protocol === 'https:' ? '443' : '80');
    const entry = `${plainHost(parsed.hostname)}:${port}`;
    if (!this.#allow.has(entry))
      throw new OutgoingError('denied', `The server may not make requests to ${entry}; to allow it, add ${entry} to ${this.#setting}.`);
  }

  async request(request: OutgoingRequest): Promise<OutgoingResponse> {
    this.check(request.url);
    request.signal?.throwIfAborted();
    this.#agent ??= this.#open();
    const agent = await this.#agent;
    const watch = new Watch(request);
    try {
      const answer = await agent.request({
        origin: new URL(request.url).origin,
        path: pathOf(request.url),
        method: request.method,
        headers: request.headers ?? {},
        body: request.body ?? null,
        signal: watch.signal,
        headersTimeout: 0,
        bodyTimeout: 0,
      });
      watch.next(request.bodyMs);
      return { status: answer.statusCode, headers: flat(answer.headers), body: await collect(answer, request.maxBytes ?? defaultMaxBytes) };
    } catch (error) {
      throw watch.explain(error);
    } finally {
      watch.end();
    }
  }

  async close(): Promise<void> {
    const agent = await this.#agent;
    await agent?.destroy();
  }

  /** undici is loaded by those who need it. */
  async #open(): Promise<Agent> {
    const [{ Agent, buildConnector }, { getCACertificates }] = await Promise.all([import('undici'), import('node:tls')]);
    const connect = buildConnector({
      timeout: this.#connectMs,
      lookup: vettedLookup(this.#setting),
      allowH2: false,
      ...(this.#ca === undefined ? {} : { ca: [...getCACertificates('default'), this.#ca] }),
    });
    return new Agent({
      allowH2: false,
      keepAliveTimeout: keepAliveMs,
      keepAliveMaxTimeout: 60_000,
      maxHeaderSize: headLimit,
      connect: (options: buildConnector.Options, callback: buildConnector.Callback) => {
        connect(options, (error, socket) => {
          if (error)
            callback(unreachable(error, `${options.hostname}:${options.port || (options.protocol === 'https:' ? 443 : 80)}`), null);
          else if (socket) callback(null, socket);
        });
      },
    });
  }
}

/** The deadline at hand and the caller's signal as one signal, and what an error under them means. */
class Watch {
  readonly #abort = new AbortController();
  readonly #outer: AbortSignal | undefined;
  readonly #onOuter: () => void;
  #timer: Timer;
  #late = false;

  constructor({ signal, headersMs }: OutgoingRequest) {
    this.#outer = signal;
    this.#onOuter = () => this.#abort.abort(signal?.reason);
    signal?.addEventListener('abort', this.#onOuter, { once: true });
    this.#timer = this.#arm(headersMs);
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** The head is there; what follows has a time of its own. */
  next(ms: number): void {
    this.#timer.cancel();
    this.#timer = this.#arm(ms);
  }

  end(): void {
    this.#timer.cancel();
    this.#outer?.removeEventListener('abort', this.#onOuter);
  }

  explain(error: unknown): unknown {
    if (error instanceof OutgoingError) return error;
    if (this.#late) return new OutgoingError('late', 'The other side did not answer in time.', { cause: error });
    if (this.#outer?.aborted) return this.#outer.reason;
    const detail = error instanceof Error ? error.message : 'unknown error';
    return new OutgoingError('lost', `The connection failed before the answer was complete: ${detail}.`, { cause: error });
  }

  #arm(ms: number): Timer {
    return after(ms, () => {
      this.#late = true;
      this.#abort.abort();
    });
  }
}

/** Resolves a name to the addresses that it may lead to; net.connect connects to these and no others. */
const vettedLookup =
  (setting: string): LookupFunction =>
  (hostname, options, callback) => {
    resolveName(hostname, { all: true, family: options.family ?? 0 }, (error, addresses) => {
      if (error) return callback(error, []);
      const fit = addresses.filter(({ address }) => !isForbidden(address));
      const first = fit[0];
      if (!first) {
        const refused = new OutgoingError(
          'denied',
          `${hostname} leads to ${addresses[0]?.address ?? 'no address'}, an address of this machine or network that a name may not lead to; if it is meant, use the address itself in the URL and in ${setting}.`,
        );
        return callback(refused, []);
      }
      if (options.all) callback(null, fit);
      else callback(null, first.address, first.family);
    });
  };

function unreachable(error: Error, host: string): OutgoingError {
  if (error instanceof OutgoingError) return error;
  const code = (error as NodeJS.ErrnoException).code ?? error.message;
  return new OutgoingError('unreachable', `No connection to ${host} (${code}); see that it runs there and that this machine reaches it.`, {
    cause: error,
  });
}

async function collect({ headers, body }: Dispatcher.ResponseData, maxBytes: number): Promise<Buffer> {
  const tooLarge = () => new OutgoingError('too-large', `The answer has more than ${maxBytes} bytes.`);
  if (Number(headers['content-length'] ?? 0) > maxBytes) {
    body.on('error', () => {}).destroy();
    throw tooLarge();
  }
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += (chunk as Buffer).length;
    // Leaving the loop ends the connection.
    if (bytes > maxBytes) throw tooLarge();
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks, bytes);
}

function flat(headers: Dispatcher.ResponseData['headers']): Record<string, string> {
  const result: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers))
    if (value !== undefined) result[name] = Array.isArray(value) ? value.join(', ') : value;
  return result;
}

function pathOf(url: string): string {
  const { pathname, search } = new URL(url);
  return pathname + search;
}

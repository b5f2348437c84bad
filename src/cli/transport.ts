import { readFileSync } from 'node:fs';
import { type ClientRequest, Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { Readable } from 'node:stream';
import { after, readAll } from '../kit/index.ts';
import { CliFailure } from './failure.ts';

/** One request, signed already. */
export interface Sent {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** A stream is asked for when the server is ready to take it. */
  readonly body?: Buffer | (() => Readable);
  readonly signal?: AbortSignal | undefined;
  /** Longest silence, milliseconds; 0 waits for ever, 60 s when left out. */
  readonly silenceMs?: number;
}

/** An answer whose body has yet to be read, by readReply or as a stream. */
export interface Reply {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: IncomingMessage;
}

/** The connection failed before all of the answer was there. */
export class LostConnection extends Error {
  override readonly name = 'LostConnection';
}

const usualSilenceMs = 60_000;
/** How long to wait for 100 Continue from a server that may not know it. */
const continueMs = 2_000;
const answerBytes = 64 * 1024 * 1024;

/** Connections to one endpoint, kept open between requests. */
export class Transport {
  readonly endpoint: URL;
  readonly #agent: HttpAgent;
  readonly #request: typeof httpRequest;
  readonly #ca: Buffer | undefined;
  readonly #flag: string;
  readonly #secure: boolean;

  /** @param flag option that names the endpoint, for messages @throws CliFailure for an endpoint that is none */
  constructor(endpoint: string, flag: string, caFile: string | undefined) {
    if (!URL.canParse(endpoint)) throw notAnEndpoint(endpoint);
    this.endpoint = new URL(endpoint);
    this.#flag = flag;
    const { protocol, pathname } = this.endpoint;
    if (!/^https?:$/.test(protocol) || pathname !== '/') throw notAnEndpoint(endpoint);
    this.#secure = protocol === 'https:';
    this.#ca = this.#secure && caFile ? readCa(caFile) : undefined;
    this.#agent = this.#secure ? new HttpsAgent({ keepAlive: true }) : new HttpAgent({ keepAlive: true });
    this.#request = this.#secure ? (httpsRequest as typeof httpRequest) : httpRequest;
  }

  /** The endpoint as it is shown: scheme, host and port. */
  get origin(): string {
    return this.endpoint.origin;
  }

  /** @throws CliFailure 3 when no connection comes about; LostConnection when it ends before the head of the answer; the signal's reason */
  send(sent: Sent): Promise<Reply> {
    const { method, path, headers, body, signal, silenceMs = usualSilenceMs } = sent;
    const { hostname, port } = this.endpoint;
    const streams = typeof body === 'function';
    // Node writes a head that has an Expect as UTF-8, which spoils headers that are bytes already.
    const asksFirst = streams && Object.values(headers).every((value) => /^[\x20-\x7e]*$/.test(value));
    const request = this.#request({
      ...{ host: hostname.replace(/^\[|\]$/g, ''), port, method, path, agent: this.#agent, timeout: silenceMs },
      ...{ ...(signal ? { signal } : {}), ...(this.#ca ? { ca: this.#ca } : {}) },
      headers: { ...headers, ...(asksFirst ? { Expect: '100-continue' } : {}) },
    });
    let connected = false;
    let begun = false;
    request.on('socket', (socket) => {
      connected = request.reusedSocket;
      if (connected) return;
      socket.once(this.#secure ? 'secureConnect' : 'connect', () => {
        connected = true;
      });
    });
    return new Promise((resolve, reject) => {
      request.on('timeout', () => request.destroy(new LostConnection(`nothing was heard for ${silenceMs / 1000} s`)));
      request.on('error', (error) => {
        if (signal?.aborted) reject(signal.reason);
        // A connection that was kept open had been closed by the server meanwhile.
        else if (request.reusedSocket && !begun && (error as NodeJS.ErrnoException).code === 'ECONNRESET') resolve(this.send(sent));
        else reject(this.#failed(error, connected));
      });
      request.on('response', (response) => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: response }));
      const source = () => {
        begun = true;
        return (body as () => Readable)();
      };
      if (streams) sendStream(request, source, asksFirst);
      else request.end(body);
    });
  }

  #failed(error: Error, connected: boolean): Error {
    if (error instanceof LostConnection) return error;
    const code = (error as NodeJS.ErrnoException).code ?? error.name;
    if (connected) return new LostConnection(`the connection to ${this.origin} ended (${code})`, { cause: error });
    return new CliFailure(3, `${this.origin} cannot be reached (${code}): ${error.message}`, {
      next: `Is the server running ("sluice serve"), and is this its endpoint? Set ${this.#flag}.`,
    });
  }
}

/** Sends a body, once the server asks for it where that was announced: one that refuses the request does so before. */
function sendStream(request: ClientRequest, body: () => Readable, asksFirst: boolean): void {
  let begun = false;
  const begin = () => {
    if (begun || request.destroyed) return;
    begun = true;
    timer.cancel();
    const source = body();
    source.on('error', (error) => request.destroy(error));
    request.on('close', () => source.destroy());
    source.pipe(request);
  };
  const timer = after(continueMs, begin);
  request.on('continue', begin);
  request.on('response', (response) => {
    timer.cancel();
    // The server answered before it had all of the body, or any: the connection cannot be used again.
    if (!request.writableEnded) response.on('end', () => request.destroy());
    begun = true;
  });
  request.on('close', () => timer.cancel());
  if (asksFirst) request.flushHeaders();
  else begin();
}

/** The whole body of an answer. @throws LostConnection when it breaks off */
export async function readReply({ body }: Reply, limit = answerBytes): Promise<Buffer> {
  try {
    return await readAll(body, limit);
  } catch (cause) {
    throw new LostConnection(`the answer broke off: ${cause instanceof Error ? cause.message : cause}`, { cause });
  }
}

function notAnEndpoint(endpoint: string): CliFailure {
  return new CliFailure(2, `${endpoint} is no endpoint; it must read http://host:port or https://host:port.`);
}

function readCa(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new CliFailure(2, `The certificate authority ${file} cannot be read: ${error instanceof Error ? error.message : error}`);
  }
}

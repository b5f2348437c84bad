import { type FunctionVersion, namesOf } from '../../functions/index.ts';
import { type Outgoing, OutgoingError, type OutgoingRequest, type OutgoingResponse } from '../../kit/index.ts';
import { type Credentials, errorPayload, type Invocation, maxPayloadBytes } from '../invocation.ts';
import { type Explanation, explainTimeout } from '../process/ending.ts';
import type { Reply } from '../program/transport.ts';

/** What a hook may answer, bytes. */
const hookBytes = 64 * 1024;
/** What a timer can count. */
const longestMs = 0x7fffffff;

export interface ContractOptions {
  fn: FunctionVersion;
  region: string;
  accountId: string;
  outgoing: Outgoing;
  /** URL without a slash at its end, known when the first call is made. */
  base: () => string;
  /** Sends once more what certainly did not arrive. */
  again: boolean;
  /** Credentials of the calls that bring none: the hooks. */
  credentials: () => Credentials;
}

/** The HTTP contract of custom runtimes and custom containers ("Custom runtime specification details"): one server, asked for each event. */
export class HttpCalls {
  readonly #options: ContractOptions;

  constructor(options: ContractOptions) {
    this.#options = options;
  }

  /** Gives one event: POST /invoke. Whoever may have got it is never given it again. */
  async invoke(call: Invocation, limitMs: number, signal?: AbortSignal): Promise<Reply> {
    const headers = { ...this.#headers('/invoke', call.requestId, call.credentials), 'content-type': 'application/octet-stream' };
    // While its answer flows the call may outlive its limit: whoever made it ends it then.
    const ms = call.spareMs && signal ? longestMs : limitMs;
    const request: Ask = { path: '/invoke', method: 'POST', headers, body: call.event, limitMs: ms, maxBytes: maxPayloadBytes, signal };
    return this.#reply(request);
  }

  /** POST /initialize. */
  initialize(requestId: string, limitMs: number): Promise<Reply> {
    const headers = this.#headers('/initialize', requestId, this.#options.credentials());
    return this.#reply({ path: '/initialize', method: 'POST', headers, body: Buffer.alloc(0), limitMs, maxBytes: hookBytes });
  }

  /** GET /pre-stop. */
  preStop(requestId: string, limitMs: number): Promise<Reply> {
    const headers = this.#headers('/pre-stop', requestId, this.#options.credentials());
    return this.#reply({ path: '/pre-stop', method: 'GET', headers, limitMs, maxBytes: hookBytes });
  }

  /** GET of a health check: whether it is answered with 2xx or 3xx. */
  async healthy(path: string, limitMs: number): Promise<boolean> {
    try {
      const { status } = await this.#send({ path, method: 'GET', headers: {}, limitMs, maxBytes: hookBytes });
      return status >= 200 && status < 400;
    } catch {
      return false;
    }
  }

  async #reply(ask: Ask): Promise<Reply> {
    try {
      return replyOf(await this.#send(ask), ask);
    } catch (error) {
      return explain(error, ask);
    }
  }

  async #send(ask: Ask): Promise<OutgoingResponse> {
    const { outgoing, base, again } = this.#options;
    const { path, method, headers, body, limitMs, maxBytes, signal } = ask;
    const request: OutgoingRequest = { url: join(base(), path), method, headers, headersMs: limitMs, bodyMs: limitMs, maxBytes };
    if (body) request.body = body;
    if (signal) request.signal = signal;
    try {
      return await outgoing.request(request);
    } catch (error) {
      if (again && error instanceof OutgoingError && error.reason === 'unreachable') return outgoing.request(request);
      throw error;
    }
  }

  #headers(path: string, requestId: string, { accessKeyId, accessKeySecret, securityToken }: Credentials): Record<string, string> {
    const { fn, region, accountId } = this.#options;
    const seconds = (ms: number) => String(Math.max(1, Math.ceil(ms / 1000)));
    const headers: Record<string, string> = {
      'x-fc-request-id': requestId,
      'x-fc-control-path': path,
      'x-fc-access-key-id': accessKeyId,
      'x-fc-access-key-secret': accessKeySecret,
      'x-fc-security-token': securityToken,
      'x-fc-function-name': namesOf(fn.name).name,
      'x-fc-function-handler': fn.handler,
      'x-fc-function-memory': String(fn.memoryMb),
      'x-fc-function-timeout': seconds(fn.timeoutMs),
      'x-fc-function-initializer': fn.initializer?.handler ?? '',
      'x-fc-initialization-timeout': fn.initializer ? seconds(fn.initializer.timeoutMs) : '',
      'x-fc-instance-lifecycle-pre-stop-handler': fn.preStop?.handler ?? '',
      'x-fc-region': region,
      'x-fc-account-id': accountId,
      'x-fc-qualifier': fn.qualifier,
      'x-fc-version-id': fn.versionId,
      'x-fc-service-name': namesOf(fn.name).service,
      'x-fc-service-logproject': fn.logProject ?? '',
      'x-fc-service-logstore': fn.logStore ?? '',
      'x-fc-retry-count': '0',
    };
    for (const [name, value] of Object.entries(headers)) headers[name] = asHeader(value);
    return headers;
  }
}

interface Ask {
  path: string;
  method: 'GET' | 'POST';
  headers: Record<string, string>;
  body?: Buffer;
  limitMs: number;
  maxBytes: number;
  signal?: AbortSignal | undefined;
}

/** UTF-8 as the bytes of a header, without what would end one. */
function asHeader(value: string): string {
  return Buffer.from(value.replace(/[\0\r\n]/g, ' '), 'utf8').toString('latin1');
}

function join(base: string, path: string): string {
  const url = new URL(base);
  return `${url.origin}${url.pathname.replace(/\/$/, '')}${path}${url.search}`;
}

/** The function failed unless it answered 2xx and, where it names a status of its own, that one is 2xx too. */
function replyOf({ status, headers, body }: OutgoingResponse, { method, path }: Ask): Reply {
  const own = headers['x-fc-status'];
  const good = status >= 200 && status < 300 && (own === undefined || /^2\d\d$/.test(own.trim()));
  if (good) return { payload: body };
  const said = messageOf(body);
  const message =
    said || `The function answered ${method} ${path} with ${own === undefined ? `status ${status}` : `x-fc-status ${own.slice(0, 20)}`}`;
  return { kind: 'raised', message, payload: body.length > 0 ? body : errorPayload(message) };
}

/** errorMessage of an error JSON. */
function messageOf(body: Buffer): string {
  if (body.length > hookBytes) return '';
  try {
    const { errorMessage } = JSON.parse(body.toString('utf8')) as { errorMessage?: unknown };
    return typeof errorMessage === 'string' ? errorMessage : '';
  } catch {
    return '';
  }
}

function explain(error: unknown, { limitMs, path, maxBytes }: Ask): Explanation {
  if (!(error instanceof OutgoingError)) return failed('CAExited', 'The request to the function was ended.');
  if (error.reason === 'late') return explainTimeout(limitMs);
  if (error.reason === 'too-large') {
    const message = `The function answered ${path} with more than ${maxBytes} bytes`;
    return { kind: 'raised', message, payload: errorPayload(message, 'ResultTooLarge') };
  }
  if (!error.sent) return failed('FunctionNotStarted', error.message);
  return failed('CAExited', `${error.message} It is not called again, because it may have acted already.`);
}

function failed(errorType: string, message: string): Explanation {
  return { kind: 'exited', message, payload: errorPayload(message, errorType) };
}

import type { AccessPoint, ObjectFcAccessPoint, Transformation } from '../accesspoints/index.ts';
import { Fault } from '../faults/index.ts';
import { type FunctionVersion, sessionNameOf } from '../functions/index.ts';
import type { Principal, SessionClaims, SessionCredentials } from '../identity/index.ts';
import type { Invocation, InvocationResult } from '../instances/index.ts';
import { Lru, monotonic, now, randomHex } from '../kit/index.ts';
import type { Metrics } from '../telemetry/index.ts';
import { buildEvent } from './event.ts';
import { Exchange, type ExchangeState, usedToken } from './exchange.ts';
import type { AnswerRequest } from './join.ts';
import type { ClientSink } from './relay.ts';
import { mintToken, tokenDigest } from './token.ts';

export interface TransformRequest {
  objectFc: ObjectFcAccessPoint;
  supporting: AccessPoint;
  key: string;
  versionId?: string;
  /** Only the head is wanted: HEAD, or GET ?objectMeta. */
  headOnly: boolean;
  principal: Principal;
  requestId: string;
  /** The client's URL, absolute, without authentication parameters. */
  url: string;
  headers: readonly (readonly [string, string])[];
  sink: ClientSink;
  /** Aborts when the client leaves. */
  signal: AbortSignal;
}

export interface TransformsOptions {
  settings: { maxOpen: number; startAllowanceMs: number; idleMs: number; bufferBytes: number; spoolBytes: number };
  /** Folder for overflow files of slow clients. */
  spoolFolder: string;
  /** `http://HOST:PORT` of the functions listener, as functions reach it. */
  outputRoute: () => string;
  /** Finds the version of a FunctionArn. @throws Fault FunctionNotFound */
  resolveFunction: (arn: string) => FunctionVersion;
  invoke: (version: FunctionVersion, call: Invocation) => Promise<InvocationResult>;
  /** A URL that reads one object through the functions listener with these credentials. */
  presign: (target: { name: string; key: string; versionId?: string; credentials: SessionCredentials }) => string;
  assume: (
    role: string | undefined,
    options: { sessionName: string; ttlMs: number; claims: SessionClaims; lent?: boolean },
  ) => SessionCredentials;
  /** Ends a lent session. */
  release: (securityToken: string) => void;
  /** Whether FunctionAssumeRoleArn may call the function. */
  mayInvoke: (roleArn: string, functionArn: string) => boolean;
  metrics: Pick<Metrics, 'exchanges' | 'transforms' | 'transformSeconds'>;
}

export interface Transforms {
  /**
   * Runs the function bound to an Object FC access point for one client. Resolves when the client's side is over.
   * @throws Fault while no head was sent: InvalidRequest, RecursiveInvocation, FunctionNotFound, FunctionAccessDenied, FunctionThrottled,
   * FunctionInvocationError, FunctionResponseMissing, FunctionTimeout
   */
  getObject(request: TransformRequest): Promise<void>;
  /** Carries out WriteGetObjectResponse; see Exchange.answer. @throws Fault */
  answer(request: AnswerRequest): Promise<void>;
  /** Whether an exchange, and with it its inputOssUrl, is still alive. */
  isOpen(exchange: string): boolean;
  /** Exchanges open now. */
  readonly open: number;
}

const maxDepth = 3;
/** Life of a session's credentials beyond the invocation that gets them, milliseconds. */
const sessionMs = 3_600_000;
/** Ended tokens are remembered by digest so that a second use is told from a forged token. */
const remembered = 10_000;

/** Opens the room. */
export function openTransforms(options: TransformsOptions): Transforms {
  return new Exchanges(options);
}

class Exchanges implements Transforms {
  readonly #options: TransformsOptions;
  readonly #byToken = new Map<string, Exchange>();
  readonly #byId = new Map<string, Exchange>();
  readonly #sessions = new Lru<SessionCredentials>({ maxWeight: 10_000 });
  readonly #ended = new Lru<ExchangeState>({ maxWeight: remembered });

  constructor(options: TransformsOptions) {
    this.#options = options;
  }

  get open(): number {
    return this.#byId.size;
  }

  isOpen(exchange: string): boolean {
    return this.#byId.has(exchange);
  }

  async getObject(request: TransformRequest): Promise<void> {
    const started = monotonic();
    const { metrics, settings } = this.#options;
    const transformation = transformationOf(request.objectFc);
    const version = this.#bindFunction(transformation);
    const chain = this.#extendChain(request);
    if (this.open >= settings.maxOpen) {
      throw new Fault('FunctionThrottled', undefined, { headers: { 'Retry-After': '1' } });
    }
    const token = mintToken();
    const digest = tokenDigest(token);
    const headDeadlineMs = version.timeoutMs + settings.startAllowanceMs;
    const exchange = new Exchange({
      id: randomHex(16),
      functionArn: version.arn,
      chain,
      headOnly: request.headOnly,
      sink: request.sink,
      relay: { ...settings, folder: this.#options.spoolFolder },
      headDeadlineMs,
      onHead: () => metrics.transformSeconds.observe((monotonic() - started) / 1000),
    });
    this.#byToken.set(digest, exchange);
    this.#byId.set(exchange.id, exchange);
    metrics.exchanges.set(this.open);
    const onAbort = () => exchange.abandon();
    request.signal.addEventListener('abort', onAbort, { once: true });
    if (request.signal.aborted) onAbort();
    const running = this.#run(exchange, version, request, token, headDeadlineMs);
    let outcome = 'answered';
    try {
      await exchange.settled;
      if (exchange.state !== 'done') outcome = exchange.state;
    } catch (error) {
      outcome = error instanceof Fault ? error.code : 'InternalError';
      throw error;
    } finally {
      request.signal.removeEventListener('abort', onAbort);
      metrics.transforms.inc({ outcome });
      // The function may still run: its reads of the original stay valid until it ends.
      void running.finally(() => {
        this.#byToken.delete(digest);
        this.#byId.delete(exchange.id);
        this.#ended.set(digest, exchange.state);
        metrics.exchanges.set(this.open);
      });
    }
  }

  async answer(request: AnswerRequest): Promise<void> {
    if (!request.route) throw new Fault('MissingArgument', 'The header x-oss-request-route is required.');
    if (!request.token) throw new Fault('MissingArgument', 'The header x-oss-request-token is required.');
    if (!request.status) throw new Fault('MissingArgument', 'The header x-oss-fwd-status is required.');
    const digest = tokenDigest(request.token);
    const exchange = this.#byToken.get(digest);
    if (!exchange) throw usedToken(this.#ended.get(digest));
    await exchange.answer(request);
  }

  #bindFunction(transformation: Transformation): FunctionVersion {
    let version: FunctionVersion;
    try {
      version = this.#options.resolveFunction(transformation.functionArn);
    } catch (error) {
      if (error instanceof Fault && error.status === 404) {
        throw new Fault('FunctionNotFound', `${error.message} The Object FC access point is bound to ${transformation.functionArn}.`, {
          status: 400,
        });
      }
      throw faultOfInvoke(error);
    }
    if (!this.#options.mayInvoke(transformation.functionAssumeRoleArn, version.arn)) {
      throw new Fault(
        'FunctionAccessDenied',
        `${transformation.functionAssumeRoleArn} does not allow fc:InvokeFunction on ${version.arn}.`,
      );
    }
    return version;
  }

  /** The aliases that are being served for each other, with this one last. @throws Fault RecursiveInvocation */
  #extendChain({ principal, objectFc }: TransformRequest): string[] {
    const session = principal.session;
    let chain: readonly string[] = session?.chain ?? [];
    if (session?.function !== undefined && session.chain === undefined) {
      // Credentials from the instance's environment belong to no single invocation: the deepest one that is open counts.
      for (const exchange of this.#byId.values()) {
        if (exchange.functionArn === session.function && exchange.chain.length > chain.length) chain = exchange.chain;
      }
    }
    if (chain.includes(objectFc.alias) || chain.length >= maxDepth) throw new Fault('RecursiveInvocation');
    return [...chain, objectFc.alias];
  }

  async #run(exchange: Exchange, version: FunctionVersion, request: TransformRequest, token: string, ttlMs: number): Promise<void> {
    let explain: () => Fault;
    let lent: string | undefined;
    try {
      const { event, credentials, reader } = this.#brief(exchange, version, request, token, ttlMs);
      lent = reader;
      const result = await this.#options.invoke(version, {
        requestId: request.requestId,
        event,
        credentials,
        deadline: now() + ttlMs,
        signal: request.signal,
        answer: (direct) => exchange.answerDirectly(direct),
      });
      explain = () => faultOfResult(result, request.requestId);
    } catch (error) {
      explain = () => faultOfInvoke(error);
    }
    exchange.functionEnded(explain);
    // An answer may still be on its way to a slow client.
    await exchange.settled.catch(() => {});
    if (lent !== undefined) this.#options.release(lent);
  }

  /**
   * The credentials of a function that serves a chain of aliases. They are the same for all its invocations, so they are minted once and used
   * until half their life is over.
   */
  #sessionOf(version: FunctionVersion, chain: readonly string[], ttlMs: number): SessionCredentials {
    const cacheKey = `${version.role ?? ''} ${version.arn} ${chain.join(' ')}`;
    const cached = this.#sessions.get(cacheKey);
    if (cached && cached.expiresAt - now() > Math.max(sessionMs / 2, ttlMs)) return cached;
    const fresh = this.#options.assume(version.role, {
      sessionName: sessionNameOf(version.name),
      ttlMs: sessionMs + ttlMs,
      claims: { function: version.arn, chain: [...chain] },
    });
    this.#sessions.set(cacheKey, fresh);
    return fresh;
  }

  #brief(exchange: Exchange, version: FunctionVersion, request: TransformRequest, token: string, ttlMs: number) {
    const { supporting, key, versionId } = request;
    const credentials = this.#sessionOf(version, exchange.chain, ttlMs);
    const base: SessionClaims = { function: version.arn, exchange: exchange.id, chain: [...exchange.chain] };
    const read = { names: [supporting.alias], key, ...(versionId === undefined ? {} : { version: versionId }) };
    const reader = this.#options.assume(version.role, {
      sessionName: exchange.id,
      lent: true,
      ttlMs: sessionMs + ttlMs,
      claims: { ...base, read },
    });
    const event = buildEvent({
      requestId: request.requestId,
      outputRoute: this.#options.outputRoute(),
      outputToken: token,
      inputOssUrl: this.#options.presign({ name: supporting.alias, key, versionId, credentials: reader }),
      objectFc: request.objectFc,
      supporting,
      url: request.url,
      headers: request.headers,
      headOnly: request.headOnly,
      principal: request.principal,
    });
    return { event, credentials, reader: reader.securityToken };
  }
}

function transformationOf(objectFc: ObjectFcAccessPoint): Transformation {
  const transformation = objectFc.transformations[0];
  if (objectFc.status !== 'enable' || !transformation) {
    throw new Fault(
      'InvalidRequest',
      'The Object FC access point has no ObjectProcessConfiguration. Set one with PutAccessPointConfigForObjectProcess.',
    );
  }
  return transformation;
}

/** Why a client that is still without an answer gets none, from how the function ended. */
function faultOfResult(result: InvocationResult, requestId: string): Fault {
  const { failure } = result;
  const where = `function request id ${requestId}, instance ${result.instanceId}`;
  if (!failure) return new Fault('FunctionResponseMissing', `The function returned without calling WriteGetObjectResponse (${where}).`);
  if (failure.kind === 'timeout') return new Fault('FunctionTimeout', `${failure.message} (${where})`);
  const type = errorTypeOf(result.payload);
  const what = type === '' ? failure.message : `${type}: ${failure.message}`;
  return new Fault('FunctionInvocationError', `The function failed before it called WriteGetObjectResponse: ${what} (${where})`);
}

const longestErrorJson = 65_536;

/** errorType of the error JSON that a function's runtime made, e.g. `ValueError`. */
function errorTypeOf(payload: Buffer): string {
  if (payload.length > longestErrorJson) return '';
  try {
    const { errorType } = JSON.parse(payload.toString()) as { errorType?: unknown };
    return typeof errorType === 'string' ? errorType.slice(0, 100) : '';
  } catch {
    return '';
  }
}

function faultOfInvoke(error: unknown): Fault {
  if (!(error instanceof Fault)) return new Fault('InternalError', undefined, { cause: error });
  if (error.code === 'ResourceThrottled' || error.code === 'ResourceExhausted') {
    return new Fault('FunctionThrottled', error.message, { cause: error, headers: { 'Retry-After': '1' } });
  }
  if (error.code === 'FunctionNotStarted' || error.code === 'FunctionInvocationDisabled') {
    return new Fault('FunctionInvocationError', error.message, { cause: error });
  }
  return error;
}

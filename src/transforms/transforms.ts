import type { ObjectFcAccessPoint, Transformation } from '../accesspoints/index.ts';
import { Fault, toFault } from '../faults/index.ts';
import { type FunctionVersion, sessionNameOf } from '../functions/index.ts';
import type { SessionCredentials } from '../identity/index.ts';
import { Lru, monotonic, now, randomHex, Turnover } from '../kit/index.ts';
import type { AttemptHead, InvocationRecord, ToldFault } from '../telemetry/index.ts';
import { TransformCall } from './call.ts';
import { EndedTokens } from './ended.ts';
import { Exchange, usedToken } from './exchange.ts';
import type { AnswerRequest } from './join.ts';
import { type Admitted, Shares } from './limits.ts';
import { faultOfInvoke, faultOfResult } from './outcome.ts';
import type { TransformRequest, Transforms, TransformsOptions } from './port.ts';
import { mintToken, tokenDigest } from './token.ts';
import { recordedRequest } from './told.ts';

const maxDepth = 3;
/** Life of a session's credentials beyond the invocation that gets them, milliseconds. */
const sessionMs = 3_600_000;
/** So many ended tokens are remembered. */
const remembered = 10_000;

/** Opens the room. */
export function openTransforms(options: TransformsOptions): Transforms {
  return new Exchanges(options);
}

class Exchanges implements Transforms {
  readonly #options: TransformsOptions;
  readonly #byToken = new Turnover<string, Exchange>();
  readonly #byId = new Turnover<string, Exchange>();
  readonly #sessions = new Lru<SessionCredentials>({ maxWeight: 10_000 });
  readonly #ended = new EndedTokens(remembered);

  readonly #shares: Shares;

  constructor(options: TransformsOptions) {
    this.#options = options;
    this.#shares = new Shares(options.settings);
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
    const record = this.#options.records?.begin(recordedRequest(request));
    const { version, chain, admitted } = this.#admit(request, record);
    const { limits } = request.objectFc;
    const token = mintToken();
    const digest = tokenDigest(token);
    const headDeadlineMs = leastOf(version.timeoutMs + settings.startAllowanceMs, settings.firstByteMs, limits?.firstByteMs);
    const exchange = new Exchange({
      id: randomHex(16),
      functionArn: version.arn,
      chain,
      headOnly: request.headOnly,
      sink: request.sink,
      key: request.key,
      relay: {
        bufferBytes: settings.bufferBytes,
        spoolBytes: settings.spoolBytes,
        idleMs: leastOf(settings.idleMs, limits?.idleMs),
        folder: this.#options.spoolFolder,
      },
      spend: admitted.spend,
      onFalse: (notes) => this.#options.onFalseHeaders?.({ requestId: request.requestId, functionArn: version.arn, notes }),
      headDeadlineMs,
      requestId: request.requestId,
      record,
      onHead: () => {
        metrics.transformSeconds.observe((monotonic() - started) / 1000);
        record?.headSent();
      },
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
      record?.settled(outcome, exchange.fault);
      // The function may still run: its reads of the original stay valid until it ends.
      void running.finally(() => {
        admitted.leave();
        this.#byToken.delete(digest);
        this.#byId.delete(exchange.id);
        this.#ended.add(digest, exchange.state, request.requestId);
        metrics.exchanges.set(this.open);
      });
    }
  }

  /** Whether the request can be served at all. @throws Fault */
  #admit(
    request: TransformRequest,
    record: InvocationRecord | undefined,
  ): { version: FunctionVersion; chain: string[]; admitted: Admitted } {
    try {
      const version = this.#bindFunction(transformationOf(request.objectFc), record);
      const chain = this.#extendChain(request);
      if (this.open >= this.#options.settings.maxOpen) {
        throw new Fault('FunctionThrottled', undefined, { headers: { 'Retry-After': '1' } });
      }
      return { version, chain, admitted: this.#shares.enter(request.objectFc, version.arn) };
    } catch (error) {
      const fault = toFault(error);
      this.#options.metrics.transforms.inc({ outcome: fault.code });
      record?.settled(fault.code, fault);
      record?.ended(fault);
      throw error;
    }
  }

  async answer(request: AnswerRequest): Promise<void> {
    const digest = request.token ? tokenDigest(request.token) : '';
    const exchange = this.#byToken.get(digest);
    const { requestId = '', rawHeaders = [], status } = request;
    const attempt = exchange?.record?.attempt({ requestId, rawHeaders, status });
    try {
      if (!request.route) throw new Fault('MissingArgument', 'The header x-oss-request-route is required.');
      if (!request.token) throw new Fault('MissingArgument', 'The header x-oss-request-token is required.');
      if (!request.status) throw new Fault('MissingArgument', 'The header x-oss-fwd-status is required.');
      if (!exchange) throw usedToken(this.#ended.find(digest)?.state);
      request.attempt = attempt;
      this.#checkRoute(request.route, exchange);
      await exchange.answer(request);
      attempt?.taken();
    } catch (error) {
      const fault = toFault(error);
      if (attempt) attempt.refused(fault);
      else if (!exchange) this.#late(digest, { requestId, rawHeaders, status }, fault);
      throw error;
    }
  }

  /** The token alone says whose answer it is; a wrong route tells of a function that made it up. */
  #checkRoute(sent: string, { requestId, functionArn }: Exchange): void {
    const route = this.#options.outputRoute();
    if (sent === route || bare(sent) === bare(route)) return;
    const note = { header: 'x-oss-request-route', sent, reason: `it is not the outputRoute of the event, ${route}`, isFalse: true };
    this.#options.onFalseHeaders?.({ requestId, functionArn, notes: [note] });
  }

  refused(token: string | undefined, head: AttemptHead, fault: ToldFault): void {
    if (!token) return;
    const digest = tokenDigest(token);
    const exchange = this.#byToken.get(digest);
    if (exchange) exchange.record?.attempt(head).refused(fault);
    else this.#late(digest, head, fault);
  }

  #late(digest: string, head: AttemptHead, fault: ToldFault): void {
    const over = this.#ended.find(digest);
    if (over) this.#options.records?.late(over.requestId, head, fault);
  }

  recordOf({
    exchange,
    function: functionArn,
  }: {
    exchange?: string | undefined;
    function?: string | undefined;
  }): InvocationRecord | undefined {
    if (!this.#options.records) return undefined;
    if (exchange !== undefined) return this.#byId.get(exchange)?.record;
    let only: Exchange | undefined;
    for (const each of this.#byId.values()) {
      if (each.functionArn !== functionArn) continue;
      if (only) return undefined;
      only = each;
    }
    return only?.record;
  }

  #bindFunction(transformation: Transformation, record: InvocationRecord | undefined): FunctionVersion {
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
    record?.bound(version);
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
    let call: TransformCall | undefined;
    const { record } = exchange;
    try {
      const credentials = this.#sessionOf(version, exchange.chain, ttlMs);
      call = new TransformCall({
        ...{ exchange, version, request, token, ttlMs, credentials },
        readerMs: sessionMs + ttlMs,
        transforms: this.#options,
      });
      record?.queued();
      const result = await this.#options.invoke(version, call);
      record?.ended(result);
      explain = () => faultOfResult(result, request.requestId);
    } catch (error) {
      record?.ended(faultOfInvoke(error));
      explain = () => faultOfInvoke(error);
    }
    exchange.functionEnded(explain);
    // An answer may still be on its way to a slow client.
    await exchange.settled.catch(() => {});
    const lent = call?.lent;
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
}

/** A route without its scheme and a slash at its end, in lower case. */
function bare(route: string): string {
  return route
    .toLowerCase()
    .replace(/^https?:\/\//, '')
    .replace(/\/$/, '');
}

/** The least of these milliseconds; 0 and what is left out are no limit. */
function leastOf(first: number, ...others: (number | undefined)[]): number {
  return others.reduce<number>((least, ms) => (ms ? Math.min(least, ms) : least), first);
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

import type { FunctionVersion } from '../functions/index.ts';
import type { SessionClaims, SessionCredentials } from '../identity/index.ts';
import type { Invocation } from '../instances/index.ts';
import { monotonic, now } from '../kit/index.ts';
import { buildEvent, secretsOf } from './event.ts';
import type { Exchange } from './exchange.ts';
import type { Original, TransformRequest, TransformsOptions } from './port.ts';
import { tracingOf } from './told.ts';

export interface TransformCallOptions {
  readonly exchange: Exchange;
  readonly version: FunctionVersion;
  readonly request: TransformRequest;
  /** The exchange's. */
  readonly token: string;
  /** How long the client waits for the head of the answer, milliseconds. */
  readonly ttlMs: number;
  /** The function's own. */
  readonly credentials: SessionCredentials;
  /** Life of the session that reads the original, milliseconds. */
  readonly readerMs: number;
  readonly transforms: Pick<TransformsOptions, 'assume' | 'outputRoute' | 'presign' | 'read'>;
}

/**
 * The call of a function for one exchange. Its event is made when an instance is free for it: under load most of a request's life is waiting, and what
 * waits should be small.
 */
export class TransformCall implements Invocation {
  readonly requestId: string;
  readonly credentials: SessionCredentials;
  readonly deadline: number;
  readonly signal: NonNullable<Invocation['signal']>;
  readonly share: string;
  readonly eventBytes = 0;
  readonly answer: NonNullable<Invocation['answer']>;
  readonly spareMs: NonNullable<Invocation['spareMs']>;
  declare readonly original?: NonNullable<Invocation['original']>;
  declare readonly onStart?: NonNullable<Invocation['onStart']>;
  declare readonly onGiven?: NonNullable<Invocation['onGiven']>;
  declare readonly tracing?: NonNullable<Invocation['tracing']>;
  readonly #options: TransformCallOptions;
  #event: Buffer | undefined;
  #original: (Original & { url: string }) | undefined;

  constructor(options: TransformCallOptions) {
    const { exchange, version, request, ttlMs, credentials, transforms } = options;
    const { record } = exchange;
    this.#options = options;
    this.requestId = request.requestId;
    this.credentials = credentials;
    this.deadline = now() + ttlMs;
    this.signal = request.signal;
    this.share = request.objectFc.alias;
    // Closures by name: see docs/decisions/0023-what-v8-keeps.md.
    const answer: TransformCall['answer'] = (direct) => exchange.answerDirectly(direct);
    this.answer = answer;
    const { read } = transforms;
    if (read) {
      const original: NonNullable<Invocation['original']> = (headers, taker) => read(this.#reader, headers, taker);
      this.original = original;
    }
    const times = timesOf(exchange, version, ttlMs);
    this.spareMs = times.spareMs;
    if (times.onStart) this.onStart = times.onStart;
    if (!record) return;
    const onGiven: NonNullable<Invocation['onGiven']> = (given) => record.given(given);
    this.onGiven = onGiven;
    const tracing = tracingOf(record);
    if (tracing) this.tracing = tracing;
  }

  /** @throws Fault when the role of the function cannot be assumed any more */
  get event(): Buffer {
    this.#event ??= this.#build(this.#reader);
    return this.#event;
  }

  /** The security token of the session that reads the original, once there is one. */
  get lent(): string | undefined {
    return this.#original?.credentials.securityToken;
  }

  /** What the function reads, and with which session. */
  get #reader(): Original & { url: string } {
    this.#original ??= this.#lend();
    return this.#original;
  }

  #lend(): Original & { url: string } {
    const { exchange, version, request, readerMs, transforms } = this.#options;
    const { key, versionId } = request;
    const { alias } = request.supporting;
    const read = { names: [alias], key, ...(versionId === undefined ? {} : { version: versionId }) };
    const claims: SessionClaims = { function: version.arn, exchange: exchange.id, chain: [...exchange.chain], read };
    const credentials = transforms.assume(version.role, { sessionName: exchange.id, lent: true, ttlMs: readerMs, claims });
    const original = { name: alias, key, ...(versionId === undefined ? {} : { versionId }), credentials };
    return { ...original, url: transforms.presign(original) };
  }

  #build({ url: inputOssUrl, credentials: reader }: Original & { url: string }): Buffer {
    const { exchange, request, token, transforms } = this.#options;
    const parts = {
      requestId: request.requestId,
      outputRoute: transforms.outputRoute(),
      outputToken: token,
      inputOssUrl,
      objectFc: request.objectFc,
      supporting: request.supporting,
      url: request.url,
      headers: request.headers,
      headOnly: request.headOnly,
      deadline: this.deadline,
      principal: request.principal,
    };
    const { bytes, shown } = buildEvent(parts);
    exchange.record?.event(shown, () => secretsOf(parts, this.credentials, reader));
    return bytes;
  }
}

/** How long the function may run: beyond its timeout while its answer flows, and to its timeout where the client waits less than that. */
function timesOf(exchange: Exchange, { timeoutMs }: FunctionVersion, ttlMs: number): { spareMs: () => number; onStart?: () => void } {
  if (ttlMs >= timeoutMs) return { spareMs: () => exchange.spareMs };
  let begun = Number.NEGATIVE_INFINITY;
  return {
    onStart: () => {
      begun = monotonic();
    },
    spareMs: () => Math.max(exchange.spareMs, begun + timeoutMs - monotonic()),
  };
}

import { createHash, type Hash } from 'node:crypto';
import { monotonic, now } from '../../kit/index.ts';
import { AttemptBuilder } from './attempt.ts';
import { PrintedLines } from './lines.ts';
import { masked, maskedQuery, secretValues } from './masks.ts';
import type {
  AttemptHead,
  FunctionEnd,
  InstanceGiven,
  InvocationRecord,
  RecordedFunction,
  RecordedRequest,
  SourceObject,
  SourceRead,
  ToldFault,
} from './port.ts';
import { type BrokenRule, type InvocationDetail, type InvocationSummary, type Phases, parseDetail } from './record.ts';
import { patientMs, rulesOf } from './rules.ts';
import { continuedTrace, type Trace } from './trace.ts';

const mostReads = 100;
const mostAttempts = 20;
const eventLetters = 65_536;
/** Shorter words could be part of anything. */
const shortestSecret = 8;

export interface BuilderOptions {
  /** Bytes of the answer's body that are kept; 0 keeps none. */
  bodyBytes: number;
  onDone: (record: RecordBuilder) => void;
  /** Bytes of a text. */
  text: (text: string) => Buffer;
}

/** A record as text, but for the lines, which may still come. */
export interface WrittenRecord {
  readonly summary: InvocationSummary;
  readonly lines: PrintedLines;
  /** Two JSON texts with a tab between them, the summary and the rest, but for its end. */
  readonly head: Buffer;
  /** The end of it, with the lines and a line feed. */
  tail(): Buffer;
}

/** One record while its request is served, and until it is written. */
export class RecordBuilder implements InvocationRecord {
  readonly request: RecordedRequest;
  /** Monotonic milliseconds at which the request came in. */
  readonly zero: number;
  readonly attempts: AttemptBuilder[] = [];
  readonly reads: SourceRead[] = [];
  readonly lines: PrintedLines = new PrintedLines();
  /** The trace that the client's traceparent continues. */
  readonly trace: Trace | undefined;
  readonly #options: BuilderOptions;
  readonly #begunAt: number;
  #fn: RecordedFunction | undefined;
  #render: (() => string) | undefined;
  #secrets: (() => readonly string[]) | undefined;
  #queuedAt: number | undefined;
  #givenAt: number | undefined;
  #headAt: number | undefined;
  #settledAt: number | undefined;
  #endedAt: number | undefined;
  #given: InstanceGiven | undefined;
  #end: FunctionEnd | undefined;
  #phases: Phases | undefined;
  #outcome = 'running';
  #fault: ToldFault | undefined;
  #readsLeftOut = 0;
  #attemptsLeftOut = 0;
  #body: { hash: Hash; kept: Buffer[]; bytes: number } | undefined;

  constructor(request: RecordedRequest, options: BuilderOptions) {
    this.request = request;
    this.#options = options;
    this.#begunAt = monotonic();
    this.trace = continuedTrace(request.headers);
    this.zero = this.#begunAt - Math.max(0, now() - request.receivedAt);
  }

  get id(): string {
    return this.request.requestId;
  }

  get failed(): boolean {
    return this.#outcome !== 'answered' || (this.attempts.length > 1 && this.attempts.some(({ outcome }) => outcome === 'refused'));
  }

  /** It was sent away before a function had it, for there being too many. */
  get isShed(): boolean {
    return this.#fault?.status === 503 && this.#givenAt === undefined;
  }

  /** Nothing about it is worth a remark: it can be written without looking at the rules. */
  get isPlain(): boolean {
    const [attempt] = this.attempts;
    if (this.#outcome !== 'answered' || this.attempts.length !== 1 || attempt?.outcome !== 'taken' || attempt.changes > 0) return false;
    return attempt.bytes > 0 && (this.#headAt ?? 0) - this.zero <= patientMs && this.#body === undefined;
  }

  bound(fn: RecordedFunction): void {
    this.#fn = fn;
  }

  event(render: () => string, secrets: () => readonly string[]): void {
    this.#render = render;
    this.#secrets = secrets;
  }

  queued(): void {
    this.#queuedAt = monotonic();
  }

  given(instance: InstanceGiven): void {
    this.#givenAt = monotonic();
    this.#given = instance;
  }

  read(read: SourceRead): void {
    if (this.reads.length < mostReads) this.reads.push(read);
    else this.#readsLeftOut += 1;
  }

  attempt(head: AttemptHead): AttemptBuilder {
    const attempt = new AttemptBuilder(head, this.#options.bodyBytes > 0 ? (chunk) => this.#keep(chunk) : undefined);
    if (this.attempts.length < mostAttempts) this.attempts.push(attempt);
    else this.#attemptsLeftOut += 1;
    return attempt;
  }

  #keep(chunk: Buffer): void {
    this.#body ??= { hash: createHash('sha256'), kept: [], bytes: 0 };
    this.#body.hash.update(chunk);
    this.#body.bytes += chunk.length;
    if (this.#body.bytes <= this.#options.bodyBytes) this.#body.kept.push(chunk);
    else this.#body.kept = [];
  }

  headSent(): void {
    this.#headAt = monotonic();
  }

  settled(outcome: string, fault?: ToldFault): void {
    this.#settledAt = monotonic();
    this.#outcome = outcome;
    if (fault) this.#fault = fault;
    if (this.#endedAt !== undefined) this.#options.onDone(this);
  }

  ended(end: FunctionEnd | ToldFault): void {
    this.#endedAt = monotonic();
    if ('instanceId' in end) this.#end = end;
    if (this.#settledAt !== undefined) this.#options.onDone(this);
  }

  summary(rules: readonly BrokenRule[] = []): InvocationSummary {
    const { request } = this;
    const status = this.attempts.find(({ sentStatus }) => sentStatus !== undefined)?.sentStatus;
    const answers: string[] = [];
    for (const { head } of this.attempts) if (head.requestId !== '') answers.push(head.requestId);
    const summary: InvocationSummary = {
      id: request.requestId,
      at: request.receivedAt,
      outcome: this.#outcome,
      status: status ?? (this.#outcome === 'abandoned' ? 0 : (this.#fault?.status ?? 0)),
      accessPoint: request.accessPoint.name,
      function: this.#fn?.name ?? '',
      bucket: request.bucket,
      key: request.key,
      totalMs: rounded((this.#settledAt ?? monotonic()) - this.zero),
      cold: this.#given?.cold ?? false,
      answers,
    };
    return rules[0] ? { ...summary, rule: rules[0].id } : summary;
  }

  /**
   * Turns it into text, with the rules that were broken, and without secrets.
   * @param brief without headers and event; for a plain one
   */
  write(brief: boolean = false): WrittenRecord {
    const own = this.#own(brief);
    const rules = this.isPlain ? none : rulesOf({ ...this.summary(), ...own, ...this.#standing(), ...this.#heard() }, this.request.source);
    const summary = this.summary(rules);
    const judged = rules.length > 0 ? { ...own, rules, ...this.#sourceOf() } : own;
    const event = brief ? undefined : this.#event();
    const { lines } = this;
    const secrets = [...(this.#secrets?.() ?? none), ...secretValues(this.request)];
    const said = JSON.stringify(judged).slice(0, -1);
    const about = `${this.#standingText()}${event === undefined ? '' : `,"event":${event}`}`;
    const told = JSON.stringify(summary);
    const cleanSaid = without(secrets, said);
    // The event repeats the request, and was masked when it was made: what is clean there is clean here.
    const isClean = rules === none && cleanSaid === said;
    const text = isClean ? `${told}\t${said},${about}` : without(secrets, `${told}\t${cleanSaid},${about}`);
    const [reads, attempts] = [this.#readsLeftOut, this.#attemptsLeftOut];
    // Outside the heap, as it may wait a while.
    const head = this.#options.text(text);
    const tail = () => {
      if (lines.isEmpty && reads + attempts === 0) return end;
      const last = JSON.stringify({ lines: lines.all(), leftOut: { reads, attempts, lines: lines.leftOut } });
      return Buffer.from(without(secrets, `,${last.slice(1)}\n`));
    };
    return { summary, lines, head, tail };
  }

  /** What is the same from request to request. */
  #standing(): Pick<InvocationDetail, 'alias' | 'supporting' | 'caller' | 'called'> {
    const { accessPoint, supporting, caller } = this.request;
    const { kind, accountId, arn, accessKeyId } = caller;
    return {
      ...{ alias: accessPoint.alias, supporting: { name: supporting.name, alias: supporting.alias } },
      ...{ caller: { kind, accountId, arn, accessKeyId }, called: this.#fn && calledOf(this.#fn) },
    };
  }

  /** The same as members of a JSON object; made once for each function, caller and access point. */
  #standingText(): string {
    const { accessPoint, caller } = this.request;

    const fn = this.#fn ?? unbound;
    const byCaller = standingTexts.get(fn) ?? new WeakMap<object, { accessPoint: object; text: string }>();
    standingTexts.set(fn, byCaller);
    const known = byCaller.get(caller);
    if (known?.accessPoint === accessPoint) return known.text;
    const text = JSON.stringify(this.#standing()).slice(1, -1);
    byCaller.set(caller, { accessPoint, text });
    return text;
  }

  #heard(): Pick<InvocationDetail, 'lines' | 'leftOut'> {
    const leftOut = { reads: this.#readsLeftOut, attempts: this.#attemptsLeftOut, lines: this.lines.leftOut };
    return { lines: this.lines.all(), leftOut };
  }

  #sourceOf(): { source?: SourceObject } {
    const head = this.request.source?.();
    return head ? { source: { etag: head.etag, crc64: head.crc64, size: head.size } } : {};
  }

  #event(): string | undefined {
    const text = this.#render?.();
    if (text === undefined || text.length <= eventLetters) return text;
    return JSON.stringify({ cut: text.slice(0, eventLetters) });
  }

  /** What is of this request alone. */
  #own(brief: boolean) {
    const { request } = this;
    const { method, url, versionId } = request;
    return {
      brief: brief || undefined,
      code: this.#fault?.code,
      message: this.#fault?.message,
      request: { method, url: maskedQuery(url), headers: brief ? [] : masked(request.headers), versionId },
      instance: this.#instance(),
      reads: this.reads.map(({ at, ms, ...rest }) => ({ ...rest, ms: rounded(ms), atMs: at - request.receivedAt })),
      attempts: this.attempts.map((attempt) => attempt.shown(this.zero, brief)),
      phases: this.phases(),
      body: this.#kept(),
    };
  }

  #kept(): InvocationDetail['body'] {
    if (!this.#body) return undefined;
    const { hash, kept, bytes } = this.#body;
    const whole = kept.length > 0 || bytes === 0;
    return { sha256: hash.copy().digest('hex'), bytes, ...(whole ? { base64: Buffer.concat(kept).toString('base64') } : {}) };
  }

  #instance(): InvocationDetail['instance'] {
    const [given, end] = [this.#given, this.#end];
    if (!given && !end) return undefined;
    const failure = end?.failure;
    return {
      id: given?.instanceId ?? end?.instanceId ?? '',
      cold: given?.cold ?? end?.coldStart ?? false,
      durationMs: end && rounded(end.durationMs),
      maxMemoryMb: end?.maxMemoryMb,
      failure: failure && { kind: failure.kind, message: failure.message },
    };
  }

  /** The phases as far as they came. */
  phases(): Phases {
    if (this.#settledAt === undefined || this.#endedAt === undefined) return this.#measured();
    this.#phases ??= this.#measured();
    return this.#phases;
  }

  #measured(): Phases {
    const at = (time: number) => rounded(time - this.zero);
    const [queued, given, head, settled, ended] = [this.#queuedAt, this.#givenAt, this.#headAt, this.#settledAt, this.#endedAt];
    const phases: { -readonly [name in keyof Phases]: Phases[name] } = { auth: [0, at(this.#begunAt)] };
    const until = given ?? settled ?? ended;
    if (queued !== undefined && until !== undefined) {
      const startMs = given !== undefined && this.#given?.cold ? Math.min(this.#given.startMs, given - queued) : 0;
      phases.queue = [at(queued), at(until - startMs)];
      if (given !== undefined && startMs > 0) phases.start = [at(given - startMs), at(given)];
    }
    if (given !== undefined && ended !== undefined) phases.function = [at(given), at(ended)];
    if (given !== undefined && head !== undefined) phases.firstByte = [at(given), at(head)];
    if (head !== undefined && settled !== undefined) phases.body = [at(head), at(settled)];
    return phases;
  }
}

const none: readonly never[] = [];
const end = Buffer.from('}\n');
const unbound = {};
/** The texts of what is the same from request to request, by function and caller, for the access point that was asked last. */
const standingTexts = new WeakMap<object, WeakMap<object, { accessPoint: object; text: string }>>();

/** A record as it will be read. */
export function detailOf({ head, tail }: WrittenRecord): InvocationDetail {
  return parseDetail(Buffer.concat([head, tail()]).toString());
}

/** A text with secrets cut out, wherever they are. */
function without(secrets: readonly string[], text: string): string {
  let clean = text;
  for (const secret of secrets) if (secret.length >= shortestSecret && clean.includes(secret)) clean = clean.replaceAll(secret, '***');
  return clean;
}

function calledOf(fn: RecordedFunction): RecordedFunction {
  const { name, arn, qualifier, versionId, revision, runtime, handler, timeoutMs, memoryMb, role } = fn;
  return { name, arn, qualifier, versionId, revision, runtime, handler, timeoutMs, memoryMb, role };
}

/** Milliseconds with two digits behind the point. */
function rounded(ms: number): number {
  return Math.round(ms * 100) / 100;
}

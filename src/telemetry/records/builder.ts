import { createHash, type Hash } from 'node:crypto';
import { type Kept, monotonic, now } from '../../kit/index.ts';
import { AttemptBuilder } from './attempt.ts';
import { PrintedLines } from './lines.ts';
import { masked, maskedQuery, secretValues, tells, without } from './masks.ts';
import type { Indexed } from './page.ts';
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
import type { BrokenRule, InvocationDetail, InvocationSummary, Phases } from './record.ts';
import { patientMs, rulesOf } from './rules.ts';
import { standingOf, standingTexts } from './standing.ts';
import { quoted, rounded, roundedText } from './texts.ts';
import { continuedTrace, type Trace } from './trace.ts';
import { type LeftOut, WrittenRecord } from './written.ts';

const mostReads = 100;
const mostAttempts = 20;
const eventLetters = 65_536;

export interface BuilderOptions {
  /** Bytes of the answer's body that are kept; 0 keeps none. */
  bodyBytes: number;
  onDone: (record: RecordBuilder) => void;
  /** Gives a text a place, as UTF-8. */
  keep: (text: string) => Kept;
}

/** One record while its request is served, and until it is written. */
export class RecordBuilder implements InvocationRecord {
  readonly request: RecordedRequest;
  /** Monotonic milliseconds at which the request came in. */
  readonly zero: number;
  readonly attempts: AttemptBuilder[] = [];
  readonly reads: SourceRead[] = [];
  lines: PrintedLines | undefined;
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

  /** A line that the function printed. */
  line(text: string): void {
    this.lines ??= new PrintedLines();
    this.lines.add(text);
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

  #indexed(): Indexed {
    const { request } = this;
    return {
      id: request.requestId,
      at: request.receivedAt,
      outcome: this.#outcome,
      status: this.#status,
      accessPoint: request.accessPoint.name,
      function: this.functionName,
      answers: this.answers,
    };
  }

  /** Of the client's answer; 0 when it got none. */
  get #status(): number {
    for (const { sentStatus } of this.attempts) if (sentStatus !== undefined) return sentStatus;
    return this.#outcome === 'abandoned' ? 0 : (this.#fault?.status ?? 0);
  }

  /** Request ids of its WriteGetObjectResponse calls. */
  get answers(): readonly string[] {
    if (this.attempts.length > 1) return this.attempts.flatMap(({ head }) => (head.requestId === '' ? [] : head.requestId));
    const id = this.attempts[0]?.head.requestId ?? '';
    // No array with room for more: it is kept for a while.
    return id === '' ? none : [id];
  }

  get functionName(): string {
    return this.#fn?.name ?? '';
  }

  summary(rules: readonly BrokenRule[] = []): InvocationSummary {
    const { id, at, outcome, status, accessPoint, function: name, answers } = this.#indexed();
    const { bucket, key } = this.request;
    const [totalMs, cold] = [this.#totalMs, this.#given?.cold ?? false];
    const summary = { id, at, outcome, status, accessPoint, function: name, bucket, key, totalMs, cold, answers };
    return rules[0] ? { ...summary, rule: rules[0].id } : summary;
  }

  get #totalMs(): number {
    return rounded((this.#settledAt ?? monotonic()) - this.zero);
  }

  /**
   * Turns it into text, with the rules that were broken, and without secrets.
   * @param brief without headers and event; for a plain one
   */
  write(brief: boolean = false): WrittenRecord {
    const secrets = [...(this.#secrets?.() ?? none), ...secretValues(this.request)];
    const leftOut: LeftOut =
      this.#readsLeftOut + this.#attemptsLeftOut === 0 ? nothing : { reads: this.#readsLeftOut, attempts: this.#attemptsLeftOut };
    const parts = (brief ? this.#briefly(secrets) : undefined) ?? this.#atLength(brief, secrets);
    return new WrittenRecord({ ...parts, secrets, lines: this.lines, leftOut }, this.#options.keep);
  }

  #atLength(brief: boolean, secrets: readonly string[]) {
    const own = this.#own(brief);
    const standing = () => standingOf(this.request, this.#fn);
    const rules = this.isPlain ? none : rulesOf({ ...this.summary(), ...own, ...standing(), ...this.#heard() }, this.request.source);
    const summary = this.summary(rules);
    const judged = rules.length > 0 ? { ...own, rules, ...this.#sourceOf() } : own;
    const event = brief ? undefined : this.#event();
    const said = JSON.stringify(judged).slice(0, -1);
    const about = `${standingTexts(this.request, this.#fn).rest}${event === undefined ? '' : `,"event":${event}`}`;
    const told = JSON.stringify(summary);
    // The event repeats the request, and was masked when it was made: what is clean there is clean here.
    const isClean = rules === none && !tells(secrets, said) && !tells(secrets, told);
    const clean = (text: string) => (isClean ? text : without(secrets, text));
    return { indexed: this.#indexed(), summary: clean(told), rest: clean(`${said},${about}`) };
  }

  /**
   * The same for one that is plain and brief, put together from texts: most records under load are. A test holds the two beside each other.
   * @returns undefined where something would have to be masked
   */
  #briefly(secrets: readonly string[]) {
    const { request } = this;
    const { method, versionId } = request;
    const url = maskedQuery(request.url);
    const reads = this.reads.length === 0 ? '[]' : JSON.stringify(this.#shownReads());
    // A plain one has one attempt.
    const attempt = (this.attempts[0] as AttemptBuilder).briefText(this.zero);
    if (this.#end?.failure || tells(secrets, `${url} ${request.key} ${reads} ${attempt}`)) return undefined;
    const indexed = this.#indexed();
    const texts = standingTexts(request, this.#fn);
    const [answer] = indexed.answers;
    const answers = answer === undefined ? '[]' : `["${answer}"]`;
    const summary =
      `{"id":"${indexed.id}","at":${indexed.at},"outcome":"answered","status":${indexed.status},${texts.summary},` +
      `"key":${quoted(request.key)},"totalMs":${roundedText(this.#totalMs)},"cold":${this.#given?.cold ?? false},"answers":${answers}}`;
    const version = versionId === undefined ? '' : `,"versionId":${quoted(versionId)}`;
    const rest =
      `{"brief":true,"request":{"method":"${method}","url":${quoted(url)},"headers":[]${version}},` +
      `${this.#instanceText()}"reads":${reads},"attempts":[${attempt}],"phases":{${phasesText(this.phases())}},${texts.rest}`;
    return { indexed, summary, rest };
  }

  #instanceText(): string {
    const instance = this.#instance();
    if (!instance) return '';
    const { id, cold, durationMs, maxMemoryMb } = instance;
    const duration = durationMs === undefined ? '' : `,"durationMs":${roundedText(durationMs)}`;
    return `"instance":{"id":${quoted(id)},"cold":${cold}${duration}${maxMemoryMb === undefined ? '' : `,"maxMemoryMb":${maxMemoryMb}`}},`;
  }

  #shownReads(): InvocationDetail['reads'] {
    return this.reads.map(({ at, ms, ...rest }) => ({ ...rest, ms: rounded(ms), atMs: at - this.request.receivedAt }));
  }

  #heard(): Pick<InvocationDetail, 'lines' | 'leftOut'> {
    const leftOut = { reads: this.#readsLeftOut, attempts: this.#attemptsLeftOut, lines: this.lines?.leftOut ?? 0 };
    return { lines: this.lines?.all() ?? [], leftOut };
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
      reads: this.#shownReads(),
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

function phasesText({ auth, queue, start, function: run, firstByte, body }: Phases): string {
  const times = (name: string, phase: readonly [number, number] | undefined) =>
    phase ? `,"${name}":[${roundedText(phase[0])},${roundedText(phase[1])}]` : '';
  const later =
    times('queue', queue) + times('start', start) + times('function', run) + times('firstByte', firstByte) + times('body', body);
  return (times('auth', auth) + later).slice(1);
}

const none: readonly never[] = [];
const nothing: LeftOut = { reads: 0, attempts: 0 };

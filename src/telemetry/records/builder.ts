import { createHash, type Hash } from 'node:crypto';
import { type Arena, monotonic, now } from '../../kit/index.ts';
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
import { type BrokenRule, type InvocationDetail, type InvocationSummary, type Phases, phaseNames } from './record.ts';
import { patientMs, rulesOf } from './rules.ts';
import { standingOf, standingTexts } from './standing.ts';
import { addQuoted, rounded } from './texts.ts';
import { continuedTrace, type Trace } from './trace.ts';
import { type LeftOut, lineEnd, WrittenRecord } from './written.ts';

const mostReads = 100;
const mostAttempts = 20;
const eventLetters = 65_536;

export interface BuilderOptions {
  /** Bytes of the answer's body that are kept; 0 keeps none. */
  bodyBytes: number;
  onDone: (record: RecordBuilder) => void;
  /** Where written records are kept. */
  arena: Arena;
}

/** One record while its request is served, and until it is written. */
export class RecordBuilder implements InvocationRecord, Indexed {
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

  get at(): number {
    return this.request.receivedAt;
  }

  get outcome(): string {
    return this.#outcome;
  }

  get accessPoint(): string {
    return this.request.accessPoint.name;
  }

  get function(): string {
    return this.#fn?.name ?? '';
  }

  /** Of the client's answer; 0 when it got none. */
  get status(): number {
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

  summary(rules: readonly BrokenRule[] = []): InvocationSummary {
    const { id, at, outcome, status, accessPoint, function: name, answers } = this;
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
    const { arena } = this.#options;
    const secrets = this.#secrets?.() ?? none;
    const named = secretValues(this.request);
    const summaryBytes = (brief ? this.#briefly(arena, secrets, named) : undefined) ?? this.#atLength(arena, brief, [...secrets, ...named]);
    const lineBytes = arena.add(lineEnd).length;
    // With the record, as lines may still come, from which they must be cut.
    for (const secret of secrets) arena.add(secret).add('\n');
    for (const secret of named) arena.add(secret).add('\n');
    const reads = this.#readsLeftOut;
    const attempts = this.#attemptsLeftOut;
    const leftOut: LeftOut = reads + attempts === 0 ? nothing : { reads, attempts };
    return new WrittenRecord(this, arena.keep(), summaryBytes, lineBytes, leftOut);
  }

  /** Begins the text with the summary and the rest but for its end. @returns bytes of the summary */
  #atLength(arena: Arena, brief: boolean, secrets: readonly string[]): number {
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
    const summaryBytes = arena.begin().add(clean(told)).length;
    arena.add('\t').add(clean(`${said},${about}`));
    return summaryBytes;
  }

  /**
   * The same for one that is plain and brief, bit by bit: most records under load are, and what they take is mostly memory for texts that live for a moment. A
   * test holds the two beside each other.
   * @returns undefined, with nothing begun, where something would have to be masked
   */
  #briefly(arena: Arena, secrets: readonly string[], named: readonly string[]): number | undefined {
    const { request } = this;
    const { method, key, versionId } = request;
    const url = maskedQuery(request.url);
    const reads = this.reads.length === 0 ? '[]' : JSON.stringify(this.#shownReads());
    // A plain one has one attempt.
    const attempt = this.attempts[0] as AttemptBuilder;
    const chosen = `${url} ${key} ${attempt.head.status} ${reads}`;
    if (this.#end?.failure || tells(secrets, chosen) || tells(named, chosen)) return undefined;
    const texts = standingTexts(request, this.#fn);
    arena.begin().add('{"id":"').add(request.requestId).add('","at":').addRounded(request.receivedAt);
    arena.add(',"outcome":"answered","status":').addRounded(this.status).add(',').add(texts.summary);
    addQuoted(arena.add(',"key":'), key).add(',"totalMs":').addRounded(this.#totalMs);
    arena.add(this.#given?.cold ? ',"cold":true,"answers":[' : ',"cold":false,"answers":[');
    const answer = attempt.head.requestId;
    const summaryBytes = (answer === '' ? arena : arena.add('"').add(answer).add('"')).add(']}').length;
    addQuoted(arena.add('\t{"brief":true,"request":{"method":"').add(method).add('","url":'), url).add(',"headers":[]');
    if (versionId !== undefined) addQuoted(arena.add(',"versionId":'), versionId);
    arena.add('}');
    this.#addInstance(arena);
    attempt.addBrief(arena.add(',"reads":').add(reads).add(',"attempts":['), this.zero);
    addPhases(arena.add('],"phases":{'), this.phases());
    arena.add('},').add(texts.rest);
    return summaryBytes;
  }

  #addInstance(arena: Arena): void {
    const given = this.#given;
    const end = this.#end;
    if (!given && !end) return;
    addQuoted(arena.add(',"instance":{"id":'), given?.instanceId ?? end?.instanceId ?? '');
    arena.add((given?.cold ?? end?.coldStart) ? ',"cold":true' : ',"cold":false');
    if (end) arena.add(',"durationMs":').addRounded(end.durationMs);
    if (end?.maxMemoryMb !== undefined) arena.add(',"maxMemoryMb":').add(String(end.maxMemoryMb));
    arena.add('}');
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
    const queued = this.#queuedAt;
    const given = this.#givenAt;
    const head = this.#headAt;
    const settled = this.#settledAt;
    const ended = this.#endedAt;
    const phases: { -readonly [name in keyof Phases]: Phases[name] } = { auth: [0, this.#at(this.#begunAt)] };
    const until = given ?? settled ?? ended;
    if (queued !== undefined && until !== undefined) {
      const startMs = given !== undefined && this.#given?.cold ? Math.min(this.#given.startMs, given - queued) : 0;
      phases.queue = [this.#at(queued), this.#at(until - startMs)];
      if (given !== undefined && startMs > 0) phases.start = [this.#at(given - startMs), this.#at(given)];
    }
    if (given !== undefined && ended !== undefined) phases.function = [this.#at(given), this.#at(ended)];
    if (given !== undefined && head !== undefined) phases.firstByte = [this.#at(given), this.#at(head)];
    if (head !== undefined && settled !== undefined) phases.body = [this.#at(head), this.#at(settled)];
    return phases;
  }

  /** Milliseconds since the request came in. */
  #at(time: number): number {
    return rounded(time - this.zero);
  }
}

function addPhases(arena: Arena, phases: Phases): void {
  let between = '"';
  for (const name of phaseNames) {
    const phase = phases[name];
    if (!phase) continue;
    arena.add(between).add(name).add('":[').addRounded(phase[0]).add(',').addRounded(phase[1]).add(']');
    between = ',"';
  }
}

const none: readonly never[] = [];
const nothing: LeftOut = { reads: 0, attempts: 0 };

import { Fault, toFault } from '../faults/index.ts';
import type { DirectAnswer } from '../instances/index.ts';
import { after, type BodyStream, monotonic, type Timer } from '../kit/index.ts';
import type { InvocationRecord } from '../telemetry/index.ts';
import { readForwarded, readStatus } from './forwarded.ts';
import { type Answer, type AnswerRequest, Join, type JoinOptions } from './join.ts';
import { ClientGone } from './relay.ts';

export type ExchangeState = 'waiting' | 'answering' | 'abandoned' | 'done' | 'failed' | 'timed-out';

/** Every transition there is; any other is a fault of ours. */
const transitions: Record<ExchangeState, readonly ExchangeState[]> = {
  waiting: ['answering', 'abandoned', 'failed', 'timed-out'],
  answering: ['waiting', 'abandoned', 'done', 'failed', 'timed-out'],
  abandoned: [],
  done: [],
  failed: [],
  'timed-out': [],
};

/** Milliseconds between the end of a function and the verdict that it did not answer. */
const graceMs = 50;
/** A function whose answer flows may run on for so long before it is asked again; behind its answer it has as long to end. Milliseconds. */
const flowingMs = 1_000;

export interface ExchangeOptions extends JoinOptions {
  id: string;
  functionArn: string;
  chain: readonly string[];
  /** Milliseconds until the head of the answer must be there. */
  headDeadlineMs: number;
  requestId: string;
  /** What is written down of it; nothing is without. */
  record?: InvocationRecord | undefined;
}

/**
 * One waiting GetObject. It settles exactly once: the client has a whole answer, or a Fault before the head, or a broken connection after it, or it left.
 */
export class Exchange {
  readonly id: string;
  readonly functionArn: string;
  readonly chain: readonly string[];
  readonly requestId: string;
  readonly record: InvocationRecord | undefined;
  /** Why it failed, when it did. */
  fault: Fault | undefined;
  /** Resolves when the client's side is over; rejects with the Fault to send when no head was sent yet. */
  readonly settled: Promise<void>;
  #state: ExchangeState = 'waiting';
  readonly #options: ExchangeOptions;
  readonly #deadline: Timer;
  /** What broke the last attempt to answer, for the error message when no other attempt follows. */
  #lastAttempt: string | undefined;
  #body: BodyStream | undefined;
  #join: Join | undefined;
  /** The deadline passed while bytes of an answer flowed. */
  #isLate = false;
  /** Monotonic milliseconds at which a whole answer was taken. */
  #takenAt: number | undefined;
  /** Runs when the function has ended before its answer did. */
  #grace: Timer | undefined;
  /** Set when the function ended: no further attempt can come. */
  #over: (() => Fault) | undefined;
  #resolve!: () => void;
  #reject!: (fault: Fault) => void;

  constructor(options: ExchangeOptions) {
    this.id = options.id;
    this.functionArn = options.functionArn;
    this.chain = options.chain;
    this.requestId = options.requestId;
    this.record = options.record;
    this.#options = options;
    this.settled = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#deadline = after(options.headDeadlineMs, () => this.#expire());
  }

  get state(): ExchangeState {
    return this.#state;
  }

  #become(next: ExchangeState): void {
    if (!transitions[this.#state].includes(next)) throw new Error(`exchange: ${this.#state} -> ${next} is no transition`);
    this.#state = next;
    if (next === 'waiting' || next === 'answering') return;
    this.#deadline.cancel();
    this.#grace?.cancel();
  }

  #expire(): void {
    if (this.#options.sink.headSent || !this.isOpen) return;
    // The head may still be held back while the bytes flow: of those only silence is limited.
    this.#isLate = true;
    if (!this.#flows) this.#timeOut();
  }

  #timeOut(): void {
    this.#end('timed-out', new Fault('FunctionTimeout', this.#explain('The function did not call WriteGetObjectResponse in time.')));
    this.#body?.destroy();
  }

  get #flows(): boolean {
    return this.#state === 'answering' && (this.#join?.received ?? 0) > 0;
  }

  /** Milliseconds that the function may run beyond its timeout, because its answer flows or has just ended; then it is asked again. 0 when it is late. */
  get spareMs(): number {
    if (this.#flows) return flowingMs;
    return this.#takenAt !== undefined && monotonic() - this.#takenAt < flowingMs ? flowingMs : 0;
  }

  #explain(message: string): string {
    return this.#lastAttempt === undefined ? message : `${message} An attempt to answer failed: ${this.#lastAttempt}`;
  }

  /** True while the client still waits for an answer or its end. */
  get isOpen(): boolean {
    return this.#state === 'waiting' || this.#state === 'answering';
  }

  #end(state: 'failed' | 'timed-out', fault: Fault): void {
    this.#become(state);
    this.fault = fault;
    if (this.#options.sink.headSent) {
      this.#options.sink.reset();
      this.#resolve();
    } else {
      this.#reject(fault);
    }
  }

  /** The client left: its function runs on, and what it still writes is taken and thrown away. */
  abandon(): void {
    if (!this.isOpen) return;
    this.#become('abandoned');
    this.#resolve();
  }

  /**
   * The function is over. An answer that still flows goes on; a client without one gets the fault that `explain` makes, after a moment for an answer whose bytes are
   * already in our socket.
   */
  functionEnded(explain: () => Fault): void {
    if (!this.isOpen) return;
    this.#grace = after(graceMs, () => {
      this.#over = explain;
      this.#failIfOver();
    });
  }

  #failIfOver(): void {
    if (!this.#over || this.#state !== 'waiting') return;
    const fault = this.#over();
    this.#end('failed', new Fault(fault.code, this.#explain(fault.message), { cause: fault.cause, headers: fault.headers }));
  }

  /**
   * Carries out one WriteGetObjectResponse. Resolves when all bytes were accepted for the client (or thrown away because it left).
   * @throws Fault MissingArgument, InvalidArgument, InvalidDigest, IncompleteBody, AccessDenied; the token may be used again if no byte reached the client
   */
  async answer(request: AnswerRequest): Promise<void> {
    if (request.principal.session?.function !== this.functionArn) {
      throw new Fault(
        'AccessDenied',
        'x-oss-request-token belongs to another function. Sign WriteGetObjectResponse with the credentials of this invocation.',
      );
    }
    await this.#take(request, readStatus(request.status), () => drain(request.body));
  }

  /**
   * Takes an answer that came over the connection of the instance which was given this exchange's event: what WriteGetObjectResponse proves by
   * token, session and role, the connection proves by itself. Otherwise it is the same. When the client leaves, the instance is told to stop.
   * @throws Fault as answer does
   */
  async answerDirectly({ status, headers, body }: DirectAnswer): Promise<void> {
    const declared = headers['content-length'];
    const contentLength = declared !== undefined && /^\d{1,15}$/.test(declared) ? Number(declared) : undefined;
    const forwarded = Object.entries(headers);
    const attempt = this.record?.attempt({ requestId: '', rawHeaders: forwarded.flat(), status: String(status) });
    const answer = { forwarded, body, attempt, ...(contentLength === undefined ? {} : { contentLength }) };
    try {
      await this.#take(answer, readStatus(String(status), 'The status of the Response'), async () => void body.destroy());
      attempt?.taken();
    } catch (error) {
      const fault = toFault(error);
      attempt?.refused(fault);
      this.#lastAttempt = fault.message;
      throw error;
    }
  }

  /** @param leave what becomes of a body that nobody waits for */
  async #take(request: Answer, status: number, leave: () => Promise<void>): Promise<void> {
    if (this.#state === 'abandoned') return leave();
    if (this.#state === 'answering')
      throw new Fault('AccessDenied', 'x-oss-request-token is being used by another WriteGetObjectResponse.');
    if (this.#state !== 'waiting') throw usedToken(this.#state);
    const head = readForwarded(request.forwarded);
    this.#become('answering');
    this.#body = request.body;
    const join = new Join(this.#options, request, status, head);
    this.#join = join;
    try {
      await join.run();
      this.#takenAt = monotonic();
    } catch (error) {
      await join.close();
      return await this.#broke(error, leave);
    } finally {
      this.#body = undefined;
      this.#join = undefined;
    }
    void this.#finish(join);
  }

  /** The body is accepted; the client may still be reading its tail. */
  async #finish(join: Join): Promise<void> {
    try {
      await join.finished();
      if (this.#state !== 'answering') return;
      this.#become('done');
      this.#resolve();
    } catch (error) {
      if (this.#state !== 'answering') return;
      if (error instanceof Fault) return this.#end('failed', error);
      this.#options.sink.reset();
      this.abandon();
    } finally {
      await join.close();
    }
  }

  async #broke(error: unknown, leave: () => Promise<void>): Promise<void> {
    if (error instanceof ClientGone) {
      if (this.#state === 'answering') {
        this.#options.sink.reset();
        this.abandon();
      }
      return leave();
    }
    const fault = toFault(error);
    if (this.#state === 'answering') {
      this.#lastAttempt = fault.message;
      if (this.#options.sink.headSent) this.#end('failed', fault);
      else {
        this.#become('waiting');
        if (this.#isLate) this.#timeOut();
        else this.#failIfOver();
      }
    }
    throw fault;
  }
}

/** The refusal of a token whose exchange is over. */
export function usedToken(state: ExchangeState | undefined): Fault {
  const why =
    state === 'done'
      ? 'was already used; a token answers one GetObject once'
      : state === 'timed-out'
        ? 'expired: the client was answered with FunctionTimeout'
        : state === 'failed'
          ? 'expired: the client was already answered with an error'
          : 'is unknown or expired';
  return new Fault('AccessDenied', `x-oss-request-token ${why}.`);
}

/** Reads a body to its end for nobody, so that the function's call succeeds. */
async function drain(body: BodyStream): Promise<void> {
  try {
    for await (const _ of body);
  } catch {
    // The function broke off an answer that nobody waits for.
  }
}

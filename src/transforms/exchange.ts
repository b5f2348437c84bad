import { createHash, type Hash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { Fault, toFault } from '../faults/index.ts';
import type { Principal } from '../identity/index.ts';
import { after, monotonic, type Timer } from '../kit/index.ts';
import { type ForwardedHead, faultForStatus, provenChecksums, readForwarded, readStatus } from './forwarded.ts';
import { ClientGone, type ClientSink, Relay, type RelayLimits } from './relay.ts';

/** One WriteGetObjectResponse call, as the protocol room read it. */
export interface AnswerRequest {
  token?: string;
  route?: string;
  status?: string;
  /** Headers that came with the prefix x-oss-fwd-header-, without it, in wire order. */
  forwarded: readonly (readonly [name: string, value: string])[];
  /** Declared bytes of the body; undefined when it is chunked. */
  contentLength?: number;
  /** Base64 MD5 of the call's own body. */
  contentMd5?: string;
  body: Readable;
  principal: Principal;
}

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

export interface ExchangeOptions {
  id: string;
  functionArn: string;
  chain: readonly string[];
  headOnly: boolean;
  sink: ClientSink;
  relay: RelayLimits;
  /** Milliseconds until the head of the answer must be there. */
  headDeadlineMs: number;
  onHead: () => void;
}

/**
 * One waiting GetObject. It settles exactly once: the client has a whole answer, or a Fault before the head, or a broken connection after it, or it left.
 */
export class Exchange {
  readonly id: string;
  readonly functionArn: string;
  readonly chain: readonly string[];
  /** Resolves when the client's side is over; rejects with the Fault to send when no head was sent yet. */
  readonly settled: Promise<void>;
  #state: ExchangeState = 'waiting';
  readonly #options: ExchangeOptions;
  readonly #deadline: Timer;
  /** What broke the last attempt to answer, for the error message when no other attempt follows. */
  #lastAttempt: string | undefined;
  #body: Readable | undefined;
  /** Set when the function ended: no further attempt can come. */
  #over: (() => Fault) | undefined;
  #resolve!: () => void;
  #reject!: (fault: Fault) => void;

  constructor(options: ExchangeOptions) {
    this.id = options.id;
    this.functionArn = options.functionArn;
    this.chain = options.chain;
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
    if (next !== 'waiting' && next !== 'answering') this.#deadline.cancel();
  }

  #expire(): void {
    if (this.#options.sink.headSent || !this.isOpen) return;
    this.#end('timed-out', new Fault('FunctionTimeout', this.#explain('The function did not call WriteGetObjectResponse in time.')));
    this.#body?.destroy();
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
    after(graceMs, () => {
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
    const status = readStatus(request.status);
    if (this.#state === 'abandoned') return drain(request.body);
    if (this.#state === 'answering')
      throw new Fault('AccessDenied', 'x-oss-request-token is being used by another WriteGetObjectResponse.');
    if (this.#state !== 'waiting') throw usedToken(this.#state);
    const head = readForwarded(request.forwarded);
    this.#become('answering');
    this.#body = request.body;
    const join = new Join(this.#options, request, status, head);
    try {
      await join.run();
    } catch (error) {
      await join.close();
      return await this.#broke(error, request);
    } finally {
      this.#body = undefined;
    }
    this.#finish(join);
  }

  /** The body is accepted; the client may still be reading its tail. */
  #finish(join: Join): void {
    join
      .finished()
      .then(() => {
        if (this.#state !== 'answering') return;
        this.#become('done');
        this.#resolve();
      })
      .catch((error) => {
        if (this.#state !== 'answering') return;
        if (error instanceof Fault) return this.#end('failed', error);
        this.#options.sink.reset();
        this.abandon();
      })
      .finally(() => join.close());
  }

  async #broke(error: unknown, request: AnswerRequest): Promise<void> {
    if (error instanceof ClientGone) {
      if (this.#state === 'answering') {
        this.#options.sink.reset();
        this.abandon();
      }
      return drain(request.body);
    }
    const fault = toFault(error);
    if (this.#state === 'answering') {
      this.#lastAttempt = fault.message;
      if (this.#options.sink.headSent) this.#end('failed', fault);
      else {
        this.#become('waiting');
        this.#failIfOver();
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
async function drain(body: Readable): Promise<void> {
  try {
    for await (const _ of body);
  } catch {
    // The function broke off an answer that nobody waits for.
  }
}

/** Joins the function's body to the client's response: one chunk in, one chunk out, with deadlines on both sides. */
class Join {
  readonly #options: ExchangeOptions;
  readonly #request: AnswerRequest;
  readonly #status: number;
  readonly #head: ForwardedHead;
  #relay: Relay | undefined;
  #received = 0;
  /** When the last chunk came, on the monotonic clock. */
  #moved = 0;
  /** The last chunk of a body whose digest is not yet proved. */
  #held: Buffer | undefined;
  #md5: Hash | undefined;
  #end: (() => Promise<void>) | undefined;

  constructor(options: ExchangeOptions, request: AnswerRequest, status: number, head: ForwardedHead) {
    this.#options = options;
    this.#request = request;
    this.#status = status;
    this.#head = head;
    if (request.contentMd5 !== undefined) this.#md5 = createHash('md5');
  }

  get #bodiless(): boolean {
    return this.#options.headOnly || this.#status === 304;
  }

  /** Moves the whole body. @throws ClientGone, Fault */
  async run(): Promise<void> {
    try {
      await this.#move();
    } catch (error) {
      throw error instanceof ClientGone || error instanceof Fault ? error : brokenBody(error);
    }
    this.#checkDigest();
    if (this.#held) await this.#forward(this.#held);
    this.#conclude();
  }

  /** Takes chunk by chunk as they come. The function's socket stays whole when the client leaves: its call is still answered. */
  #move(): Promise<void> {
    const { body } = this.#request;
    return new Promise((resolve, reject) => {
      const stopWatch = this.#watch();
      const stop = (end: () => void) => {
        stopWatch();
        body.off('data', onData).off('end', onEnd).off('error', onError).off('close', onClose);
        end();
      };
      const fail = (error: unknown) =>
        stop(() => {
          body.pause();
          reject(error);
        });
      const onData = (chunk: Buffer) => {
        try {
          const room = this.#take(chunk);
          if (!room) return;
          body.pause();
          room.then(() => body.resume(), fail);
        } catch (error) {
          fail(error);
        }
      };
      const onEnd = () => stop(resolve);
      const onError = (error: Error) => fail(error);
      const onClose = () => fail(new Error('the connection closed'));
      body.on('data', onData).on('end', onEnd).on('error', onError).on('close', onClose);
      if (body.errored) fail(body.errored);
      else if (body.destroyed && !body.readableEnded) onClose();
    });
  }

  #take(chunk: Buffer): Promise<void> | undefined {
    this.#moved = monotonic();
    this.#received += chunk.length;
    if (!this.#md5) return this.#forward(chunk);
    // With a Content-MD5 the last chunk waits for its proof, so that a false body never looks whole to the client.
    this.#md5.update(chunk);
    const ready = this.#held;
    this.#held = chunk;
    return ready && this.#forward(ready);
  }

  /** Gives the body up once nothing of it came for idleMs while the client could have taken it. */
  #watch(): () => void {
    const { body } = this.#request;
    const { idleMs } = this.#options.relay;
    this.#moved = monotonic();
    let timer: Timer;
    const check = () => {
      // While the client is slow the body is paused: that silence is ours.
      const silent = body.isPaused() ? 0 : monotonic() - this.#moved;
      if (silent >= idleMs) body.destroy(new Fault('RequestTimeout', `The function sent nothing for ${idleMs} ms.`));
      else timer = after(idleMs - silent, check);
    };
    timer = after(idleMs, check);
    return () => timer.cancel();
  }

  #checkDigest(): void {
    if (this.#md5 && this.#md5.digest('base64') !== this.#request.contentMd5) {
      throw new Fault('InvalidDigest', 'The body of WriteGetObjectResponse does not match its Content-MD5.');
    }
  }

  #forward(chunk: Buffer): Promise<void> | undefined {
    if (this.#bodiless) return undefined;
    if (!this.#relay) {
      const whole = this.#request.contentLength === chunk.length;
      this.#sendHead(this.#request.contentLength, whole ? provenChecksums(this.#head.checksums, chunk) : []);
      this.#relay = new Relay(this.#options.sink.body, this.#options.relay);
    }
    return this.#relay.write(chunk);
  }

  #sendHead(length: number | undefined, checksums: [string, string][]): void {
    const framing: [string, string][] = length === undefined ? [] : [['Content-Length', String(length)]];
    this.#options.sink.head(this.#status, [...this.#head.headers, ...checksums, ...framing]);
    this.#options.onHead();
  }

  /** The body is at its end: an empty one sends its head only now. */
  #conclude(): void {
    const { sink } = this.#options;
    const relay = this.#relay;
    if (relay) {
      this.#end = () => relay.end();
      return;
    }
    if (this.#status >= 400 && (this.#received === 0 || this.#options.headOnly)) {
      const fault = faultForStatus(this.#status);
      this.#end = () => Promise.reject(fault);
      return;
    }
    this.#sendHead(this.#status === 304 ? undefined : this.#received, []);
    const empty = new Relay(sink.body, this.#options.relay);
    this.#relay = empty;
    this.#end = () => empty.end();
  }

  /** Resolves when the client has the end. @throws ClientGone, or the Fault that stands for an error status without a body */
  finished(): Promise<void> {
    return this.#end ? this.#end() : Promise.resolve();
  }

  async close(): Promise<void> {
    await this.#relay?.close();
  }
}

function brokenBody(error: unknown): Fault {
  return new Fault('IncompleteBody', 'The body of WriteGetObjectResponse broke off before its end.', { cause: error });
}

import { createHash, type Hash } from 'node:crypto';
import { Fault } from '../faults/index.ts';
import type { Principal } from '../identity/index.ts';
import { after, type BodyStream, monotonic, sleep, type Timer } from '../kit/index.ts';
import type { AttemptRecord } from '../telemetry/index.ts';
import { type ForwardedHead, faultForStatus, type HeaderNote } from './forwarded.ts';
import { needsWhole, provableBytes, provenHeaders } from './proof.ts';
import { ClientGone, type ClientSink, Relay, type RelayLimits } from './relay.ts';

/** What a function answers, by whichever way. */
export interface Answer {
  status?: string;
  /** Headers for the client, in wire order: without the prefix x-oss-fwd-header-, where they came with it. */
  forwarded: readonly (readonly [name: string, value: string])[];
  /** Declared bytes of the body; undefined when they are not known ahead. */
  contentLength?: number;
  /** Base64 MD5 of the call's own body. */
  contentMd5?: string;
  body: BodyStream;
  /** What is written down of it; nothing is without. */
  attempt?: AttemptRecord | undefined;
}

/** One WriteGetObjectResponse call, as the protocol room read it. */
export interface AnswerRequest extends Answer {
  token?: string;
  route?: string;
  principal: Principal;
  /** Its x-oss-request-id. */
  requestId?: string;
  /** Its headers as they came, names and values in turn. */
  rawHeaders?: readonly string[];
}

export interface JoinOptions {
  /** Only the head is wanted: the body is counted and thrown away. */
  headOnly: boolean;
  sink: ClientSink;
  relay: RelayLimits;
  /** Of the object; its ending may tell the type of the body. */
  key: string;
  /** Called when the client's head was sent. */
  onHead: () => void;
  /** Told of forwarded headers that claim what does not hold, when there are any. */
  onFalse?: ((notes: readonly HeaderNote[]) => void) | undefined;
  /** Counts bytes for the client. @returns milliseconds to wait before the next ones, where bytes a second are limited */
  spend?: ((bytes: number) => number) | undefined;
}

/** How often a body that waits for its share of bytes looks whether its client is still there, milliseconds. */
const paceMs = 500;

/** Joins the function's body to the client's response: one chunk in, one chunk out, with deadlines on both sides. */
export class Join {
  readonly #options: JoinOptions;
  readonly #request: Answer;
  readonly #status: number;
  readonly #head: ForwardedHead;
  #relay: Relay | undefined;
  #received = 0;
  /** The first bytes: what they are is looked at before the head leaves. */
  #opening: Buffer | undefined;
  /** The head waits for this many bytes, so that what it claims can be proved. */
  readonly #wanted: number;
  /** When the last chunk came, on the monotonic clock. */
  #moved = 0;
  /** The last chunk of a body whose digest is not yet proved. */
  #held: Buffer | undefined;
  #md5: Hash | undefined;
  /** Stands for an error status without a body. */
  #fault: Fault | undefined;

  constructor(options: JoinOptions, request: Answer, status: number, head: ForwardedHead) {
    this.#options = options;
    this.#request = request;
    this.#status = status;
    this.#head = head;
    const { contentLength = 0 } = request;
    this.#wanted = contentLength > 0 && contentLength <= provableBytes && needsWhole(head) ? contentLength : 1;
    if (request.contentMd5 !== undefined) this.#md5 = createHash('md5');
  }

  /** Bytes of the body that came so far. */
  get received(): number {
    return this.#received;
  }

  get #bodiless(): boolean {
    return this.#options.headOnly || this.#status === 304;
  }

  /** Moves the whole body. @throws ClientGone, Fault */
  async run(): Promise<void> {
    const { attempt } = this.#request;
    try {
      await this.#move();
    } catch (error) {
      throw error instanceof ClientGone || error instanceof Fault ? error : brokenBody(error);
    } finally {
      if (attempt) attempt.bytes = this.#received;
    }
    this.#checkLength();
    this.#checkDigest();
    if (this.#held) await this.#forward(this.#held);
    this.#conclude();
  }

  /** Takes chunk by chunk as they come. The function's socket stays whole when the client leaves: its call is still answered. */
  #move(): Promise<void> {
    const { body } = this.#request;
    return new Promise((resolve, reject) => {
      let waited: Promise<void> | undefined;
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
          waited = room;
          room.then(() => body.resume(), fail);
        } catch (error) {
          fail(error);
        }
      };
      // A stream that is paused at its last chunk ends all the same.
      const onEnd = () => stop(() => (waited ? waited.then(resolve, reject) : resolve()));
      const onError = (error: Error) => fail(error);
      const onClose = () => fail(new Error('the connection closed'));
      body.on('data', onData).on('end', onEnd).on('error', onError).on('close', onClose);
      if (body.errored) fail(body.errored);
      else if (body.destroyed && !body.readableEnded) onClose();
      else body.resume();
    });
  }

  #take(chunk: Buffer): Promise<void> | undefined {
    this.#moved = monotonic();
    this.#received += chunk.length;
    if (this.#received > (this.#request.contentLength ?? Number.POSITIVE_INFINITY)) throw this.#wrongLength('more');
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

  /** An answer over HTTP cannot get this far with fewer bytes than it declared. For a head alone, none need come. */
  #checkLength(): void {
    const { contentLength } = this.#request;
    if (contentLength === undefined || this.#received === contentLength || (this.#bodiless && this.#received === 0)) return;
    throw this.#wrongLength('fewer');
  }

  #wrongLength(than: string): Fault {
    return new Fault('IncompleteBody', `The body of the answer has ${than} bytes than its Content-Length, ${this.#request.contentLength}.`);
  }

  #checkDigest(): void {
    if (this.#md5 && this.#md5.digest('base64') !== this.#request.contentMd5) {
      throw new Fault('InvalidDigest', 'The body of WriteGetObjectResponse does not match its Content-MD5.');
    }
  }

  #forward(chunk: Buffer): Promise<void> | undefined {
    const relay = this.#relay;
    if (!relay) return this.#begin(chunk);
    this.#request.attempt?.piece?.(chunk);
    const room = relay.write(chunk);
    const owedMs = this.#options.spend?.(chunk.length) ?? 0;
    return owedMs > 0 ? this.#pace(owedMs, room) : room;
  }

  /** The first bytes take the head along; of a body that nobody gets, they are kept to be looked at. */
  #begin(chunk: Buffer): Promise<void> | undefined {
    const opening = this.#opening;
    if (opening && opening.length >= this.#wanted) return undefined;
    const bytes = opening ? Buffer.concat([opening, chunk]) : chunk;
    this.#opening = bytes;
    if (this.#bodiless || bytes.length < this.#wanted) return undefined;
    this.#sendHead(this.#request.contentLength);
    this.#relay = new Relay(this.#options.sink.body, this.#options.relay);
    return this.#forward(bytes);
  }

  /** Holds the function back until its bytes are within the limit on bytes a second. */
  async #pace(owedMs: number, room: Promise<void> | undefined): Promise<void> {
    await room;
    const until = monotonic() + owedMs;
    for (let left = owedMs; left > 0 && !this.#options.sink.body.destroyed; left = until - monotonic()) await sleep(Math.min(left, paceMs));
  }

  #sendHead(length: number | undefined): void {
    const { sink, key, onHead } = this.#options;
    const { contentLength, contentMd5 } = this.#request;
    const first = this.#opening;
    const { headers, notes } = provenHeaders(this.#head, {
      status: this.#status,
      key,
      first,
      whole: first !== undefined && first.length === contentLength,
      contentMd5: first && contentMd5,
    });
    const forwarded = this.#head.contentLength;
    if (forwarded !== undefined && forwarded !== length && this.#status !== 304) {
      const reason = length === undefined ? 'the body comes without a length' : `the body has ${length} bytes`;
      notes.push({ header: 'content-length', sent: String(forwarded), reason, isFalse: true });
    }
    if (length !== undefined) headers.push(['Content-Length', String(length)]);
    sink.head(this.#status, headers);
    this.#request.attempt?.sent(this.#status, headers);
    if (notes.length > 0) this.#tell(notes);
    onHead();
  }

  #tell(notes: readonly HeaderNote[]): void {
    const { attempt } = this.#request;
    for (const { header, instead, reason } of notes) {
      if (instead === undefined) attempt?.dropped(header, reason);
      else attempt?.corrected(header, instead, reason);
    }
    if (notes.some(({ isFalse }) => isFalse)) this.#options.onFalse?.(notes.filter(({ isFalse }) => isFalse));
  }

  /** The body is at its end: an empty one sends its head only now. */
  #conclude(): void {
    const { sink } = this.#options;
    if (this.#relay) return;
    if (this.#status >= 400 && (this.#received === 0 || this.#options.headOnly)) {
      this.#fault = faultForStatus(this.#status);
      return;
    }
    // For a head alone the bytes need not come; a function that sends none may state their number.
    const length = this.#received === 0 && this.#bodiless ? (this.#head.contentLength ?? this.#request.contentLength) : undefined;
    this.#sendHead(this.#status === 304 ? undefined : (length ?? this.#received));
    this.#relay = new Relay(sink.body, this.#options.relay);
  }

  /** Resolves when the client has the end. @throws ClientGone, or the Fault that stands for an error status without a body */
  async finished(): Promise<void> {
    if (this.#fault) throw this.#fault;
    await this.#relay?.end();
  }

  async close(): Promise<void> {
    await this.#relay?.close();
  }
}

function brokenBody(error: unknown): Fault {
  return new Fault('IncompleteBody', 'The body of WriteGetObjectResponse broke off before its end.', { cause: error });
}

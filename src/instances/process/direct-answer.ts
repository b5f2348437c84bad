import { ByteStream, FrameError } from '../../kit/index.ts';
import type { DirectAnswer } from '../invocation.ts';
import { initialCredit } from './wire.ts';

/** A grant is not worth a frame below this. Bytes. */
const leastGrant = initialCredit / 4;
const headerName = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,256}$/;

/** The body of an answer that a host sends over its own connection, never more than its credit ahead of the reader. */
export class AnswerBody extends ByteStream {
  readonly #grant: (bytes: number) => void;
  readonly #onGone: () => void;
  /** Bytes that the host may still send. */
  #credit: number = initialCredit;
  #ended = false;

  /**
   * @param grant tells the host how many more bytes it may send
   * @param onGone the reader left before the end
   */
  constructor(grant: (bytes: number) => void, onGone: () => void) {
    super();
    this.#grant = grant;
    this.#onGone = onGone;
  }

  /** Takes bytes from the host. @throws FrameError when it sends beyond its credit or after the end */
  receive(chunk: Buffer): void {
    this.#credit -= chunk.length;
    if (this.#credit < 0) throw new FrameError('A host sent more of its answer than it was granted.');
    if (this.#ended) throw new FrameError('A host sent more of its answer after its end.');
    this.push(chunk);
    this.taken();
  }

  /** The answer is whole. */
  finish(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.end();
  }

  /** The answer breaks off here: the reader gets an error, never a clean end. */
  break(message: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.destroy(new Error(message));
  }

  /** Lets the host send as much more as was taken of it. */
  protected override taken(): void {
    const bytes = initialCredit - this.readableLength - this.#credit;
    if (this.#ended || bytes < leastGrant) return;
    this.#credit += bytes;
    this.#grant(bytes);
  }

  protected override left(): void {
    if (this.#ended) return;
    // What still comes is dropped: a host that does not hear of it must not wait for credit until its timeout.
    this.taken();
    this.#onGone();
  }
}

/** Status and headers of an answer's first frame. What it holds is the word of user code. @throws FrameError when it is no head of an answer */
export function answerHead(head: Record<string, unknown>): Pick<DirectAnswer, 'status' | 'headers'> {
  const status = Number(head.status);
  if (!Number.isInteger(status) || status < 100 || status > 999) throw new FrameError('The status of an answer is not a number.');
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries((head.headers as object | undefined) ?? {})) {
    if (!headerName.test(name) || typeof value !== 'string') throw new FrameError('A header of an answer is not a name and a text.');
    headers[name] = value;
  }
  return { status, headers };
}

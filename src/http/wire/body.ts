import { ByteStream } from '../../kit/index.ts';
import { BadRequest, type Framing } from './head.ts';

/** Longest line that states the size of a chunk, extensions included, and most bytes of trailers. */
const lineBytes = 1024;
const trailerBytes = 8 * 1024;
const sizeLine = /^([0-9A-Fa-f]{1,13})[ \t]*(?:;[\t\x20-\x7e\x80-\xff]*)?$/;
/** An unread body of at most this many bytes is read and thrown away to keep its connection; a longer one closes it. */
const discardBytes = 256 * 1024;
const crlf = Buffer.from('\r\n');

/** What a body needs of its connection. */
export interface BodySource {
  /** More may be read. */
  resume(): void;
  /** Nothing more can be held. */
  pause(): void;
}

/**
 * The body of one request as it comes in. Destroying it does not hurt the connection, which still has to carry the answer: what is still to
 * come is then read and thrown away.
 */
export class Body extends ByteStream {
  readonly #source: BodySource;
  readonly #chunks: Chunks | undefined;
  /** Bytes still to come of a body or chunk whose length is known. */
  #left: number;
  /** All of it came in. */
  complete = false;
  readonly #mostHeld: number;
  /** Bytes that nobody wanted. */
  #thrown = 0;

  /** @param mostHeld bytes held for a slow reader before the source is paused */
  constructor(framing: Exclude<Framing, { kind: 'none' }>, source: BodySource, mostHeld: number) {
    super();
    this.#source = source;
    this.#mostHeld = mostHeld;
    this.#left = framing.kind === 'length' ? framing.length : 0;
    this.#chunks = framing.kind === 'chunked' ? new Chunks() : undefined;
  }

  /** Known to have so little left that reading it costs less than a new connection. */
  get isShort(): boolean {
    return !this.#chunks && this.#left <= discardBytes;
  }

  /** Known to have too much left, or to have had: the connection is not worth reading it. */
  get isLong(): boolean {
    return this.#thrown > discardBytes || (!this.#chunks && this.#left > discardBytes);
  }

  protected override taken(): void {
    this.#source.resume();
  }

  /** The rest is thrown away: let it come. */
  protected override left(): void {
    if (!this.complete) this.#source.resume();
  }

  /**
   * Takes bytes of the connection.
   * @returns the bytes behind the end of the body, or undefined while it has not ended
   * @throws BadRequest when a chunk is malformed
   */
  receive(data: Buffer): Buffer | undefined {
    const rest = this.#chunks ? this.#chunks.receive(data, (piece) => this.#give(piece)) : this.#takeLength(data);
    if (rest === undefined) return undefined;
    this.complete = true;
    this.end();
    return rest;
  }

  #takeLength(data: Buffer): Buffer | undefined {
    const mine = Math.min(this.#left, data.length);
    this.#left -= mine;
    this.#give(mine === data.length ? data : data.subarray(0, mine));
    return this.#left === 0 ? data.subarray(mine) : undefined;
  }

  #give(piece: Buffer): void {
    if (this.destroyed) this.#thrown += piece.length;
    this.push(piece);
    if (this.readableLength >= this.#mostHeld) this.#source.pause();
  }
}

/** Decodes the chunked coding (RFC 9112 section 7.1); trailers are checked for size and thrown away. */
class Chunks {
  #state: 'size' | 'data' | 'end of data' | 'trailers' = 'size';
  #left = 0;
  /** Bytes of a line that has not ended. */
  #held: Buffer | undefined;
  #trailers = 0;

  receive(data: Buffer, give: (piece: Buffer) => void): Buffer | undefined {
    let rest: Buffer = data;
    if (this.#held) {
      rest = Buffer.concat([this.#held, data]);
      this.#held = undefined;
    }
    while (rest.length > 0) {
      if (this.#state === 'data') {
        const mine = Math.min(this.#left, rest.length);
        give(mine === rest.length ? rest : rest.subarray(0, mine));
        this.#left -= mine;
        rest = rest.subarray(mine);
        if (this.#left === 0) this.#state = 'end of data';
        continue;
      }
      const end = rest.indexOf(crlf);
      if (end < 0) {
        if (rest.length > lineBytes) throw bad('A chunk size line is too long.');
        this.#held = rest;
        return undefined;
      }
      if (end > lineBytes) throw bad('A chunk size line is too long.');
      const line = rest.toString('latin1', 0, end);
      rest = rest.subarray(end + 2);
      if (this.#line(line)) return rest;
    }
    return undefined;
  }

  /** Takes one line; true when the body is at its end. */
  #line(line: string): boolean {
    if (this.#state === 'end of data') {
      if (line !== '') throw bad('A chunk is longer than its size.');
      this.#state = 'size';
    } else if (this.#state === 'size') {
      const size = sizeLine.exec(line);
      if (!size) throw bad('A chunk size is malformed.');
      this.#left = Number.parseInt(size[1] as string, 16);
      this.#state = this.#left === 0 ? 'trailers' : 'data';
    } else {
      if (line === '') return true;
      this.#trailers += line.length;
      if (this.#trailers > trailerBytes) throw bad('The trailers are too long.');
    }
    return false;
  }
}

function bad(message: string): BadRequest {
  return new BadRequest('400 Bad Request', message);
}

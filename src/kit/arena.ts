/** Where the bytes of a text lie. */
export interface Kept {
  readonly piece: Buffer;
  readonly start: number;
  readonly end: number;
}

/**
 * Bytes of many texts that live about equally long, in few large pieces of memory: a buffer of its own for each costs more than its text, and so does a
 * view. A piece stays in memory while one of its texts does.
 */
export class Arena {
  readonly #pieceBytes: number;
  #piece: Buffer = Buffer.alloc(0);
  #used = 0;

  /** @param pieceBytes size of a piece; a text that may need more than a quarter of it gets one of its own */
  constructor(pieceBytes: number) {
    this.#pieceBytes = pieceBytes;
  }

  /** Keeps a text as UTF-8. */
  keep(text: string): Kept {
    // A UTF-16 unit takes three bytes at most.
    const most = text.length * 3;
    if (most > this.#pieceBytes / 4) {
      const piece = Buffer.from(text);
      return { piece, start: 0, end: piece.length };
    }
    if (this.#used + most > this.#piece.length) {
      this.#piece = Buffer.allocUnsafeSlow(this.#pieceBytes);
      this.#used = 0;
    }
    const start = this.#used;
    this.#used += this.#piece.write(text, start);
    return { piece: this.#piece, start, end: this.#used };
  }
}

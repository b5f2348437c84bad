/**
 * Bytes of many texts that live about equally long, in few large pieces of memory: a buffer of its own for each costs more than its text. A piece
 * stays in memory while one of its texts does.
 */
export class Arena {
  readonly #pieceBytes: number;
  #piece: Buffer = Buffer.alloc(0);
  #used = 0;

  /** @param pieceBytes size of a piece; a text that may need more than a quarter of it gets a buffer of its own */
  constructor(pieceBytes: number) {
    this.#pieceBytes = pieceBytes;
  }

  /** The text as UTF-8. */
  bytesOf(text: string): Buffer {
    // A UTF-16 unit takes three bytes at most.
    const most = text.length * 3;
    if (most > this.#pieceBytes / 4) return Buffer.from(text);
    if (this.#used + most > this.#piece.length) {
      this.#piece = Buffer.allocUnsafeSlow(this.#pieceBytes);
      this.#used = 0;
    }
    const start = this.#used;
    this.#used += this.#piece.write(text, start);
    return this.#piece.subarray(start, this.#used);
  }
}

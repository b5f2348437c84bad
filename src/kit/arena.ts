/** Where the bytes of a text lie. */
export interface Kept {
  readonly piece: Buffer;
  readonly start: number;
  readonly end: number;
}

/** Up to here letters are copied one by one, which costs less than a call out of JavaScript. */
const shortLetters = 16;
const countedLetters = 4_096;
const [zero, point] = [48, 46];

/**
 * Bytes of many texts that live about equally long, in few large pieces of memory: a buffer of its own for each costs more than its text, and so does a
 * view. A text is written bit by bit, so that it is never a string. A piece stays in memory while one of its texts does.
 */
export class Arena {
  readonly #pieceBytes: number;
  #piece: Buffer = Buffer.alloc(0);
  #start = 0;
  #end = 0;

  /** @param pieceBytes size of a piece; a text that does not fit gets one of its own */
  constructor(pieceBytes: number) {
    this.#pieceBytes = pieceBytes;
  }

  /** Begins a text. One that was begun and not kept is forgotten. */
  begin(): this {
    this.#end = this.#start;
    return this;
  }

  /** Bytes of the text that was begun. */
  get length(): number {
    return this.#end - this.#start;
  }

  /** Adds letters, as UTF-8. */
  add(text: string): this {
    const { length } = text;
    // A UTF-16 unit takes three bytes at most; of a long text the room is counted.
    const most = length > countedLetters ? Buffer.byteLength(text) : length * 3;
    if (this.#end + most > this.#piece.length) this.#move(most);
    if (length > shortLetters || !this.#copy(text, length)) this.#end += this.#piece.write(text, this.#end);
    return this;
  }

  /** Copies letters as long as each is a byte. */
  #copy(text: string, length: number): boolean {
    const piece = this.#piece;
    const from = this.#end;
    for (let i = 0; i < length; i += 1) {
      const letter = text.charCodeAt(i);
      if (letter > 0x7f) return false;
      piece[from + i] = letter;
    }
    this.#end = from + length;
    return true;
  }

  /** Adds a number as JSON has it, rounded to two digits behind the point. */
  addRounded(number: number): this {
    const hundredths = Math.round(number * 100);
    // Small numbers are written digit by digit; others are rare.
    if (!(hundredths >= 0 && hundredths < 2 ** 30)) return this.add(String(hundredths / 100));
    if (this.#end + 16 > this.#piece.length) this.#move(16);
    const behind = hundredths % 100;
    this.#digits((hundredths - behind) / 100);
    if (behind === 0) return this;
    const piece = this.#piece;
    piece[this.#end++] = point;
    const last = behind % 10;
    piece[this.#end++] = zero + (behind - last) / 10;
    if (last > 0) piece[this.#end++] = zero + last;
    return this;
  }

  #digits(whole: number): void {
    let size = 1;
    for (let rest = whole; rest > 9; rest = Math.trunc(rest / 10)) size += 1;
    let rest = whole;
    for (let at = this.#end + size - 1; at >= this.#end; at -= 1) {
      const digit = rest % 10;
      this.#piece[at] = zero + digit;
      rest = (rest - digit) / 10;
    }
    this.#end += size;
  }

  /** Keeps the text that was begun. */
  keep(): Kept {
    const kept = { piece: this.#piece, start: this.#start, end: this.#end };
    this.#start = this.#end;
    return kept;
  }

  /** Goes on with the text in a new piece, with room for so many bytes more. */
  #move(bytes: number): void {
    const { length } = this;
    const piece = Buffer.allocUnsafeSlow(Math.max(this.#pieceBytes, length + bytes + countedLetters));
    this.#piece.copy(piece, 0, this.#start, this.#end);
    this.#piece = piece;
    this.#start = 0;
    this.#end = length;
  }
}

/** What is kept in memory of all functions together: lines, and bytes as counted here: two a character and some for the line. */
const mostLines = 20_000;
const mostBytes = 8 * 1024 * 1024;
const lineOverhead = 96;
/** Lines of one answer. */
const pageLines = 1_000;

/** A line that a function printed. */
export interface PrintedLine {
  /** Counts the lines of all functions since the start of the server; from 1. */
  readonly number: number;
  /** '' between invocations. */
  readonly requestId: string;
  readonly text: string;
}

interface Kept extends PrintedLine {
  readonly functionName: string;
}

/** The lines that functions printed last, for those who follow them. */
export class FunctionOutput {
  #lines: Kept[] = [];
  /** Lines before it are forgotten. */
  #first = 0;
  #bytes = 0;
  #newest = 0;

  add(functionName: string, requestId: string, text: string): void {
    this.#newest += 1;
    this.#lines.push({ number: this.#newest, functionName, requestId, text });
    this.#bytes += costOf(text);
    while (this.#lines.length - this.#first > mostLines || this.#bytes > mostBytes) {
      this.#bytes -= costOf(this.#lines[this.#first]?.text ?? '');
      this.#first += 1;
    }
    if (this.#first < mostLines) return;
    this.#lines = this.#lines.slice(this.#first);
    this.#first = 0;
  }

  /**
   * Lines of one function behind a number, at most 1,000.
   * @param after number of the last line that is known; 0 for all that are kept
   * @returns `newest`: the number to go on behind; `more`: there are further ones now
   */
  since(functionName: string, after: number, requestId?: string): { lines: PrintedLine[]; newest: number; more: boolean } {
    const lines: PrintedLine[] = [];
    const begin = this.#lines.length - Math.max(0, this.#newest - after);
    for (let at = Math.max(begin, this.#first); at < this.#lines.length; at += 1) {
      const line = this.#lines[at];
      if (line?.functionName !== functionName || (requestId !== undefined && line.requestId !== requestId)) continue;
      const { number, text } = line;
      lines.push({ number, requestId: line.requestId, text });
      if (lines.length === pageLines) return { lines, newest: number, more: number < this.#newest };
    }
    return { lines, newest: this.#newest, more: false };
  }
}

function costOf(text: string): number {
  return 2 * text.length + lineOverhead;
}

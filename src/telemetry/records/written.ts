import type { Kept } from '../../kit/index.ts';
import { PrintedLines } from './lines.ts';
import { without } from './masks.ts';
import type { Indexed } from './page.ts';
import { type InvocationDetail, type InvocationSummary, parseDetail } from './record.ts';

/** What was more than is kept. */
export interface LeftOut {
  readonly reads: number;
  readonly attempts: number;
}

/** How the line of a record ends. */
export const lineEnd = '}\n';

/** A record as text, but for the lines, which may still come. Its texts are outside the heap, and all else in one object, as it may wait a while. */
export class WrittenRecord implements Indexed {
  readonly id: string;
  readonly answers: readonly string[];
  readonly at: number;
  readonly outcome: string;
  readonly status: number;
  readonly accessPoint: string;
  readonly function: string;
  readonly summaryBytes: number;
  lines: PrintedLines | undefined;
  readonly #leftOut: LeftOut;
  /** Here lie the line in the file while nothing was printed, and behind it the secrets, each on a line. */
  readonly #piece: Buffer;
  readonly #start: number;
  readonly #lineEnd: number;
  readonly #end: number;

  /**
   * @param indexed the record, with the lines that were printed so far
   * @param kept its line and, behind it, what must not be in the lines either
   * @param summaryBytes bytes of the line that are its summary
   */
  constructor(
    indexed: Indexed & { readonly lines: PrintedLines | undefined },
    kept: Kept,
    summaryBytes: number,
    lineBytes: number,
    leftOut: LeftOut,
  ) {
    this.id = indexed.id;
    this.answers = indexed.answers;
    this.at = indexed.at;
    this.outcome = indexed.outcome;
    this.status = indexed.status;
    this.accessPoint = indexed.accessPoint;
    this.function = indexed.function;
    this.summaryBytes = summaryBytes;
    this.lines = indexed.lines;
    this.#leftOut = leftOut;
    this.#piece = kept.piece;
    this.#start = kept.start;
    this.#lineEnd = kept.start + lineBytes;
    this.#end = kept.end;
  }

  /** What goes into the file: bytes of the text, and behind them the end with the lines, where there are any. */
  get parts(): { text: Kept; end: Buffer | undefined } {
    const text = { piece: this.#piece, start: this.#start, end: this.#lineEnd };
    const { reads, attempts } = this.#leftOut;
    if (!this.lines && reads + attempts === 0) return { text, end: undefined };
    const leftOut = { reads, attempts, lines: this.lines?.leftOut ?? 0 };
    const last = JSON.stringify({ lines: this.lines?.all() ?? [], leftOut });
    const secrets = this.#piece.toString('utf8', this.#lineEnd, this.#end).split('\n');
    const end = Buffer.from(`,${without(secrets, last).slice(1)}\n`);
    return { text: { ...text, end: this.#lineEnd - lineEnd.length }, end };
  }

  /** A line that its function printed. */
  line(text: string): void {
    this.lines ??= new PrintedLines();
    this.lines.add(text);
  }

  get summary(): InvocationSummary {
    return JSON.parse(this.#piece.toString('utf8', this.#start, this.#start + this.summaryBytes)) as InvocationSummary;
  }

  get detail(): InvocationDetail {
    const { text, end } = this.parts;
    return parseDetail(text.piece.toString('utf8', text.start, text.end) + (end?.toString() ?? ''));
  }
}

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

export interface WrittenParts {
  readonly indexed: Indexed;
  /** JSON of the summary. */
  readonly summary: string;
  /** JSON of the rest, but for its last brace. */
  readonly rest: string;
  /** What must not be in the lines either. */
  readonly secrets: readonly string[];
  readonly lines: PrintedLines | undefined;
  readonly leftOut: LeftOut;
}

const end = '}\n';

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

  /** @param keep gives a text a place, as UTF-8 */
  constructor({ indexed, summary, rest, secrets, lines, leftOut }: WrittenParts, keep: (text: string) => Kept) {
    const line = `${summary}\t${rest}${end}`;
    const text = line + secrets.join('\n');
    const kept = keep(text);
    const isAscii = kept.end - kept.start === text.length;
    this.id = indexed.id;
    this.answers = indexed.answers;
    this.at = indexed.at;
    this.outcome = indexed.outcome;
    this.status = indexed.status;
    this.accessPoint = indexed.accessPoint;
    this.function = indexed.function;
    this.summaryBytes = isAscii ? summary.length : Buffer.byteLength(summary);
    this.lines = lines;
    this.#leftOut = leftOut;
    this.#piece = kept.piece;
    this.#start = kept.start;
    this.#lineEnd = kept.start + (isAscii ? line.length : Buffer.byteLength(line));
    this.#end = kept.end;
  }

  /** What goes into the file. */
  get pieces(): readonly Buffer[] {
    const { reads, attempts } = this.#leftOut;
    if (!this.lines && reads + attempts === 0) return [this.#piece.subarray(this.#start, this.#lineEnd)];
    const leftOut = { reads, attempts, lines: this.lines?.leftOut ?? 0 };
    const last = JSON.stringify({ lines: this.lines?.all() ?? [], leftOut });
    const secrets = this.#piece.toString('utf8', this.#lineEnd, this.#end).split('\n');
    return [this.#piece.subarray(this.#start, this.#lineEnd - end.length), Buffer.from(`,${without(secrets, last).slice(1)}\n`)];
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
    return parseDetail(Buffer.concat(this.pieces).toString());
  }
}

import type { InvocationSummary } from './record.ts';
import type { Place } from './segments.ts';

/** What a list is filtered by. */
export type Traits = Pick<InvocationSummary, 'at' | 'outcome' | 'status' | 'accessPoint' | 'function'>;
/** What memory keeps of a record, and the ids that lead to it. */
export type Indexed = Traits & Pick<InvocationSummary, 'id' | 'answers'>;

/** Where the line of a record lies, and how many bytes its summary takes. */
export interface LinePlace extends Place {
  readonly summary: number;
}

/** Numbers of each row, in this order. */
const [numberCell, atCell, statusCell, outcomeCell, accessPointCell, functionCell, offsetCell, lengthCell, summaryCell, rowCells] = [
  0, 1, 2, 3, 4, 5, 6, 7, 8, 9,
];
const firstRows = 32;
/** Numbers of each slot: two hashes of an id, and its row plus one. */
const slotCells = 3;

/**
 * What memory knows of the records in one file, in a few arrays outside the heap: 72 to 144 bytes for a record and 24 to 48 for each of its ids. Names are kept
 * once. Rows are only added; the page goes when its file does.
 */
export class RecordPage {
  readonly segment: number;
  /** Time of its newest record, epoch milliseconds. */
  newest = 0;
  #count = 0;
  #cells = new Float64Array(firstRows * rowCells);
  #ids = 0;
  #slots = new Uint32Array(4 * firstRows * slotCells);
  readonly #names: string[] = [];
  readonly #codes = new Map<string, number>();
  #more: Map<number, Place[]> | undefined;

  constructor(segment: number) {
    this.segment = segment;
  }

  get count(): number {
    return this.#count;
  }

  /** @param number counts the records of all pages of a chain; larger than that of the row before */
  add(
    { id, answers, at, status, outcome, accessPoint, function: name }: Indexed,
    { offset, length, summary }: LinePlace,
    number: number,
  ): void {
    const from = this.#count * rowCells;
    if (from === this.#cells.length) this.#growCells();
    const cells = this.#cells;
    cells[from + numberCell] = number;
    cells[from + atCell] = at;
    cells[from + statusCell] = status;
    cells[from + outcomeCell] = this.#code(outcome);
    cells[from + accessPointCell] = this.#code(accessPoint);
    cells[from + functionCell] = this.#code(name);
    cells[from + offsetCell] = offset;
    cells[from + lengthCell] = length;
    cells[from + summaryCell] = summary;
    this.newest = Math.max(this.newest, at);
    this.name(id, this.#count);
    for (const answer of answers) this.name(answer, this.#count);
    this.#count += 1;
  }

  #growCells(): void {
    const old = this.#cells;
    this.#cells = new Float64Array(old.length * 2);
    this.#cells.set(old);
  }

  #code(name: string): number {
    const known = this.#codes.get(name);
    if (known !== undefined) return known;
    this.#codes.set(name, this.#names.length);
    return this.#names.push(name) - 1;
  }

  #cell(row: number, cell: number): number {
    return this.#cells[row * rowCells + cell] as number;
  }

  number(row: number): number {
    return this.#cell(row, numberCell);
  }

  traits(row: number): Traits {
    const name = (cell: number) => this.#names[this.#cell(row, cell)] as string;
    const [at, status] = [this.#cell(row, atCell), this.#cell(row, statusCell)];
    return { at, status, outcome: name(outcomeCell), accessPoint: name(accessPointCell), function: name(functionCell) };
  }

  place(row: number): LinePlace {
    const [offset, length, summary] = [offsetCell, lengthCell, summaryCell].map((cell) => this.#cell(row, cell)) as [
      number,
      number,
      number,
    ];
    return { segment: this.segment, offset, length, summary };
  }

  /** Where more about it was written later. */
  more(row: number): readonly Place[] {
    return this.#more?.get(row) ?? [];
  }

  addMore(row: number, place: Place): void {
    this.#more ??= new Map();
    this.#more.set(row, [...this.more(row), place]);
  }

  /** Lets an id lead to a row. */
  name(id: string, row: number): void {
    if ((this.#ids + 1) * 2 * slotCells > this.#slots.length) this.#grow();
    this.#ids += 1;
    put(this.#slots, forwards(id), backwards(id), row + 1);
  }

  #grow(): void {
    const old = this.#slots;
    this.#slots = new Uint32Array(old.length * 2);
    for (let at = 0; at < old.length; at += slotCells) {
      const row = old[at + 2] as number;
      if (row > 0) put(this.#slots, old[at] as number, old[at + 1] as number, row);
    }
  }

  /** The row that an id leads to: by 64 bits of a hash, so that whoever reads the record must look whether it is the one. */
  find(id: string): number | undefined {
    const [low, high] = [forwards(id), backwards(id)];
    const slots = this.#slots;
    for (let at = slotOf(slots, low); ; at = (at + slotCells) % slots.length) {
      const row = slots[at + 2] as number;
      if (row === 0) return undefined;
      if (slots[at] === low && slots[at + 1] === high) return row - 1;
    }
  }
}

function slotOf(slots: Uint32Array, hash: number): number {
  return (hash % (slots.length / slotCells)) * slotCells;
}

function put(slots: Uint32Array, low: number, high: number, row: number): void {
  let at = slotOf(slots, low);
  while (slots[at + 2] !== 0) at = (at + slotCells) % slots.length;
  slots[at] = low;
  slots[at + 1] = high;
  slots[at + 2] = row;
}

/** FNV-1a of 32 bits, of the letters from the first to the last. */
function forwards(id: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < id.length; i += 1) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

/** The same from the last to the first. */
function backwards(id: string): number {
  let hash = 0x811c9dc5;
  for (let i = id.length - 1; i >= 0; i -= 1) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

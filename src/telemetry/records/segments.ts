import { type FileHandle, mkdir, open, readdir, readFile, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';

/** Where a line lies. */
export interface Place {
  readonly segment: number;
  readonly offset: number;
  readonly length: number;
}

interface Segment {
  readonly number: number;
  bytes: number;
  /** Writes since it was begun. */
  lines: number;
}

export interface SegmentLimits {
  /** A file that is larger, or has more lines, is followed by another. */
  readonly bytes: number;
  readonly lines: number;
}

const newline = 10;

/**
 * Lines in append-only files below one folder: `<name>-<number>.jsonl`, the oldest of which are removed. One writer at a time; a crash costs
 * the line that was being written and no other.
 */
export class Segments {
  readonly #folder: string;
  readonly #name: string;
  readonly #limits: SegmentLimits;
  /** Oldest first. */
  #segments: Segment[] = [];
  /** The one that is written to: never one from before the start, so that nothing is joined to a torn line. */
  #current: Segment | undefined;

  constructor(folder: string, name: string, limits: SegmentLimits) {
    this.#folder = folder;
    this.#name = name;
    this.#limits = limits;
  }

  /** Finds the files that are there. Those that are not its own stay. */
  async open(): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const form = new RegExp(`^${this.#name}-(\\d{10})\\.jsonl$`);
    const numbers = (await readdir(this.#folder)).flatMap((name) => form.exec(name)?.[1] ?? []).map(Number);
    numbers.sort((a, b) => a - b);
    this.#segments = await Promise.all(numbers.map(async (number) => ({ number, bytes: (await stat(this.#path(number))).size, lines: 0 })));
  }

  #path(number: number): string {
    return join(this.#folder, `${this.#name}-${String(number).padStart(10, '0')}.jsonl`);
  }

  get numbers(): number[] {
    return this.#segments.map(({ number }) => number);
  }

  get bytes(): number {
    return this.#segments.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Adds lines, which end in a newline each, in one write; says where the first one lies. */
  async append(lines: Buffer, count: number): Promise<Omit<Place, 'length'>> {
    const { bytes: mostBytes, lines: mostLines } = this.#limits;
    let segment = this.#current;
    if (!segment || segment.bytes >= mostBytes || segment.lines >= mostLines) {
      segment = { number: (this.#segments.at(-1)?.number ?? 0) + 1, bytes: 0, lines: 0 };
      this.#segments.push(segment);
    }
    // No other one: of a write that fails half, what is there is skipped.
    this.#current = undefined;
    const file = await open(this.#path(segment.number), 'a', 0o600);
    try {
      await file.appendFile(lines);
    } finally {
      await file.close();
    }
    const offset = segment.bytes;
    segment.bytes += lines.length;
    segment.lines += count;
    this.#current = segment;
    return { segment: segment.number, offset };
  }

  /** Every whole line of a file. */
  async *lines(number: number): AsyncGenerator<{ place: Place; line: Buffer }> {
    const bytes = await readFile(this.#path(number));
    let offset = 0;
    for (let end = bytes.indexOf(newline); end >= 0; end = bytes.indexOf(newline, offset)) {
      yield { place: { segment: number, offset, length: end - offset }, line: bytes.subarray(offset, end) };
      offset = end + 1;
    }
  }

  /** One line; undefined when its file is gone. */
  async read(place: Place): Promise<Buffer | undefined> {
    return (await this.readAll([place]))[0];
  }

  /** Lines, or parts of them, each in its place in the result; undefined where the file is gone. Those of one file should follow one another. */
  async readAll(places: readonly Place[]): Promise<(Buffer | undefined)[]> {
    const found: (Buffer | undefined)[] = [];
    while (found.length < places.length) {
      const { segment } = places[found.length] as Place;
      const other = places.findIndex((place, i) => i > found.length && place.segment !== segment);
      found.push(...(await this.#readFrom(segment, places.slice(found.length, other < 0 ? undefined : other))));
    }
    return found;
  }

  async #readFrom(segment: number, places: readonly Place[]): Promise<(Buffer | undefined)[]> {
    let file: FileHandle;
    try {
      file = await open(this.#path(segment), 'r');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return places.map(() => undefined);
      throw error;
    }
    try {
      const found: (Buffer | undefined)[] = [];
      for (const { offset, length } of places) {
        const line = Buffer.allocUnsafe(length);
        const { bytesRead } = await file.read(line, 0, length, offset);
        found.push(bytesRead === length ? line : undefined);
      }
      return found;
    } finally {
      await file.close();
    }
  }

  /** Removes the oldest file. @returns its number */
  async removeOldest(): Promise<number | undefined> {
    const oldest = this.#segments.shift();
    if (!oldest) return undefined;
    if (this.#current === oldest) this.#current = undefined;
    await unlink(this.#path(oldest.number)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
    return oldest.number;
  }
}

import { PassThrough, type Readable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';

/** A line that is not whole after so much is given on as it is. Bytes. */
const heldLimit = 64 * 1024;
/** Turns of the event loop after which what is still unread is left to the next passage. */
const maxTurns = 8;
const newline = 10;

export interface ConfluenceOptions {
  /** As the Output's: stands behind what belongs to a request. */
  marker: string;
  /** Invocations may overlap: a line that names a running request is that one's. */
  concurrent: boolean;
  /** Lines that are left out. */
  drop: RegExp | undefined;
  /** Lines that say that the program ran out of memory. */
  exhausted: RegExp;
}

/**
 * What a program prints on two streams, as the one stream that Output reads: whole lines in the order of their arrival, with the marks that
 * our own hosts would make.
 */
export class Confluence {
  readonly stream: Readable;
  /** Whether a line said that the program ran out of memory. */
  exhausted = false;
  readonly #options: ConfluenceOptions;
  readonly #out = new PassThrough({ highWaterMark: heldLimit });
  readonly #sources: Readable[] = [];
  readonly #running = new Set<string>();
  #open = 0;
  #reads = 0;

  constructor(options: ConfluenceOptions, sources: readonly (Readable | null)[]) {
    this.#options = options;
    this.stream = this.#out;
    for (const source of sources) if (source) this.#add(source);
    if (this.#open === 0) this.#out.end();
    this.#out.on('drain', () => {
      for (const source of this.#sources) source.resume();
    });
    // Whoever reads has enough: the program must not wait in its own write for ever.
    this.#out.on('close', () => {
      for (const source of this.#sources) source.destroy();
    });
  }

  /** Lines that name this request are its own from here on. */
  begin(requestId: string): void {
    this.#running.add(requestId);
  }

  /** Reads what has been printed up to now, then marks the end of a request. Never rejects. */
  async end(requestId: string): Promise<void> {
    await this.#settle();
    this.#running.delete(requestId);
    if (this.#out.writableEnded || this.#out.destroyed) return;
    this.#write(Buffer.from(`\0${this.#options.marker}${this.#options.concurrent ? `=${requestId}` : ''}\n`));
  }

  /** What a program wrote before it answered is in the pipes when the answer is read: one turn of the event loop reads it, unless it is much. */
  async #settle(): Promise<void> {
    for (let turns = 0; turns < maxTurns && this.#open > 0; turns++) {
      const before = this.#reads;
      await turn();
      if (turns > 0 && before === this.#reads) return;
    }
  }

  #add(source: Readable): void {
    this.#open++;
    this.#sources.push(source);
    let held: Buffer = Buffer.alloc(0);
    let open = true;
    source.on('data', (chunk: Buffer) => {
      this.#reads++;
      const bytes = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
      const end = bytes.lastIndexOf(newline) + 1;
      if (end > 0) this.#lines(bytes.subarray(0, end));
      held = Buffer.from(bytes.subarray(end));
      if (held.length > heldLimit) {
        this.#write(held);
        held = Buffer.alloc(0);
      }
    });
    const finish = () => {
      if (!open) return;
      open = false;
      if (held.length > 0) this.#lines(Buffer.concat([held, Buffer.from('\n')]));
      this.#open--;
      if (this.#open === 0) this.#out.end();
    };
    source.on('end', finish);
    source.on('close', finish);
    source.on('error', finish);
  }

  /** Whole lines of one stream. */
  #lines(block: Buffer): void {
    const { drop, exhausted, concurrent, marker } = this.#options;
    // latin1 keeps every byte as it is.
    const text = block.toString('latin1');
    if (exhausted.test(text)) this.exhausted = true;
    if (!concurrent && !drop?.test(text)) {
      this.#write(block);
      return;
    }
    const lines = text.slice(0, -1).split('\n');
    const kept = lines.filter((line) => !drop?.test(line)).map((line) => this.#tag(line, concurrent, marker));
    if (kept.length > 0) this.#write(Buffer.from(`${kept.join('\n')}\n`, 'latin1'));
  }

  #tag(line: string, concurrent: boolean, marker: string): string {
    if (!concurrent) return line;
    let owner = '';
    for (const id of this.#running) if (id.length > owner.length && line.includes(id)) owner = id;
    return owner === '' ? line : `\0${marker}:${owner}\0${line}`;
  }

  #write(bytes: Buffer): void {
    if (this.#out.writableEnded || this.#out.destroyed) return;
    if (!this.#out.write(bytes)) for (const source of this.#sources) source.pause();
  }
}

/** Requests whose lines are kept. */
const requestLimit = 1_000;
/** What all kept lines may take in memory, and those of one request, bytes as counted here: two a character and some for the line. */
const totalLimit = 32 * 1024 * 1024;
const requestBytes = 2 * 1024 * 1024;
const lineOverhead = 64;

/** What a function printed for one request. */
export interface RequestLog {
  /** In order; when a function printed more than is kept, the first ones. */
  readonly lines: readonly string[];
  /** Lines that were not kept. */
  readonly dropped: number;
}

interface Entry {
  lines: string[];
  dropped: number;
  bytes: number;
}

/** The lines of the most recent requests, in memory: at most 1,000 requests and 32 MiB; of one request 2 MiB. */
export class InvocationLog {
  readonly #entries = new Map<string, Entry>();
  #bytes = 0;

  add(requestId: string, line: string): void {
    if (requestId === '') return;
    let entry = this.#entries.get(requestId);
    if (!entry) {
      entry = { lines: [], dropped: 0, bytes: 0 };
      this.#entries.set(requestId, entry);
    }
    const cost = 2 * line.length + lineOverhead;
    if (entry.bytes + cost > requestBytes) {
      entry.dropped++;
    } else {
      entry.lines.push(line);
      entry.bytes += cost;
      this.#bytes += cost;
    }
    while (this.#bytes > totalLimit || this.#entries.size > requestLimit) this.#dropOldest();
  }

  get(requestId: string): RequestLog | undefined {
    const entry = this.#entries.get(requestId);
    return entry && { lines: [...entry.lines], dropped: entry.dropped };
  }

  #dropOldest(): void {
    const [oldest] = this.#entries;
    if (!oldest) return;
    this.#entries.delete(oldest[0]);
    this.#bytes -= oldest[1].bytes;
  }
}

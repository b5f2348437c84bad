import { after, now, type Timer } from '../kit/index.ts';
import type { Task } from './task.ts';

export interface Waiting {
  task: Task;
  /** Epoch milliseconds. */
  due: number;
}

interface Line {
  /** Soonest first. */
  waiting: Waiting[];
  running: number;
}

export interface LinesOptions {
  /** Attempts at once, of one function. */
  perFunction: number;
  /** Attempts at once, of all functions. */
  running: number;
  /** Makes one attempt; never rejects. */
  attempt: (task: Task) => Promise<void>;
}

/** Tasks that wait, in a line for each function, begun when they are due and the limits allow it. */
export class Lines {
  readonly #options: LinesOptions;
  readonly #lines = new Map<string, Line>();
  readonly #attempts = new Set<Promise<void>>();
  #timer: Timer | undefined;
  #halted = false;

  constructor(options: LinesOptions) {
    this.#options = options;
  }

  add(waiting: Waiting): void {
    const line = this.#lines.get(waiting.task.function) ?? { waiting: [], running: 0 };
    this.#lines.set(waiting.task.function, line);
    const at = line.waiting.findIndex((other) => other.due > waiting.due);
    line.waiting.splice(at < 0 ? line.waiting.length : at, 0, waiting);
    this.#pump();
  }

  /** Takes a task out; false when it does not wait. */
  remove({ function: name, taskId }: Task): boolean {
    const line = this.#lines.get(name);
    const at = line?.waiting.findIndex((waiting) => waiting.task.taskId === taskId) ?? -1;
    if (!line || at < 0) return false;
    line.waiting.splice(at, 1);
    return true;
  }

  /** Begins no further attempt. */
  halt(): void {
    this.#halted = true;
    this.#timer?.cancel();
  }

  /** Resolves when no attempt runs. */
  async settled(): Promise<void> {
    while (this.#attempts.size > 0) await Promise.all(this.#attempts);
  }

  #pump(): void {
    if (this.#halted) return;
    this.#timer?.cancel();
    this.#timer = undefined;
    const { perFunction, running } = this.#options;
    const time = now();
    let next = Number.POSITIVE_INFINITY;
    for (const [name, line] of this.#lines) {
      while (this.#attempts.size < running && line.running < perFunction && (line.waiting[0]?.due ?? Number.POSITIVE_INFINITY) <= time) {
        this.#begin(line, line.waiting.shift() as Waiting);
      }
      if (line.running < perFunction) next = Math.min(next, line.waiting[0]?.due ?? next);
      if (line.waiting.length === 0 && line.running === 0) this.#lines.delete(name);
    }
    // What is held back by a limit goes on when an attempt ends.
    if (next < Number.POSITIVE_INFINITY && this.#attempts.size < running) {
      this.#timer = after(Math.max(1, next - time), () => this.#pump());
    }
  }

  #begin(line: Line, { task }: Waiting): void {
    line.running += 1;
    const work: Promise<void> = this.#options.attempt(task).finally(() => {
      line.running -= 1;
      this.#attempts.delete(work);
      this.#pump();
    });
    this.#attempts.add(work);
  }
}

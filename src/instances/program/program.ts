import { after, every, monotonic, type Timer } from '../../kit/index.ts';
import type { Ending } from '../process/ending.ts';
import type { Output } from '../process/output.ts';
import { removeFolder } from '../sandbox/removal.ts';
import type { Launched } from '../sandbox/sandbox.ts';
import { Confluence } from './confluence.ts';
import { familyOf, peakKilobytes } from './tree.ts';

/** How long the output of a dead program may take to be read, milliseconds. */
const lastWordsMs = 500;
/** How often the memory of a working program is looked at, milliseconds. */
const lookMs = 250;
const glanceMs = 20;
const termPatienceMs = 2_000;
/** What the Go SDK prints around each call, and servers of custom runtimes too: the log tail has these lines of its own. */
const frameLines = /^FC (?:Invoke|Initialize|PreStop|PreFreeze) (?:Start|End) RequestId: /m;
/** Last words of Go, Node.js and Java when no memory is left. */
const exhaustedLines =
  /^(?:fatal error: .{0,100}(?:out of memory|cannot allocate memory)|FATAL ERROR: .{0,200}heap out of memory|.{0,200}java\.lang\.OutOfMemoryError)/m;

export interface ProgramOptions {
  launched: Launched;
  /** The instance's own folder. */
  folder: string;
  output: Output;
  marker: string;
  concurrent: boolean;
  memoryMb: number;
  /** It has more memory than the function may have, and is being ended. */
  overMemory: () => void;
}

/** How a program ended. */
export interface ProgramEnd extends Ending {
  /** Why it could not even begin. */
  refusal?: NodeJS.ErrnoException;
  /** Why the wall ended it. */
  breach?: string;
}

/** The one process of an instance (and what that starts), with what it prints and how much memory it takes. */
export class Program {
  /** Resolves when it has ended, with what it printed still to be read. */
  readonly ended: Promise<ProgramEnd>;
  readonly confluence: Confluence;
  readonly #options: ProgramOptions;
  #alive = true;
  #working = 0;
  #looks: Timer | undefined;
  #peak = 0;
  #known: readonly number[] = [];
  #lookedAt = Number.NEGATIVE_INFINITY;

  constructor(options: ProgramOptions) {
    this.#options = options;
    const { child } = options.launched;
    const { marker, concurrent, output } = options;
    this.confluence = new Confluence({ marker, concurrent, drop: frameLines, exhausted: exhaustedLines }, [child.stdout, child.stderr]);
    output.attach(this.confluence.stream, Buffer.alloc(0));
    this.ended = new Promise((resolve) => {
      const end = (how: ProgramEnd) => {
        this.#alive = false;
        if (child.pid !== undefined) endGroup(child.pid);
        this.#looks?.cancel();
        resolve(how);
      };
      child.once('exit', (code, signal) => {
        const { breach } = options.launched;
        end({ code, signal, outOfMemory: options.launched.outOfMemory() || this.confluence.exhausted, ...(breach ? { breach } : {}) });
      });
      child.once('error', (refusal) => {
        if (child.pid === undefined) end({ refusal });
      });
    });
  }

  /** Its process and all that descend from it; empty when it has ended. */
  get family(): number[] {
    const { pid } = this.#options.launched.child;
    return this.#alive && pid !== undefined ? familyOf(pid) : [];
  }

  /** Largest resident size so far of any of its processes, MB; 0 when unknown. */
  get megabytes(): number {
    return Math.ceil(this.#peak / 1024);
  }

  /** A call begins: its memory is watched until as many calls have ended. */
  work(): void {
    this.#working++;
    this.#looks ??= every(lookMs, () => this.look());
  }

  rest(): void {
    // A short call is not worth looking for new processes.
    if (this.#alive && monotonic() - this.#lookedAt > glanceMs) this.#note(this.#known);
    if (--this.#working > 0) return;
    this.#looks?.cancel();
    this.#looks = undefined;
  }

  /** Looks at its memory now. */
  look(): void {
    this.#known = this.family;
    this.#note(this.#known);
  }

  #note(pids: readonly number[]): void {
    this.#lookedAt = monotonic();
    this.#peak = Math.max(this.#peak, peakKilobytes(pids));
    if (this.#alive && this.megabytes > this.#options.memoryMb) this.#options.overMemory();
  }

  kill(): void {
    this.#options.launched.kill();
  }

  /** Asks it to end, and makes sure that it does. */
  async terminate(): Promise<void> {
    if (!this.#alive) return;
    this.#options.launched.terminate();
    const patience = after(termPatienceMs, () => this.kill());
    await this.ended;
    patience.cancel();
    this.kill();
  }

  /** Waits until what it printed is read, a moment at most, and removes its folder. */
  async bury(): Promise<void> {
    const { output, folder } = this.#options;
    const patience = after(lastWordsMs, () => output.close());
    await output.done;
    patience.cancel();
    output.close();
    await removeFolder(folder);
  }
}

/** What a program left behind in its process group ends with it. Called at its exit, before its id can be anybody else's. */
function endGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It left nothing behind.
  }
}

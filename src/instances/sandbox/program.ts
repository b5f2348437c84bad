import type { ChildProcess } from 'node:child_process';
import { after, monotonic } from '../../kit/index.ts';
import { killGroup } from '../process/group.ts';
import type { Group } from './cgroups.ts';
import type { Watched } from './disk.ts';
import { shoot } from './kernel.ts';
import { familyOf, killMarked, type Mark, outerPid } from './processes.ts';
import type { Launched, Level, Limits } from './sandbox.ts';

export interface Parts {
  child: ChildProcess;
  group: Group | undefined;
  uid: number | undefined;
  mark: Mark;
  level: Level;
  watch: (entry: Pick<Watched, 'tick' | 'processes' | 'over'>) => { entry: Watched; stop: () => void };
  ended: () => void;
}

/** What ends so soon after the kernel ended a process for want of memory ended for that. Milliseconds. */
const freshMs = 2_000;
/** How long bubblewrap may take to notice that what it started is dead. Milliseconds. */
const reapMs = 1_000;
/** What bubblewrap starts is the second process of its namespace. */
const firstPid = 2;

/** One started program. */
export class Program implements Launched {
  readonly child: ChildProcess;
  readonly #parts: Parts;
  readonly #watched: { entry: Watched; stop: () => void };
  #breach: string | undefined;
  /** Processes that the kernel has ended for want of memory, and when that was noticed last. */
  #kills = 0;
  #killedAt = Number.NEGATIVE_INFINITY;
  #ended = false;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.child = parts.child;
    this.#watched = parts.watch({
      tick: () => this.#glance(),
      processes: () => parts.group?.processes ?? familyOf(this.child.pid),
      over: (what) => {
        this.#breach = what;
        this.kill();
      },
    });
    this.child.once('exit', () => this.#end());
    this.child.once('error', () => {
      if (this.child.pid === undefined) this.#end();
    });
  }

  get breach(): string | undefined {
    return this.#breach;
  }

  kill(): void {
    if (this.#ended) return;
    const { group, level } = this.#parts;
    if (level === 'bubblewrap') {
      this.#killNamespace();
      return;
    }
    group?.kill();
    if (this.child.pid !== undefined) killGroup(this.child.pid, undefined);
    this.#sweep();
  }

  /**
   * With its first process a namespace ends, and everything in it; but not before the namespace is whole: what there is of it is ended by name, while
   * the outer bwrap stands still. That one goes on to see its child end: killed at once, it would leave a dead child to the machine's first process, which
   * in a container may be one that looks after nobody.
   */
  #killNamespace(): void {
    this.child.kill('SIGSTOP');
    const inner = familyOf(this.child.pid).slice(1);
    for (const pid of inner) shoot(pid);
    if (inner.length === 0) this.child.kill('SIGKILL');
    this.child.kill('SIGCONT');
    after(reapMs, () => {
      if (this.#ended) return;
      this.#parts.group?.kill();
      this.child.kill('SIGKILL');
    });
  }

  terminate(): void {
    if (this.#ended || this.child.pid === undefined) return;
    const pid = this.#parts.level === 'bubblewrap' ? outerPid(this.child.pid, firstPid) : this.child.pid;
    try {
      if (pid !== undefined) process.kill(pid, 'SIGTERM');
    } catch {
      // It has ended meanwhile.
    }
  }

  resize({ memoryMb, processes, diskBytes }: Partial<Limits>): void {
    if (this.#ended) return;
    this.#parts.group?.limit({ memoryMb, processes });
    if (diskBytes !== undefined) this.#watched.entry.bytes = diskBytes;
  }

  pidOf(inner: number): number | undefined {
    if (this.#ended || this.child.pid === undefined) return undefined;
    return this.#parts.level === 'bubblewrap' ? outerPid(this.child.pid, inner) : inner;
  }

  outOfMemory(): boolean {
    this.#glance();
    return monotonic() - this.#killedAt < freshMs;
  }

  /** Notices when the kernel has ended a process for want of memory. */
  #glance(): void {
    const kills = this.#ended ? this.#kills : (this.#parts.group?.oomKills ?? 0);
    if (kills > this.#kills) this.#killedAt = monotonic();
    this.#kills = kills;
  }

  /** Ends what has left the program's own group. */
  #sweep(): void {
    const { group, level, mark, uid } = this.#parts;
    if (!group && level !== 'bubblewrap') killMarked(mark.value, uid);
  }

  #end(): void {
    if (this.#ended) return;
    const { group, mark, ended } = this.#parts;
    this.#glance();
    group?.kill();
    this.#sweep();
    this.#ended = true;
    this.#watched.stop();
    mark.forget();
    void group?.remove();
    ended();
  }
}

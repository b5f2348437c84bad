import { existsSync, mkdirSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { sleep } from '../../kit/index.ts';
import { type Controller, type Hierarchy, hierarchies, openFolder, openUnified, wanted } from './hierarchies.ts';
import { put, read, removed, shoot } from './kernel.ts';

/** What the processes of a group may use together; undefined leaves a limit as it is. */
export interface GroupLimits {
  memoryMb?: number | undefined;
  processes?: number | undefined;
}

const mebibyte = 1024 * 1024;
/** Of the machine's memory, for all functions together: the server itself must never be what the kernel has to end. */
const memoryShare = 0.8;
const trialMb = 64;
const killRounds = 100;
const removeMs = 5_000;
const retryMs = 20;
/** Of the whole process: two sandboxes in one process share a folder. */
let serial = 0;

/** The processes of one started program, counted and limited by the kernel. */
export class Group {
  readonly #folders: ReadonlyMap<Controller, string>;
  readonly #version: 1 | 2;

  constructor(version: 1 | 2, folders: ReadonlyMap<Controller, string>) {
    this.#version = version;
    this.#folders = folders;
  }

  /** Folders that a process joins by writing into their cgroup.procs. */
  get folders(): string[] {
    return [...new Set(this.#folders.values())];
  }

  /** Sets limits; a memory limit below what is in use stays where it was. */
  limit({ memoryMb, processes }: GroupLimits): void {
    const [memory, pids] = [this.#folders.get('memory'), this.#folders.get('pids')];
    if (pids !== undefined && processes !== undefined) put(pids, 'pids.max', processes);
    if (memory === undefined || memoryMb === undefined) return;
    const bytes = memoryMb * mebibyte;
    if (this.#version === 2) {
      put(memory, 'memory.max', bytes);
      put(memory, 'memory.swap.max', 0);
      return;
    }
    // Memory and swap together may never be less than memory alone: whichever way it goes, one of the orders works.
    put(memory, 'memory.memsw.limit_in_bytes', bytes);
    put(memory, 'memory.limit_in_bytes', bytes);
    put(memory, 'memory.memsw.limit_in_bytes', bytes);
  }

  /** How many of its processes the kernel has ended because their memory was used up. */
  get oomKills(): number {
    const memory = this.#folders.get('memory');
    if (memory === undefined) return 0;
    const text = read(join(memory, this.#version === 2 ? 'memory.events' : 'memory.oom_control'));
    return Number(/^oom_kill (\d+)/m.exec(text)?.[1] ?? 0);
  }

  /** Ids of its processes. */
  get processes(): number[] {
    const [folder] = this.#folders.values();
    if (folder === undefined) return [];
    return read(join(folder, 'cgroup.procs')).split('\n').filter(Boolean).map(Number);
  }

  /** SIGKILL to all its processes; none can be made meanwhile. */
  kill(): void {
    const pids = this.#folders.get('pids');
    const isSealed = pids !== undefined && put(pids, 'pids.max', 0);
    const [folder] = this.#folders.values();
    if (this.#version === 2 && folder !== undefined && put(folder, 'cgroup.kill', 1)) return;
    // Those that are dying are still listed for a moment.
    for (let round = 0; round < (isSealed ? 1 : killRounds); round++) {
      const left = this.processes;
      if (left.length === 0) return;
      for (const pid of left) shoot(pid);
    }
  }

  /** Kills what is left and removes the group. */
  async remove(): Promise<void> {
    for (let waited = 0; waited < removeMs; waited += retryMs) {
      if (this.folders.every(removed)) return;
      this.kill();
      await sleep(retryMs);
    }
  }
}

/** Groups of this server, one for each started program, below one that all share. */
export class Cgroups {
  readonly #version: 1 | 2;
  readonly #folders: ReadonlyMap<Controller, string>;

  private constructor(version: 1 | 2, folders: ReadonlyMap<Controller, string>) {
    this.#version = version;
    this.#folders = folders;
  }

  /** Opens what this machine lets the server use; undefined when that does not count memory. Ends what dead servers left. */
  static open(found: readonly Hierarchy[] = hierarchies(read('/proc/self/mountinfo'), read('/proc/self/cgroup'))): Cgroups | undefined {
    const folders = new Map<Controller, string>();
    const old = found.filter((it) => it.version === 1);
    const version = old.some((it) => it.controllers.includes('memory')) ? 1 : 2;
    if (version === 1) {
      for (const { folder, controllers } of old) {
        const own = openFolder(folder);
        if (own !== undefined) for (const name of controllers) folders.set(name, own);
      }
    } else {
      const [unified] = found.filter((it) => it.version === 2);
      const own = unified && openUnified(unified.folder);
      if (own !== undefined) {
        const offered = read(join(own, 'cgroup.controllers')).trim().split(' ');
        put(
          own,
          'cgroup.subtree_control',
          wanted
            .filter((name) => offered.includes(name))
            .map((name) => `+${name}`)
            .join(' '),
        );
        const given = read(join(own, 'cgroup.subtree_control')).trim().split(' ');
        for (const name of wanted) if (given.includes(name)) folders.set(name, own);
      }
    }
    const cgroups = new Cgroups(version, folders);
    if (!cgroups.#works()) {
      cgroups.close();
      return undefined;
    }
    cgroups.#share();
    return cgroups;
  }

  get countsProcesses(): boolean {
    return this.#folders.has('pids');
  }

  get sharesProcessor(): boolean {
    return this.#folders.has('cpu');
  }

  /** A group of its own. @throws Error when the kernel refuses */
  make(limits: GroupLimits): Group {
    const name = String(++serial);
    const folders = new Map<Controller, string>();
    for (const [controller, parent] of this.#folders) {
      const folder = join(parent, name);
      mkdirSync(folder, { recursive: true });
      folders.set(controller, folder);
    }
    const group = new Group(this.#version, folders);
    group.limit(limits);
    return group;
  }

  /** Removes the shared group, when it is empty. */
  close(): void {
    for (const folder of new Set(this.#folders.values())) removed(folder);
  }

  #works(): boolean {
    const memory = this.#folders.get('memory');
    if (memory === undefined) return false;
    try {
      const trial = this.make({ memoryMb: trialMb, processes: 16 });
      const [file, folder] = [this.#version === 2 ? 'memory.max' : 'memory.limit_in_bytes', join(memory, String(serial))];
      const isCounted = existsSync(join(folder, 'cgroup.procs')) && read(join(folder, file)).trim() === String(trialMb * mebibyte);
      return trial.folders.every(removed) && isCounted;
    } catch {
      return false;
    }
  }

  #share(): void {
    const [memory = '', cpu] = [this.#folders.get('memory'), this.#folders.get('cpu')];
    const constrained = process.constrainedMemory();
    const total = constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
    new Group(this.#version, new Map([['memory', memory]])).limit({ memoryMb: Math.floor((total * memoryShare) / mebibyte) });
    // As much as one thread of the server for each core, however many processes there are.
    if (cpu !== undefined && this.#version === 1) put(cpu, 'cpu.shares', 1024 * cpus().length);
  }
}

import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, lstatSync, openSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { release, setPriority } from 'node:os';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { after, randomHex } from '../../kit/index.ts';
import { bubblewrap } from './bubblewrap.ts';
import type { Group } from './cgroups.ts';
import { DiskWatch, type Watched } from './disk.ts';
import { highestInherited, list } from './kernel.ts';
import { becoming, droppingTo, entering, environmentText } from './launcher.ts';
import { notesOf } from './notes.ts';
import { openMark } from './processes.ts';
import { Program } from './program.ts';
import { removeFolder } from './removal.ts';
import type { Launch, Launched, Level, Limits, Means, Sandbox } from './sandbox.ts';
import { anyOtherUser } from './tools.ts';

const openFiles = 4_096;
const defaultDiskBytes = 512 * 1024 * 1024;
const defaultPrograms = 100;
const mostProcesses = 32_768;
/** A fork server may serve many instances. */
const leastInNamespace = 256;
/** Where nothing shares the processor out: the server comes first. */
const niceness = 10;
const trialMs = 10_000;
/** Folders of the machine that everybody may write. */
const openFolders = ['/tmp', '/var/tmp', '/dev/shm'];

/** Starts programs behind one level of the wall. */
export class Wall implements Sandbox {
  readonly level: Level;
  readonly #means: Means;
  readonly #disk = new DiskWatch();
  readonly #inherited = highestInherited();
  /** Stands in for them in what is started. */
  #nothing = this.#inherited > 2 ? openSync('/dev/null', 'r') : undefined;
  /** Whether a program can be kept from the network here. */
  #canCut = true;
  /** Running programs of each user. */
  readonly #users = new Map<number, number>();

  constructor(level: Level, means: Means) {
    this.level = level;
    this.#means = means;
  }

  get notes(): string[] {
    return notesOf(this.level, this.#means);
  }

  launch(order: Launch): Launched {
    const { cgroups, setpriv } = this.#means;
    const { limits, uid } = order;
    const group = cgroups?.make(limits);
    const mark = openMark();
    const own = Array.isArray(order.stdio) ? order.stdio : [order.stdio, order.stdio, order.stdio];
    const descriptor = own.length;
    const stdio = [...own, 'pipe' as const];
    // Descriptors that the server was started with are for nobody else.
    while (stdio.length <= this.#inherited) stdio.push(this.#nothing ?? 'ignore');
    const [command = '', ...args] = this.#words(order, group, descriptor);
    let child: ChildProcess;
    try {
      child = spawn(command, args, {
        cwd: this.level === 'bubblewrap' ? '/' : order.cwd,
        env: {},
        // A session of its own: a terminal's Ctrl-C is for the server alone.
        detached: true,
        stdio,
        ...(uid === undefined || setpriv !== undefined ? {} : { uid, gid: uid }),
      });
    } catch (error) {
      void group?.remove();
      throw error;
    }
    if (!cgroups?.sharesProcessor && child.pid !== undefined) stepBack(child.pid);
    const environment = child.stdio[descriptor] as Writable | null;
    environment?.on('error', () => {});
    const begin = (env: Readonly<Record<string, string>>) => environment?.end(environmentText({ ...env, [mark.name]: mark.value }));
    if (order.env instanceof Promise) order.env.then(begin, () => environment?.destroy());
    else begin(order.env);
    if (uid !== undefined) this.#users.set(uid, (this.#users.get(uid) ?? 0) + 1);
    return new Program({
      child,
      group,
      uid,
      mark,
      level: this.level,
      watch: (entry) => this.#watch(order, entry),
      ended: () => this.#ended(uid),
    });
  }

  /** Finds out whether programs can be kept from the network here; a container may not let that be done. */
  async tryOffline(scratch: string): Promise<void> {
    this.#canCut = (await this.fault(scratch, true)) === undefined;
  }

  /** Why this level does not work here; undefined when it does. */
  async fault(scratch: string, offline = false): Promise<string | undefined> {
    const uid = this.#means.dropPrivileges ? anyOtherUser : undefined;
    const own = join(scratch, `trial-${randomHex(8)}`);
    await mkdir(own, { mode: 0o777 });
    const trial = this.launch({
      program: '/bin/sh',
      args: ['-c', `[ -d "$1" ] && [ ! -e /root ] && [ ! -e /home ] && [ -e /proc/self/status ] && [ "$TRIAL" = yes ]`, 'trial', own],
      cwd: '/',
      env: { TRIAL: 'yes' },
      uid,
      stdio: ['ignore', 'ignore', 'pipe'],
      readable: [],
      writable: [own],
      offline,
      limits: { memoryMb: 256, processes: 64, fileBytes: 1024 * 1024 },
    });
    let told = '';
    trial.child.stderr?.on('data', (chunk: Buffer) => {
      told = (told + chunk.toString()).slice(-500);
    });
    const patience = after(trialMs, () => trial.kill());
    const code = await new Promise<number | string | null>((resolve) => {
      trial.child.once('error', (error) => resolve(error.message));
      trial.child.once('close', (status, signal) => resolve(status ?? signal));
    });
    patience.cancel();
    await removeFolder(own);
    return code === 0 ? undefined : `a trial ended with ${code}${told === '' ? '' : `: ${told.trim().split('\n').at(-1)}`}`;
  }

  close(): void {
    this.#means.cgroups?.close();
    if (this.#nothing !== undefined) closeSync(this.#nothing);
    // Closing twice is no mistake.
    this.#nothing = undefined;
  }

  #words(order: Launch, group: Group | undefined, descriptor: number): string[] {
    const { setpriv, bwrap, dieWithParent, dropPrivileges, readable, cgroups } = this.#means;
    const { uid, limits } = order;
    const isWalled = this.level === 'bubblewrap' && bwrap !== undefined;
    const own = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
    const diskBytes = limits.diskBytes ?? defaultDiskBytes;
    const offline = order.offline === true && this.#canCut;
    const view = { ...order, offline, readable: [...readable, ...order.readable], mappedTo: dropPrivileges ? undefined : own, diskBytes };
    const counted = group !== undefined && cgroups?.countsProcesses === true;
    const data = limits.eachMb ?? (group ? undefined : limits.memoryMb);
    return entering(
      group?.folders ?? [],
      {
        fileBytes: limits.fileBytes,
        dataMb: data,
        // Without a user of its own this would count the server's processes too.
        processes:
          counted || uid === undefined ? undefined : Math.min(mostProcesses, limits.processes * (limits.programs ?? defaultPrograms)),
        openFiles,
      },
      [
        ...(isWalled ? bubblewrap(bwrap, view) : []),
        // Bubblewrap itself sees to it that what it starts ends with it.
        ...(isWalled && uid === undefined ? [] : droppingTo(uid, setpriv, dieWithParent && !isWalled)),
        ...becoming(descriptor, isWalled && uid === undefined && !counted ? this.#inNamespace(limits) : undefined, order),
      ],
    );
  }

  /** Newer kernels count a user's processes in each user namespace; older ones would count all that the server's user runs. */
  #inNamespace({ processes }: Limits): number | undefined {
    const [major = 0, minor = 0] = release().split('.').map(Number);
    return major > 5 || (major === 5 && minor >= 14) ? Math.max(leastInNamespace, processes) : undefined;
  }

  #watch({ writable, uid, limits }: Launch, rest: Pick<Watched, 'tick' | 'processes' | 'over'>): { entry: Watched; stop: () => void } {
    const strays = this.level === 'user' && uid !== undefined ? openFolders : [];
    const entry: Watched = { folders: writable, strays, uid, bytes: limits.diskBytes ?? defaultDiskBytes, ...rest };
    return { entry, stop: this.#disk.add(entry) };
  }

  /** The last program of a user takes along what it left in the machine's open folders. */
  #ended(uid: number | undefined): void {
    if (uid === undefined) return;
    const left = (this.#users.get(uid) ?? 1) - 1;
    if (left > 0) this.#users.set(uid, left);
    else this.#users.delete(uid);
    if (left > 0 || this.level !== 'user') return;
    for (const folder of openFolders) {
      for (const name of list(folder)) {
        const path = join(folder, name);
        if (lstatSync(path, { throwIfNoEntry: false })?.uid === uid) void removeFolder(path);
      }
    }
  }
}

/** Gives a process, and what it will start, less of the processor. */
function stepBack(pid: number): void {
  try {
    setPriority(pid, niceness);
  } catch {
    // It has ended already.
  }
}

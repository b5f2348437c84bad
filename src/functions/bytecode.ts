import { spawn } from 'node:child_process';
import { after } from '../kit/index.ts';

const timeLimitMs = 120_000;
const noteLimit = 500;

/**
 * Only the compiler runs, never the code: -I and -S keep the folder and any site packages off sys.path. The cache carries no date
 * (unchecked hash), so it stays valid when the folder is renamed. The limits keep a hostile source from taking the machine along.
 */
const script = `
import os
import sys
import resource
os.listdir(sys.argv[1])
resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
import compileall
import py_compile
done = compileall.compile_dir(sys.argv[1], quiet=1, force=True, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
sys.exit(0 if done else 1)
`;

export interface CompileOptions {
  interpreter: string;
  folder: string;
  /** User and group to run the compiler as. */
  uid: number | undefined;
}

/** One compiler at a time: the builder's user never has two processes that could touch each other's files. */
let last: Promise<unknown> = Promise.resolve();

/**
 * Byte-compiles the Python modules below a folder, for at most two minutes. Never fails.
 * @returns what went wrong, for the user's eyes, or undefined
 */
export function compilePython(options: CompileOptions): Promise<string | undefined> {
  const run = last.then(() => compile(options));
  last = run;
  return run;
}

function compile({ interpreter, folder, uid }: CompileOptions): Promise<string | undefined> {
  return new Promise((resolve) => {
    const child = spawn(interpreter, ['-I', '-S', '-c', script, folder], {
      cwd: '/',
      env: {},
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(uid === undefined ? {} : { uid, gid: uid }),
    });
    let output = '';
    let late = false;
    const listen = (chunk: Buffer) => {
      if (output.length < noteLimit * 4) output += chunk.toString('latin1');
    };
    child.stdout.on('data', listen);
    child.stderr.on('data', listen);
    const kill = () => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      } catch {
        // The whole group has ended.
      }
    };
    const timer = after(timeLimitMs, () => {
      late = true;
      kill();
    });
    child.once('error', (error) => {
      timer.cancel();
      resolve(
        `The code was not byte-compiled: the interpreter ${interpreter} could not be started (${(error as NodeJS.ErrnoException).code}).`,
      );
    });
    child.once('exit', kill);
    child.once('close', (code, signal) => {
      timer.cancel();
      if (code === 0) return resolve(undefined);
      if (late) return resolve('The code was not byte-compiled: it took longer than two minutes.');
      const detail = output.replaceAll(folder, '/code').replace(/\s+/g, ' ').trim().slice(0, noteLimit);
      resolve(`The code was not byte-compiled in full (${signal ?? `exit ${code}`}): ${detail}`);
    });
  });
}

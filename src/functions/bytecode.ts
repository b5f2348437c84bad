import { spawn } from 'node:child_process';
import { constants } from 'node:fs';
import { chmod, chown, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, randomHex, type ZipModes } from '../kit/index.ts';

const timeLimitMs = 120_000;
const noteLimit = 500;
/** Largest cache of one module that is taken over. */
const cacheBytes = 64 * 1024 * 1024;

/**
 * Only the compiler runs, never the code: -I and -S keep the folder and any site packages off sys.path. The cache carries no date
 * (unchecked hash), so it stays valid wherever the folder is seen from. The limits keep a hostile source from taking the machine along.
 */
const script = `
import importlib.util
import os
import resource
import sys
folder, output = sys.argv[1:3]
os.listdir(folder)
resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
import py_compile
mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
done = True
for where, folders, files in os.walk(folder):
    for name in files:
        if not name.endswith(".py"):
            continue
        source = os.path.join(where, name)
        cache = os.path.join(output, os.path.relpath(importlib.util.cache_from_source(source), folder))
        try:
            py_compile.compile(source, cache, doraise=True, invalidation_mode=mode)
        except py_compile.PyCompileError as error:
            print(error.msg)
            done = False
        except (OSError, ValueError, RecursionError, MemoryError) as error:
            print(source, type(error).__name__, error)
            done = False
sys.exit(0 if done else 1)
`;

export interface CompileOptions {
  interpreter: string;
  /** The code; read only. */
  folder: string;
  /** Empty folder for what is made, writable by the compiler's user. */
  output: string;
  /** User to run the compiler as. */
  uid: number | undefined;
  /** Group that may read the code. */
  gid: number | undefined;
  modes: ZipModes;
  /** Ends the compiler. */
  signal: AbortSignal;
}

/** What the compiler made; exactly one of adopt and drop is to be called. */
export interface Compiled {
  /** What went wrong, for the user's eyes. */
  note: string | undefined;
  /** Copies the caches into the code folder, each in one step, so that nobody meets half of one. */
  adopt(): Promise<void>;
  drop(): Promise<void>;
}

/** One compiler at a time: the builder's user never has two processes that could touch each other's files. */
let last: Promise<unknown> = Promise.resolve();

/** Byte-compiles the Python modules below a folder, for at most two minutes. Never fails. */
export function compilePython(options: CompileOptions): Promise<Compiled> {
  const { folder, output, modes } = options;
  const run = last.then(() => compile(options));
  last = run;
  const drop = () => rm(output, { recursive: true, force: true });
  return run.then((note) => ({
    note,
    drop,
    adopt: () => adopt(output, folder, modes).finally(drop),
  }));
}

function compile({ interpreter, folder, output, uid, gid, signal: stop }: CompileOptions): Promise<string | undefined> {
  if (stop.aborted) return Promise.resolve('The code was not byte-compiled: the server stopped.');
  return new Promise((resolve) => {
    const child = spawn(interpreter, ['-I', '-S', '-c', script, folder, output], {
      cwd: '/',
      env: {},
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(uid === undefined ? {} : { uid, gid: gid ?? uid }),
    });
    let text = '';
    let late = false;
    const listen = (chunk: Buffer) => {
      if (text.length < noteLimit * 4) text += chunk.toString('latin1');
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
    stop.addEventListener('abort', kill, { once: true });
    child.once('exit', kill);
    child.once('close', (code, signal) => {
      timer.cancel();
      stop.removeEventListener('abort', kill);
      if (code === 0) return resolve(undefined);
      if (late) return resolve('The code was not byte-compiled: it took longer than two minutes.');
      const detail = text.replaceAll(folder, '/code').replace(/\s+/g, ' ').trim().slice(0, noteLimit);
      resolve(`The code was not byte-compiled in full (${signal ?? `exit ${code}`}): ${detail}`);
    });
  });
}

/** What the builder's user wrote is copied, never moved: it may still hold it open. Links and anything but files are left. */
async function adopt(from: string, to: string, modes: ZipModes): Promise<void> {
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) {
      // Only the caches' own folders can be missing; a link in the code in their place is not followed.
      if (entry.name === '__pycache__') await makeFolder(target, modes);
      await adopt(source, target, modes);
    } else if (entry.isFile() && entry.name.endsWith('.pyc')) await copyCache(source, target, modes);
  }
}

async function makeFolder(folder: string, modes: ZipModes): Promise<void> {
  const made = await mkdir(folder, { mode: 0o700 }).then(
    () => true,
    () => false,
  );
  if (!made) return;
  if (modes.gid !== undefined) await chown(folder, 0, modes.gid);
  await chmod(folder, modes.folder);
}

async function copyCache(source: string, target: string, modes: ZipModes): Promise<void> {
  const input = await open(source, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const { size } = await input.stat();
    if (size > cacheBytes) return;
    const bytes = Buffer.alloc(size);
    const { bytesRead } = await input.read(bytes, 0, size, 0);
    const half = `${target}.${randomHex(8)}`;
    const output = await open(half, 'wx', 0o600);
    try {
      await output.writeFile(bytes.subarray(0, bytesRead));
      if (modes.gid !== undefined) await output.chown(0, modes.gid);
      await output.chmod(modes.file);
    } finally {
      await output.close();
    }
    await rename(half, target);
  } finally {
    await input.close();
  }
}

import { type ChildProcess, spawn } from 'node:child_process';

export interface Outcome {
  code: number;
  output: string;
}

/** What runs now; after `endRunning` nothing is started any more. */
const running = new Set<ChildProcess>();
let over = false;

/** Ends what runs, as Ctrl C would, and has everything that comes later fail with code 130. For a script that is told to stop. */
export function endRunning(): void {
  over = true;
  for (const child of running) child.kill('SIGINT');
}

/** Runs a program and collects what it printed (both streams, in order of arrival). A program that cannot be started has code 127. */
export function run(
  program: string,
  args: string[],
  options: { cwd?: string; env?: Record<string, string>; uid?: number } = {},
): Promise<Outcome> {
  if (over) return Promise.resolve({ code: 130, output: 'stopped' });
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      ...(options.cwd ? { cwd: options.cwd } : {}),
      ...(options.uid === undefined ? {} : { uid: options.uid, gid: options.uid }),
      env: { ...process.env, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    running.add(child);
    let output = '';
    const take = (chunk: Buffer) => {
      output += chunk.toString();
    };
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    child.on('error', (cause) => {
      running.delete(child);
      resolve({ code: 127, output: String(cause) });
    });
    child.on('close', (code) => {
      running.delete(child);
      resolve({ code: code ?? 1, output });
    });
  });
}

/** Runs a program that uses the network: a second try after a failure, then an Error with the end of its output. */
export async function runTwice(
  program: string,
  args: string[],
  options: { cwd?: string; env?: Record<string, string> } = {},
): Promise<string> {
  const first = await run(program, args, options);
  if (first.code === 0) return first.output;
  const second = await run(program, args, options);
  if (second.code === 0) return second.output;
  throw new Error(`${program} ${args.join(' ')} failed twice (exit ${second.code}):\n${second.output.slice(-2000)}`);
}

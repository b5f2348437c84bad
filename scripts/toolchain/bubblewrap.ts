import { run } from './command.ts';
import { systemProgram } from './system.ts';

export interface BubblewrapTools {
  program: string;
}

const trial = ['--unshare-pid', '--ro-bind', '/', '/', '--proc', '/proc', '--dev', '/dev', 'true'];

/** Finds bubblewrap, or installs it where this is root on a system with apt, and tries it. */
export async function prepareBubblewrap(): Promise<BubblewrapTools> {
  if (process.platform !== 'linux') throw new Error('bubblewrap is for Linux');
  const program = await systemProgram('bwrap', 'bubblewrap');
  const tried = await run(program, trial, { cwd: '/' });
  if (tried.code !== 0) throw new Error(`${program} does not work here: ${tried.output.trim()}`);
  return { program };
}

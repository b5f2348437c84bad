import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { run, runTwice } from './command.ts';
import { madeOnce, root } from './folder.ts';

const clients = join(root, 'test', 'acceptance', 'clients');

export interface GoTools {
  version: string;
  /** Client programs, each linked with one version of a vendor SDK. */
  programs: Record<'v1-2.2.3' | 'v1-newest' | 'v2-newest', string>;
}

/** Builds the Go client programs; each is one source folder with a module file for one SDK version. */
export async function prepareGo(): Promise<GoTools> {
  const found = await run('go', ['version'], { env: { GOTOOLCHAIN: 'local' } });
  if (found.code !== 0) throw new Error('go is missing');
  const version = found.output.trim();
  const build = async (name: string, source: string, modules: string) => {
    const folder = join(clients, source);
    const read = (file: string) =>
      createHash('sha256')
        .update(readFileSync(join(folder, file)))
        .digest('hex');
    const made = await madeOnce(`go/${name}`, [version, read('main.go'), read(`${modules}.mod`), read(`${modules}.sum`)], async (out) => {
      await runTwice('go', ['build', '-trimpath', '-buildvcs=false', `-modfile=${modules}.mod`, '-o', join(out, 'client'), '.'], {
        cwd: folder,
        env: { GOTOOLCHAIN: 'local', CGO_ENABLED: '0', GOFLAGS: '' },
      });
    });
    return join(made, 'client');
  };
  // One after the other: the first fills the build cache that the second reads.
  const older = await build('v1-2.2.3', 'go-v1', 'go');
  const newer = await build('v1-newest', 'go-v1', 'newest');
  const second = await build('v2-newest', 'go-v2', 'go');
  return { version, programs: { 'v1-2.2.3': older, 'v1-newest': newer, 'v2-newest': second } };
}

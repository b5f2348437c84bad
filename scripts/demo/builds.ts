import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run, runTwice } from '../toolchain/command.ts';
import { buildWithMaven } from '../toolchain/java.ts';

/** Builds an example in Go. @returns the program @throws Error when Go is missing or finds a fault */
export async function buildGo(folder: string, onBuild: (what: string) => void): Promise<Buffer> {
  const env = { GOTOOLCHAIN: 'local', CGO_ENABLED: '0', GOOS: 'linux', GOFLAGS: '' };
  if ((await run('go', ['version'], { env })).code !== 0) throw new Error('there is no go on the PATH; install Go 1.18 or newer');
  onBuild('Go');
  return inFolder(async (out) => {
    const program = join(out, 'main');
    await runTwice('go', ['build', '-trimpath', '-buildvcs=false', '-o', program, '.'], { cwd: folder, env });
    return program;
  });
}

/** Builds an example in Java. @returns its JAR with everything that it needs @throws Error when the JDK or Maven is missing or finds a fault */
export async function buildJava(folder: string, onBuild: (what: string) => void): Promise<Buffer> {
  if ((await run('javac', ['--version'])).code !== 0) throw new Error('there is no javac on the PATH; install a JDK and Maven');
  if ((await run('mvn', ['--version'])).code !== 0) throw new Error('there is no mvn on the PATH; install Maven');
  onBuild('Java');
  return inFolder(async (out) => {
    await buildWithMaven(folder, {}, out);
    return join(out, 'function-jar-with-dependencies.jar');
  });
}

async function inFolder(build: (folder: string) => Promise<string>): Promise<Buffer> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-demo-'));
  try {
    return readFileSync(await build(folder));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { promisify } from 'node:util';
import type { FunctionVersion } from '../../functions/index.ts';
import { openStage, type Stage } from '../fixture.ts';
import type { InstancesOptions } from '../instances.ts';
import { findCompiler, findJre } from './jre.ts';

const search = { configured: undefined, environment: process.env.JAVA_HOME, searchPath: process.env.PATH ?? '' };
const run = promisify(execFile);

/** Why tests with real Java must be skipped on this machine, or false. In CI they never are. */
export async function withoutJava(): Promise<string | false> {
  const jre = await findJre({ ...search, uid: process.getuid?.() === 0 ? 65_534 : undefined });
  if ((jre && findCompiler(search, jre)) || process.env.CI === 'true') return false;
  return 'no JDK 11 or newer was found';
}

/** Compiles `sources` by file name into a folder of classes, against the runtime's interfaces and whatever else is named. */
export async function compile(sources: Record<string, string>, into: string, classPath: string[], more: string[] = []): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-java-'));
  try {
    for (const [name, text] of Object.entries(sources)) {
      await mkdir(dirname(join(folder, name)), { recursive: true });
      await writeFile(join(folder, name), text);
    }
    const files = Object.keys(sources).map((name) => join(folder, name));
    const release = more.includes('--release') ? [] : ['--release', '11'];
    await run(findCompiler(search) as string, [
      ...release,
      '-nowarn',
      '-Xlint:none',
      '-cp',
      classPath.join(':'),
      '-d',
      into,
      ...more,
      ...files,
    ]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export interface JavaStage extends Stage {
  /** The interfaces of the vendor's runtime. */
  readonly runtimeJar: string;
  readonly code: string;
}

/** A stage whose code folder holds the classes of `sources`; functions are java11 with 10 s and 256 MB. */
export async function openJavaStage(
  t: TestContext,
  sources: Record<string, string>,
  options: Partial<InstancesOptions> = {},
): Promise<JavaStage> {
  const stage = await openStage(t, {}, options);
  const code = join(stage.folder, 'code');
  const runtimeJar = join(stage.runDir, 'hosts', 'java', 'fc-runtime.jar');
  await compile(sources, code, [runtimeJar]);
  const fn: Stage['fn'] = (changes: Partial<FunctionVersion> = {}) =>
    stage.fn({ runtime: 'java11', handler: 'App::handleRequest', timeoutMs: 20_000, ...changes });
  const invoke: Stage['run'] = (handler, event = '{}', changes = {}) =>
    stage.instances.invoke(fn({ handler, ...changes }), stage.call({ event: Buffer.from(event) }));
  return { ...stage, fn, run: invoke, runtimeJar, code };
}

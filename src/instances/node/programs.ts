import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { chmod, copyFile, link, mkdir, realpath } from 'node:fs/promises';
import { delimiter, isAbsolute, join } from 'node:path';

/** A Node that functions may use. */
export interface NodeProgram {
  path: string;
  /** e.g. "20.20.2". */
  version: string;
  /** Arguments that make it run TypeScript, and keep it quiet about that. */
  flags: readonly string[];
  /** What differs from the runtime's own version, for the user. */
  note?: string;
}

export interface NodeProgramsOptions {
  /** Preferred to all others, for every runtime. */
  configured: string | undefined;
  searchPath: string;
  /** The Node that runs the server. */
  own: string;
  /** Folder for a copy of it, where functions, which run as other users, cannot reach it. */
  copies: string;
  /** User that tries the programs: undefined for the server's own. */
  uid: number | undefined;
}

export const nodeRuntimes: readonly string[] = ['nodejs16', 'nodejs18', 'nodejs20', 'nodejs22', 'nodejs24'];
const oldest = 16;
const probeMs = 10_000;
const probe = `const has = (flag) => process.allowedNodeEnvironmentFlags.has(flag);
const strips = !process.features.typescript && has('--experimental-strip-types') ? ['--experimental-strip-types'] : [];
const quiet = has('--disable-warning') ? ['--disable-warning=ExperimentalWarning', '--disable-warning=MODULE_TYPELESS_PACKAGE_JSON'] : [];
console.log(JSON.stringify([process.versions.node, [...strips, ...quiet]]));`;

/** The Node for each runtime, found by running the candidates as the user that functions are run as. */
export async function findNodePrograms(options: NodeProgramsOptions): Promise<Map<string, NodeProgram>> {
  const { configured, uid } = options;
  const [paths, preferred] = await Promise.all([pathsOf(options), first(configured, options)]);
  const tried = await Promise.all([...paths.map((path) => test(path, uid)), tryOwn(options)]);
  const usable = tried.filter((program) => program !== undefined);
  const found = new Map<string, NodeProgram>();
  for (const runtime of nodeRuntimes) {
    const program = preferred ?? closest(usable, wantedBy(runtime));
    if (program) found.set(runtime, annotate(program, runtime));
  }
  return found;
}

function foldersOf(searchPath: string): string[] {
  return [...searchPath.split(delimiter).filter(isAbsolute), '/usr/local/bin', '/usr/bin'];
}

/** Every Node on the search path but the server's own, shims and links resolved. */
async function pathsOf({ searchPath, own }: NodeProgramsOptions): Promise<string[]> {
  const names = ['node', ...nodeRuntimes.map((runtime) => `node${wantedBy(runtime)}`)];
  const paths = foldersOf(searchPath).flatMap((folder) => names.map((name) => join(folder, name)));
  const real = await Promise.all(paths.map((path) => realpath(path).catch(() => undefined)));
  const known = new Set(real.filter((path) => path !== undefined));
  known.delete(await realpath(own));
  return [...known];
}

/** The configured program, by its path or by its name. */
async function first(name: string | undefined, { searchPath, uid }: NodeProgramsOptions): Promise<NodeProgram | undefined> {
  if (name === undefined) return undefined;
  const paths = isAbsolute(name) ? [name] : foldersOf(searchPath).map((folder) => join(folder, name));
  for (const path of paths) {
    const found = await test(path, uid);
    if (found) return found;
  }
  return undefined;
}

/** The server's own Node, or a copy of it where its folder is closed to functions. */
async function tryOwn({ own, copies, uid }: NodeProgramsOptions): Promise<NodeProgram | undefined> {
  const source = await realpath(own);
  const found = await test(source, uid);
  if (found || uid === undefined) return found;
  await mkdir(copies, { recursive: true, mode: 0o755 });
  const copy = join(copies, 'node');
  await link(source, copy).catch(async () => {
    await copyFile(source, copy, constants.COPYFILE_FICLONE);
    await chmod(copy, 0o755);
  });
  return test(copy, uid);
}

function test(path: string, uid: number | undefined): Promise<NodeProgram | undefined> {
  const user = uid === undefined ? {} : { uid, gid: uid };
  const env = { PATH: '/usr/local/bin:/usr/bin:/bin', LANG: 'C.UTF-8' };
  return new Promise((resolve) => {
    execFile(path, ['-e', probe], { timeout: probeMs, killSignal: 'SIGKILL', cwd: '/', env, ...user }, (error, output) => {
      if (error) return resolve(undefined);
      try {
        const [version, flags] = JSON.parse(output) as [string, string[]];
        resolve(majorOf(version) >= oldest ? { path, version, flags } : undefined);
      } catch {
        resolve(undefined);
      }
    });
  });
}

function wantedBy(runtime: string): number {
  return Number(runtime.slice('nodejs'.length));
}

function majorOf(version: string): number {
  return Number.parseInt(version, 10);
}

/** The version that is wanted; else the next newer one, whose differences are fewer than those of the newest; else the newest older one. */
function closest(usable: readonly NodeProgram[], wanted: number): NodeProgram | undefined {
  const rank = ({ version }: NodeProgram) => (majorOf(version) >= wanted ? majorOf(version) : 1000 - majorOf(version));
  return [...usable].sort((a, b) => rank(a) - rank(b))[0];
}

function annotate(program: NodeProgram, runtime: string): NodeProgram {
  const wanted = wantedBy(runtime);
  if (majorOf(program.version) === wanted) return program;
  return { ...program, note: `${runtime} runs on Node ${program.version}: no Node ${wanted} that functions may use was found` };
}

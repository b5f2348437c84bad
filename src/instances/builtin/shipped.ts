import { constants, existsSync, readFileSync, realpathSync } from 'node:fs';
import { chmod, copyFile, link, mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Permissions that let every user read a file. */
const readable = 0o444;
/** Compiled or not, and nothing of the tests. */
const codeFile = /^[a-z-]+\.(?:ts|js)$/;

/** The folder of an installed package, as a module in `from` would find it. */
export function findPackage(name: string, from: string): string | undefined {
  for (let at = from; ; at = dirname(at)) {
    const folder = join(at, 'node_modules', name);
    if (existsSync(join(folder, 'package.json'))) return realpathSync(folder);
    if (at === dirname(at)) return undefined;
  }
}

/** Folders of a package and of all that it needs and that is installed, by name. */
export function packageTree(name: string, from: string, found: Map<string, string> = new Map()): Map<string, string> {
  const folder = found.has(name) ? undefined : findPackage(name, from);
  if (folder === undefined) return found;
  found.set(name, folder);
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Record<
    'dependencies' | 'optionalDependencies',
    object
  >;
  const needs = Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies });
  for (const each of needs) packageTree(each, folder, found);
  return found;
}

/**
 * Makes a code folder that every user can read, of code that comes with the server and of packages that are installed beside it. Files are linked
 * where that can be; a package may lie where functions cannot reach it.
 */
export async function ship(code: string, packages: ReadonlyMap<string, string>, into: string): Promise<void> {
  await rm(into, { recursive: true, force: true });
  await mkdir(into, { recursive: true });
  for (const name of await readdir(code)) if (codeFile.test(name)) await give(join(code, name), join(into, name));
  const manifest = join(into, 'package.json');
  await writeFile(manifest, '{ "type": "module" }\n');
  await chmod(manifest, 0o644);
  for (const [name, folder] of packages) await giveFolder(folder, join(into, 'node_modules', name));
  await open(into);
}

async function giveFolder(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  for (const entry of await readdir(from, { withFileTypes: true })) {
    if (entry.name === 'node_modules') continue;
    if (entry.isDirectory()) await giveFolder(join(from, entry.name), join(to, entry.name));
    else if (entry.isFile()) await give(join(from, entry.name), join(to, entry.name));
  }
}

/** A link would share the permissions, so only what is open already is linked. */
async function give(from: string, to: string): Promise<void> {
  const isOpen = ((await stat(from)).mode & readable) === readable;
  const isLinked =
    isOpen &&
    (await link(from, to).then(
      () => true,
      () => false,
    ));
  if (isLinked) return;
  await copyFile(from, to, constants.COPYFILE_FICLONE);
  await chmod(to, 0o644);
}

async function open(folder: string): Promise<void> {
  await chmod(folder, 0o755);
  for (const entry of await readdir(folder, { withFileTypes: true })) if (entry.isDirectory()) await open(join(folder, entry.name));
}

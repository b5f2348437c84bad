import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { packageTree } from '../../src/instances/builtin/shipped.ts';
import { Crc64, packZip } from '../../src/kit/index.ts';
import { root } from '../toolchain/folder.ts';
import { buildGo, buildJava } from './builds.ts';
import type { DemoFunction } from './functions.ts';
import { demoCache, digestOf, type PythonTools, writeWhole } from './python.ts';

/** A code package of the demo: its checksum as Function Compute states it, and its bytes when they are wanted. */
export interface Package {
  checksum: string;
  read(): Buffer;
}

export interface Packing {
  /** The tools of Python, or why there are none. */
  python: PythonTools | { missing: string };
  /** Told before something is compiled, which takes a while. */
  onBuild(what: string): void;
}

/**
 * The package of a function of the demo, made once for each state of its sources; equal contents give equal bytes and so an equal checksum.
 * @throws Error that says in its first line what is missing
 */
export async function packageOf(fn: DemoFunction, { python, onBuild }: Packing): Promise<Package> {
  const folder = join(root, 'examples', fn.folder);
  switch (fn.language) {
    case 'Node.js':
      return packNode(fn, folder);
    case 'Python': {
      if ('missing' in python) throw new Error(python.missing);
      const { newest } = python.oss2;
      checkRequirements(readFileSync(join(folder, 'requirements.txt'), 'utf8'));
      return packed(fn.name, folder, [python.version, ...readdirSync(newest).sort()], async () =>
        packZip([...filesOf(folder), ...filesOf(newest)]),
      );
    }
    case 'Java':
      if (!onPath('java')) throw new Error('there is no java on the PATH; install a JDK and Maven');
      return packed(fn.name, folder, [], async () => buildJava(folder, onBuild));
    case 'Go':
      return packed(fn.name, folder, [process.arch], async () =>
        packZip([{ name: 'main', data: await buildGo(folder, onBuild), mode: 0o755 }]),
      );
  }
}

/** A function in Node.js with the packages that its package.json names, as they are installed here. @throws Error for one that is not */
async function packNode({ name }: DemoFunction, folder: string): Promise<Package> {
  const manifest = join(folder, 'package.json');
  const wanted = existsSync(manifest) ? (JSON.parse(readFileSync(manifest, 'utf8')) as { dependencies?: Record<string, string> }) : {};
  const packages = new Map<string, string>();
  for (const each of Object.keys(wanted.dependencies ?? {})) {
    if (!packageTree(each, root, packages).has(each)) throw new Error(`the package ${each} is not installed; run npm install`);
  }
  const versions = [...packages].map(([each, path]) => `${each} ${versionOf(path)}`);
  return packed(name, folder, [...versions, process.arch], async () => {
    const modules = [...packages].flatMap(([each, path]) =>
      filesOf(path).map((file) => ({ ...file, name: `node_modules/${each}/${file.name}` })),
    );
    return packZip([...filesOf(folder), ...modules]);
  });
}

function versionOf(folder: string): string {
  return (JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string }).version;
}

/** The package of these sources: the one that was kept, or a new one. `pins` is what the package depends on besides the sources. */
async function packed(name: string, folder: string, pins: string[], make: () => Promise<Buffer>): Promise<Package> {
  const sources = filesOf(folder).flatMap(({ name: path, data }) => [path, data]);
  const kept = join(demoCache, `${name}.${digestOf(...pins, ...sources).slice(0, 16)}.zip`);
  const note = `${kept}.crc64`;
  if (!existsSync(note) || !existsSync(kept)) {
    const data = await make();
    for (const left of existsSync(demoCache) ? readdirSync(demoCache) : []) if (left.startsWith(`${name}.`)) rmSync(join(demoCache, left));
    writeWhole(kept, data);
    writeWhole(note, Crc64.of(data).toString());
  }
  return { checksum: readFileSync(note, 'utf8'), read: () => readFileSync(kept) };
}

/** The files that go into a package; compiled modules, pip's scripts, what was built and what is for readers are left out. */
function filesOf(base: string): { name: string; data: Buffer }[] {
  return readdirSync(base, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !/(^|\/)((__pycache__|bin|target|node_modules)\/|README\.md$)/.test(relative(base, path)))
    .sort()
    .map((path) => ({ name: relative(base, path), data: readFileSync(path) }));
}

function onPath(program: string): boolean {
  return (process.env.PATH ?? '').split(':').some((folder) => folder !== '' && existsSync(join(folder, program)));
}

/** The toolchain's newest oss2 stands for the examples' requirements, so they must say the same. */
function checkRequirements(text: string): void {
  const pins = (lines: string) => lines.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  const ours = readFileSync(join(root, 'scripts', 'toolchain', 'requirements', 'oss2-newest.txt'), 'utf8');
  if (pins(text).join() !== pins(ours).join())
    throw new Error(`an example requires ${pins(text).join()}, the toolchain installs ${pins(ours).join()}`);
}

import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { Crc64, packZip } from '../../src/kit/index.ts';
import { root } from '../toolchain/folder.ts';
import { demoCache, digestOf, type PythonTools, writeWhole } from './python.ts';

const examples = join(root, 'examples', 'python');

/** A code package of the demo: its checksum as Function Compute states it, and its bytes when they are wanted. */
export interface Package {
  checksum: string;
  read(): Buffer;
}

/** What `pip install -r requirements.txt -t .` would have left beside index.py; compiled modules and pip's scripts are left out. */
function filesOf(base: string): { name: string; data: Buffer }[] {
  return readdirSync(base, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !/(^|\/)(__pycache__|bin)\//.test(relative(base, path)))
    .sort()
    .map((path) => ({ name: relative(base, path), data: readFileSync(path) }));
}

/** Makes the ZIP once for each state of its sources; equal contents give equal bytes and so an equal checksum. */
export async function packExample(example: string, { oss2, version }: PythonTools): Promise<Package> {
  const source = join(examples, example);
  const index = readFileSync(join(source, 'index.py'));
  checkRequirements(readFileSync(join(source, 'requirements.txt'), 'utf8'));
  const zip = join(demoCache, `${example}-${digestOf(index, version, ...readdirSync(oss2.newest).sort()).slice(0, 16)}.zip`);
  const note = `${zip}.crc64`;
  if (!existsSync(note) || !existsSync(zip)) {
    for (const left of existsSync(demoCache) ? readdirSync(demoCache) : [])
      if (left.startsWith(`${example}-`)) rmSync(join(demoCache, left));
    const data = await packZip([{ name: 'index.py', data: index }, ...filesOf(oss2.newest)]);
    writeWhole(zip, data);
    writeWhole(note, Crc64.of(data).toString());
  }
  return { checksum: readFileSync(note, 'utf8'), read: () => readFileSync(zip) };
}

/** The toolchain's newest oss2 stands for the examples' requirements, so they must say the same. */
function checkRequirements(text: string): void {
  const pins = (lines: string) => lines.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  const ours = readFileSync(join(root, 'scripts', 'toolchain', 'requirements', 'oss2-newest.txt'), 'utf8');
  if (pins(text).join() !== pins(ours).join())
    throw new Error(`an example requires ${pins(text).join()}, the toolchain installs ${pins(ours).join()}`);
}

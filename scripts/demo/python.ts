import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { cache, root } from '../toolchain/folder.ts';
import { type PythonTools, preparePython } from '../toolchain/python.ts';

export type { PythonTools } from '../toolchain/python.ts';

/** Where the demo keeps what it made. */
export const demoCache = join(cache, 'demo');

/** SHA-256 of parts that cannot run into each other. */
export function digestOf(...parts: (string | Buffer)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part).update('\0');
  return hash.digest('hex');
}

/** Writes a file that is either whole or not there. */
export function writeWhole(file: string, data: string | Buffer): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(`${file}.${process.pid}.new`, data);
  renameSync(`${file}.${process.pid}.new`, file);
}

/**
 * Python, Pillow and oss2 for the demo's functions: installed by the toolchain scripts the first time, remembered afterwards.
 * @throws Error when Python or pip is missing, or packages cannot be installed
 */
export async function prepareDemoPython(onInstall: () => void): Promise<PythonTools> {
  const known = remembered();
  if (known) return known;
  onInstall();
  const tools = await preparePython();
  writeWhole(memory(), JSON.stringify(tools));
  return tools;
}

/** What the answer depends on: the pinned packages, the PATH that is searched, the user that looks. */
function circumstances(): string {
  const pins = join(root, 'scripts', 'toolchain', 'requirements');
  const texts = readdirSync(pins)
    .sort()
    .map((name) => readFileSync(join(pins, name)));
  return digestOf(...texts, process.env.PATH ?? '', String(process.getuid?.()));
}

/** One file for each, so that two shells with a PATH of their own do not make each other forget. */
function memory(): string {
  return join(demoCache, `python.${circumstances().slice(0, 16)}.json`);
}

function remembered(): PythonTools | undefined {
  try {
    const tools = JSON.parse(readFileSync(memory(), 'utf8')) as PythonTools;
    const whole = [tools.interpreter, tools.packages, tools.oss2.newest].every((path) => existsSync(path));
    return whole ? tools : undefined;
  } catch {
    return undefined;
  }
}

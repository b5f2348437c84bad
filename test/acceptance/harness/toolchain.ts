import { chmodSync, cpSync, mkdtempSync, readFileSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository's root folder. */
export const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');

/** For programs of ours that are started often: what Node compiled is kept, which makes a start three times as fast. */
export const compiled = { NODE_COMPILE_CACHE: join(root, '.cache', 'compile') };

export interface PythonTools {
  interpreter: string;
  packages: string;
  oss2: Record<'2.18.3' | 'newest', string>;
  /** Missing in a toolchain that was prepared earlier. */
  fc2?: string;
  ossV2?: string;
}

export interface GoTools {
  programs: Record<'v1-2.2.3' | 'v1-newest' | 'v2-newest', string>;
  matrix?: Record<'v1' | 'v2', string>;
  functions: Record<'acts-0.0.2' | 'acts-0.2.11' | 'acts-0.3.1' | 'acts-foreign' | 'answer' | 'red-png', string>;
}

export interface JavaTools {
  jars: Record<'red-png' | 'many-3.17.2' | 'many-newest' | 'plain-1.2.0' | 'plain-1.3.0' | 'plain-1.4.1', string>;
  thin: string;
  project: string;
  matrix?: string;
  oss: Record<'3.17.2' | 'newest', string>;
}

export interface RuntimeTools {
  node: Record<'16' | '18' | '22', string>;
  java: Record<'11' | '21', string>;
}

interface Toolchains {
  runtimes?: RuntimeTools | { missing: string };
  bubblewrap?: { program: string } | { missing: string };
  python: PythonTools | { missing: string };
  go: GoTools | { missing: string };
  java?: JavaTools | { missing: string };
}

function read(): Toolchains {
  try {
    return JSON.parse(readFileSync(join(root, '.cache', 'toolchain.json'), 'utf8')) as Toolchains;
  } catch {
    const missing = 'not prepared; run `node scripts/toolchain/install.ts`';
    return { python: { missing }, go: { missing } };
  }
}

const toolchains = read();
const strict = process.env.CI === 'true';

/** The tools, or undefined with the reason for a visible skip. In CI (CI=true) a missing toolchain is a failure. */
function need<T extends object>(name: string, tools: T | { missing: string }): { tools: T | undefined; skip: string | false } {
  if (!('missing' in tools)) return { tools, skip: false };
  if (strict) throw new Error(`CI needs the ${name} toolchain: ${tools.missing}`);
  return { tools: undefined, skip: `no ${name} toolchain: ${tools.missing}` };
}

export const python = need('python', toolchains.python);
export const bubblewrap = need('bubblewrap', toolchains.bubblewrap ?? { missing: 'not prepared; run `node scripts/toolchain/install.ts`' });
export const go = need('go', toolchains.go);
export const java = need('java', toolchains.java ?? { missing: 'not prepared; run `node scripts/toolchain/install.ts`' });

export const runtimes = need('runtimes', toolchains.runtimes ?? { missing: 'not prepared; run `node scripts/toolchain/install.ts`' });

/** Whether users other than the owner can reach a folder. */
function isReachable(folder: string): boolean {
  for (let here = folder; here !== dirname(here); here = dirname(here)) if ((statSync(here).mode & 0o001) === 0) return false;
  return true;
}

/** A folder or program at a place that functions, which run as another user, can reach: itself, or a copy in a new folder below `scratch`. */
export function reachable(path: string, scratch: string): string {
  if (isReachable(path)) return path;
  const copy = join(mkdtempSync(join(scratch, 'reachable-')), basename(path));
  chmodSync(dirname(copy), 0o755);
  cpSync(path, copy, { recursive: true });
  return copy;
}

/** The Pillow folder at a place that functions, which run as another user, can reach: copied when a folder above it is closed to others. */
export function reachablePackages(): { folder: string; temporary: boolean } | undefined {
  const folder = python.tools?.packages;
  if (!folder) return undefined;
  if (isReachable(folder)) return { folder, temporary: false };
  const copy = mkdtempSync(join(tmpdir(), 'sluice-packages-'));
  cpSync(folder, copy, { recursive: true, mode: 0 });
  return { folder: copy, temporary: true };
}

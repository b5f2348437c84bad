import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packZip } from '../../kit/index.ts';
import { oldestJava } from './jre.ts';

/** The host program, and the interfaces of the vendor's runtime for functions that do not bring them. */
export const jarNames = { host: 'host.jar', runtime: 'fc-runtime.jar' } as const;

/**
 * Packages that libraries from before Java 9 reach into by reflection. Named in the manifest rather than on the command line, where they would
 * cost the start its archive of classes.
 */
const opened = [
  ...['io', 'lang', 'lang.invoke', 'lang.ref', 'lang.reflect', 'math', 'net', 'nio', 'nio.charset', 'security', 'text', 'time', 'util'].map(
    (name) => `java.base/java.${name}`,
  ),
  ...['concurrent', 'concurrent.atomic', 'concurrent.locks', 'jar', 'regex', 'zip'].map((name) => `java.base/java.util.${name}`),
  ...['sun.nio.ch', 'sun.nio.cs', 'sun.net.www.protocol.http', 'sun.net.www.protocol.https', 'sun.security.ssl', 'sun.util.calendar'].map(
    (name) => `java.base/${name}`,
  ),
  ...['java.awt', 'java.awt.font', 'java.awt.image', 'java.beans', 'sun.awt', 'sun.font', 'sun.java2d'].map(
    (name) => `java.desktop/${name}`,
  ),
  ...['java.logging/java.util.logging', 'java.sql/java.sql', 'java.rmi/sun.rmi.transport', 'java.management/sun.management'],
];

interface Source {
  /** Path below `host/` or `api/`. */
  name: string;
  path: string;
}

function sourcesOf(folder: string): Source[] {
  return (readdirSync(folder, { recursive: true }) as string[])
    .filter((name) => name.endsWith('.java'))
    .sort()
    .map((name) => ({ name, path: join(folder, name) }));
}

/** Names what the sources in `<sources>/host` and `<sources>/api` make: another digest, another result. */
export function digestOf(sources: string): string {
  const hash = createHash('sha256').update(manifest());
  for (const { name, path } of [...sourcesOf(join(sources, 'host')), ...sourcesOf(join(sources, 'api'))]) {
    hash.update(name).update('\0').update(readFileSync(path)).update('\0');
  }
  return hash.digest('hex').slice(0, 16);
}

/**
 * Compiles the sources in `<sources>/host` and `<sources>/api` for Java 11 and newer, and puts one jar of each into `target`.
 * @throws Error with what the compiler said
 */
export async function compileHost(javac: string, sources: string, target: string): Promise<void> {
  const classes = await mkdtemp(join(tmpdir(), 'sluice-javac-'));
  try {
    for (const [part, name] of [
      ['host', jarNames.host],
      ['api', jarNames.runtime],
    ] as const) {
      const out = join(classes, part);
      const files = sourcesOf(join(sources, part)).map(({ path }) => path);
      await run(javac, ['--release', String(oldestJava), '-encoding', 'UTF-8', '-Xlint:-options', '-d', out, ...files]);
      const entries = (readdirSync(out, { recursive: true }) as string[])
        .filter((path) => path.endsWith('.class'))
        .sort()
        .map((path) => ({ name: path, data: readFileSync(join(out, path)) }));
      if (part === 'host') entries.unshift({ name: 'META-INF/MANIFEST.MF', data: Buffer.from(manifest()) });
      await writeFile(join(target, name), await packZip(entries));
    }
  } finally {
    await rm(classes, { recursive: true, force: true });
  }
}

function manifest(): string {
  const attributes = {
    'Manifest-Version': '1.0',
    'Main-Class': 'sluice.host.Main',
    'Add-Opens': opened.join(' '),
    'Enable-Native-Access': 'ALL-UNNAMED',
  };
  return `${Object.entries(attributes)
    .map(([name, value]) => folded(`${name}: ${value}`))
    .join('')}\n`;
}

/** A manifest's line has at most 72 bytes; what follows begins with a space (JAR File Specification, "Notes on Manifest"). */
function folded(line: string): string {
  let text = line.slice(0, 70);
  for (let at = 70; at < line.length; at += 69) text += `\r\n ${line.slice(at, at + 69)}`;
  return `${text}\r\n`;
}

function run(program: string, args: string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    execFile(program, args, { maxBuffer: 4 * 1024 * 1024 }, (error, output, told) => {
      if (error) reject(new Error(`${program} failed: ${(told + output).trim().slice(-2000) || error.message}`));
      else resolve();
    });
  });
}

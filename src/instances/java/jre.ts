import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';

/** A Java that functions may use. */
export interface Jre {
  /** Its folder: the program is `<home>/bin/java`. */
  home: string;
  /** e.g. "17.0.15". */
  version: string;
  /** e.g. 17. */
  major: number;
}

export interface JreSearch {
  /** Folder of the one to use, before all others. */
  configured: string | undefined;
  /** JAVA_HOME of the server. */
  environment: string | undefined;
  searchPath: string;
  /** The function's kind of user, undefined for the server's. */
  uid: number | undefined;
}

/** Versions that are known to work; the host programs are compiled for the first. */
export const oldestJava = 11;
const newestJava = 25;
const probeMs = 20_000;
/** Folders that hold Java installations, one folder each. */
const usualFolders = ['/usr/lib/jvm', '/usr/java', '/opt/java', '/opt', '/usr/local', '/Library/Java/JavaVirtualMachines'];

/** Finds a Java of version 11 or newer by running the candidates as the user who will use it; undefined when there is none. */
export async function findJre({ configured, environment, searchPath, uid }: JreSearch): Promise<Jre | undefined> {
  const named = [configured, environment].filter((home) => home !== undefined && isAbsolute(home)).map((home) => program(home as string));
  const onPath = searchPath
    .split(delimiter)
    .filter(isAbsolute)
    .map((folder) => join(folder, 'java'));
  for (const path of new Set([...named, ...onPath])) {
    const found = await probe(path, uid);
    if (found && found.major <= newestJava) return found;
  }
  const others: Jre[] = [];
  for (const path of usualPlaces()) {
    const found = await probe(path, uid);
    if (found) others.push(found);
  }
  // Old code is most at home on an old Java.
  others.sort((a, b) => a.major - b.major);
  return others[0];
}

/** What differs from the vendor's runtime, for the user; undefined when nothing does. */
export function noteOn({ major, version }: Jre, runtime: string): string | undefined {
  const wanted = Number(/^java(\d+)$/.exec(runtime)?.[1]);
  if (major > newestJava) return `${runtime} runs on Java ${version}, which is newer than ${newestJava} and not tested`;
  return major === wanted ? undefined : `${runtime} runs on Java ${version}`;
}

/** The compiler beside a Java, or on the search path; undefined when this machine has none. */
export function findCompiler({ configured, environment, searchPath }: Omit<JreSearch, 'uid'>, jre?: Jre): string | undefined {
  const homes = [configured, jre?.home, environment].filter((home) => home !== undefined && isAbsolute(home)) as string[];
  const paths = [
    ...homes.map((home) => join(home, 'bin', 'javac')),
    ...searchPath
      .split(delimiter)
      .filter(isAbsolute)
      .map((folder) => join(folder, 'javac')),
    ...usualPlaces().map((path) => join(path, '..', 'javac')),
  ];
  return paths.find((path) => existsSync(path));
}

function program(home: string): string {
  return join(home, 'bin', 'java');
}

function usualPlaces(): string[] {
  return usualFolders.flatMap((folder) => {
    let names: string[] = [];
    try {
      names = readdirSync(folder);
    } catch {
      return [];
    }
    return names
      .flatMap((name) => [program(join(folder, name)), program(join(folder, name, 'Contents', 'Home'))])
      .filter((path) => existsSync(path));
  });
}

function probe(path: string, uid: number | undefined): Promise<Jre | undefined> {
  if (!existsSync(path)) return Promise.resolve(undefined);
  const user = uid === undefined ? {} : { uid, gid: uid };
  const env = { PATH: '/usr/local/bin:/usr/bin:/bin', LANG: 'C.UTF-8' };
  return new Promise((resolve) => {
    const args = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-XX:-UsePerfData', '-XshowSettings:properties', '-version'];
    execFile(path, args, { timeout: probeMs, killSignal: 'SIGKILL', cwd: '/', env, ...user }, (error, _output, told) => {
      const property = (name: string) => new RegExp(`^ *${name.replaceAll('.', '\\.')} = (.+)$`, 'm').exec(told)?.[1]?.trim() ?? '';
      const major = Number(property('java.specification.version'));
      const home = property('java.home');
      if (error || !Number.isInteger(major) || major < oldestJava || home === '') resolve(undefined);
      else resolve({ home, version: property('java.version'), major });
    });
  });
}

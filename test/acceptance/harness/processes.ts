import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

export interface ProcessNote {
  pid: number;
  state: string;
  command: string;
  /** Whether this very process, not a later one with its number, still runs. */
  stillRuns(): boolean;
}

interface Stat {
  parent: number;
  state: string;
  started: string;
  command: string;
}

function statOf(pid: number): Stat | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const end = text.lastIndexOf(')');
    const fields = text.slice(end + 2).split(' ');
    return {
      state: fields[0] ?? '',
      parent: Number(fields[1]),
      started: fields[19] ?? '',
      command: text.slice(text.indexOf('(') + 1, end),
    };
  } catch {
    return undefined;
  }
}

/** Every process below `pid`, through any number of parents. */
export function descendants(pid: number): ProcessNote[] {
  const all = new Map<number, Stat>();
  for (const name of readdirSync('/proc')) {
    const stat = /^\d+$/.test(name) ? statOf(Number(name)) : undefined;
    if (stat) all.set(Number(name), stat);
  }
  const found: ProcessNote[] = [];
  const parents = new Set([pid]);
  for (let grew = true; grew; ) {
    grew = false;
    for (const [child, stat] of all) {
      if (parents.has(child) || !parents.has(stat.parent)) continue;
      parents.add(child);
      grew = true;
      const stillRuns = () => {
        const later = statOf(child);
        return later !== undefined && later.started === stat.started && later.state !== 'Z';
      };
      found.push({ pid: child, state: stat.state, command: stat.command, stillRuns });
    }
  }
  return found;
}

/** Files and sockets that a process holds open, one entry each; numbers of sockets and pipes left out so that two moments can be compared. */
export function openFiles(pid: number): string[] {
  return openFileNames(pid).map((name) => name.replace(/\[\d+\]$/, ''));
}

function openFileNames(pid: number): string[] {
  const folder = `/proc/${pid}/fd`;
  const files: string[] = [];
  for (const name of readdirSync(folder)) {
    try {
      files.push(readlinkSync(`${folder}/${name}`));
    } catch {
      // The descriptor was closed meanwhile, or is the one that lists this folder.
    }
  }
  return files;
}

/** Resident memory of a process in bytes. */
export function residentBytes(pid: number): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;
}

/** Connections that this test process itself keeps open to a local port, such as those that an SDK keeps alive. */
export function ownConnectionsTo(port: number): number {
  const own = new Set(openFileNames(process.pid));
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  return readFileSync('/proc/self/net/tcp', 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[2]?.endsWith(`:${hex}`) && own.has(`socket:[${fields[9]}]`)).length;
}

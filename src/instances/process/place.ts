import { chmod, cp, mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { removeFolder } from '../sandbox/removal.ts';

/** Longest path that fits a socket address on every system. */
const socketPathLimit = 100;
const shippedHosts = fileURLToPath(new URL('../hosts/', import.meta.url));

/** The folders and the socket that instances see of the server. */
export interface Place {
  readonly socket: string;
  /** Copies of the host programs, readable by every user. */
  readonly hosts: string;
  /** Parent of the instances' own folders. */
  readonly tmp: string;
  remove(): Promise<void>;
}

/** Whether users other than the owner can reach a folder. */
async function isReachable(folder: string): Promise<boolean> {
  for (let at = folder; ; at = dirname(at)) {
    if (((await stat(at)).mode & 0o001) === 0) return false;
    if (at === dirname(at)) return true;
  }
}

/**
 * Makes `<runDir>/hosts` and `<runDir>/tmp`, and finds a path for the socket.
 * @param otherUsers functions run as users of their own: what they need is put below the system's temporary folder when runDir is closed to them
 */
export async function preparePlace(runDir: string, otherUsers: boolean): Promise<Place> {
  let base = resolve(runDir);
  const made: string[] = [];
  const makeBase = async () => {
    base = await mkdtemp(join(tmpdir(), 'sluice-'));
    made.push(base);
    await chmod(base, 0o711);
    return base;
  };
  await mkdir(base, { recursive: true });
  await chmod(base, (await stat(base)).mode | 0o111);
  if (otherUsers && !(await isReachable(base))) await makeBase();
  const [hosts, tmp] = [join(base, 'hosts'), join(base, 'tmp')];
  await rm(hosts, { recursive: true, force: true });
  // What functions left there is removed with care: a process of an earlier server may still live.
  await removeFolder(tmp);
  await mkdir(tmp);
  await chmod(tmp, 0o711);
  await cp(shippedHosts, hosts, { recursive: true, filter: (from) => !from.endsWith('__pycache__') });
  await openToRead(hosts);
  let socket = join(base, 'instances.sock');
  if (Buffer.byteLength(socket) > socketPathLimit) socket = join(await makeBase(), 'instances.sock');
  await rm(socket, { force: true });
  const remove = async () => {
    await removeFolder(tmp);
    for (const path of [hosts, socket, ...made]) await rm(path, { recursive: true, force: true });
  };
  return { socket, hosts, tmp, remove };
}

async function openToRead(folder: string): Promise<void> {
  await chmod(folder, 0o755);
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await openToRead(path);
    else await chmod(path, 0o644);
  }
}

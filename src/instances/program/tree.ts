import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** A process and all that descend from it, as the kernel tells now; only the process itself where it does not tell. */
export function familyOf(pid: number): number[] {
  const found = [pid];
  for (const member of found) {
    for (const child of childrenOf(member)) if (!found.includes(child)) found.push(child);
  }
  return found;
}

function childrenOf(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
      readFileSync(`/proc/${pid}/task/${thread}/children`, 'latin1').split(' ').filter(Boolean).map(Number),
    );
  } catch {
    // It has ended.
    return [];
  }
}

/** Largest resident size that any one of the processes has had, KiB; 0 when unknown. */
export function peakKilobytes(pids: readonly number[]): number {
  let peak = 0;
  for (const pid of pids) {
    try {
      peak = Math.max(peak, Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? 0));
    } catch {
      // It has ended.
    }
  }
  return peak;
}

/** Who listens on a TCP port of this machine, on an address that 127.0.0.1 leads to: one of the processes, somebody else, or nobody. */
export function listenerOf(port: number, pids: readonly number[]): 'own' | 'foreign' | undefined {
  const sockets = listeningSockets(port);
  if (sockets.size === 0) return undefined;
  for (const pid of pids) if (holds(pid, sockets)) return 'own';
  return 'foreign';
}

/** 127.0.0.1, 0.0.0.0, :: and the IPv4 loopback as IPv6 addresses see it, as /proc/net/tcp writes them on any byte order. */
const reachable = /^(?:0100007F|7F000001|0{8}|0{32}|0{16}(?:FFFF0000|0000FFFF)(?:0100007F|7F000001))$/;
const listenState = '0A';

/** Inodes of the sockets that listen on a port (proc(5), /proc/net/tcp). */
function listeningSockets(port: number): Set<string> {
  const found = new Set<string>();
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  for (const table of ['tcp', 'tcp6']) {
    let text: string;
    try {
      text = readFileSync(`/proc/net/${table}`, 'latin1');
    } catch {
      continue;
    }
    for (const line of text.split('\n')) {
      if (!line.includes(`:${hex} `)) continue;
      const [, local = '', , state, , , , , , inode = ''] = line.trim().split(/\s+/);
      const [address = '', localPort] = local.split(':');
      if (state === listenState && localPort === hex && reachable.test(address)) found.add(inode);
    }
  }
  return found;
}

function holds(pid: number, sockets: ReadonlySet<string>): boolean {
  let names: string[];
  try {
    names = readdirSync(`/proc/${pid}/fd`);
  } catch {
    return false;
  }
  return names.some((name) => {
    try {
      const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${name}`))?.[1];
      return inode !== undefined && sockets.has(inode);
    } catch {
      return false;
    }
  });
}

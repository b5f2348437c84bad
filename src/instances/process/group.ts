import { readFileSync } from 'node:fs';

interface ProcessFacts {
  uid: number;
  /** Largest resident size so far, KiB. */
  peakKilobytes: number;
}

/** What the kernel says of a process, or undefined where there is no such process or no /proc. */
export function processFacts(pid: number): ProcessFacts | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/status`, 'latin1');
  } catch {
    return undefined;
  }
  return { uid: Number(/^Uid:\t(\d+)/m.exec(text)?.[1] ?? -1), peakKilobytes: Number(/^VmHWM:\s+(\d+)/m.exec(text)?.[1] ?? 0) };
}

/**
 * SIGKILL to a process and its group. The id comes from a process of the function's user, so a server that is root makes sure that
 * the process is of that user before it shoots.
 */
export function killGroup(pid: number, uid: number | undefined): void {
  if (!Number.isSafeInteger(pid) || pid <= 1) return;
  if (uid !== undefined && processFacts(pid)?.uid !== uid) return;
  for (const target of [-pid, pid]) {
    try {
      process.kill(target, 'SIGKILL');
    } catch {
      // It has ended already, or does not lead a group yet.
    }
  }
}

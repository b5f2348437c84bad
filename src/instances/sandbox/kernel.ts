import { closeSync, constants, existsSync, openSync, readdirSync, readFileSync, readlinkSync, rmdirSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** Files of the kernel (/proc, control groups): what is not there reads as empty, and a write that is refused says so. */

/** SIGKILL, unless it is the server itself or has ended. */
export function shoot(pid: number): void {
  if (pid <= 1 || pid === process.pid) return;
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended meanwhile.
  }
}

/** Removes an empty folder; whether it is gone. */
export function removed(folder: string): boolean {
  try {
    rmdirSync(folder);
    return true;
  } catch {
    return !existsSync(folder);
  }
}

/** Writes into a file that exists; whether the kernel took it. */
export function put(folder: string, file: string, value: string | number): boolean {
  try {
    // Never makes a file: in a folder that is no control group this must fail.
    const descriptor = openSync(join(folder, file), constants.O_WRONLY);
    try {
      writeSync(descriptor, String(value));
    } finally {
      closeSync(descriptor);
    }
    return true;
  } catch {
    return false;
  }
}

/** The text of a file, or ''. */
export function read(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return '';
  }
}

const closeOnExec = 0o2000000;

/**
 * The highest descriptor that this process was started with, beyond the three standard ones, and would hand on to every program that it starts; 2 when
 * there is none. What Node opens itself is never handed on.
 */
export function highestInherited(): number {
  const isInherited = (name: string) => {
    const flags = /^flags:\s+(\d+)/m.exec(read(`/proc/self/fdinfo/${name}`))?.[1];
    return flags !== undefined && (Number.parseInt(flags, 8) & closeOnExec) === 0;
  };
  return Math.max(2, ...list('/proc/self/fd').filter(isInherited).map(Number));
}

/** Names in a folder, or none. */
export function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** What a symbolic link names, or ''. */
export function link(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

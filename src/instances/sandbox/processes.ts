import { readFileSync } from 'node:fs';
import { randomHex } from '../../kit/index.ts';
import { list, read, shoot } from './kernel.ts';

/** Environment variable of every program behind the wall, by which those that left their group are found again. */
const markName = 'SLUICE_WALL';
const server = `${process.pid}-${startOf(process.pid)}`;
const alive = new Set<string>();
const rounds = 20;

/** What the processes of one started program carry in their environment. */
export interface Mark {
  readonly name: string;
  readonly value: string;
  /** The program has ended. */
  forget(): void;
}

/** A mark that no other program of this machine carries. */
export function openMark(): Mark {
  const value = `${server}-${randomHex(8)}`;
  alive.add(value);
  return { name: markName, value, forget: () => void alive.delete(value) };
}

/**
 * SIGKILL to what carries a mark, for machines without control groups. A process can change its own environment: therefore everything of the
 * function's user goes that cannot be told to belong to another program that is alive.
 * @param uid the function's own user; undefined: processes are known by the mark alone
 */
export function killMarked(value: string, uid: number | undefined): void {
  for (let round = 0; round < rounds; round++) {
    const found = list('/proc')
      .map(Number)
      .filter((pid) => Number.isSafeInteger(pid) && pid > 1 && belongs(pid, value, uid));
    if (found.length === 0) return;
    for (const pid of found) shoot(pid);
  }
}

function belongs(pid: number, value: string, uid: number | undefined): boolean {
  if (pid === process.pid) return false;
  const status = read(`/proc/${pid}/status`);
  if (status === '' || /^State:\tZ/m.test(status)) return false;
  const owner = Number(/^Uid:\t(\d+)/m.exec(status)?.[1] ?? -1);
  if (uid !== undefined && owner !== uid) return false;
  let environment: string;
  try {
    environment = readFileSync(`/proc/${pid}/environ`, 'latin1');
  } catch {
    return uid !== undefined;
  }
  const [, claimed] = /(?:^|\0)SLUICE_WALL=([^\0]*)/.exec(environment) ?? [];
  if (claimed === value) return true;
  return uid !== undefined && !isOther(claimed);
}

/** Whether a mark is that of a program that runs: one of this server's, or of another server on this machine. */
function isOther(claimed: string | undefined): boolean {
  if (claimed === undefined) return false;
  if (alive.has(claimed)) return true;
  const [pid = '', start = ''] = claimed.split('-');
  if (!/^\d+$/.test(pid) || Number(pid) === process.pid || startOf(Number(pid)) !== start) return false;
  return read(`/proc/${pid}/cmdline`).includes('sluice') && /^Uid:\t0\t/m.test(read(`/proc/${pid}/status`));
}

/** When a process began, in ticks since the machine did: with its id it names one process for ever. */
function startOf(pid: number): string {
  const text = read(`/proc/${pid}/stat`);
  return text.slice(text.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}

/**
 * The server's id for a process that calls itself `inner` inside the PID namespace of `root`, or for a child of `root` where there is no
 * namespace; undefined when there is none.
 */
export function outerPid(root: number, inner: number): number | undefined {
  const waiting = [root];
  for (let at = waiting.pop(), seen = 0; at !== undefined && seen < 10_000; at = waiting.pop(), seen++) {
    const children = read(`/proc/${at}/task/${at}/children`).split(' ').filter(Boolean).map(Number);
    // The newest first: that is the one that is asked for.
    for (const pid of children.toReversed()) {
      const ids = /^NSpid:\t(.*)$/m.exec(read(`/proc/${pid}/status`))?.[1]?.split('\t') ?? [];
      if (ids.length > 1 && Number(ids.at(-1)) === inner) return pid;
    }
    waiting.push(...children);
  }
  return undefined;
}

/** A process and its descendants. */
export function familyOf(root: number | undefined): number[] {
  const family = root === undefined ? [] : [root];
  for (let at = 0; at < family.length && family.length < 10_000; at++) {
    const pid = family[at] as number;
    family.push(...read(`/proc/${pid}/task/${pid}/children`).split(' ').filter(Boolean).map(Number));
  }
  return family;
}

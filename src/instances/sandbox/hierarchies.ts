import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { link, list, put, read, removed, shoot } from './kernel.ts';

export type Controller = 'memory' | 'pids' | 'cpu';

/** A mounted hierarchy, and the server's own group in it. */
export interface Hierarchy {
  version: 1 | 2;
  controllers: readonly Controller[];
  folder: string;
}

/** Controllers that the wall makes use of. */
export const wanted: readonly Controller[] = ['memory', 'pids', 'cpu'];

/**
 * The hierarchies of /proc/self/mountinfo with a controller that is wanted, and this process's own group in each.
 * @param mounts text of /proc/self/mountinfo
 * @param groups text of /proc/self/cgroup
 */
export function hierarchies(mounts: string, groups: string): Hierarchy[] {
  const own = new Map<string, string>();
  for (const line of groups.split('\n')) {
    const [, names = '', path = ''] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    for (const name of names.split(',')) if (path) own.set(name, path);
  }
  const found: Hierarchy[] = [];
  for (const line of mounts.split('\n')) {
    const [place = '', kind = ''] = line.split(' - ');
    const [, , , root = '/', point = ''] = place.split(' ');
    const [type, , options = ''] = kind.split(' ');
    if (type !== 'cgroup' && type !== 'cgroup2') continue;
    const words = options.split(',');
    const controllers = type === 'cgroup2' ? [] : wanted.filter((name) => words.includes(name));
    if (type === 'cgroup' && controllers.length === 0) continue;
    const path = own.get(type === 'cgroup2' ? '' : (controllers[0] as string)) ?? '/';
    const inside = path === root ? '' : path.startsWith(root === '/' ? '/' : `${root}/`) ? path.slice(root === '/' ? 0 : root.length) : '';
    found.push({ version: type === 'cgroup2' ? 2 : 1, controllers, folder: join(point, inside) });
  }
  return found;
}

/** `<folder>/sluice-<pid namespace>-<pid>`, made; undefined where that is not allowed. Groups of dead servers beside it are ended. */
export function openFolder(folder: string): string | undefined {
  const space = /\d+/.exec(link('/proc/self/ns/pid'))?.[0] ?? '0';
  const form = new RegExp(`^sluice-${space}-(\\d+)$`);
  for (const name of list(folder)) {
    const pid = form.exec(name)?.[1];
    if (pid !== undefined && pid !== String(process.pid) && !existsSync(`/proc/${pid}`)) clear(join(folder, name));
  }
  const own = join(folder, `sluice-${space}-${process.pid}`);
  try {
    mkdirSync(own, { recursive: true });
    return own;
  } catch {
    return undefined;
  }
}

/**
 * Version 2 gives controllers only to groups whose parent holds no process. Where the server is alone in its group (a service, a
 * container), it moves into a group below; a group that it shares with strangers is left alone.
 */
export function openUnified(folder: string): string | undefined {
  const isTop = !existsSync(join(folder, 'cgroup.events'));
  if (!isTop) {
    const members = read(join(folder, 'cgroup.procs')).split('\n').filter(Boolean).map(Number);
    if (members.some((pid) => pid !== process.pid)) return undefined;
    try {
      mkdirSync(join(folder, 'sluice-server'), { recursive: true });
    } catch {
      return undefined;
    }
    if (!put(join(folder, 'sluice-server'), 'cgroup.procs', process.pid)) return undefined;
    for (const name of wanted) put(folder, 'cgroup.subtree_control', `+${name}`);
  }
  return openFolder(folder);
}

/** Ends and removes the groups that a dead server left. */
function clear(folder: string): void {
  for (const name of list(folder)) {
    const below = join(folder, name);
    if (!existsSync(join(below, 'cgroup.procs'))) continue;
    for (const pid of read(join(below, 'cgroup.procs')).split('\n').filter(Boolean)) shoot(Number(pid));
    removed(below);
  }
  removed(folder);
}

import { existsSync, lstatSync, readdirSync, readlinkSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Launch } from './sandbox.ts';

/** Folders of the system, read-only inside. */
const systemFolders = ['/usr', '/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32'];
/** What programs need of /etc: names, certificates, time zones, the loader's cache, settings of language runtimes. Nothing of users. */
const settings = [
  'alternatives',
  'ca-certificates',
  'crypto-policies',
  'fonts',
  'gai.conf',
  'group',
  'host.conf',
  'hosts',
  'ld.so.cache',
  'ld.so.conf',
  'ld.so.conf.d',
  'localtime',
  'mime.types',
  'nsswitch.conf',
  'passwd',
  'pki',
  'protocols',
  'resolv.conf',
  'services',
  'ssl',
  'timezone',
];
const languageSettings = /^(java|python|jvm)/;
/** Shared memory of a sandbox, bytes; it counts as memory too. */
const sharedMemoryBytes = 64 * 1024 * 1024;

export interface View extends Pick<Launch, 'program' | 'cwd' | 'readable' | 'writable' | 'code' | 'layers' | 'tmp'> {
  uid: number | undefined;
  /** Without any network but an empty one of its own. */
  offline?: boolean | undefined;
  /** The server's own user; undefined when it is root, which needs no user namespace. */
  mappedTo: { uid: number; gid: number } | undefined;
  /** Size of a /tmp in memory, where none of the writable folders can be shown there. Bytes. */
  diskBytes: number;
}

/** The words that start what follows them behind bubblewrap. */
export function bubblewrap(program: string, view: View): string[] {
  const { mappedTo, writable, code, cwd } = view;
  const tmp = view.tmp ?? writable[0];
  const shown = readableOf(view);
  // Mount points below a /tmp that the function itself fills could be links of its making.
  const tmpIsFree = ![...shown, ...writable].some((path) => isBelow(path, '/tmp'));
  const words = [
    program,
    ...['--unshare-pid', '--unshare-ipc', '--unshare-uts', '--unshare-cgroup-try', '--die-with-parent', '--new-session'],
    ...(view.offline ? ['--unshare-net'] : []),
    ...(mappedTo ? ['--unshare-user', '--uid', String(mappedTo.uid), '--gid', String(mappedTo.gid)] : ['--cap-drop', 'ALL']),
    ...(view.uid === undefined ? [] : ['--cap-add', 'CAP_SETUID', '--cap-add', 'CAP_SETGID']),
    ...['--hostname', 'function', '--proc', '/proc', '--dev', '/dev'],
    ...['--size', String(sharedMemoryBytes), '--perms', '1777', '--tmpfs', '/dev/shm'],
    ...systemView(),
    ...(tmpIsFree && tmp !== undefined
      ? ['--bind', tmp, '/tmp']
      : ['--size', String(view.diskBytes), '--perms', '1777', '--tmpfs', '/tmp']),
  ];
  words.push(...foldersAbove([...shown, ...writable]));
  for (const path of shown) words.push('--ro-bind-try', path, path);
  for (const path of byDepth(writable)) words.push('--bind', path, path);
  if (code !== undefined) words.push('--ro-bind-try', code, '/code');
  words.push(...layerView(view.layers ?? [], shown));
  words.push('--remount-ro', '/dev', '--remount-ro', '/', '--chdir', cwd, '--');
  return words;
}

function systemView(): string[] {
  const words: string[] = [];
  for (const folder of systemFolders) {
    const info = lstatSync(folder, { throwIfNoEntry: false });
    if (info?.isSymbolicLink()) words.push('--symlink', readlinkSync(folder), folder);
    else if (info) words.push('--ro-bind', folder, folder);
  }
  // What bubblewrap makes by itself above a mount is closed to other users.
  words.push('--perms', '0755', '--dir', '/etc');
  const language = existsSync('/etc') ? readdirSync('/etc').filter((name) => languageSettings.test(name)) : [];
  for (const name of [...settings, ...language]) words.push('--ro-bind-try', `/etc/${name}`, `/etc/${name}`);
  return words;
}

/** What is to be seen beside the system, the outer folders first. */
function readableOf({ program, readable, code, layers }: View): string[] {
  const given = [...readable, ...(layers ?? []), ...(code === undefined ? [] : [code])];
  // A program of the function's own may be a link of its making.
  const own = given.some((path) => program === path || isBelow(program, path));
  const paths = new Set([...given, ...(own ? [] : homeOf(program))]);
  return byDepth([...paths].filter((path) => !systemFolders.some((folder) => path === folder || isBelow(path, folder))));
}

/** Where a program lives that is not one of the system's: `<prefix>` of `<prefix>/bin/<name>`, else the file alone. */
function homeOf(program: string): string[] {
  let real: string;
  try {
    real = realpathSync(program);
  } catch {
    return [];
  }
  return [program, real].map((path) => {
    const prefix = dirname(dirname(path));
    // Not so near the root that it could be somebody's home.
    const isPrefix = dirname(path).endsWith('/bin') && (prefix.split('/').length > 3 || isBelow(prefix, '/opt'));
    return isPrefix ? prefix : path;
  });
}

/** Layers as one /opt: what an earlier one has hides the same file of a later one; folders of the same name are joined. */
export function layerView(layers: readonly string[], shown: readonly string[]): string[] {
  if (layers.length === 0 || shown.some((path) => isBelow(path, '/opt'))) return [];
  return joined(layers, '/opt');
}

function joined(folders: readonly string[], to: string): string[] {
  const [only] = folders;
  if (folders.length === 1 && only !== undefined) return ['--ro-bind', only, to];
  const here = ['--perms', '0755', '--dir', to];
  const names = new Map<string, string[]>();
  const links: string[] = [];
  for (const folder of folders) {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      const before = names.get(entry.name);
      if (before) {
        if (entry.isDirectory() && before[0] !== undefined && lstatSync(before[0]).isDirectory()) before.push(path);
      } else if (entry.isSymbolicLink()) {
        // Bound, it would show what it names outside.
        names.set(entry.name, []);
        links.push('--symlink', readlinkSync(path), join(to, entry.name));
      } else names.set(entry.name, [path]);
    }
  }
  return [...here, ...links, ...[...names].flatMap(([name, paths]) => (paths.length === 0 ? [] : joined(paths, join(to, name))))];
}

/** What bubblewrap makes itself on the way to a mount point is closed to all but root. */
function foldersAbove(paths: readonly string[]): string[] {
  const above = new Set<string>();
  for (const path of paths) for (let at = dirname(path); at !== dirname(at); at = dirname(at)) above.add(at);
  return byDepth([...above]).flatMap((path) => (path === '/tmp' ? [] : ['--perms', '0755', '--dir', path]));
}

function byDepth(paths: readonly string[]): string[] {
  return [...paths].sort((a, b) => a.split('/').length - b.split('/').length);
}

function isBelow(path: string, folder: string): boolean {
  return path.startsWith(`${folder}/`);
}

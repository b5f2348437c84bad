import { ZipError } from './zip-error.ts';

const mostHops = 40;

/** The target of a link as its entry holds it. @throws ZipError unless it is a relative path */
export function linkTarget(path: string, bytes: Buffer): string {
  const target = bytes.toString('utf8');
  if (target === '' || target.startsWith('/') || /[\x00\\\ufffd]/.test(target)) {
    throw new ZipError('link', `The link "${path}" must name a relative path inside the archive.`);
  }
  return target;
}

/** Follows a link as the kernel would, through the archive's other links, and refuses it if it ever stands above the root. @throws ZipError */
export function refuseEscape(path: string, links: ReadonlyMap<string, string>): void {
  const todo = path.split('/');
  const at: string[] = [];
  let hops = 0;
  while (todo.length > 0) {
    const segment = todo.shift() as string;
    if (segment === '' || segment === '.') continue;
    if (segment === '..') {
      if (at.pop() === undefined) throw new ZipError('link', `The link "${path}" leads out of the archive.`);
      continue;
    }
    at.push(segment);
    const target = links.get(at.join('/'));
    if (target === undefined) continue;
    hops += 1;
    if (hops > mostHops) throw new ZipError('link', `The link "${path}" goes round in circles.`);
    at.pop();
    todo.unshift(...target.split('/'));
  }
}

import { BlockList, isIP } from 'node:net';

/** Whether `entry` has the form that an allow-list takes: `host:port` with a port of 1 to 65535. */
export function isAllowEntry(entry: string): boolean {
  const match = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+):(\d{1,5})$/i.exec(entry);
  if (!match || Number(match[2]) < 1 || Number(match[2]) > 65_535) return false;
  const host = match[1] as string;
  return !host.startsWith('[') || isIP(host.slice(1, -1)) === 6;
}

/**
 * Addresses that no name may lead to: this machine, link-local ones, the metadata services of clouds, and what is not one machine.
 * Private networks are fine, since an operator named the name.
 */
const forbidden = new BlockList();
for (const [net, prefix] of [
  ['0.0.0.0', 8],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['100.100.100.200', 32],
  ['168.63.129.16', 32],
  ['224.0.0.0', 3],
] as const) {
  forbidden.addSubnet(net, prefix, 'ipv4');
}
for (const [net, prefix] of [
  // Unspecified, loopback and the deprecated form that holds an IPv4 address; mapped addresses are looked at as IPv4.
  ['::', 96],
  // NAT64 leads to IPv4 addresses unseen.
  ['64:ff9b::', 96],
  ['64:ff9b:1::', 48],
  ['2002::', 16],
  ['fe80::', 10],
  ['fd00:ec2::254', 128],
  ['ff00::', 8],
] as const) {
  forbidden.addSubnet(net, prefix, 'ipv6');
}

/** Whether a name on the allow-list may not lead to this address. */
export function isForbidden(address: string): boolean {
  if (isIP(address) === 4) return forbidden.check(address, 'ipv4');
  // A zone belongs to link-local addresses alone.
  if (isIP(address) !== 6 || address.includes('%')) return true;
  const mapped = /^\[::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})\]$/.exec(new URL(`http://[${address}]/`).hostname);
  if (!mapped) return forbidden.check(address, 'ipv6');
  const [high, low] = [Number.parseInt(mapped[1] as string, 16), Number.parseInt(mapped[2] as string, 16)];
  return forbidden.check([high >> 8, high & 255, low >> 8, low & 255].join('.'), 'ipv4');
}

/** A host as the allow-list holds it: lower case, without the dot of a full name. */
export function plainHost(host: string): string {
  return host.toLowerCase().replace(/\.$/, '');
}

/** An entry of an allow-list in the one form that URLs have. */
export function canonicalEntry(entry: string): string {
  const at = entry.lastIndexOf(':');
  let host = plainHost(entry.slice(0, at));
  try {
    // Addresses get the one form that URLs have.
    host = plainHost(new URL(`http://${host}/`).hostname);
  } catch {
    // No URL can name it: it matches nothing.
  }
  return `${host}:${Number(entry.slice(at + 1))}`;
}

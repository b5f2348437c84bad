import { isIP } from 'node:net';

/** What a Host header says about the bucket; `ownDomain` when it is one of the domains that the server was given, or below one. */
export type Placement = { ownDomain?: true } & (
  | /** The server itself: the bucket is the first segment of the path. */
  { kind: 'path' }
  /** `<name>.<OSS endpoint>`: the path is the key. */
  | { kind: 'virtual'; name: string }
  /** `<label>.<endpoint of access points>`: the label is not the alias but `<name>-<account id>`. */
  | { kind: 'endpoint'; label: string; point: 'access-point' | 'object-fc' }
  /** A name that nobody told us: path style, a bucket in front of an unknown domain, or a CNAME of some bucket. */
  | { kind: 'unknown'; label: string | undefined }
);

const inPath: Placement = { kind: 'path' };
const pointHost = /^([^.]+)\.oss-[a-z0-9-]+\.oss-(object-process|accesspoint)\.aliyuncs\.com$/;
const vendorHost = /^(?:(.*)\.)?oss-[a-z0-9-]+\.aliyuncs\.com$/;
/** ali-oss writes `undefined.` before the endpoint of an IP when it has no bucket, and an empty label when the bucket is ''. */
const noBucket = new Set(['', 'undefined']);
const remembered = 1_000;

/** Drops port, brackets and a final dot. */
function hostName(host: string): string {
  if (host.startsWith('[')) return host.slice(1, host.indexOf(']') < 0 ? undefined : host.indexOf(']'));
  const colon = host.indexOf(':');
  const name = colon < 0 ? host : host.slice(0, colon);
  return name.endsWith('.') ? name.slice(0, -1) : name;
}

/**
 * Reads a Host header (lower case, port allowed).
 * @param domains names of this server: they stand for path style, and names below them for a bucket
 */
export function placeHost(host: string, domains: readonly string[]): Placement {
  const name = hostName(host);
  if (name === '' || isIP(name) !== 0) return inPath;
  const point = pointHost.exec(name);
  if (point) return { kind: 'endpoint', label: point[1] as string, point: point[2] === 'accesspoint' ? 'access-point' : 'object-fc' };
  const vendor = vendorHost.exec(name);
  if (vendor) return virtual(vendor[1] ?? '');
  for (const domain of domains) {
    const own = domain === 'localhost' ? undefined : ({ ownDomain: true } as const);
    if (name === domain) return { ...inPath, ...own };
    if (name.endsWith(`.${domain}`)) return { ...virtual(name.slice(0, -domain.length - 1)), ...own };
  }
  const dot = name.indexOf('.');
  return { kind: 'unknown', label: dot < 0 ? undefined : name.slice(0, dot) };
}

function virtual(name: string): Placement {
  return noBucket.has(name) ? inPath : { kind: 'virtual', name };
}

/** placeHost with its last answers remembered: few hosts, many requests. */
export function hostReader(domains: readonly string[]): (host: string) => Placement {
  const own = ['localhost', ...domains.map((domain) => domain.toLowerCase())];
  const known = new Map<string, Placement>();
  return (host) => {
    let placement = known.get(host);
    if (!placement) {
      placement = placeHost(host, own);
      if (known.size >= remembered) known.clear();
      known.set(host, placement);
    }
    return placement;
  };
}

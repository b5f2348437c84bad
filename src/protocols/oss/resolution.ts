import type { Resolved } from '../../accesspoints/index.ts';
import { Fault } from '../../faults/index.ts';
import type { Placement } from './host.ts';

/** A reading of a request: the bucket and key that its signature would name. */
export interface Candidate {
  /** Bucket name or alias; absent for the service itself. */
  readonly bucket?: string;
  readonly key?: string;
  /** What the name stands for, where the host has told already. */
  readonly resolved?: Resolved;
}

/** What resolution asks of the rooms. */
export interface Directory {
  /** True for the name of a bucket and for an alias. */
  known(name: string): boolean;
  endpoint(label: string, point: 'access-point' | 'object-fc'): Resolved | undefined;
  /** Names to try for a client that names its bucket by a host of its own; bounded. */
  names(): readonly string[];
  /** The bucket of packages on their way, for a first segment that is an account id and no bucket. */
  uploads?(first: string): string | undefined;
}

/**
 * Decodes a part of a path once; nothing is normalised, so `..` and `//` stay as they are.
 * @throws Fault InvalidURI
 */
export function decodePart(raw: string): string {
  if (/^[\x21-\x24\x26-\x7e]*$/.test(raw)) return raw;
  try {
    // Bytes above 0x7f that a client left unencoded arrive as latin1.
    return decodeURIComponent(raw.replace(/[^\x00-\x7f]/g, (c) => `%${c.charCodeAt(0).toString(16)}`));
  } catch (cause) {
    throw new Fault('InvalidURI', 'The path is not percent-encoded UTF-8.', { cause });
  }
}

/** Splits `/bucket/key` at the first unencoded slash after the bucket. */
function fromPath(path: string): Candidate {
  const start = path.startsWith('/') ? 1 : 0;
  if (path.length === start) return {};
  const slash = path.indexOf('/', start);
  if (slash < 0) return { bucket: decodePart(path.slice(start)) };
  return named(decodePart(path.slice(start, slash)), path.slice(slash + 1));
}

function named(bucket: string, rawKey: string): Candidate {
  return rawKey === '' ? { bucket } : { bucket, key: decodePart(rawKey) };
}

function wholePath(path: string): string {
  return path.startsWith('/') ? path.slice(1) : path;
}

/**
 * All readings of host and path; the one whose signature verifies is the request. Most hosts leave exactly one.
 * @param path as sent, percent-encoded
 * @throws Fault InvalidURI
 */
export function candidatesOf(placement: Placement, path: string, directory: Directory): Candidate[] {
  if (placement.kind === 'path') return pathCandidates(path, directory);
  const rest = wholePath(path);
  if (placement.kind === 'virtual') return virtualCandidates(placement.name, path, rest);
  if (placement.kind === 'endpoint') {
    const resolved = directory.endpoint(placement.label, placement.point);
    // Which name a client signs there depends on how it was told the endpoint.
    const names = resolved ? [...namesOf(resolved), placement.label] : [placement.label];
    return names.map((name) => ({ ...named(name, rest), resolved }));
  }
  const candidates = [fromPath(path)];
  if (placement.label !== undefined) candidates.push(named(placement.label, rest));
  const first = candidates[0]?.bucket;
  if (first === undefined || !directory.known(first)) {
    for (const name of directory.names()) candidates.push(named(name, rest));
  }
  return candidates;
}

/** ali-oss drops the bucket from the URL of an IP endpoint but signs it: a deploy tool that puts a package sends `/<account id>/<name>`. */
function pathCandidates(path: string, directory: Directory): Candidate[] {
  const plain = fromPath(path);
  const uploads = plain.key === undefined ? undefined : directory.uploads?.(plain.bucket as string);
  return uploads === undefined ? [plain] : [plain, named(uploads, wholePath(path))];
}

function virtualCandidates(name: string, path: string, rest: string): Candidate[] {
  const candidates = [named(name, rest)];
  // ali-oss with an IP endpoint and sldEnable names the bucket in the host and in the path.
  if (rest === name || rest.startsWith(`${name}/`)) candidates.push(fromPath(path));
  return candidates;
}

/** The names under which a client may sign a request to the endpoint of an access point. */
function namesOf(resolved: Resolved): string[] {
  if (resolved.kind === 'bucket') return [resolved.bucket.name];
  const point = resolved.kind === 'object-fc' ? resolved.objectFc : resolved.accessPoint;
  return [point.alias, point.name, point.bucket];
}

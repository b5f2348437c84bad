import { createHash } from 'node:crypto';
import { Crc64 } from '../kit/index.ts';
import { inferType } from './content-type.ts';
import type { ForwardedHead, HeaderNote } from './forwarded.ts';

/** What is known of the body when its head must leave. */
export interface Opening {
  status: number;
  /** Of the object; its ending may tell the type. */
  key: string;
  /** The first bytes; undefined when there are none, or none came for a head alone. */
  first: Buffer | undefined;
  /** `first` is the whole body. */
  whole: boolean;
  /** Base64 MD5 that the body is held to: if it is false, the client never gets the end. */
  contentMd5?: string | undefined;
}

/** Bodies up to this size are waited for when a claim about them must be proved, bytes: a few packets, whose cuts should change nothing. */
export const provableBytes = 64 * 1024;

/** Whether a claim can be proved by the whole body alone. */
export function needsWhole({ claims }: ForwardedHead): boolean {
  return claims.crc64 !== undefined || claims.md5 !== undefined || (claims.etag !== undefined && hashOf(claims.etag) !== undefined);
}

/**
 * The headers that hold for this body. A claim that is false is corrected where the truth is known and left out otherwise, with a note; so is one that cannot
 * be proved before the head leaves.
 */
export function provenHeaders(head: ForwardedHead, opening: Opening): { headers: [string, string][]; notes: HeaderNote[] } {
  const headers = [...head.headers];
  const notes = [...head.notes];
  const { claims } = head;
  const note = (header: string, sent: string, reason: string, instead?: string) => {
    notes.push({ header, sent, reason, isFalse: true, ...(instead === undefined ? {} : { instead }) });
    if (instead !== undefined) headers.push([header === 'etag' ? 'ETag' : header, instead]);
  };
  if (claims.etag !== undefined) proveEtag(claims.etag, opening, headers, note);
  if (claims.encoding !== undefined) proveEncoding(claims.encoding, opening, headers, note);
  proveDigests(claims, opening, headers, note);
  const { status, key, first } = opening;
  if (status !== 304 && !headers.some(([name]) => name === 'Content-Type')) {
    headers.push(['Content-Type', inferType(status < 300 ? key : '', first)]);
  }
  return { headers, notes };
}

type Note = (header: string, sent: string, reason: string, instead?: string) => void;
type Headers = [string, string][];

/** Digests by the number of their hexadecimal digits. */
const digests: Readonly<Record<number, string>> = { 32: 'md5', 40: 'sha1', 64: 'sha256', 128: 'sha512' };

/** The digits of an entity tag that claims to be a hash of the bytes, as the store's own are; undefined for a name of the function's own. */
function hashOf(etag: string): string | undefined {
  const digits = /^"?([0-9A-Fa-f]{32,128})(?:-\d{1,5})?"?$/.exec(etag.trim())?.[1];
  return digits !== undefined && digests[digits.length] !== undefined ? digits : undefined;
}

/** A strong entity tag that claims to be a hash is true of these bytes, or it is no strong one. A part has the tag of the whole, which is not here to be asked. */
function proveEtag(sent: string, { status, first, whole, contentMd5 }: Opening, headers: Headers, note: Note): void {
  const claimed = hashOf(sent);
  if (claimed === undefined || status !== 200) {
    headers.push(['ETag', sent]);
    return;
  }
  const parts = sent.includes('-');
  const digest = digests[claimed.length] as string;
  const known = digest === 'md5' && contentMd5 !== undefined ? Buffer.from(contentMd5, 'base64').toString('hex') : undefined;
  const truth = known ?? (whole && first ? createHash(digest).update(first).digest('hex') : undefined);
  if (!parts && truth === claimed.toLowerCase()) headers.push(['ETag', sent]);
  else if (truth !== undefined) {
    note('etag', sent, `it is not the ${digest.toUpperCase()} of the bytes`, `"${truth.toUpperCase()}"`);
  } else {
    const reason = first ? 'that it is the hash of the bytes cannot be known before they are sent' : 'no bytes came whose hash it could be';
    note('etag', sent, reason, `W/"${sent.trim().replace(/^"|"$/g, '')}"`);
  }
}

/** What coded bytes begin with. Others have no mark. */
const marks: Readonly<Record<string, Buffer>> = {
  gzip: Buffer.from([0x1f, 0x8b]),
  'x-gzip': Buffer.from([0x1f, 0x8b]),
  zstd: Buffer.from([0x28, 0xb5, 0x2f, 0xfd]),
};

/** Content-Encoding lists what was done in order, so the last one shows. A part may begin anywhere. */
function proveEncoding(sent: string, { status, first }: Opening, headers: Headers, note: Note): void {
  const last = sent
    .slice(sent.lastIndexOf(',') + 1)
    .trim()
    .toLowerCase();
  const mark = marks[last];
  const start = first?.subarray(0, mark?.length);
  if (last === 'aws-chunked') note('content-encoding', sent, 'it belongs to the upload of the original');
  else if (mark && start && status === 200 && !start.equals(mark.subarray(0, start.length))) {
    note('content-encoding', sent, `the bytes do not begin as ${last} does`);
  } else headers.push(['Content-Encoding', sent]);
}

function proveDigests({ crc64, md5 }: ForwardedHead['claims'], { first, whole, contentMd5 }: Opening, headers: Headers, note: Note): void {
  const unknown = 'it cannot be proved before the bytes are sent';
  if (crc64 !== undefined) {
    const truth = whole && first ? Crc64.of(first).toString() : undefined;
    if (truth === crc64) headers.push(['x-oss-hash-crc64ecma', crc64]);
    else note('x-oss-hash-crc64ecma', crc64, truth === undefined ? unknown : 'it is not the CRC-64 of the bytes');
  }
  if (md5 !== undefined) {
    const truth = contentMd5 ?? (whole && first ? createHash('md5').update(first).digest('base64') : undefined);
    if (truth === md5) headers.push(['Content-MD5', md5]);
    else note('content-md5', md5, truth === undefined ? unknown : 'it is not the MD5 of the bytes');
  }
}

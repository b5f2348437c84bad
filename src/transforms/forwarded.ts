import { createHash } from 'node:crypto';
import { Fault } from '../faults/index.ts';
import { Crc64 } from '../kit/index.ts';

/** Statuses that a function may forward (Alibaba OSS API reference, "WriteGetObjectResponse"). */
const statuses = new Set([200, 206, 301, 302, 303, 304, 400, 401, 403, 404, 405, 409, 411, 412, 416, 500, 503]);

/** Documented forwardable headers, and those that plain objects and redirects carry too. */
const allowed = new Map(
  [
    'Accept-Ranges',
    'Cache-Control',
    'Content-Disposition',
    'Content-Encoding',
    'Content-Language',
    'Content-Range',
    'Content-Type',
    'ETag',
    'Expires',
    'Last-Modified',
    'Location',
    'Vary',
  ].map((name) => [name.toLowerCase(), name]),
);

/** Reads x-oss-fwd-status, or what stands for it. @throws Fault MissingArgument, InvalidArgument */
export function readStatus(value: string | undefined, what = 'x-oss-fwd-status'): number {
  if (value === undefined || value === '') throw new Fault('MissingArgument', 'The header x-oss-fwd-status is required.');
  const status = /^\d{3}$/.test(value) ? Number(value) : 0;
  if (!statuses.has(status)) {
    throw new Fault('InvalidArgument', `${what} must be one of ${[...statuses].join(', ')}.`, {
      extra: { ArgumentName: 'x-oss-fwd-status' },
    });
  }
  return status;
}

/** What the client will see of the forwarded headers, and the claims about the bytes that must first be proved. */
export interface ForwardedHead {
  headers: [string, string][];
  checksums: { crc64?: string; md5?: string };
  dropped: string[];
}

/**
 * Sorts forwarded headers (prefix already removed): documented ones and x-oss-meta-* pass, checksums are kept apart until proved, all others,
 * hop-by-hop and framing headers among them, are dropped.
 */
export function readForwarded(forwarded: readonly (readonly [string, string])[]): ForwardedHead {
  const head: ForwardedHead = { headers: [], checksums: {}, dropped: [] };
  for (const [name, value] of forwarded) {
    const lower = name.toLowerCase();
    const known = allowed.get(lower);
    if (/[\r\n\0]/.test(value)) head.dropped.push(lower);
    else if (known) head.headers.push([known, value]);
    else if (/^x-oss-meta-[\x21-\x39\x3b-\x7e]+$/.test(lower)) head.headers.push([lower, value]);
    else if (lower === 'x-oss-hash-crc64ecma') head.checksums.crc64 = value;
    else if (lower === 'content-md5') head.checksums.md5 = value;
    else head.dropped.push(lower);
  }
  if (!head.headers.some(([name]) => name === 'Content-Type')) head.headers.push(['Content-Type', 'application/octet-stream']);
  return head;
}

/** The checksum headers that hold for `whole`, the entire body; a false one is left out rather than sent. */
export function provenChecksums(checksums: ForwardedHead['checksums'], whole: Buffer): [string, string][] {
  const proven: [string, string][] = [];
  if (checksums.crc64 !== undefined && checksums.crc64 === Crc64.of(whole).toString())
    proven.push(['x-oss-hash-crc64ecma', checksums.crc64]);
  if (checksums.md5 !== undefined && checksums.md5 === createHash('md5').update(whole).digest('base64'))
    proven.push(['Content-MD5', checksums.md5]);
  return proven;
}

/** The error that stands for a forwarded error status without a body, so that SDKs find the XML that they expect. */
export function faultForStatus(status: number): Fault {
  const message = `The function answered ${status} without a body.`;
  if (status === 404) return new Fault('NoSuchKey', message);
  if (status === 412) return new Fault('PreconditionFailed', message);
  if (status === 416) return new Fault('InvalidRange', message);
  if (status === 401 || status === 403) return new Fault('AccessDenied', message, { status });
  if (status === 405) return new Fault('MethodNotAllowed', message);
  if (status === 411) return new Fault('MissingContentLength', message);
  if (status === 503) return new Fault('ServiceUnavailable', message);
  if (status === 500) return new Fault('FunctionInvocationError', message);
  return new Fault('InvalidRequest', message, { status });
}

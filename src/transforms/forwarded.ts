import { Fault } from '../faults/index.ts';
import { httpDate, now } from '../kit/index.ts';

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

/** A forwarded header that the client does not get as the function sent it. */
export interface HeaderNote {
  /** Its name without the prefix, in lower case. */
  readonly header: string;
  readonly sent: string;
  /** What the client gets instead; left out where it gets nothing. */
  readonly instead?: string;
  /** One short sentence. */
  readonly reason: string;
  /** It claims what does not hold, rather than being one that is never passed on. */
  readonly isFalse: boolean;
}

/** What the client will see of the forwarded headers, and the claims about the bytes that must first be proved. */
export interface ForwardedHead {
  headers: [string, string][];
  claims: { crc64?: string; md5?: string; etag?: string; encoding?: string };
  /** Forwarded Content-Length: counts only for a head alone, whose bytes need not come. */
  contentLength?: number;
  notes: HeaderNote[];
}

/**
 * Sorts forwarded headers (prefix already removed): documented ones and x-oss-meta-* pass, dates are mended, claims about the bytes are kept apart
 * until proved, all others, hop-by-hop and framing headers among them, are dropped.
 */
export function readForwarded(forwarded: readonly (readonly [string, string])[]): ForwardedHead {
  const head: ForwardedHead = { headers: [], claims: {}, notes: [] };
  for (const [name, value] of forwarded) readOne(head, name.toLowerCase(), value);
  return head;
}

function readOne(head: ForwardedHead, header: string, sent: string): void {
  const drop = (reason: string, isFalse = false) => void head.notes.push({ header, sent, reason, isFalse });
  const known = allowed.get(header);
  if (/[\r\n\0]/.test(sent)) drop('its value holds a line break or NUL');
  else if (header === 'etag') head.claims.etag = sent;
  else if (header === 'content-encoding') head.claims.encoding = sent;
  else if (header === 'last-modified' || header === 'expires') readDate(head, header, known as string, sent);
  else if (known) head.headers.push([known, sent]);
  else if (/^x-oss-meta-[\x21-\x39\x3b-\x7e]+$/.test(header)) head.headers.push([header, sent]);
  else if (header === 'x-oss-hash-crc64ecma') head.claims.crc64 = sent;
  else if (header === 'content-md5') head.claims.md5 = sent;
  else if (header === 'content-length' && /^\d{1,15}$/.test(sent)) head.contentLength = Number(sent);
  else drop('it is no header that a function may forward');
}

/** What SDKs read: two-digit day, English names, GMT (RFC 9110 section 5.6.7). */
const fixdate = /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{2} (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} \d{2}:\d{2}:\d{2} GMT$/;

/** Epoch milliseconds of a date in any usual form; one without a zone is meant in GMT. NaN for what is none. */
function timeOf(sent: string): number {
  if (!/[A-Za-z]{3}|\d-\d/.test(sent)) return Number.NaN;
  const zoned = /(?:GMT|UTC|Z|[+-]\d{2}:?\d{2})$/i.test(sent);
  return Date.parse(zoned ? sent : `${sent}${/\dT\d/.test(sent) ? 'Z' : ' GMT'}`);
}

/** A date that SDKs cannot read is written as they can, and one that is none is left out; nothing was changed later than now (RFC 9110 section 8.8.2.1). */
function readDate(head: ForwardedHead, header: 'last-modified' | 'expires', name: string, sent: string): void {
  const time = timeOf(sent);
  const put = (instead: string, reason: string) => {
    head.headers.push([name, instead]);
    head.notes.push({ header, sent, instead, reason, isFalse: true });
  };
  if (header === 'last-modified' && Number.isNaN(time)) {
    head.notes.push({ header, sent, reason: 'it is no date; SDKs fail on it', isFalse: true });
  } else if (Number.isNaN(time)) {
    // An invalid date, above all 0, means that it has expired (RFC 9111 section 5.3); SDKs want a date.
    put(httpDate(0), 'it is no date, which means that it has expired');
  } else if (header === 'last-modified' && time > now()) {
    put(httpDate(now()), 'it lies in the future');
  } else if (fixdate.test(sent)) {
    head.headers.push([name, sent]);
  } else {
    put(httpDate(time), 'it is not in the form of HTTP dates, which SDKs ask for');
  }
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

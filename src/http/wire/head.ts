import type { IncomingHttpHeaders } from 'node:http';

/** Bytes that are no request that this server takes; the connection ends after the status line. */
export class BadRequest extends Error {
  override readonly name = 'BadRequest';
  readonly status: string;

  /** @param status code and reason phrase of the answer */
  constructor(status: string, message: string) {
    super(message);
    this.status = status;
  }
}

/** How the body of a request ends. */
export type Framing = { kind: 'none' } | { kind: 'length'; length: number } | { kind: 'chunked' };

/** The head of one request (RFC 9112 section 2 to 6). */
export interface RequestHead {
  readonly method: string;
  /** As sent: origin form, absolute form or `*`. */
  readonly target: string;
  /** 0 or 1 of HTTP/1.x. */
  readonly minor: number;
  /** Names and values in turn, as sent, without the spaces around values. */
  readonly rawHeaders: readonly string[];
  /** By lower-case name, joined as node:http joins them. */
  readonly headers: IncomingHttpHeaders;
  readonly framing: Framing;
  readonly keepAlive: boolean;
  readonly expectsContinue: boolean;
}

/** Most header lines of a request. */
export const headerLines = 500;

const lf = 0x0a;
const methods = new Set(['GET', 'PUT', 'POST', 'HEAD', 'DELETE', 'OPTIONS', 'PATCH']);
const requestLine = /^([A-Z]{1,16}) ([\x21-\x7e]+) HTTP\/(\d)\.(\d)$/;
/** One header line at a time: no space before the colon, no folding, no control characters. */
const headerLine = /[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*(?:\r\n|$)/y;
const targetForm = /^(?:\/|https?:\/\/[^/?#]|\*$)/i;
const lengthForm = /^\d{1,15}$/;

/** Of these only the first counts, as with node:http. */
const singletons = new Set([
  'age',
  'content-type',
  'etag',
  'expires',
  'from',
  'if-modified-since',
  'if-unmodified-since',
  'last-modified',
  'location',
  'max-forwards',
  'proxy-authorization',
  'referer',
  'retry-after',
  'server',
  'user-agent',
]);
/** Two of these in one request are two meanings for two readers. */
const once = new Set(['host', 'content-length', 'transfer-encoding', 'authorization', 'expect']);

function bad(message: string): BadRequest {
  return new BadRequest('400 Bad Request', message);
}

/** A part of a text, without the blanks at its ends. */
function trimmed(text: string, from: number, to: number): string {
  let start = from;
  let end = to;
  while (start < end && isBlank(text.charCodeAt(start))) start += 1;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end -= 1;
  return text.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

function add(headers: IncomingHttpHeaders, name: string, value: string): void {
  const before = headers[name];
  if (before === undefined) {
    headers[name] = name === 'set-cookie' ? [value] : value;
  } else if (once.has(name)) {
    throw bad(`Two ${name} headers.`);
  } else if (Array.isArray(before)) {
    before.push(value);
  } else if (!singletons.has(name)) {
    headers[name] = `${before}${name === 'cookie' ? '; ' : ', '}${value}`;
  }
}

function readHeaders(text: string, from: number): { raw: string[]; headers: IncomingHttpHeaders } {
  const raw: string[] = [];
  const headers = Object.create(null) as IncomingHttpHeaders;
  for (let at = from; at < text.length; ) {
    headerLine.lastIndex = at;
    if (!headerLine.test(text)) throw bad('A header line is malformed.');
    // What a match would bring along costs more than looking for the colon again; no name has one.
    const colon = text.indexOf(':', at);
    const name = text.slice(at, colon);
    at = headerLine.lastIndex;
    const value = trimmed(text, colon + 1, at === text.length && text.charCodeAt(at - 1) !== lf ? at : at - 2);
    if (raw.push(name, value) > headerLines * 2) {
      throw new BadRequest('431 Request Header Fields Too Large', `More than ${headerLines} header lines.`);
    }
    add(headers, name.toLowerCase(), value);
  }
  return { raw, headers };
}

/** RFC 9112 section 6.3, without its leniencies: one length or chunked, never both. */
function framingOf(headers: IncomingHttpHeaders, minor: number): Framing {
  const { 'content-length': length, 'transfer-encoding': coding } = headers;
  if (coding !== undefined) {
    if (length !== undefined) throw bad('Both Content-Length and Transfer-Encoding.');
    if (minor === 0) throw bad('Transfer-Encoding in HTTP/1.0.');
    if (coding.toLowerCase() !== 'chunked') throw new BadRequest('501 Not Implemented', 'A transfer coding other than chunked.');
    return { kind: 'chunked' };
  }
  if (length === undefined) return { kind: 'none' };
  if (!lengthForm.test(length)) throw bad('Content-Length is not a number.');
  return length === '0' ? { kind: 'none' } : { kind: 'length', length: Number(length) };
}

function keepsAlive(connection: string | undefined, minor: number): boolean {
  if (connection === undefined) return minor === 1;
  const lower = connection.toLowerCase();
  if (lower === 'keep-alive') return true;
  const options = lower.split(',').map((option) => option.trim());
  if (options.includes('close')) return false;
  return minor === 1 || options.includes('keep-alive');
}

/**
 * Reads a request head, which is stricter than RFC 9112 asks: CR LF only, no folded lines, no control characters, one Host, one length.
 * @param text request line and header lines as latin1, without the empty line at the end
 * @throws BadRequest
 */
export function parseHead(text: string): RequestHead {
  const end = text.indexOf('\r\n');
  const line = requestLine.exec(end < 0 ? text : text.slice(0, end));
  if (!line) throw bad('The request line is malformed.');
  const [, method = '', target = '', major, minorText] = line;
  const minor = Number(minorText);
  if (major !== '1' || minor > 1) throw new BadRequest('505 HTTP Version Not Supported', 'Not HTTP/1.0 or HTTP/1.1.');
  if (!methods.has(method)) throw new BadRequest('501 Not Implemented', 'The method is not known.');
  if (!targetForm.test(target) || (target === '*' && method !== 'OPTIONS')) throw bad('The request target is malformed.');
  const { raw, headers } = readHeaders(text, end < 0 ? text.length : end + 2);
  if (headers.host === undefined && minor === 1) throw bad('No Host header.');
  const expects = minor === 1 && headers.expect !== undefined;
  if (expects && headers.expect?.toLowerCase() !== '100-continue') {
    throw new BadRequest('417 Expectation Failed', 'An expectation other than 100-continue.');
  }
  return {
    method,
    target,
    minor,
    rawHeaders: raw,
    headers,
    framing: framingOf(headers, minor),
    keepAlive: keepsAlive(headers.connection, minor),
    expectsContinue: expects,
  };
}

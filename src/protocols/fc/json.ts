import { Fault } from '../../faults/index.ts';
import { randomToken } from '../../kit/index.ts';
import { readBody } from './body.ts';
import type { Call } from './call.ts';

const maxDepth = 32;
const maxCommas = 20_000;
/** Strings longer than this never become a JavaScript string: code in base64 may be larger than the heap. */
const longBytes = 256 * 1024;
const maxRestBytes = 4 * 1024 * 1024;

const quote = 0x22;
const backslash = 0x5c;

export interface ParsedJson {
  value: unknown;
  /** The bytes of the one long string (between its quotes, escapes as sent), and the text that stands for it in `value`. */
  long?: { mark: string; bytes: Buffer };
}

/**
 * Parses JSON of any size in bounded memory: nesting, elements and everything but one long string are limited before the parser sees it.
 * @throws Fault MalformedJSON, InvalidArgument beyond the limits
 */
export function parseJson(body: Buffer): ParsedJson {
  const long = scan(body);
  const rest = body.length - (long ? long.end - long.start : 0);
  if (rest > maxRestBytes) throw new Fault('InvalidArgument', 'The request body without code.zipFile may have at most 4 MB.');
  if (!long) return { value: parse(body) };
  const mark = randomToken();
  const value = parse(Buffer.concat([body.subarray(0, long.start), Buffer.from(mark), body.subarray(long.end)]));
  return { value, long: { mark, bytes: body.subarray(long.start, long.end) } };
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new Fault('MalformedJSON', undefined, { cause });
  }
}

/** Walks the structure, skipping strings. Finds the long one. */
function scan(body: Buffer): { start: number; end: number } | undefined {
  let long: { start: number; end: number } | undefined;
  let depth = 0;
  let commas = 0;
  let structure = 0;
  for (let i = 0; i < body.length; i++) {
    const byte = body[i];
    if (byte === quote) {
      const end = endOfString(body, i + 1);
      if (end - i > longBytes) {
        if (long) throw new Fault('InvalidArgument', 'Only code.zipFile may be longer than 256 KB.');
        long = { start: i + 1, end };
      }
      i = end;
      continue;
    }
    if (++structure > maxRestBytes) throw new Fault('InvalidArgument', 'The request body without code.zipFile may have at most 4 MB.');
    if (byte === 0x7b || byte === 0x5b) {
      if (++depth > maxDepth) throw new Fault('InvalidArgument', `The JSON is nested deeper than ${maxDepth} levels.`);
    } else if (byte === 0x7d || byte === 0x5d) {
      depth -= 1;
    } else if (byte === 0x2c && ++commas > maxCommas) {
      throw new Fault('InvalidArgument', `The JSON has more than ${maxCommas} elements.`);
    }
  }
  return long;
}

/** Index of the closing quote of a string that starts at `from`. */
function endOfString(body: Buffer, from: number): number {
  for (let at = body.indexOf(quote, from); at >= 0; at = body.indexOf(quote, at + 1)) {
    let slashes = 0;
    while (at - slashes > from && body[at - slashes - 1] === backslash) slashes += 1;
    if (slashes % 2 === 0) return at;
  }
  throw new Fault('MalformedJSON');
}

/** The whole body as JSON; an empty one is an empty object. @throws Fault MalformedJSON, InvalidArgument, and as readBody */
export async function readJson(call: Call): Promise<unknown> {
  const body = await readBody(call);
  if (body.length === 0) return {};
  const { value, long } = parseJson(body);
  if (long) throw new Fault('InvalidArgument', 'Only code.zipFile may be longer than 256 KB.');
  return value;
}

import type { Answer, Bytes, Pairs } from './invocation-recording.ts';

/** One thing that is not as it was. */
export interface Difference {
  readonly what: 'status' | 'error' | 'header' | 'bytes';
  /** Of a header. */
  readonly name?: string;
  readonly recorded: string;
  readonly now: string;
}

const absent = '(none)';
const previewLetters = 200;
/** What the connection or the moment makes, not the function. */
const passing = new Set([
  'content-length',
  'date',
  'connection',
  'keep-alive',
  'transfer-encoding',
  'x-oss-request-id',
  'x-oss-server-time',
]);

function valuesOf(headers: Pairs): Map<string, string> {
  const values = new Map<string, string>();
  for (const [name, value] of headers) {
    const lower = name.toLowerCase();
    if (passing.has(lower)) continue;
    const earlier = values.get(lower);
    values.set(lower, earlier === undefined ? value : `${earlier}, ${value}`);
  }
  return values;
}

function headerDifferences(before: Pairs, after: Pairs): Difference[] {
  const [recorded, now] = [valuesOf(before), valuesOf(after)];
  const names = [...new Set([...recorded.keys(), ...now.keys()])].sort();
  return names.flatMap((name) => {
    const [was, is] = [recorded.get(name) ?? absent, now.get(name) ?? absent];
    return was === is ? [] : [{ what: 'header' as const, name, recorded: was, now: is }];
  });
}

function bytesDifference(before: Bytes | undefined, after: Bytes | undefined, contents: { before?: Buffer; after?: Buffer }): Difference[] {
  if (!before && !after) return [];
  const isSame =
    before &&
    after &&
    before.length === after.length &&
    (before.sha256 === undefined || after.sha256 === undefined || before.sha256 === after.sha256);
  if (isSame) return [];
  const told = (bytes: Bytes | undefined) =>
    bytes ? `${bytes.length} bytes${bytes.sha256 ? `, SHA-256 ${bytes.sha256.slice(0, 16)}…` : ''}` : absent;
  const [a, b] = [contents.before, contents.after];
  if (!a || !b) return [{ what: 'bytes', recorded: told(before), now: told(after) }];
  const at = firstDifference(a, b);
  const from = `, from byte ${at}: `;
  return [{ what: 'bytes', recorded: `${told(before)}${from}${preview(a, at)}`, now: `${told(after)}${from}${preview(b, at)}` }];
}

function firstDifference(a: Buffer, b: Buffer): number {
  const most = Math.min(a.length, b.length);
  let at = 0;
  while (at < most && a[at] === b[at]) at += 1;
  return at;
}

function preview(bytes: Buffer, at: number): string {
  const rest = bytes.subarray(at, at + previewLetters);
  const text = rest.toString('utf8');
  return text.includes('�') ? rest.subarray(0, 32).toString('hex') : JSON.stringify(text);
}

/** What differs between two answers; headers that the connection or the moment makes do not count. */
export function differences(recorded: Answer, now: Answer, contents: { before?: Buffer; after?: Buffer } = {}): Difference[] {
  const found: Difference[] = [];
  if (recorded.status !== now.status) found.push({ what: 'status', recorded: String(recorded.status), now: String(now.status) });
  if (recorded.code !== now.code) found.push({ what: 'error', recorded: recorded.code ?? absent, now: now.code ?? absent });
  return [...found, ...headerDifferences(recorded.headers, now.headers), ...bytesDifference(recorded.body, now.body, contents)];
}

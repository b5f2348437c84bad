import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { CliFailure } from './failure.ts';
import type { ToldDetail } from './invocation.ts';

const format = 'sluice-invocation/1';

export type Pairs = readonly (readonly [name: string, value: string])[];

/** Some bytes, as far as they are known. */
export interface Bytes {
  readonly length: number;
  readonly sha256?: string | undefined;
  readonly base64?: string | undefined;
  /** Name of the file beside the recording that holds them. */
  readonly file?: string | undefined;
}

/** What a client was sent. */
export interface Answer {
  readonly status: number;
  /** Code of the error that it was sent instead of a function's answer. */
  readonly code?: string | undefined;
  readonly headers: Pairs;
  /** Left out where nothing is known of the body. */
  readonly body?: Bytes | undefined;
}

/** One request with everything that its replay needs. */
export interface Recording {
  readonly format: typeof format;
  readonly id: string;
  readonly at: string;
  readonly region: string;
  readonly accountId: string;
  readonly accessPoint: string;
  readonly supporting: string;
  readonly bucket: string;
  readonly key: string;
  readonly request: { readonly method: string; readonly query: string; readonly headers: Pairs };
  readonly function: {
    readonly name: string;
    readonly runtime: string;
    readonly handler: string;
    readonly timeoutMs: number;
    readonly memoryMb: number;
  };
  /** As the function got it, without token and signature. */
  readonly event?: unknown;
  /** The object; left out when there is none. */
  readonly source?: { readonly headers: Readonly<Record<string, string>>; readonly etag: string; readonly body: Bytes } | undefined;
  readonly answer: Answer;
  /** Where the code of the function is, seen from the file; of a test. */
  readonly code?: string | undefined;
}

/** Digest and text of some bytes. */
export function bytesOf(body: Buffer, withText = true): Bytes {
  const sha256 = createHash('sha256').update(body).digest('hex');
  return { length: body.length, sha256, ...(withText ? { base64: body.toString('base64') } : {}) };
}

/** Headers of one connection, and those that sign or date a request. */
const unrepeated = new Set(
  [
    'host',
    'connection',
    'keep-alive',
    'proxy-connection',
    'transfer-encoding',
    'te',
    'trailer',
    'upgrade',
    'content-length',
    'expect',
    'date',
  ].concat(['x-oss-date', 'x-oss-content-sha256', 'x-oss-signature-version', 'authorization', 'traceparent']),
);

/** What a record says of the answer: the head that the client was sent, and its body where bodies are kept. */
export function answerOf(detail: ToldDetail): Answer {
  const sent = detail.attempts.findLast(({ forwarded }) => forwarded !== undefined);
  if (!sent?.forwarded) return { status: detail.status, code: detail.code, headers: [] };
  const { body } = detail;
  const known = body ? { length: body.bytes, sha256: body.sha256, base64: body.base64 } : { length: sent.bytes };
  return {
    status: sent.forwarded.status,
    headers: sent.forwarded.headers,
    body: known,
    ...(detail.outcome === 'answered' ? {} : { code: detail.outcome }),
  };
}

/** @throws CliFailure for a request that never came to a function */
export function recordingOf(detail: ToldDetail, more: Pick<Recording, 'source' | 'answer' | 'region'>): Recording {
  const { called, request } = detail;
  if (!called) throw new CliFailure(1, `Request ${detail.id} came to no function; there is nothing to replay.`);
  const mark = request.url.indexOf('?');
  return {
    ...{ format, id: detail.id, at: detail.at, ...more, accountId: called.arn.split(':')[3] ?? '' },
    ...{ accessPoint: detail.accessPoint, supporting: detail.supporting.name, bucket: detail.bucket, key: detail.key },
    request: {
      method: request.method,
      query: mark < 0 ? '' : request.url.slice(mark + 1),
      headers: request.headers.filter(([name]) => !unrepeated.has(name.toLowerCase())),
    },
    function: {
      name: called.name,
      runtime: called.runtime,
      handler: called.handler,
      timeoutMs: called.timeoutMs,
      memoryMb: called.memoryMb,
    },
    event: detail.event,
  };
}

/** @throws CliFailure for a file that is no recording */
export async function readRecording(file: string): Promise<Recording> {
  let given: Partial<Recording>;
  try {
    given = JSON.parse(await readFile(file, 'utf8')) as Partial<Recording>;
  } catch (error) {
    throw new CliFailure(2, `${file} cannot be read as a recording: ${error instanceof Error ? error.message : error}`);
  }
  const isWhole = given.function && given.request && given.answer && typeof given.bucket === 'string' && typeof given.key === 'string';
  if (given.format === format && isWhole) return given as Recording;
  throw new CliFailure(2, `${file} is no recording of this version (${format}).`, { next: 'sluice invocation record makes one.' });
}

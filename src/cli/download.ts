import { Crc64, sleep } from '../kit/index.ts';
import { CliFailure } from './failure.ts';
import type { Place } from './place.ts';
import type { Store } from './store.ts';
import { LostConnection, type Reply } from './transport.ts';

/** Where the bytes go. */
export interface Sink {
  /** Bytes that it has. */
  readonly size: number;
  /** Told before the first byte, and again after a restart. @param etag what the bytes are of; undefined when nobody could go on with them later */
  begin(etag: string | undefined): Promise<void>;
  write(chunk: Buffer): Promise<void>;
  /** Forgets what it has. @throws CliFailure when that cannot be */
  restart(): Promise<void>;
}

/** What is told of a transfer while it runs. */
export interface Watch {
  total: number | undefined;
  add(bytes: number): void;
  skip(bytes: number): void;
}

/** What is wanted of which object. */
export interface Wanted extends Place {
  /** Further query parameters, for a function. */
  readonly query?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** What a sink has of an earlier attempt. */
export interface Begun {
  readonly etag: string;
  /** Of its bytes. */
  readonly crc: Crc64;
}

export interface Taken {
  readonly bytes: number;
  readonly etag?: string;
  /** Checked against the bytes; none came with what a function made. */
  readonly crc64?: string;
  readonly type?: string;
}

const fruitlessAttempts = 5;
const firstPauseMs = 250;

/**
 * Gets an object into a sink. A connection that ends is taken up where it ended, by Range and If-Match, as long as the object is the same and has a
 * checksum of its whole; an object that changed begins anew.
 * @throws CliFailure when it is refused, when the bytes are not those of the checksum, or when five attempts in a row brought nothing
 */
export async function download(store: Store, wanted: Wanted, sink: Sink, watch: Watch, begun?: Begun): Promise<Taken> {
  let state: State = begun ? { ...begun, expected: undefined } : fresh();
  if (begun) watch.skip(sink.size);
  for (let fruitless = 0; ; ) {
    const before = sink.size;
    try {
      const reply = await ask(store, wanted, state, sink.size);
      if (reply === 'changed') {
        watch.add(-sink.size);
        await sink.restart();
        state = fresh();
        continue;
      }
      state = await accept(reply, state, sink, watch);
      await copy(reply, state, sink, watch, wanted.signal);
      return finished(reply, state, sink.size);
    } catch (error) {
      if (!(error instanceof LostConnection)) throw error;
      fruitless = sink.size > before ? 0 : fruitless + 1;
      const canGoOn = sink.size === 0 || state.etag !== undefined;
      if (!canGoOn || fruitless >= fruitlessAttempts) throw brokenOff(wanted, error, sink.size);
      await sleep(firstPauseMs * 2 ** fruitless, wanted.signal);
    }
  }
}

interface State {
  /** Of an object that can be gone on with. */
  etag: string | undefined;
  crc: Crc64;
  /** The checksum that the whole must have. */
  expected: string | undefined;
}

function fresh(): State {
  return { etag: undefined, crc: new Crc64(), expected: undefined };
}

async function ask(store: Store, { bucket, key, query, signal }: Wanted, { etag }: State, have: number): Promise<Reply | 'changed'> {
  const partial = have > 0 && etag !== undefined;
  const headers = partial ? { range: `bytes=${have}-`, 'if-match': `"${etag}"`, 'x-oss-range-behavior': 'standard' } : {};
  try {
    const reply = await store.request({ method: 'GET', bucket, key, headers, signal, ...(query ? { query } : {}) });
    if (!partial) return reply;
    if (reply.status === 206 && reply.headers['content-range']?.startsWith(`bytes ${have}-`)) return reply;
    reply.body.destroy();
    return 'changed';
  } catch (error) {
    const code = error instanceof CliFailure ? error.answer?.code : undefined;
    if (partial && (code === 'PreconditionFailed' || code === 'InvalidRange')) return 'changed';
    throw error;
  }
}

/** Takes over what an answer says about the whole. */
async function accept(reply: Reply, { crc }: State, sink: Sink, watch: Watch): Promise<State> {
  const { headers } = reply;
  const expected = headers['x-oss-hash-crc64ecma'] as string | undefined;
  const etag = expected === undefined ? undefined : headers.etag?.replace(/^"|"$/g, '');
  if (sink.size === 0) await sink.begin(etag);
  const length = headers['content-length'];
  watch.total = length === undefined ? undefined : sink.size + Number(length);
  return { etag, crc, expected };
}

async function copy({ body }: Reply, { crc }: State, sink: Sink, watch: Watch, signal: AbortSignal | undefined): Promise<void> {
  const chunks = body[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  try {
    for (;;) {
      const step = await chunks.next().catch((cause: unknown) => {
        if (signal?.aborted) throw signal.reason;
        throw new LostConnection('the answer broke off', { cause });
      });
      if (step.done) return;
      await sink.write(step.value);
      crc.update(step.value);
      watch.add(step.value.length);
    }
  } finally {
    body.destroy();
  }
}

function finished({ headers }: Reply, { etag, crc, expected }: State, bytes: number): Taken {
  if (expected !== undefined && String(crc.value()) !== expected) {
    throw new CliFailure(1, `The ${bytes} bytes that arrived have the CRC-64 ${crc.value()}; those of the object have ${expected}.`, {
      next: 'They were thrown away. Get it again; if that fails too, the store or the way to it damages data.',
      answer: { code: 'ChecksumMismatch', requestId: String(headers['x-oss-request-id'] ?? '') },
    });
  }
  const type = headers['content-type'];
  return { bytes, ...(etag ? { etag } : {}), ...(expected ? { crc64: expected } : {}), ...(type ? { type } : {}) };
}

function brokenOff({ bucket, key }: Wanted, error: LostConnection, bytes: number): CliFailure {
  return new CliFailure(bytes === 0 ? 3 : 1, `${bucket}/${key} broke off after ${bytes} bytes: ${error.message}.`, {
    next: 'A function that fails midway ends the connection too; the log of the server says why. Otherwise try again.',
  });
}

import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { sleep } from '../kit/index.ts';
import type { Watch } from './download.ts';
import { CliFailure } from './failure.ts';
import type { Place } from './place.ts';
import { Sending, unreadable } from './sending.ts';
import type { Store } from './store.ts';
import { LostConnection, readReply } from './transport.ts';
import { partsFromBytes, uploadInParts } from './upload-parts.ts';

export interface UploadOptions {
  /** Headers of PutObject: content-type, x-oss-meta-* and the like. */
  readonly headers: Readonly<Record<string, string>>;
  readonly watch: Pick<Watch, 'add' | 'skip'>;
  readonly signal?: AbortSignal;
  /** False neither goes on with what an earlier upload in parts sent, nor leaves anything to go on with. */
  readonly resume?: boolean;
}

export interface Stored extends Place {
  readonly bytes: number;
  readonly etag: string;
  /** Of the bytes that were read, and the same as the server's. */
  readonly crc64: string;
}

const attempts = 3;
const pauseMs = 500;

/**
 * Puts a file: a large one in parts, another from its beginning to its end in one request, up to three times when connections break.
 * @throws CliFailure when it cannot be read, is refused, or the server's CRC-64 is not that of what was read
 */
export async function uploadFile(store: Store, place: Place, path: string, options: UploadOptions): Promise<Stored> {
  const { size } = await stat(path).catch((error: Error) => {
    throw unreadable(path, error);
  });
  if (size >= partsFromBytes) return uploadInParts(store, place, path, options);
  for (let attempt = 1; ; attempt++) {
    const sending = new Sending(() => createReadStream(path, { end: size - 1 }), path, options.watch, size);
    try {
      return await send(store, place, sending, size, options);
    } catch (error) {
      if (!(error instanceof LostConnection) || attempt === attempts) throw error;
      sending.forget();
      await sleep(pauseMs * attempt, options.signal);
    }
  }
}

/** Puts what a stream brings, of whatever length; it cannot be tried again. @throws like uploadFile */
export function uploadStream(store: Store, place: Place, source: Readable, options: UploadOptions): Promise<Stored> {
  const sending = new Sending(() => source, 'standard input', options.watch);
  // A source that still waits for more would keep the process.
  return send(store, place, sending, undefined, options).finally(() => source.destroy());
}

async function send(store: Store, place: Place, sending: Sending, size: number | undefined, options: UploadOptions): Promise<Stored> {
  const headers = { ...options.headers, ...(size === undefined ? {} : { 'content-length': String(size) }) };
  const body = size === 0 ? Buffer.alloc(0) : () => sending.stream();
  const request = { method: 'PUT' as const, bucket: place.bucket, key: place.key, headers, body, signal: options.signal };
  const reply = await store.request(request).catch((error: unknown) => {
    throw sending.failure ?? error;
  });
  await readReply(reply);
  const stored = String(reply.headers['x-oss-hash-crc64ecma'] ?? '');
  const crc64 = String(sending.crc.value());
  if (stored !== crc64) {
    throw new CliFailure(1, `The server stored bytes with the CRC-64 ${stored || '(none)'}; those that were read have ${crc64}.`, {
      next: `${place.bucket}/${place.key} is damaged. Put it again; if that fails too, the store or the way to it damages data.`,
      answer: { code: 'ChecksumMismatch', requestId: String(reply.headers['x-oss-request-id'] ?? '') },
    });
  }
  return { ...place, bytes: sending.bytes, etag: String(reply.headers.etag ?? '').replaceAll('"', ''), crc64 };
}

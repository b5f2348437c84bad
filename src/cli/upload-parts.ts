import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Crc64, childrenOf, childText, combineCrc64, sleep, writeXml } from '../kit/index.ts';
import { CliFailure } from './failure.ts';
import { inParallel } from './parallel.ts';
import type { Place } from './place.ts';
import { Sending } from './sending.ts';
import type { Store } from './store.ts';
import { LostConnection, readReply } from './transport.ts';
import type { Stored, UploadOptions } from './upload.ts';
import { headersDigest, type UploadNote, UploadNotes } from './upload-note.ts';

/** Files from this size on are sent in parts: what was sent of them is not sent again. */
export const partsFromBytes = 32 * 1024 * 1024;
const leastPartBytes = 8 * 1024 * 1024;
const mostParts = 10_000;
const attempts = 3;
const pauseMs = 500;

interface Source {
  readonly path: string;
  readonly size: number;
  readonly modifiedMs: number;
}

interface Part {
  readonly number: number;
  readonly start: number;
  readonly bytes: number;
}

interface Done {
  readonly etag: string;
  readonly crc64: bigint;
}

/** One upload: its place, its file, and what of it the server has. */
class Upload {
  readonly place: Place;
  readonly uploadId: string;
  readonly parts: readonly Part[];
  readonly done = new Map<number, Done>();

  constructor(place: Place, { uploadId, partBytes, size }: UploadNote) {
    this.place = place;
    this.uploadId = uploadId;
    const count = Math.ceil(size / partBytes);
    this.parts = Array.from({ length: count }, (_, i) => ({
      ...{ number: i + 1, start: i * partBytes, bytes: Math.min(partBytes, size - i * partBytes) },
    }));
  }

  get doneBytes(): number {
    return this.parts.reduce((sum, { number, bytes }) => sum + (this.done.has(number) ? bytes : 0), 0);
  }

  /** The CRC-64 of the whole, of the parts' as they were read. */
  get crc64(): bigint {
    return this.parts.reduce((crc, { number, bytes }) => combineCrc64(crc, this.done.get(number)?.crc64 ?? 0n, bytes), 0n);
  }
}

/**
 * Puts a file in parts, four at a time. What was sent stays on the server when it is interrupted or the connection is lost, and the same call goes on
 * from there, as long as the file and the headers are the same; any other failure ends the upload.
 * @throws CliFailure when it cannot be read, changes meanwhile, is refused, or the server's CRC-64 is not that of what was read
 */
export async function uploadInParts(store: Store, place: Place, path: string, options: UploadOptions): Promise<Stored> {
  const { size, mtimeMs } = await stat(path);
  const source = { path, size, modifiedMs: mtimeMs };
  const notes = new UploadNotes(store.origin, place, path);
  let upload: Upload | undefined;
  try {
    upload = (await resumed(store, place, source, notes, options)) ?? (await begin(store, place, source, notes, options));
    options.watch.skip(upload.doneBytes);
    await sendParts(store, upload, source, options);
    const stored = await complete(store, upload, source, options);
    notes.remove();
    return stored;
  } catch (error) {
    throw upload === undefined ? error : await ended(store, upload, notes, error, options);
  }
}

/** The upload that an earlier call began, with those of its parts that are the bytes of the file; undefined when there is none to go on with. */
async function resumed(
  store: Store,
  place: Place,
  source: Source,
  notes: UploadNotes,
  options: UploadOptions,
): Promise<Upload | undefined> {
  const note = notes.read();
  if (note === undefined) return undefined;
  const same = note.size === source.size && note.modifiedMs === source.modifiedMs && note.headers === headersDigest(options.headers);
  const upload = new Upload(place, note);
  if (!same || options.resume === false) {
    await abort(store, upload);
    notes.remove();
    return undefined;
  }
  const kept = await partsOf(store, upload).catch((error: unknown) => {
    if (error instanceof CliFailure && error.answer?.code === 'NoSuchUpload') return undefined;
    throw error;
  });
  if (kept === undefined) return undefined;
  for (const part of upload.parts) {
    const there = kept.get(part.number);
    if (there?.size !== part.bytes) continue;
    options.signal?.throwIfAborted();
    const crc64 = await crcOf(source.path, part);
    if (String(crc64) === there.crc64) upload.done.set(part.number, { etag: there.etag, crc64 });
  }
  return upload;
}

async function crcOf(path: string, { start, bytes }: Part): Promise<bigint> {
  const crc = new Crc64();
  for await (const chunk of createReadStream(path, { start, end: start + bytes - 1 })) crc.update(chunk as Buffer);
  return crc.value();
}

async function partsOf(store: Store, { place, uploadId }: Upload) {
  const parts = new Map<number, { etag: string; size: number; crc64: string }>();
  let marker: string | undefined;
  do {
    const root = await store.xml({ method: 'GET', ...place, query: { uploadId, 'max-parts': '1000', 'part-number-marker': marker } });
    for (const node of childrenOf(root, 'Part')) {
      const [number, etag = '', size, crc64 = ''] = ['PartNumber', 'ETag', 'Size', 'HashCrc64ecma'].map((name) => childText(node, name));
      parts.set(Number(number), { etag: etag.replaceAll('"', ''), size: Number(size), crc64 });
    }
    marker = childText(root, 'IsTruncated') === 'true' ? childText(root, 'NextPartNumberMarker') : undefined;
  } while (marker !== undefined);
  return parts;
}

async function begin(store: Store, place: Place, source: Source, notes: UploadNotes, options: UploadOptions): Promise<Upload> {
  // Not to be interrupted: what was begun must be known, to go on with it or to end it.
  const root = await store.xml({ method: 'POST', ...place, query: { uploads: '' }, headers: options.headers });
  const mebibyte = 1024 * 1024;
  const partBytes = Math.max(leastPartBytes, Math.ceil(source.size / mostParts / mebibyte) * mebibyte);
  const { size, modifiedMs } = source;
  const note = { uploadId: childText(root, 'UploadId') ?? '', partBytes, size, modifiedMs, headers: headersDigest(options.headers) };
  notes.write(note);
  return new Upload(place, note);
}

async function sendParts(store: Store, upload: Upload, source: Source, options: UploadOptions): Promise<void> {
  const missing = upload.parts.filter(({ number }) => !upload.done.has(number));
  await inParallel(missing, options.signal ?? new AbortController().signal, async (part) => {
    upload.done.set(part.number, await sendPart(store, upload, part, source, options));
  });
}

async function sendPart(store: Store, { place, uploadId }: Upload, part: Part, { path }: Source, options: UploadOptions): Promise<Done> {
  const { number, start, bytes } = part;
  for (let attempt = 1; ; attempt++) {
    const sending = new Sending(() => createReadStream(path, { start, end: start + bytes - 1 }), path, options.watch, bytes);
    try {
      const query = { partNumber: String(number), uploadId };
      const headers = { 'content-length': String(bytes) };
      const reply = await store.request({ method: 'PUT', ...place, query, headers, body: () => sending.stream(), signal: options.signal });
      await readReply(reply);
      const crc64 = sending.crc.value();
      if (String(reply.headers['x-oss-hash-crc64ecma'] ?? '') !== String(crc64)) throw new LostConnection(`part ${number} arrived damaged`);
      return { etag: String(reply.headers.etag ?? '').replaceAll('"', ''), crc64 };
    } catch (error) {
      if (sending.failure) throw sending.failure;
      if (!(error instanceof LostConnection) || attempt === attempts) throw error;
      sending.forget();
      await sleep(pauseMs * attempt, options.signal);
    }
  }
}

async function complete(store: Store, upload: Upload, source: Source, options: UploadOptions): Promise<Stored> {
  const { place, uploadId, parts, done } = upload;
  const now = await stat(source.path);
  if (now.size !== source.size || now.mtimeMs !== source.modifiedMs)
    throw new CliFailure(2, `${source.path} changed while it was sent.`, { next: 'Put it again; nothing was stored.' });
  const listed = parts.map(({ number }) => ({ PartNumber: number, ETag: `"${done.get(number)?.etag}"` }));
  const body = writeXml('CompleteMultipartUpload', { Part: listed });
  const { 'x-oss-forbid-overwrite': forbids, 'x-oss-object-acl': acl } = options.headers;
  const headers = { 'content-type': 'application/xml', 'x-oss-forbid-overwrite': forbids, 'x-oss-object-acl': acl };
  const { headers: answer } = await store.text({ method: 'POST', ...place, query: { uploadId }, headers, body, signal: options.signal });
  const [stored, crc64] = [String(answer['x-oss-hash-crc64ecma'] ?? ''), String(upload.crc64)];
  if (stored !== crc64) {
    throw new CliFailure(1, `The server stored bytes with the CRC-64 ${stored || '(none)'}; those that were read have ${crc64}.`, {
      next: `${place.bucket}/${place.key} is damaged. Put it again; if that fails too, the store or the way to it damages data.`,
      answer: { code: 'ChecksumMismatch', requestId: String(answer['x-oss-request-id'] ?? '') },
    });
  }
  return { ...place, bytes: source.size, etag: String(answer.etag ?? '').replaceAll('"', ''), crc64 };
}

/** What is thrown: interruptions say what is kept, other failures end the upload. */
async function ended(store: Store, upload: Upload, notes: UploadNotes, error: unknown, { resume }: UploadOptions): Promise<unknown> {
  const interrupted = error instanceof CliFailure && error.exitCode === 130;
  const unreachable = error instanceof CliFailure && error.exitCode === 3;
  const broken = interrupted || unreachable || error instanceof LostConnection;
  if (!broken || resume === false) {
    notes.remove();
    // The server is asked once; whatever is left there is shown by "sluice object uploads".
    await abort(store, upload).catch(() => undefined);
    return error;
  }
  const { message } = error as Error;
  return new CliFailure(interrupted ? 130 : 3, interrupted || unreachable ? message : `${message}.`, {
    next: `${upload.doneBytes} bytes are kept on the server; the same command goes on from there.`,
  });
}

async function abort(store: Store, { place, uploadId }: Upload): Promise<void> {
  try {
    await store.text({ method: 'DELETE', ...place, query: { uploadId } });
  } catch (error) {
    if (!(error instanceof CliFailure) || error.answer?.code !== 'NoSuchUpload') throw error;
  }
}

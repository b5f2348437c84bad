import { Readable } from 'node:stream';
import type { BlobStream, Blobs } from '../../blobs/index.ts';
import type { ByteSink } from '../../kit/index.ts';
import type { ByteRange } from '../range.ts';
import type { Pins } from './pins.ts';

/** One of the blobs that hold an object's bytes one after the other. */
export interface Piece {
  readonly number: number;
  readonly blob: string;
  readonly size: number;
}

interface Slice {
  readonly blob: string;
  readonly range: ByteRange;
}

/** The parts of pieces that lie in a range of the whole. */
function slicesOf(pieces: readonly Piece[], { start, end }: ByteRange): Slice[] {
  const slices: Slice[] = [];
  let at = 0;
  for (const { blob, size } of pieces) {
    if (at > end) break;
    const range = { start: Math.max(start - at, 0), end: Math.min(end - at, size - 1) };
    if (range.start <= range.end) slices.push({ blob, range });
    at += size;
  }
  return slices;
}

/**
 * A stream over pieces, which are opened one after the other and stay until the stream is closed, whatever happens to the object.
 * Throws MissingBlob when the first one is gone.
 */
export function openPieces(blobs: Blobs, pieces: readonly Piece[], range: ByteRange, pins: Pins): BlobStream {
  const slices = slicesOf(pieces, range);
  const [first] = slices;
  if (!first) return Readable.from([], { objectMode: false });
  let current = blobs.read(first.blob, first.range);
  const release = pins.hold(slices.map(({ blob }) => blob));
  let begun = 0;
  const open = (slice: Slice): BlobStream => {
    if (begun++ > 0) current = blobs.read(slice.blob, slice.range);
    return current;
  };
  const stream: BlobStream = Readable.from(chunksOf(slices, open), { objectMode: false });
  stream.once('close', () => {
    current.destroy();
    release();
  });
  const sendTo = (target: ByteSink) => sendSlices(slices, open, stream, target);
  if (current.sendTo) stream.sendTo = sendTo;
  return stream;
}

async function* chunksOf(slices: readonly Slice[], open: (slice: Slice) => BlobStream): AsyncGenerator<Buffer> {
  for (const slice of slices) yield* open(slice) as AsyncIterable<Buffer>;
}

async function sendSlices(slices: readonly Slice[], open: (slice: Slice) => BlobStream, stream: Readable, target: ByteSink): Promise<void> {
  let closed = false;
  const note = () => {
    closed = true;
  };
  target.once('close', note);
  try {
    for (const slice of slices) {
      if (closed || target.destroyed) return;
      await open(slice).sendTo?.(target);
    }
  } finally {
    target.off('close', note);
    stream.destroy();
  }
}

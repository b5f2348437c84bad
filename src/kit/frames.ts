const lengthBytes = 4;

/** Bytes that cannot be one of our frames; the connection is of no more use. */
export class FrameError extends Error {
  override readonly name = 'FrameError';
}

/**
 * One frame: u32 big-endian length of what follows, u8 type, payload (at most 4 GiB less two bytes). The payload of so many bytes is still to be
 * filled in, from `start` on; `more` bytes of it are sent behind the frame.
 */
export function frameOf(type: number, bytes: number, more = 0): { start: number; frame: Buffer } {
  const start = lengthBytes + 1;
  const frame = Buffer.allocUnsafe(start + bytes);
  frame.writeUInt32BE(1 + bytes + more, 0);
  frame.writeUInt8(type, lengthBytes);
  return { start, frame };
}

/** Cuts a byte stream back into frames, however it was chunked. */
export class FrameReader {
  readonly #maxBytes: number;
  #chunks: Buffer[] = [];
  #held = 0;
  /** Bytes that must be held before anything can be cut off. */
  #needed = lengthBytes;

  /** @param maxBytes largest payload accepted */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /**
   * Adds bytes and returns the frames now complete. Payloads may share memory with the chunks given in.
   * @throws FrameError for an empty frame or one above the limit
   */
  push(chunk: Buffer): { type: number; payload: Buffer }[] {
    this.#chunks.push(chunk);
    this.#held += chunk.length;
    const frames: { type: number; payload: Buffer }[] = [];
    if (this.#held < this.#needed) return frames;
    // Joined only when something can be cut off, so a large frame is copied a constant number of times.
    const bytes = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks, this.#held);
    let at = 0;
    this.#needed = lengthBytes;
    while (bytes.length - at >= this.#needed) {
      const length = bytes.readUInt32BE(at);
      if (length === 0) throw new FrameError('A frame without a type byte arrived.');
      if (length - 1 > this.#maxBytes) throw new FrameError(`A frame of ${length - 1} bytes arrived; the limit is ${this.#maxBytes}.`);
      const end = at + lengthBytes + length;
      if (end > bytes.length) {
        this.#needed = lengthBytes + length;
        break;
      }
      frames.push({ type: bytes[at + lengthBytes] as number, payload: bytes.subarray(at + lengthBytes + 1, end) });
      at = end;
    }
    this.#held = bytes.length - at;
    this.#chunks = this.#held === 0 ? [] : [bytes.subarray(at)];
    return frames;
  }
}

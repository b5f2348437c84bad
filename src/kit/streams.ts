/** Where bytes are written to with back-pressure: what is needed of a Writable, and what an answer of the door offers. */
export interface ByteSink {
  /** False asks for a pause until `drain`. @param written told when the bytes are out, or why they never will be */
  write(chunk: Buffer, written?: (error?: Error | null) => void): boolean;
  end(): unknown;
  readonly destroyed: boolean;
  /** All of it is out. */
  readonly writableFinished: boolean;
  /** Bytes that wait to be taken. */
  readonly writableLength: number;
  on(event: 'drain' | 'finish' | 'close' | 'error', listener: () => void): unknown;
  once(event: 'drain' | 'finish' | 'close' | 'error', listener: () => void): unknown;
  off(event: 'drain' | 'finish' | 'close' | 'error', listener: () => void): unknown;
}

/** Takes an answer that goes over no connection of its own. */
export interface AnswerTaker {
  /**
   * Status and headers, names and values in turn.
   * @param whole all of the body, where it is there already: nothing else is told then
   */
  head(status: number, headers: readonly string[], whole?: Buffer): void;
  /** A part of the body, which may be filled anew once `written` was called. False asks for a pause until `drained` of what was asked. */
  write(chunk: Buffer, written: (error?: Error | null) => void): boolean;
  /** The answer is whole. */
  end(): void;
  /** It breaks off here, and is not whole. */
  broken(): void;
}

/** What was asked for such an answer. */
export interface Asked {
  /** Nobody wants the answer any more. */
  abandon(): void;
  /** Room has come. */
  drained(): void;
}

/**
 * Reads a whole source into memory.
 * @param limit most bytes accepted; reading stops at the first chunk that goes over
 * @param fault makes the error to throw when there is more; a RangeError when left out
 */
export async function readAll(source: AsyncIterable<Uint8Array>, limit: number, fault?: () => Error): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of source) {
    size += chunk.length;
    if (size > limit) throw fault ? fault() : new RangeError(`The source holds more than ${limit} bytes.`);
    chunks.push(chunk);
  }
  const [only] = chunks;
  if (chunks.length === 1 && Buffer.isBuffer(only)) return only;
  return Buffer.concat(chunks, size);
}

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

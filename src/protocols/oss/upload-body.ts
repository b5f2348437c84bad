import { createHash } from 'node:crypto';
import { Fault } from '../../faults/index.ts';
import type { Call } from './call.ts';
import { readContentMd5, readLength } from './request-body.ts';

/** Most bytes of one PutObject, AppendObject or UploadPart (Alibaba OSS API reference, "PutObject", "UploadPart"). */
const mostBytes = 5 * 1024 ** 3;

function tooLarge(name: string): Fault {
  return new Fault('EntityTooLarge', `One ${name} may carry at most ${mostBytes} bytes.`);
}

/**
 * The body of a write that stores its bytes, with what was declared of it. It is read when the store starts to.
 * @throws Fault EntityTooLarge, MissingContentLength, InvalidDigest
 */
export function readUpload(call: Call): { source: AsyncIterable<Buffer>; size: number | undefined; contentMd5: Buffer | undefined } {
  const size = readLength(call);
  if (size !== undefined && size > mostBytes) throw tooLarge(call.operation.name);
  return { source: bodyOf(call, size), size, contentMd5: readContentMd5(call) };
}

/** The body, asked for when the store starts to read; checked against x-oss-content-sha256 when that is a digest. */
function bodyOf(call: Call, size: number | undefined): AsyncIterable<Buffer> {
  const declared = call.header('x-oss-content-sha256');
  const sha256 = declared !== undefined && /^[0-9a-f]{64}$/i.test(declared) ? declared.toLowerCase() : undefined;
  if (sha256 === undefined && size !== undefined) return { [Symbol.asyncIterator]: () => call.ctx.body()[Symbol.asyncIterator]() };
  return checkedBody(call, sha256);
}

async function* checkedBody(call: Call, sha256: string | undefined): AsyncGenerator<Buffer> {
  const hash = sha256 === undefined ? undefined : createHash('sha256');
  let bytes = 0;
  for await (const chunk of call.ctx.body()) {
    bytes += chunk.length;
    if (bytes > mostBytes) throw tooLarge(call.operation.name);
    hash?.update(chunk);
    yield chunk;
  }
  if (hash && hash.digest('hex') !== sha256) {
    throw new Fault('InvalidDigest', 'The body does not match x-oss-content-sha256.');
  }
}

import { z } from 'zod';
import type { FoundObject } from '../../buckets/index.ts';
import { Fault } from '../../faults/index.ts';
import type { CheckedCode } from '../../functions/index.ts';
import type { Call } from './call.ts';
import type { ParsedJson } from './json.ts';
import { forgetUpload, uploadBucket } from './uploads.ts';

const codeSchema = z.object({
  zipFile: z.string().nullish(),
  ossBucketName: z.string().nullish(),
  ossObjectName: z.string().nullish(),
  checksum: z
    .string()
    .regex(/^\d{1,20}$/, 'must be a CRC-64 in decimal')
    .nullish(),
});

/** Removes the package that an input has named, once it is deployed, where it was only on its way. */
export async function forgetCode({ rooms }: Call, { value }: ParsedJson): Promise<void> {
  const code = (value as { code?: { ossBucketName?: unknown; ossObjectName?: unknown } | null } | null)?.code;
  if (typeof code?.ossBucketName === 'string' && typeof code.ossObjectName === 'string') {
    await forgetUpload(rooms, code.ossBucketName, code.ossObjectName);
  }
}

/** Characters decoded at a time: a multiple of four. */
const step = 256 * 1024;

/**
 * The code package that an input carries or names: code.zipFile in base64, or an object of a bucket that the caller may read.
 * @returns undefined when there is none
 * @throws Fault InvalidArgument, AccessDenied, NoSuchBucket, NoSuchKey
 */
export function codeOf(call: Call, { value, long }: ParsedJson): CheckedCode | undefined {
  const given = value !== null && typeof value === 'object' && 'code' in value ? value.code : undefined;
  if (long && (given as { zipFile?: unknown } | null | undefined)?.zipFile !== long.mark) {
    throw new Fault('InvalidArgument', 'Only code.zipFile may be longer than 256 KB.');
  }
  if (given === undefined || given === null) return undefined;
  const result = codeSchema.safeParse(given);
  if (!result.success) {
    const issue = result.error.issues[0];
    throw new Fault('InvalidArgument', `${['code', ...(issue?.path ?? [])].join('.')}: ${issue?.message}`);
  }
  const { zipFile, ossBucketName, ossObjectName, checksum } = result.data;
  const check = checksum ? { checksum } : {};
  const named = ossBucketName || ossObjectName;
  if (zipFile && named) throw new Fault('InvalidArgument', 'code: give zipFile, or ossBucketName and ossObjectName, not both');
  if (zipFile) return { stream: decodeBase64(long ? unescaped(long.bytes) : Buffer.from(compact(zipFile), 'latin1')), ...check };
  if (!named) return undefined;
  if (!ossBucketName || !ossObjectName) throw new Fault('InvalidArgument', 'code: ossBucketName and ossObjectName belong together');
  return { ...objectSource(call, ossBucketName, ossObjectName), ...check };
}

function objectSource({ rooms, principal }: Call, bucket: string, key: string): CheckedCode {
  const { identity, buckets, region } = rooms;
  // A package on its way has a name that only its sender knows.
  if (bucket !== uploadBucket(rooms)) {
    identity.authorize({
      principal,
      action: 'oss:GetObject',
      resource: `acs:oss:${region}:${identity.accountId}:${bucket}/${key}`,
      name: bucket,
      key,
    });
  }
  if (!buckets.bucket(bucket))
    throw new Fault('NoSuchBucket', `code.ossBucketName: the bucket ${bucket.slice(0, 64)} does not exist here.`);
  const found = buckets.get(bucket, key);
  if (!found) throw new Fault('NoSuchKey', `code.ossObjectName: the bucket ${bucket} holds no object of this name.`);
  return { stream: contentOf(found) };
}

/** Opened at the first read: an input that is refused before leaves nothing open. */
async function* contentOf(found: FoundObject): AsyncGenerator<Buffer> {
  if (found.small) yield found.small;
  else yield* found.open() as AsyncIterable<Buffer>;
}

function compact(text: string): string {
  return /\s/.test(text) ? text.replace(/\s+/g, '') : text;
}

/** Most encoders escape nothing in base64; some write / as \/ or fold lines. */
function unescaped(bytes: Buffer): Buffer {
  if (!bytes.includes('\\')) return bytes;
  return Buffer.from(compact(JSON.parse(`"${bytes.toString('latin1')}"`) as string), 'latin1');
}

/** Decodes base64 (RFC 4648 section 4 or 5, padded) piece by piece. @throws Fault InvalidArgument */
async function* decodeBase64(text: Buffer): AsyncGenerator<Buffer> {
  for (let at = 0; at < text.length; at += step) {
    const piece = text.toString('latin1', at, at + step);
    const padding = at + step < text.length ? 0 : piece.endsWith('==') ? 2 : piece.endsWith('=') ? 1 : 0;
    const bytes = Buffer.from(piece, 'base64');
    // The decoder passes over what is not base64, and ends at padding: fewer bytes come out then.
    if (piece.length % 4 !== 0 || bytes.length !== (piece.length / 4) * 3 - padding) {
      throw new Fault('InvalidArgument', 'code.zipFile: is not base64 (RFC 4648, with padding)');
    }
    yield bytes;
  }
}

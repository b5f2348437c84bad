import { extname } from 'node:path';
import { CliFailure } from './failure.ts';

/** A bucket, or an alias of an access point, and a key in it. */
export interface Place {
  readonly bucket: string;
  /** '' is the bucket itself. */
  readonly key: string;
}

/** Reads `bucket/key`, also with `oss://` in front. @throws CliFailure */
export function placeOf(text: string): Place {
  const plain = text.replace(/^oss:\/\//, '');
  const slash = plain.indexOf('/');
  const place = slash < 0 ? { bucket: plain, key: '' } : { bucket: plain.slice(0, slash), key: plain.slice(slash + 1) };
  if (!/^[A-Za-z0-9._-]{1,255}$/.test(place.bucket)) throw new CliFailure(2, `${text} does not begin with a bucket; write BUCKET/KEY.`);
  return place;
}

/** The same with a key. @throws CliFailure */
export function objectOf(text: string): Place {
  const place = placeOf(text);
  if (place.key === '') throw new CliFailure(2, `${text} names a bucket and no object; write BUCKET/KEY.`);
  return place;
}

/** The last part of a key, as the name of a file; undefined when it would be none. */
export function fileNameOf(key: string): string | undefined {
  return relativePathOf(key.slice(key.lastIndexOf('/') + 1));
}

/**
 * The path of a key below a folder. Keys come from whoever may write into the bucket: one that would lead elsewhere, or to no file, has none.
 * @param key what is left of it behind the prefix
 */
export function relativePathOf(key: string): string | undefined {
  if (key.includes('\0')) return undefined;
  const parts = key.split('/');
  return parts.every((part) => part !== '' && part !== '.' && part !== '..' && Buffer.byteLength(part) <= 255) ? key : undefined;
}

const types: Record<string, string> = {
  ...{ '.txt': 'text/plain', '.md': 'text/markdown', '.csv': 'text/csv', '.html': 'text/html', '.htm': 'text/html', '.css': 'text/css' },
  ...{
    '.js': 'text/javascript',
    '.mjs': 'text/javascript',
    '.json': 'application/json',
    '.xml': 'application/xml',
    '.yaml': 'application/yaml',
  },
  ...{
    '.jpg': 'image/jpeg',
    '.jpeg': 'image/jpeg',
    '.png': 'image/png',
    '.gif': 'image/gif',
    '.webp': 'image/webp',
    '.svg': 'image/svg+xml',
  },
  ...{ '.avif': 'image/avif', '.ico': 'image/vnd.microsoft.icon', '.pdf': 'application/pdf', '.mp4': 'video/mp4', '.webm': 'video/webm' },
  ...{ '.mp3': 'audio/mpeg', '.wav': 'audio/wav', '.zip': 'application/zip', '.gz': 'application/gzip', '.tar': 'application/x-tar' },
  ...{ '.jar': 'application/java-archive', '.wasm': 'application/wasm', '.parquet': 'application/vnd.apache.parquet' },
};

/** The media type that a file's name stands for. */
export function typeOf(name: string): string {
  return types[extname(name).toLowerCase()] ?? 'application/octet-stream';
}

import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { profilePath } from './config.ts';
import type { Place } from './place.ts';

/** What an upload in parts was begun with; only the same can be gone on with. */
export interface UploadNote {
  readonly uploadId: string;
  readonly partBytes: number;
  readonly size: number;
  readonly modifiedMs: number;
  /** Digest of the headers that the object is to have. */
  readonly headers: string;
}

/** A small file beside the profiles that remembers one upload in parts: of this file, to this place of this server. It holds no secret. */
export class UploadNotes {
  readonly #file: string;

  constructor(origin: string, { bucket, key }: Place, path: string) {
    const name = createHash('sha256')
      .update(JSON.stringify([origin, bucket, key, resolve(path)]))
      .digest('hex');
    this.#file = join(dirname(profilePath()), 'uploads', `${name.slice(0, 32)}.json`);
  }

  /** The upload that was begun, or undefined when there is none that can be understood. */
  read(): UploadNote | undefined {
    try {
      const note = JSON.parse(readFileSync(this.#file, 'utf8')) as UploadNote;
      return typeof note.uploadId === 'string' && Number.isInteger(note.partBytes) && note.partBytes > 0 ? note : undefined;
    } catch {
      return undefined;
    }
  }

  /** Where it cannot be written the upload goes on, and cannot be resumed. */
  write(note: UploadNote): void {
    try {
      mkdirSync(dirname(this.#file), { recursive: true, mode: 0o700 });
      writeFileSync(this.#file, JSON.stringify(note), { mode: 0o600 });
    } catch {
      // A home that is read-only is no reason to refuse an upload.
    }
  }

  remove(): void {
    rmSync(this.#file, { force: true });
  }
}

/** A digest of headers, whatever their order. */
export function headersDigest(headers: Readonly<Record<string, string>>): string {
  const sorted = Object.entries(headers).sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256').update(JSON.stringify(sorted)).digest('hex');
}

import { closeSync, fsyncSync, openSync } from 'node:fs';

/** Makes the bytes of a file durable, or what a folder lists. */
export function sync(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

import { readFileSync } from 'node:fs';
import { readAll } from '../kit/index.ts';
import { CliFailure } from './failure.ts';

const mostBytes = 64 * 1024;

/** The text of a file, or of standard input for `-`. @throws CliFailure */
export async function readDocument(file: string): Promise<string> {
  if (file === '-') return (await readAll(process.stdin, mostBytes)).toString();
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new CliFailure(2, `${file} cannot be read: ${error instanceof Error ? error.message : error}`);
  }
}

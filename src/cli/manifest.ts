import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CliFailure } from './failure.ts';

/** The file beside a function's code that says how it is deployed. */
export const manifestName = 'sluice.yaml';

/** What it may say; all of it is optional. */
export interface Manifest {
  name?: string;
  description?: string;
  runtime?: string;
  handler?: string;
  /** Seconds. */
  timeout?: number;
  /** MB. */
  memorySize?: number;
  instanceConcurrency?: number;
  /** Name or ARN. */
  role?: string;
  environment?: Record<string, string>;
  /** ARNs. */
  layers?: string[];
  /** Shell command, run in the folder before each deployment. */
  build?: string;
  /** Folder, ZIP or JAR that is deployed, seen from the folder. */
  package?: string;
}

const texts = ['name', 'description', 'runtime', 'handler', 'role', 'build', 'package'];
const numbers = ['timeout', 'memorySize', 'instanceConcurrency'];

/** Reads the manifest of a folder; an empty one when there is none. @throws CliFailure that names every fault */
export async function readManifest(folder: string): Promise<Manifest> {
  const path = join(folder, manifestName);
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (text === undefined) return {};
  const { parse } = await import('yaml');
  let given: unknown;
  try {
    given = parse(text) ?? {};
  } catch (error) {
    throw new CliFailure(2, `${path} is no YAML: ${error instanceof Error ? error.message : error}`);
  }
  const faults = faultsOf(given);
  if (faults.length > 0) throw new CliFailure(2, `${path} is not understood. ${faults.join('; ')}.`);
  return given as Manifest;
}

function faultsOf(given: unknown): string[] {
  if (given === null || typeof given !== 'object' || Array.isArray(given)) return ['it must be a mapping'];
  return Object.entries(given).flatMap(([field, value]) => {
    if (texts.includes(field)) return typeof value === 'string' ? [] : [`${field}: must be a text`];
    if (numbers.includes(field)) return Number.isInteger(value) ? [] : [`${field}: must be a whole number`];
    if (field === 'layers') return isTexts(value) ? [] : ['layers: must be a list of ARNs'];
    if (field === 'environment')
      return isTexts(Object.values(value ?? {})) ? [] : ['environment: must be a mapping of texts; put numbers in quotes'];
    return [`${field}: there is no such field`];
  });
}

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every((each) => typeof each === 'string');
}

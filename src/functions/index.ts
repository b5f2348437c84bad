/**
 * Functions: their records, their code packages and the unpacked code that instances run; deploy, change, remove, resolve.
 * It starts no instance and speaks no wire dialect; it never imports or runs what users upload.
 * The Function Compute dialect and the command line deploy through it; transforms and instances resolve versions from it.
 */
export { openFunctions } from './functions.ts';
export type { CheckedCode, Functions } from './port.ts';
export type { FunctionRecord, FunctionVersion } from './record.ts';

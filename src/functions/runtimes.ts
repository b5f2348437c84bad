import { Fault } from '../faults/index.ts';

/** Runtimes that this version runs. */
export const runtimes: readonly string[] = ['python3', 'python3.9', 'python3.10', 'python3.12'];

/** The other runtime names of Function Compute 3.0 ("CreateFunctionInput", runtime). */
const vendorRuntimes: readonly string[] = [
  'python2.7',
  'python3.6',
  'nodejs8',
  'nodejs10',
  'nodejs12',
  'nodejs14',
  'nodejs16',
  'nodejs18',
  'nodejs20',
  'java8',
  'java11',
  'go1',
  'php7.2',
  'dotnetcore2.1',
  'dotnetcore3.1',
  'custom',
  'custom.debian10',
  'custom.debian11',
  'custom.debian12',
  'custom-container',
  'micro-sandbox',
];

/** @throws Fault InvalidArgument unless this version runs `runtime`. */
export function checkRuntime(runtime: string): void {
  if (runtimes.includes(runtime)) return;
  const supported = `supported: ${runtimes.join(', ')}`;
  if (vendorRuntimes.includes(runtime)) {
    throw new Fault('InvalidArgument', `runtime ${runtime} is not carried out by this version; ${supported}`);
  }
  throw new Fault('InvalidArgument', `runtime ${JSON.stringify(runtime.slice(0, 64))} is not known; ${supported}`);
}

import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { go, java, python, root } from '../harness/toolchain.ts';
import type { ClientName } from './table.ts';

export interface Driver {
  skip: string | false;
  program: () => { program: string; args: string[]; env?: Record<string, string> };
}

/** What one operation came back with; `detail` is what went wrong where it failed. */
export interface Line {
  op: string;
  result: 'done' | 'failed' | 'not offered';
  detail?: unknown;
}

const here = join(root, 'test', 'acceptance', 'matrix');

function pythonDriver(file: string, packages: string | undefined): Driver {
  return {
    skip: python.skip || (packages ? false : 'the Python toolchain is older than this test; run `node scripts/toolchain/install.ts`'),
    program: () => ({
      program: python.tools?.interpreter as string,
      // -S: without the system's own packages, whose OpenSSL does not fit the cryptography that oss2 brings along.
      args: ['-S', join(here, file)],
      env: { PYTHONPATH: packages as string, PYTHONDONTWRITEBYTECODE: '1' },
    }),
  };
}

function goDriver(name: 'v1' | 'v2'): Driver {
  const program = go.tools?.matrix?.[name];
  return {
    skip: go.skip || (program ? false : 'the Go toolchain is older than this test; run `node scripts/toolchain/install.ts`'),
    program: () => ({ program: program as string, args: [] }),
  };
}

function javaDriver(main: string): Driver {
  const jar = java.tools?.matrix;
  return {
    skip: java.skip || (jar ? false : 'the Java toolchain is older than this test; run `node scripts/toolchain/install.ts`'),
    program: () => ({ program: 'java', args: ['-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-cp', jar as string, main] }),
  };
}

export const drivers: Record<ClientName, Driver> = {
  oss2: pythonDriver('python-oss2.py', python.tools?.oss2.newest),
  'python-v2': pythonDriver('python-v2.py', python.tools?.ossV2),
  'java-v1': javaDriver('matrix.V1'),
  'java-v2': javaDriver('matrix.V2'),
  'go-v1': goDriver('v1'),
  'go-v2': goDriver('v2'),
  'ali-oss': { skip: false, program: () => ({ program: process.execPath, args: [join(here, 'ali-oss.ts')] }) },
};

/** Has a driver carry out operations, in their order, and gives its own word on which SDK it used. */
export async function drive(
  driver: Driver,
  names: string[],
  environment: Record<string, string>,
): Promise<{ client: string; version: string; lines: Line[] }> {
  const { program, args, env } = driver.program();
  const child = spawn(program, [...args, ...names], {
    env: { ...process.env, ...env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 300_000,
  });
  const errors = text(child.stderr);
  const exit = new Promise<number | null>((resolve, reject) => child.on('close', resolve).on('error', reject));
  const lines: Record<string, unknown>[] = [];
  for await (const line of createInterface({ input: child.stdout })) lines.push(JSON.parse(line) as Record<string, unknown>);
  const code = await exit;
  const [head, ...rest] = lines;
  if (code !== 0 || head === undefined) throw new Error(`the driver ended with ${code}: ${(await errors).slice(-3000)}`);
  return { client: String(head.client), version: String(head.version), lines: rest as unknown as Line[] };
}

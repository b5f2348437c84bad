import { open, realpath, stat } from 'node:fs/promises';
import { endianness } from 'node:os';
import { join, sep } from 'node:path';
import { Fault } from '../../faults/index.ts';

const headBytes = 256;
/** e_machine of ELF files, by the names that GOARCH has. */
const machines: Record<number, string> = {
  3: '386',
  8: 'mips',
  20: 'ppc',
  21: 'ppc64',
  22: 's390x',
  40: 'arm',
  62: 'amd64',
  183: 'arm64',
  243: 'riscv64',
  258: 'loong64',
};
const goarch: Record<string, string> = {
  x64: 'amd64',
  arm64: 'arm64',
  ia32: '386',
  arm: 'arm',
  riscv64: 'riscv64',
  s390x: 's390x',
  ppc64: 'ppc64',
  loong64: 'loong64',
};

/** Architecture of this machine as GOARCH names it. */
export const localArch: string = goarch[process.arch] ?? process.arch;
/** How a Go program for this machine is made. */
export const goAdvice = `rebuild it with GOOS=linux GOARCH=${localArch} CGO_ENABLED=0 go build`;

/**
 * Path of the program `name` below the code folder, after looking at what it is.
 * @param advice how to make one that runs here
 * @param missing what to say when there is none
 * @throws Fault FunctionNotStarted: it is not there, no program, or one for another machine
 */
export async function findBinary(codeDir: string, name: string, advice: string, missing: string): Promise<string> {
  const refuse = (text: string): never => {
    throw new Fault('FunctionNotStarted', text);
  };
  const path = join(codeDir, name);
  const [root, real] = await Promise.all([realpath(codeDir).catch(() => codeDir), realpath(path).catch(() => undefined)]);
  if (real === undefined) return refuse(missing);
  if (!real.startsWith(root + sep)) return refuse(`The program ${name} lies outside of the code package.`);
  const about = await stat(real);
  if (!about.isFile()) return refuse(`${name} is a folder; name the program in it.`);
  const problem = problemOf(await head(real), name, advice);
  if (problem) return refuse(problem);
  if ((about.mode & 0o111) === 0)
    return refuse(`The program ${name} is not marked as executable; update the function with its code once more.`);
  return path;
}

async function head(path: string): Promise<Buffer> {
  const file = await open(path);
  try {
    const bytes = Buffer.alloc(headBytes);
    const { bytesRead } = await file.read(bytes, 0, headBytes, 0);
    return bytes.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

/** Why a file with this beginning cannot be run here, or undefined. */
function problemOf(bytes: Buffer, name: string, advice: string): string | undefined {
  const magic = bytes.toString('latin1', 0, 4);
  if (magic.startsWith('#!')) {
    const [first = ''] = bytes.toString('latin1').split('\n');
    return first.endsWith('\r')
      ? `The script ${name} has Windows line ends, which its first line must not have; convert it to Unix line ends.`
      : undefined;
  }
  if (magic === '\x7fELF' && bytes.length >= 20) return problemOfElf(bytes, name, advice);
  if (magic.startsWith('MZ')) return `The program ${name} is one for Windows; ${advice}.`;
  if (['\xcf\xfa\xed\xfe', '\xce\xfa\xed\xfe', '\xca\xfe\xba\xbe'].includes(magic))
    return `The program ${name} is one for macOS; ${advice}.`;
  return `The file ${name} is no program that Linux can run; ${advice}.`;
}

/** ELF header: byte 5 is the byte order, byte 16 the type, byte 18 the machine (System V ABI, chapter 4). */
function problemOfElf(bytes: Buffer, name: string, advice: string): string | undefined {
  const little = bytes[5] === 1;
  const read = (at: number) => (little ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at));
  const machine = machines[read(18)] ?? `machine ${read(18)}`;
  if (machine !== localArch || little !== (endianness() === 'LE')) {
    return `The program ${name} is built for ${machine}, but this machine is ${localArch}; ${advice}.`;
  }
  const type = read(16);
  return type === 2 || type === 3 ? undefined : `The file ${name} is an object file, not a program: build a package main; ${advice}.`;
}

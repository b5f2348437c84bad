import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { run, runTwice } from './command.ts';
import { madeOnce, root } from './folder.ts';

const requirements = join(root, 'scripts', 'toolchain', 'requirements');
const nobody = 65534;

export interface PythonTools {
  /** The interpreter that functions will use: as root, the first that an unprivileged user can run. */
  interpreter: string;
  version: string;
  /** Folder with Pillow for functions. */
  packages: string;
  /** Folder with one oss2 each, for PYTHONPATH. */
  oss2: Record<'2.18.3' | 'newest', string>;
  /** Folder with aliyun-fc2, for PYTHONPATH. */
  fc2: string;
  /** Folder with alibabacloud-oss-v2, for PYTHONPATH. */
  ossV2: string;
}

/** Finds the interpreter for functions and installs Pillow, two versions of oss2, alibabacloud-oss-v2 and aliyun-fc2 for it into `.cache/`. */
export async function preparePython(): Promise<PythonTools> {
  const { interpreter, version } = await functionInterpreter();
  const pip = await pipFor(interpreter);
  const install = async (name: string, file: string, ...more: string[]) => {
    const path = join(requirements, file);
    return madeOnce(name, [interpreter, version, readFileSync(path, 'utf8'), ...more], async (folder) => {
      await runTwice(pip[0] as string, [...pip.slice(1), 'install', '--quiet', '--target', folder, ...more, '--requirement', path], {
        env: { PIP_DISABLE_PIP_VERSION_CHECK: '1', PIP_NO_INPUT: '1', PIP_ROOT_USER_ACTION: 'ignore' },
      });
    });
  };
  const [packages, older, newest, fc2, ossV2] = await Promise.all([
    install('python-packages', 'python-packages.txt', '--only-binary=:all:'),
    install('oss2-2.18.3', 'oss2-2.18.3.txt'),
    install('oss2-newest', 'oss2-newest.txt'),
    install('aliyun-fc2', 'aliyun-fc2.txt'),
    install('oss-v2', 'oss-v2.txt'),
  ]);
  return { interpreter, version, packages, oss2: { '2.18.3': older, newest }, fc2, ossV2 };
}

async function functionInterpreter(): Promise<{ interpreter: string; version: string }> {
  const uid = process.getuid?.() === 0 ? { uid: nobody } : {};
  const tried: string[] = [];
  for (const name of ['python3.10', 'python3.12', 'python3.11', 'python3', '/usr/bin/python3']) {
    for (const path of name.startsWith('/') ? [name] : placesOf(name)) {
      const probe = await run(path, ['-I', '-c', 'import sys, platform; print(sys.executable, platform.python_version())'], {
        cwd: '/',
        ...uid,
      });
      const [, interpreter, version] = /^(\S+) (3\.\d+\.\d+\S*)\s*$/.exec(probe.output) ?? [];
      if (probe.code === 0 && interpreter && version) return { interpreter, version };
      tried.push(path);
    }
  }
  throw new Error(`no Python 3 that functions could use was found; tried ${tried.join(', ')}`);
}

function placesOf(name: string): string[] {
  return (process.env.PATH ?? '')
    .split(':')
    .filter(Boolean)
    .map((folder) => join(folder, name));
}

/** The interpreter's own pip; without one, the default python3's pip working on behalf of that interpreter. */
async function pipFor(interpreter: string): Promise<string[]> {
  for (const pip of [
    [interpreter, '-m', 'pip'],
    ['python3', '-m', 'pip', '--python', interpreter],
  ]) {
    if ((await run(pip[0] as string, [...pip.slice(1), '--version'])).code === 0) return pip;
  }
  throw new Error(`pip is missing: neither ${interpreter} nor python3 has it`);
}

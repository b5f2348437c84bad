import { execFile } from 'node:child_process';
import { delimiter, isAbsolute, join } from 'node:path';
import { SingleFlight } from '../../kit/index.ts';

export interface Interpreter {
  /** The program itself, shims resolved. */
  path: string;
  /** e.g. "3.11.2". */
  version: string;
  /** What differs from the runtime's own version, for the user. */
  note?: string;
}

export interface InterpreterOptions {
  /** Tried before all others. */
  configured: string | undefined;
  searchPath: string;
  /** Where the host programs are, to be byte-compiled for each interpreter in use; nothing is compiled without it. */
  hosts?: string;
}

const oldest = [3, 9] as const;
const probeMs = 10_000;
/** Any user but the server's own: what one such user can run, the others can. */
export const anyOtherUser = 65_534;
const probe = 'import sys, json, ssl, ctypes, resource; print(json.dumps([sys.executable, list(sys.version_info[:3])]))';
const compile = 'import sys, glob, py_compile\nfor file in glob.glob(sys.argv[1] + "/**/*.py", recursive=True): py_compile.compile(file)';

function run(program: string, args: string[], uid: number | undefined): Promise<string | undefined> {
  const user = uid === undefined ? {} : { uid, gid: uid };
  const env = { PATH: '/usr/local/bin:/usr/bin:/bin', LANG: 'C.UTF-8' };
  return new Promise((resolve) => {
    execFile(program, args, { timeout: probeMs, killSignal: 'SIGKILL', cwd: '/', env, ...user }, (error, output) =>
      resolve(error ? undefined : output),
    );
  });
}

/** Finds Python interpreters by really running them as the user who will use them. */
export class Interpreters {
  readonly #options: InterpreterOptions;
  readonly #found = new Map<string, Interpreter | undefined>();
  readonly #probes = new Map<string, Promise<Interpreter | undefined>>();
  readonly #flights = new SingleFlight<Interpreter | undefined>();

  constructor(options: InterpreterOptions) {
    this.#options = options;
  }

  /**
   * The interpreter that serves a runtime ("python3.10"), at least Python 3.9, or undefined.
   * @param uid the function's own user, undefined for the server's
   */
  find(runtime: string, uid: number | undefined): Promise<Interpreter | undefined> {
    const key = `${runtime} ${uid === undefined ? 'own' : 'other'}`;
    if (this.#found.has(key)) return Promise.resolve(this.#found.get(key));
    return this.#flights.run(key, async () => {
      const chosen = await this.#choose(runtime, uid === undefined ? undefined : anyOtherUser);
      const { hosts } = this.#options;
      if (chosen && hosts) await run(chosen.path, ['-I', '-c', compile, join(hosts, 'python')], undefined);
      this.#found.set(key, chosen);
      return chosen;
    });
  }

  /** What `find` has found so far for a runtime, without looking. */
  known(runtime: string, uid: number | undefined): Interpreter | undefined {
    return this.#found.get(`${runtime} ${uid === undefined ? 'own' : 'other'}`);
  }

  async #choose(runtime: string, uid: number | undefined): Promise<Interpreter | undefined> {
    const wanted = /^python(3\.\d+)$/.exec(runtime)?.[1];
    const names = [runtime, 'python3.10', 'python3.12', 'python3.11', 'python3', '/usr/bin/python3', '/usr/local/bin/python3'];
    const usable: Interpreter[] = [];
    for (const name of new Set([this.#options.configured, ...names])) {
      if (name === undefined) continue;
      const found = await this.#first(name, uid);
      if (!found) continue;
      if (name === this.#options.configured || wanted === undefined || found.version.startsWith(`${wanted}.`))
        return annotate(found, wanted);
      usable.push(found);
    }
    return usable[0] && annotate(usable[0], wanted);
  }

  /** The first program of that name on the search path that works. */
  async #first(name: string, uid: number | undefined): Promise<Interpreter | undefined> {
    const folders = isAbsolute(name) ? [''] : this.#options.searchPath.split(delimiter).filter(isAbsolute);
    for (const folder of folders) {
      const found = await this.#probe(folder === '' ? name : join(folder, name), uid);
      if (found) return found;
    }
    return undefined;
  }

  #probe(program: string, uid: number | undefined): Promise<Interpreter | undefined> {
    const key = `${program} ${uid}`;
    let probing = this.#probes.get(key);
    if (!probing) {
      probing = test(program, uid);
      this.#probes.set(key, probing);
    }
    return probing;
  }
}

async function test(program: string, uid: number | undefined): Promise<Interpreter | undefined> {
  const output = await run(program, ['-I', '-c', probe], uid);
  if (output === undefined) return undefined;
  let path: string;
  let version: number[];
  try {
    [path, version] = JSON.parse(output) as [string, number[]];
  } catch {
    return undefined;
  }
  const [major = 0, minor = 0] = version;
  if (major !== oldest[0] || minor < oldest[1]) return undefined;
  return { path, version: version.join('.') };
}

function annotate(found: Interpreter, wanted: string | undefined): Interpreter {
  if (wanted === undefined || found.version.startsWith(`${wanted}.`)) return found;
  return { ...found, note: `python${wanted} runs on Python ${found.version}: no Python ${wanted} that functions may use was found` };
}

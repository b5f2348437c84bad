import { access, constants } from 'node:fs/promises';
import { join } from 'node:path';
import type { FunctionVersion } from '../../functions/index.ts';
import { randomHex } from '../../kit/index.ts';
import type { Engine, RuntimeFamily, StartHooks, Worker } from '../engine.ts';
import { errorPayload, type SessionCredentials } from '../invocation.ts';
import type { Explanation } from '../process/ending.ts';
import { baseEnvironment, instanceEnvironment } from '../process/environment.ts';
import type { EngineOptions } from '../process/options.ts';
import { Output } from '../process/output.ts';
import { findBinary, localArch } from '../program/binary.ts';
import { Program } from '../program/program.ts';
import { type Prepared, prepareProgram, Spares } from '../program/spare.ts';
import { ProgramWorker } from '../program/worker.ts';
import { LocalTransport } from './local.ts';
import { Ports } from './ports.ts';

const runtimes = ['custom', 'custom.debian10', 'custom.debian11', 'custom.debian12'];
/** Until the server of the function listens and is healthy ("Custom runtime specification details"). Milliseconds. */
const startMs = 120_000;

/** The custom runtimes: a program of the function's own that serves HTTP. */
export async function openCustom(options: EngineOptions): Promise<RuntimeFamily> {
  const shared: Shared = { ports: new Ports(), fixed: new Set(), holders: new Map() };
  return {
    runtimes,
    engine: (fn) => new CustomEngine(fn, options, shared),
    ready: () => runtimes.map((runtime) => ({ runtime, ok: true })),
    close: async () => {},
  };
}

interface Shared {
  readonly ports: Ports;
  /** Functions that are known to listen on the port of their configuration, whatever they are told. */
  readonly fixed: Set<string>;
  /** By such a port: resolves when the instance that listens on it is gone. */
  readonly holders: Map<number, Promise<void>>;
}

class CustomEngine implements Engine {
  readonly #fn: FunctionVersion;
  readonly #options: EngineOptions;
  readonly #shared: Shared;
  readonly #spares = new Spares(() => this.#prepare());
  /** Whether instances listen where they are told; unknown until the first one does. */
  #obeys: boolean | undefined;

  constructor(fn: FunctionVersion, options: EngineOptions, shared: Shared) {
    this.#fn = fn;
    this.#options = options;
    this.#shared = shared;
  }

  get most(): number {
    return this.#obeys ? Number.POSITIVE_INFINITY : 1;
  }

  prepare(): Promise<void> {
    return this.#spares.fill();
  }

  close(): Promise<void> {
    return this.#spares.close();
  }

  start(requestId: string, hooks: StartHooks): Worker {
    const fn = this.#fn;
    const { onLog, credentialsFor, region, accountId } = this.#options;
    const id = `c-${randomHex(12)}`;
    const marker = randomHex(16);
    const concurrent = fn.instanceConcurrency > 1;
    const credentials = credentialsFor(fn);
    const secrets = [credentials.accessKeySecret, credentials.securityToken].filter((value) => value !== '');
    const output = new Output(marker, secrets, (request, text) => onLog(fn.name, id, request, text), concurrent);
    let port = 0;
    let program: Program | undefined;
    const transport = new LocalTransport({
      fn,
      region,
      accountId,
      credentials: () => credentials,
      port: () => port,
      requestId,
      family: () => program?.family ?? [],
      onFixedPort: (fixed) => this.#keepsOnePort(fixed, id, worker),
    });
    const worker: ProgramWorker = new ProgramWorker({
      id,
      requestId,
      fn,
      goodUntil: credentials.expiresAt ?? Number.POSITIVE_INFINITY,
      output,
      hooks,
      transport,
      startMs,
      explainExit,
      launch: async (overMemory) => {
        // A function that listens on one port only can start when the instance before it is gone.
        if (this.#shared.fixed.has(fn.arn)) await this.#shared.holders.get(fn.custom?.port ?? 0);
        port = await this.#shared.ports.take();
        const { launched, folder, begin } = await this.#spares.take();
        begin(this.#environment(id, folder, String(port), credentials));
        program = new Program({ launched, folder, output, marker, concurrent, memoryMb: fn.memoryMb, overMemory });
        return program;
      },
    });
    void worker.ready.then(
      () => {
        this.#obeys ??= true;
        // The next one may be wanted soon.
        if (this.#obeys) this.#spares.fill().catch(() => {});
      },
      () => {},
    );
    void worker.gone.then(() => this.#shared.ports.give(port));
    return worker;
  }

  #keepsOnePort(port: number, id: string, worker: Worker): void {
    const { fixed, holders } = this.#shared;
    const { name, arn } = this.#fn;
    if (this.#obeys === undefined) {
      const text = `the function listens on port ${port} whatever it is told: it gets one instance only; let it listen on $FC_SERVER_PORT`;
      this.#options.log.warn({ function: name, port }, text);
      this.#options.onLog(name, id, '', `sluice: ${text}`);
    }
    this.#obeys = false;
    fixed.add(arn);
    holders.set(port, worker.gone);
    void worker.gone.then(() => holders.get(port) === worker.gone && holders.delete(port));
  }

  #environment(id: string, tmp: string, port: string, credentials: SessionCredentials): Record<string, string> {
    const { region, accountId } = this.#options;
    return {
      ...baseEnvironment({ fn: this.#fn, region, accountId, tmp }),
      ...instanceEnvironment(id, credentials),
      FC_SERVER_PORT: port,
      FC_CUSTOM_LISTEN_PORT: port,
      PORT: port,
    };
  }

  async #prepare(): Promise<Prepared> {
    const [program = '', ...args] = await commandOf(this.#fn, this.#options.sandbox.level === 'bubblewrap');
    return prepareProgram(this.#fn, this.#options, program, args);
  }
}

/**
 * Program and arguments; paths below /code, where the vendor unpacks a function, lead to the code folder.
 * @param isAtCode the code really is at /code
 * @throws Fault FunctionNotStarted when the program lies in the package and cannot be run
 */
async function commandOf({ custom, codeDir }: FunctionVersion, isAtCode: boolean): Promise<string[]> {
  const own = (path: string) => (path === '/code' || path.startsWith('/code/') ? `.${path.slice('/code'.length)}` : path);
  const [named = 'bootstrap', ...args] = custom?.command ?? [];
  const name = own(named);
  const mapped = isAtCode ? args : args.map((arg) => (own(arg) === arg ? arg : join(codeDir, own(arg))));
  if (name.startsWith('/')) return [name, ...mapped];
  const isBare = !name.includes('/') && named !== 'bootstrap';
  // A bare name is a program of the package before it is one of the system.
  if (isBare && !(await isExecutable(join(codeDir, name)))) return [name, ...mapped];
  const advice = `build it for GOOS=linux GOARCH=${localArch}, or begin a script with a line such as #!/bin/sh`;
  const missing = `There is no program ${name} in the code package; a custom runtime needs one that serves HTTP on 0.0.0.0:$FC_SERVER_PORT: a file bootstrap, or customRuntimeConfig.command.`;
  return [await findBinary(codeDir, name, advice, missing), ...mapped];
}

function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

/** The vendor's name for a program of a custom runtime that ended. */
function explainExit({ kind, message }: Explanation): Explanation {
  const text = `${message}. Its output says why; an HTTP server has to keep running and listen on 0.0.0.0:$FC_SERVER_PORT`;
  return { kind, message: text, payload: errorPayload(text, 'CAExited') };
}

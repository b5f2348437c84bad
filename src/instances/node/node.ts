import { chownSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Fault } from '../../faults/index.ts';
import { type FunctionVersion, namesOf } from '../../functions/index.ts';
import { randomHex } from '../../kit/index.ts';
import { isBuiltin } from '../builtin/images.ts';
import { searchPath } from '../config.ts';
import type { Engine, RuntimeFamily, RuntimeReadiness, StartHooks, Worker } from '../engine.ts';
import { idLength } from '../process/door.ts';
import { baseEnvironment, instanceEnvironment } from '../process/environment.ts';
import { anyOtherUser } from '../process/interpreter.ts';
import type { EngineOptions } from '../process/options.ts';
import { Output } from '../process/output.ts';
import { Reserve, Waiting } from '../process/reserve.ts';
import { HostWorker } from '../process/worker.ts';
import { removeFolder } from '../sandbox/removal.ts';
import { WarmProcess } from './process.ts';
import { findNodePrograms, type NodeProgram, nodeRuntimes } from './programs.ts';

/** Warm processes of all functions together. */
const warmLimit = 16;
/** Of the function's memory, what JavaScript objects may take; buffers, code and Node itself need the rest. */
const heapShare = 0.8;
const leastHeapMb = 64;
/** What Node itself takes beside the function's own data, MB. */
const overheadMb = 128;
/** What a Node maps without ever using it, MB. */
const mappedMb = 1024;
const processesEach = 64;
/** Standard error goes where standard output goes, so that lines keep their order; no core files. */
const shell = 'exec 2>&1; ulimit -c 0; ulimit -n 4096 2>/dev/null; exec "$0" "$@"';

interface NodeOptions extends EngineOptions {
  programs: ReadonlyMap<string, NodeProgram>;
  waiting: Waiting;
}

/** The Node.js runtimes; looks for Node programs, a configured one first, the server's own last. */
export async function openNode(options: EngineOptions & { interpreter?: string | undefined }): Promise<RuntimeFamily> {
  const programs = await findNodePrograms({
    configured: options.interpreter,
    searchPath: searchPath(),
    own: process.execPath,
    copies: join(options.place.hosts, 'node-own'),
    uid: options.dropPrivileges ? anyOtherUser : undefined,
  });
  const waiting = new Waiting(warmLimit);
  return {
    runtimes: nodeRuntimes,
    engine: (fn) => new NodeEngine(fn, { ...options, programs, waiting }),
    ready: () => nodeRuntimes.map((runtime) => readiness(runtime, programs.get(runtime))),
    close: async () => {},
  };
}

function readiness(runtime: string, found: NodeProgram | undefined): RuntimeReadiness {
  if (!found) return { runtime, ok: false, note: 'no Node 16 or newer was found that functions may use' };
  return { runtime, ok: true, interpreter: found.path, version: found.version, ...(found.note ? { note: found.note } : {}) };
}

/** Node instances of one function revision: a process each, of which the next one waits warm. */
class NodeEngine implements Engine {
  readonly #fn: FunctionVersion;
  readonly #options: NodeOptions;
  readonly #program: NodeProgram;
  /** Compiled code that the instances leave for each other; they are all of one user. */
  readonly #cache: string;
  readonly #processes = new Set<WarmProcess>();
  readonly #reserve: Reserve<WarmProcess>;
  /** A process that loaded packages ahead has died of it: from then on they are loaded with the handler. */
  #packages = true;

  constructor(fn: FunctionVersion, options: NodeOptions) {
    const program = options.programs.get(fn.runtime);
    if (!program) throw new Fault('FunctionNotStarted', 'No Node 16 or newer was found that functions may use.');
    this.#fn = fn;
    this.#options = options;
    this.#program = program;
    this.#cache = join(options.place.tmp, `compiled-${randomHex(8)}`);
    const mayGrow = () => this.#processes.size < fn.maxInstances;
    this.#reserve = new Reserve({ waiting: options.waiting, spawn: () => this.#spawn(), mayGrow, timeoutMs: fn.timeoutMs });
  }

  async prepare(): Promise<void> {
    this.#reserve.fill();
    await this.#reserve.spare?.ready;
  }

  start(requestId: string, hooks: StartHooks): Worker {
    const fn = this.#fn;
    const warm = this.#reserve.take() ?? this.#spawn();
    const { accessKeyId: ak, accessKeySecret: sk, securityToken: token } = warm.credentials;
    const marker = randomHex(16);
    const secrets = [sk, token].filter((value) => value !== '');
    const onLine = (request: string, line: string) => this.#options.onLog(fn.name, warm.id, request, line);
    const worker = new HostWorker({
      id: warm.id,
      requestId,
      memoryMb: fn.memoryMb,
      initializerMs: fn.initializer?.timeoutMs ?? 0,
      goodUntil: warm.goodUntil,
      uid: fn.uid,
      tmp: warm.tmp,
      output: new Output(marker, secrets, onLine, fn.instanceConcurrency > 1),
      hooks,
      hearsOfLeaving: true,
      kill: () => warm.kill(),
    });
    warm.begin(worker, { marker, request: requestId, credentials: { ak, sk, token } });
    worker.ready.then(
      () => this.#reserve.fillSoon(),
      () => {},
    );
    return worker;
  }

  async close(): Promise<void> {
    this.#reserve.close();
    await Promise.all([...this.#processes].map((process) => process.ended));
    await removeFolder(this.#cache);
  }

  #spawn(): WarmProcess {
    const { sandbox, place, region, accountId, fileBytes } = this.#options;
    const fn = this.#fn;
    const id = `c-${randomHex((idLength - 2) / 2)}`;
    const credentials = this.#options.credentialsFor(fn);
    const tmp = join(place.tmp, id);
    for (const folder of [tmp, this.#cache]) {
      mkdirSync(folder, { mode: 0o700, recursive: true });
      if (fn.uid !== undefined) chownSync(folder, fn.uid, fn.uid);
    }
    const env = { ...baseEnvironment({ fn, region, accountId, tmp }), ...instanceEnvironment(id, credentials), ...layerPath(fn) };
    const launched = sandbox.launch({
      program: '/bin/sh',
      args: ['-c', shell, this.#program.path, ...this.#flags(), join(place.hosts, 'node/main.cjs')],
      cwd: fn.codeDir,
      env,
      uid: fn.uid,
      stdio: ['ignore', 'pipe', 'ignore', 'pipe'],
      readable: [fn.codeDir, ...fn.layerDirs, place.hosts, homeOf(this.#program.path)],
      writable: [tmp, this.#cache],
      code: fn.codeDir,
      layers: fn.layerDirs,
      offline: isBuiltin(fn),
      limits: {
        memoryMb: fn.memoryMb + overheadMb,
        eachMb: fn.memoryMb + mappedMb,
        processes: processesEach,
        programs: fn.maxInstances + 4,
        fileBytes,
      },
    });
    const process = new WarmProcess({ id, launched, tmp, credentials, config: this.#config(), onEnd: () => this.#ended(process) });
    this.#processes.add(process);
    return process;
  }

  #ended(process: WarmProcess): void {
    this.#processes.delete(process);
    if (!this.#reserve.lost(process) || process.warm || this.#reserve.closed) return;
    this.#packages = false;
    this.#options.log.warn({ function: this.#fn.name }, 'a process ended while it loaded packages ahead; they are loaded with the handler');
  }

  #flags(): string[] {
    const heapMb = Math.max(leastHeapMb, Math.floor(this.#fn.memoryMb * heapShare));
    return [`--max-old-space-size=${heapMb}`, ...this.#program.flags];
  }

  #config(): Record<string, unknown> {
    const fn = this.#fn;
    return {
      code: fn.codeDir,
      handler: fn.handler,
      initializer: fn.initializer?.handler ?? '',
      preStop: fn.preStop?.handler ?? '',
      concurrency: fn.instanceConcurrency,
      packages: this.#packages,
      cache: this.#cache,
      about: {
        function: {
          name: namesOf(fn.name).name,
          handler: fn.handler,
          memory: fn.memoryMb,
          timeout: Math.ceil(fn.timeoutMs / 1000),
          initializer: fn.initializer?.handler ?? '',
          initializationTimeout: Math.ceil((fn.initializer?.timeoutMs ?? 0) / 1000),
        },
        service: {
          name: namesOf(fn.name).service,
          logProject: fn.logProject ?? '',
          logStore: fn.logStore ?? '',
          qualifier: fn.qualifier,
          versionId: fn.versionId,
        },
        region: this.#options.region,
        accountId: this.#options.accountId,
      },
    };
  }
}

/** `<prefix>` of `<prefix>/bin/node`, else the program alone. */
function homeOf(program: string): string {
  const prefix = dirname(dirname(program));
  return program.endsWith('/bin/node') && prefix !== '/' ? prefix : program;
}

/** Where CommonJS modules are looked for besides the code: the user's NODE_PATH, and `nodejs/node_modules` of each layer. */
function layerPath(fn: FunctionVersion): Record<string, string> {
  const own = (fn.env.NODE_PATH ?? '').split(':').filter((part) => part.startsWith('/'));
  const inCode = own.map((part) => (part === '/code' || part.startsWith('/code/') ? fn.codeDir + part.slice('/code'.length) : part));
  const parts = [...inCode, ...fn.layerDirs.map((folder) => join(folder, 'nodejs/node_modules'))];
  return parts.length === 0 ? {} : { NODE_PATH: parts.join(':') };
}

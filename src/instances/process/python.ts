import { chmodSync, existsSync, mkdirSync } from 'node:fs';
import { rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Fault } from '../../faults/index.ts';
import { type FunctionVersion, namesOf } from '../../functions/index.ts';
import { randomHex } from '../../kit/index.ts';
import { searchPath } from '../config.ts';
import type { Engine, RuntimeFamily, RuntimeReadiness, StartHooks, Worker } from '../engine.ts';
import { makeFolder } from '../program/folder.ts';
import { removeFolder } from '../sandbox/removal.ts';
import type { Limits } from '../sandbox/sandbox.ts';
import { idLength, secretLength } from './door.ts';
import { baseEnvironment, instanceEnvironment } from './environment.ts';
import { anyOtherUser, type Interpreter, Interpreters } from './interpreter.ts';
import type { EngineOptions } from './options.ts';
import { Output } from './output.ts';
import { HostWorker } from './worker.ts';
import { type ProcessEnd, Unfit, Zygote } from './zygote.ts';

/** What an interpreter with its packages maps besides the function's own data. */
const overheadMb = 512;
/** What a fork server holds, and what each instance holds of the interpreter beside the function's own data. */
const serverMb = 192;
const interpreterMb = 64;
const diskBytes = 512 * 1024 * 1024;
const processesEach = 64;
/** Packages that one revision may have refused, before it runs without any preload. */
const refusals = 8;

const pythonRuntimes = ['python3.10', 'python3.12', 'python3.9', 'python3'];

interface PythonOptions extends EngineOptions {
  interpreters: Interpreters;
  /** Folder with packages that functions may use without bringing them, last on sys.path. */
  packages: string | undefined;
}

/** The Python runtimes; looks for interpreters, a configured one first. */
export async function openPython(
  options: EngineOptions & { interpreter?: string | undefined; packages?: string | undefined },
): Promise<RuntimeFamily> {
  const interpreters = new Interpreters({ configured: options.interpreter, searchPath: searchPath(), hosts: options.place.hosts });
  const uid = options.dropPrivileges ? anyOtherUser : undefined;
  await Promise.all(pythonRuntimes.map((runtime) => interpreters.find(runtime, uid)));
  return {
    runtimes: pythonRuntimes,
    engine: (fn) => new PythonEngine(fn, { ...options, interpreters, packages: options.packages }),
    ready: () => pythonRuntimes.map((runtime) => readiness(runtime, interpreters.known(runtime, uid))),
    close: async () => {},
  };
}

function readiness(runtime: string, found: Interpreter | undefined): RuntimeReadiness {
  if (!found) return { runtime, ok: false, note: 'no Python 3.9 or newer was found that functions may use' };
  return { runtime, ok: true, interpreter: found.path, version: found.version, ...(found.note ? { note: found.note } : {}) };
}

/** What an instance is forked from. */
interface Order {
  id: string;
  tmp: string;
  [name: string]: unknown;
}

/** An instance and the fork server that it was ordered from. */
interface Member {
  worker: HostWorker;
  zygote: Zygote;
  order: Order;
  forked: boolean;
  /** Its first fork server died before it obeyed. */
  again: boolean;
}

/** Python instances of one function revision: children of a fork server that runs as the function's own user. */
export class PythonEngine implements Engine {
  readonly #fn: FunctionVersion;
  readonly #options: PythonOptions;
  readonly #workers = new Map<string, Member>();
  /** Holds the instances' own folders. The function cannot write into this one, so nothing in it can be a link of its making. */
  readonly #folder: string;
  readonly #skip: string[] = [];
  readonly #removals = new Set<Promise<void>>();
  #zygote: Promise<Zygote> | undefined;
  #current: Zygote | undefined;
  /** Every fork server that lives: the current one, also while it is not ready, and those that end with their last instance. */
  readonly #zygotes = new Set<Zygote>();
  #preload = true;
  #closed = false;

  constructor(fn: FunctionVersion, options: PythonOptions) {
    this.#fn = fn;
    this.#options = options;
    this.#folder = join(options.place.tmp, randomHex(8));
  }

  async prepare(): Promise<void> {
    await this.#forkServer();
  }

  start(requestId: string, hooks: StartHooks): Worker {
    const { door, onLog } = this.#options;
    const id = `c-${randomHex((idLength - 2) / 2)}`;
    const secret = randomHex(secretLength / 2);
    const marker = randomHex(16);
    const credentials = this.#options.credentialsFor(this.#fn);
    const secrets = [credentials.accessKeySecret, credentials.securityToken, secret].filter((value) => value !== '');
    const worker = new HostWorker({
      id,
      requestId,
      memoryMb: this.#fn.memoryMb,
      initializerMs: this.#fn.initializer?.timeoutMs ?? 0,
      goodUntil: credentials.expiresAt ?? Number.POSITIVE_INFINITY,
      uid: this.#fn.uid,
      tmp: join(this.#folder, id),
      kill: () => this.#workers.get(id)?.zygote.end(id),
      output: new Output(marker, secrets, (request, line) => onLog(this.#fn.name, id, request, line), this.#fn.instanceConcurrency > 1),
      hooks,
    });
    door.expect(id, secret, (kind, socket, rest) => worker.connected(kind, socket, rest));
    void worker.gone.then(() => door.forget(id));
    const env = instanceEnvironment(id, credentials);
    const { accessKeyId: ak, accessKeySecret: sk, securityToken: token } = credentials;
    void this.#launch(worker, { id, secret, marker, env, request: requestId, credentials: { ak, sk, token }, tmp: join(this.#folder, id) });
    return worker;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#zygotes].map((zygote) => zygote.shutdown()));
    await this.#zygote?.catch(() => {});
    await Promise.all(this.#removals);
    await rmdir(this.#folder).catch(() => {});
  }

  async #launch(worker: HostWorker, order: Order, again = false): Promise<void> {
    try {
      const zygote = await this.#forkServer();
      if (!worker.usable) return await worker.exited(0);
      const { uid } = this.#fn;
      if (!existsSync(order.tmp)) makeFolder(order.tmp, uid);
      this.#workers.set(worker.instanceId, { worker, zygote, order, forked: false, again });
      zygote.resize(this.#limits(zygote));
      zygote.fork(order);
    } catch (error) {
      worker.failed(error instanceof Fault ? error : new Fault('FunctionNotStarted', undefined, { cause: error }));
    }
  }

  #forkServer(): Promise<Zygote> {
    if (!this.#zygote) {
      const starting = this.#startForkServer();
      this.#zygote = starting;
      starting.catch(() => {
        if (this.#zygote === starting) this.#zygote = undefined;
      });
    }
    return this.#zygote;
  }

  /** Starts the fork server, without the packages that turn out not to be fit for it. */
  async #startForkServer(): Promise<Zygote> {
    const { interpreters, log } = this.#options;
    const { runtime, uid, name } = this.#fn;
    const interpreter = await interpreters.find(runtime, uid);
    if (!interpreter) {
      throw new Fault(
        'FunctionNotStarted',
        `No Python 3.9 or newer was found that ${uid === undefined ? 'the server' : `user ${uid}`} can run.`,
      );
    }
    if (interpreter.note !== undefined) log.warn({ function: name, runtime, interpreter: interpreter.path }, interpreter.note);
    for (let attempt = 0; ; attempt++) {
      if (this.#closed) throw new Fault('ServiceUnavailable');
      const zygote = this.#spawn(interpreter.path);
      try {
        await zygote.ready;
        this.#current = zygote;
        return zygote;
      } catch (error) {
        zygote.kill();
        await zygote.ended;
        if (error instanceof Fault) throw error;
        if (error instanceof Unfit && attempt < refusals) {
          log.warn({ function: name, module: error.module, reason: error.message }, 'a package is not loaded before the fork');
          this.#skip.push(error.module);
        } else if (this.#preload) {
          log.warn({ function: name, err: error }, 'the fork server is started again without packages');
          this.#preload = false;
        } else {
          throw new Fault('FunctionNotStarted', undefined, { cause: error });
        }
      }
    }
  }

  #spawn(interpreter: string): Zygote {
    const { place, region, accountId, packages, fileBytes } = this.#options;
    const fn = this.#fn;
    mkdirSync(this.#folder, { recursive: true });
    chmodSync(this.#folder, 0o711);
    const tmp = join(this.#folder, `shared-${randomHex(8)}`);
    makeFolder(tmp, fn.uid);
    const zygote: Zygote = new Zygote(
      this.#options.sandbox,
      {
        interpreter,
        script: join(place.hosts, 'python/fork_server.py'),
        config: this.#config(),
        env: baseEnvironment({ fn, region, accountId, tmp }),
        uid: fn.uid,
        sees: {
          readable: [fn.codeDir, ...fn.layerDirs, place.hosts, ...(packages === undefined ? [] : [packages])],
          writable: [this.#folder],
          code: fn.codeDir,
          layers: fn.layerDirs,
          tmp,
        },
        limits: { ...this.#limits(undefined), eachMb: fn.memoryMb + overheadMb, programs: fn.maxInstances + 4, fileBytes },
      },
      {
        forked: (id, pid) => {
          const member = this.#workers.get(id);
          if (!member) return;
          member.forked = true;
          member.worker.forked(pid);
        },
        exited: (id, end, kilobytes, reason) => {
          const member = this.#workers.get(id);
          this.#workers.delete(id);
          void member?.worker.exited(kilobytes, reason, end);
          // What a dead instance left in shared memory stays as long as the sandbox does.
          if (end.outOfMemory) this.#forget(zygote);
          this.#settle(zygote);
        },
        gone: (end) => {
          this.#bereaved(zygote, end, removeFolder(tmp));
        },
      },
    );
    this.#zygotes.add(zygote);
    return zygote;
  }

  /** Instances are no longer forked from it. */
  #forget(zygote: Zygote): void {
    if (this.#current !== zygote) return;
    this.#current = undefined;
    this.#zygote = undefined;
  }

  /** Fits a fork server's limits to its instances; one that is no longer used ends with the last of them. */
  #settle(zygote: Zygote): void {
    zygote.resize(this.#limits(zygote));
    if (zygote !== this.#current && this.#membersOf(zygote).length === 0) void zygote.shutdown();
  }

  /** The fork server has ended, and with it its sandbox. */
  #bereaved(zygote: Zygote, end: ProcessEnd, removal: Promise<void>): void {
    this.#zygotes.delete(zygote);
    this.#removals.add(removal);
    void removal.then(() => this.#removals.delete(removal));
    this.#forget(zygote);
    for (const { worker, order, forked, again } of this.#membersOf(zygote)) {
      this.#workers.delete(order.id);
      if (forked || again || this.#closed || !worker.usable) void worker.exited(0, '', end);
      // It never began: another fork server can do it.
      else void this.#launch(worker, order, true);
    }
  }

  #membersOf(zygote: Zygote | undefined): Member[] {
    return [...this.#workers.values()].filter((member) => member.zygote === zygote);
  }

  /** What all instances of a fork server may use together. */
  #limits(zygote: Zygote | undefined): Pick<Limits, 'memoryMb' | 'processes' | 'diskBytes'> {
    const instances = Math.max(1, this.#membersOf(zygote).length);
    const { memoryMb } = this.#fn;
    return {
      memoryMb: serverMb + instances * (memoryMb + interpreterMb),
      processes: (instances + 1) * processesEach,
      diskBytes: instances * diskBytes,
    };
  }

  #config(): Record<string, unknown> {
    const { place, packages, region, accountId } = this.#options;
    const fn = this.#fn;
    const path = fn.handler.slice(0, Math.max(0, fn.handler.lastIndexOf('.')));
    return {
      code: fn.codeDir,
      file: join(fn.codeDir, `${path}.py`),
      packages: packages ?? '',
      paths: pythonPath(fn),
      handler: fn.handler,
      initializer: fn.initializer?.handler ?? '',
      pre_stop: fn.preStop?.handler ?? '',
      concurrency: fn.instanceConcurrency,
      layers: fn.layerDirs,
      runtime: fn.runtime,
      socket: place.socket,
      preload: this.#preload,
      skip: this.#skip,
      about: {
        name: namesOf(fn.name).name,
        handler: fn.handler,
        memory: fn.memoryMb,
        timeout: Math.ceil(fn.timeoutMs / 1000),
        service: namesOf(fn.name).service,
        log_project: fn.logProject ?? '',
        log_store: fn.logStore ?? '',
        qualifier: fn.qualifier,
        version_id: fn.versionId,
        region,
        account_id: accountId,
        initializer: fn.initializer?.handler ?? '',
        initialization_timeout: Math.ceil((fn.initializer?.timeoutMs ?? 0) / 1000),
      },
    };
  }
}

/** Folders of the user's PYTHONPATH; /code is where the vendor unpacks a function. */
function pythonPath(fn: FunctionVersion): string[] {
  const parts = (fn.env.PYTHONPATH ?? '').split(':').filter((part) => part.startsWith('/'));
  return parts.map((part) => (part === '/code' || part.startsWith('/code/') ? fn.codeDir + part.slice('/code'.length) : part));
}

import { chownSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '../../faults/index.ts';
import type { FunctionVersion } from '../../functions/index.ts';
import { randomHex } from '../../kit/index.ts';
import { searchPath } from '../config.ts';
import type { Engine, RuntimeFamily, RuntimeReadiness, StartHooks, Worker } from '../engine.ts';
import { idLength, secretLength } from './door.ts';
import { baseEnvironment, instanceEnvironment } from './environment.ts';
import { killGroup, killMarked } from './group.ts';
import { anyOtherUser, type Interpreter, Interpreters } from './interpreter.ts';
import type { EngineOptions } from './options.ts';
import { Output } from './output.ts';
import { HostWorker } from './worker.ts';
import { Unfit, Zygote } from './zygote.ts';

const mebibyte = 1024 * 1024;
/** What an interpreter with its packages maps besides the function's own data. */
const overheadMb = 512;
const openFiles = 4_096;
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

/** Python instances of one function revision: children of a fork server that runs as the function's own user. */
export class PythonEngine implements Engine {
  readonly #fn: FunctionVersion;
  readonly #options: PythonOptions;
  readonly #workers = new Map<string, { worker: HostWorker; pid: number }>();
  /** In the environment of every process of this revision, so that the last resort finds them. */
  readonly #mark = `SLUICE_REVISION=${randomHex(12)}`;
  readonly #skip: string[] = [];
  #zygote: Promise<Zygote> | undefined;
  /** The process behind #zygote, also while it is not ready. */
  #newest: Zygote | undefined;
  #preload = true;
  #closed = false;

  constructor(fn: FunctionVersion, options: PythonOptions) {
    this.#fn = fn;
    this.#options = options;
  }

  async prepare(): Promise<void> {
    await this.#forkServer();
  }

  start(requestId: string, hooks: StartHooks): Worker {
    const { door, place, onLog } = this.#options;
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
      tmp: join(place.tmp, id),
      output: new Output(marker, secrets, (request, line) => onLog(this.#fn.name, id, request, line)),
      hooks,
    });
    door.expect(id, secret, (kind, socket, rest) => worker.connected(kind, socket, rest));
    void worker.gone.then(() => door.forget(id));
    const env = instanceEnvironment(id, credentials);
    const { accessKeyId: ak, accessKeySecret: sk, securityToken: token } = credentials;
    void this.#launch(worker, { id, secret, marker, env, request: requestId, credentials: { ak, sk, token }, tmp: join(place.tmp, id) });
    return worker;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#newest?.shutdown();
    await this.#zygote?.catch(() => {});
  }

  async #launch(worker: HostWorker, order: Record<string, unknown> & { tmp: string }): Promise<void> {
    try {
      const zygote = await this.#forkServer();
      if (!worker.usable) return await worker.exited(0);
      const { uid } = this.#fn;
      mkdirSync(order.tmp, { mode: 0o700 });
      if (uid !== undefined) chownSync(order.tmp, uid, uid);
      this.#workers.set(worker.instanceId, { worker, pid: 0 });
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
    for (let attempt = 0; ; attempt++) {
      if (this.#closed) throw new Fault('ServiceUnavailable');
      const zygote = this.#spawn(interpreter.path);
      try {
        await zygote.ready;
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
    const [markName, markValue] = this.#mark.split('=') as [string, string];
    const zygote: Zygote = new Zygote(
      this.#options.sandbox,
      {
        interpreter,
        script: join(place.hosts, 'python/fork_server.py'),
        config: this.#config(),
        env: { ...baseEnvironment({ fn, region, accountId, tmp: place.tmp }), [markName]: markValue },
        uid: fn.uid,
        readable: [fn.codeDir, place.hosts, ...(packages === undefined ? [] : [packages])],
        writable: [place.tmp],
        limits: { memoryMb: fn.memoryMb + overheadMb, processes: (fn.maxInstances + 4) * processesEach, fileBytes },
      },
      {
        forked: (id, pid) => {
          const entry = this.#workers.get(id);
          if (entry) entry.pid = pid;
          entry?.worker.forked(pid);
        },
        exited: (id, _status, kilobytes, reason) => {
          const entry = this.#workers.get(id);
          this.#workers.delete(id);
          void entry?.worker.exited(kilobytes, reason);
        },
        gone: () => this.#bereaved(zygote),
      },
    );
    this.#newest = zygote;
    return zygote;
  }

  /** The fork server has ended: what it watched over is ended from here. */
  #bereaved(zygote: Zygote): void {
    this.#zygote?.then(
      (current) => {
        if (current === zygote) this.#zygote = undefined;
      },
      () => {},
    );
    if (this.#workers.size === 0) return;
    for (const { worker, pid } of this.#workers.values()) {
      if (pid !== 0) killGroup(pid, this.#fn.uid);
      void worker.exited(0);
    }
    this.#workers.clear();
    killMarked(this.#mark);
  }

  #config(): Record<string, unknown> {
    const { place, packages, region, accountId, fileBytes } = this.#options;
    const fn = this.#fn;
    const path = fn.handler.slice(0, Math.max(0, fn.handler.lastIndexOf('.')));
    return {
      code: fn.codeDir,
      file: join(fn.codeDir, `${path}.py`),
      packages: packages ?? '',
      paths: pythonPath(fn),
      handler: fn.handler,
      initializer: fn.initializer?.handler ?? '',
      runtime: fn.runtime,
      socket: place.socket,
      preload: this.#preload,
      skip: this.#skip,
      limits: {
        DATA: (fn.memoryMb + overheadMb) * mebibyte,
        FSIZE: fileBytes,
        NOFILE: openFiles,
        CORE: 0,
        // The count is per user: without a user of its own it would count the server's processes too.
        ...(fn.uid === undefined ? {} : { NPROC: (fn.maxInstances + 4) * processesEach }),
      },
      about: {
        name: fn.name,
        handler: fn.handler,
        memory: fn.memoryMb,
        timeout: Math.ceil(fn.timeoutMs / 1000),
        service: '',
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

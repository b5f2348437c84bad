import { chownSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '../../faults/index.ts';
import { type FunctionVersion, namesOf } from '../../functions/index.ts';
import { after, now, randomHex, type Timer } from '../../kit/index.ts';
import type { Engine, StartHooks, Worker } from '../engine.ts';
import { idLength, secretLength } from '../process/door.ts';
import { baseEnvironment, instanceEnvironment } from '../process/environment.ts';
import type { EngineOptions } from '../process/options.ts';
import { Output } from '../process/output.ts';
import { frame } from '../process/wire.ts';
import { HostWorker } from '../process/worker.ts';
import type { ClassArchive } from './archive.ts';
import { classPathOf } from './classpath.ts';
import { jvmFlags } from './flags.ts';
import type { HostJars } from './host.ts';
import type { Jre } from './jre.ts';
import { Jvm } from './jvm.ts';
import { LibraryClasses } from './library.ts';

/** The next Java is made warm when the last one has served for so long, milliseconds: the first request has the machine to itself. */
const quietMs = 100;
/** Warm processes of all functions together: each holds some 60 MB. */
const warmLimit = 8;
/** A revision without instances keeps its warm Java for so long, milliseconds. */
const restMs = 300_000;
/** A warm process whose credentials end sooner is not used, milliseconds. */
const leastLifeMs = 3_600_000;
/** What Java takes beside the heap: classes, compiled code, threads, buffers of its collector. MB. */
const overheadMb = 256;
/** What Java maps without ever using it, MB. */
const mappedMb = 1024;
const threadsBase = 128;
const threadsPerCall = 4;
/** Standard error goes where standard output goes, so that lines keep their order. */
const shell = 'exec 2>&1; exec "$0" "$@"';

/** Bounds the warm processes that wait at once, over all functions: the one that has waited longest gives way. */
export class Waiting {
  readonly #engines = new Set<JavaEngine>();

  add(engine: JavaEngine): void {
    this.#engines.add(engine);
    const [oldest] = this.#engines;
    if (this.#engines.size > warmLimit) oldest?.cool();
  }

  delete(engine: JavaEngine): void {
    this.#engines.delete(engine);
  }
}

export interface JavaOptions extends EngineOptions {
  jre: Jre;
  jars: HostJars;
  /** Port of the loopback address that hosts connect to. */
  port: number;
  archive: ClassArchive;
  waiting: Waiting;
}

/** Java instances of one function revision: a process each, of which the next one waits warm. */
export class JavaEngine implements Engine {
  readonly #fn: FunctionVersion;
  readonly #options: JavaOptions;
  readonly #processes = new Set<Jvm>();
  readonly #library: LibraryClasses;
  #classPath: string[] | undefined;
  #spare: Jvm | undefined;
  #refill: Timer | undefined;
  #rest: Timer | undefined;
  #closed = false;

  constructor(fn: FunctionVersion, options: JavaOptions) {
    this.#fn = fn;
    this.#options = options;
    this.#library = new LibraryClasses(fn.handler);
  }

  async prepare(): Promise<void> {
    await this.#options.archive.make();
    this.#warmUp();
    await this.#spare?.ready;
  }

  start(requestId: string, hooks: StartHooks): Worker {
    let jvm: Jvm | undefined;
    let fault: unknown;
    try {
      jvm = this.#takeSpare() ?? this.#spawn();
    } catch (error) {
      fault = error;
    }
    const worker = this.#worker(jvm, requestId, hooks);
    if (jvm) {
      const { accessKeyId: ak, accessKeySecret: sk, securityToken: token } = jvm.credentials;
      jvm.begin(worker, { ...this.#about(), request: requestId, credentials: { ak, sk, token } });
    } else {
      // Whoever asked for it does not know it yet.
      queueMicrotask(() => worker.failed(new Fault('FunctionNotStarted', undefined, { cause: fault })));
    }
    worker.ready.then(
      () => this.#refillSoon(),
      () => {},
    );
    return worker;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#refill?.cancel();
    this.cool();
    await Promise.all([...this.#processes].map((process) => process.ended));
  }

  /** Gives up the process that waits. */
  cool(): void {
    this.#options.waiting.delete(this);
    this.#rest?.cancel();
    this.#spare?.kill();
    this.#spare = undefined;
  }

  /** What speaks for an instance; without a process it is one that came to nothing. */
  #worker(jvm: Jvm | undefined, requestId: string, hooks: StartHooks): HostWorker {
    const fn = this.#fn;
    const { place, onLog } = this.#options;
    const id = jvm?.id ?? newId();
    const secrets = [jvm?.credentials.accessKeySecret, jvm?.credentials.securityToken].filter(
      (value) => value !== undefined && value !== '',
    );
    const onLine = (request: string, line: string) => onLog(fn.name, id, request, line);
    return new HostWorker({
      id,
      requestId,
      memoryMb: fn.memoryMb,
      initializerMs: fn.initializer?.timeoutMs ?? 0,
      goodUntil: jvm?.goodUntil ?? 0,
      uid: fn.uid,
      tmp: jvm?.tmp ?? join(place.tmp, id),
      output: new Output(jvm?.marker ?? id, secrets as string[], onLine, fn.instanceConcurrency > 1),
      hooks,
      kill: () => jvm?.kill(),
      told: (type, body) => {
        if (type === frame.loaded) this.#library.add(body.toString('utf8'));
      },
    });
  }

  #takeSpare(): Jvm | undefined {
    const spare = this.#spare;
    if (!spare) return undefined;
    if (spare.goodUntil < now() + this.#fn.timeoutMs + leastLifeMs) {
      this.cool();
      return undefined;
    }
    this.#options.waiting.delete(this);
    this.#rest?.cancel();
    this.#spare = undefined;
    return spare;
  }

  #refillSoon(): void {
    if (this.#closed || this.#spare) return;
    this.#refill?.cancel();
    this.#refill = after(quietMs, () => {
      // The first start of a server does not wait for the archive; the next ones do.
      void this.#options.archive.make().then(() => this.#warmUp());
    });
  }

  /** Starts the process that will wait, unless no further instance may be started anyway. */
  #warmUp(): void {
    if (this.#closed || this.#spare || this.#processes.size >= this.#fn.maxInstances) return;
    this.#spare = this.#spawn();
    this.#options.waiting.add(this);
    this.#restLater();
  }

  /** Ends the warm process of a revision that has nothing to do. */
  #restLater(): void {
    this.#rest?.cancel();
    if (!this.#spare || this.#processes.size > 1) return;
    this.#rest = after(restMs, () => this.cool());
  }

  #spawn(): Jvm {
    const { sandbox, place, door, region, accountId, fileBytes, jre, jars, port, archive } = this.#options;
    const fn = this.#fn;
    const id = newId();
    const [secret, marker] = [randomHex(secretLength / 2), randomHex(16)];
    const credentials = this.#options.credentialsFor(fn);
    const tmp = join(place.tmp, id);
    mkdirSync(tmp, { mode: 0o700 });
    if (fn.uid !== undefined) chownSync(tmp, fn.uid, fn.uid);
    this.#classPath ??= classPathOf(fn, jars.runtime);
    const own = fn.env.JAVA_TOOL_OPTIONS ?? '';
    const flags = jvmFlags({ major: jre.major, memoryMb: fn.memoryMb, tmp, archive: archive.path, own });
    const launched = sandbox.launch({
      program: '/bin/sh',
      args: ['-c', shell, join(jre.home, 'bin', 'java'), ...flags, '-jar', jars.host],
      cwd: fn.codeDir,
      env: { ...baseEnvironment({ fn, region, accountId, tmp }), ...instanceEnvironment(id, credentials) },
      uid: fn.uid,
      stdio: ['pipe', 'pipe', 'ignore'],
      readable: [fn.codeDir, ...(fn.jar === undefined ? [] : [fn.jar]), ...fn.layerDirs, place.hosts, jre.home],
      writable: [tmp],
      code: fn.codeDir,
      layers: fn.layerDirs,
      limits: {
        memoryMb: fn.memoryMb + overheadMb,
        eachMb: fn.memoryMb + mappedMb,
        processes: threadsBase + threadsPerCall * fn.instanceConcurrency,
        programs: fn.maxInstances + 4,
        fileBytes,
      },
    });
    const ticket = {
      port,
      id,
      secret,
      marker,
      concurrent: fn.instanceConcurrency > 1,
      classPath: this.#classPath,
      classes: this.#library.names,
    };
    const jvm: Jvm = new Jvm({ id, secret, door, launched, tmp, credentials, marker, ticket, onEnd: () => this.#ended(jvm) });
    this.#processes.add(jvm);
    return jvm;
  }

  #ended(jvm: Jvm): void {
    this.#processes.delete(jvm);
    if (this.#spare === jvm) {
      this.#spare = undefined;
      this.#options.waiting.delete(this);
    }
    this.#restLater();
  }

  #about(): Record<string, unknown> {
    const fn = this.#fn;
    return {
      handler: fn.handler,
      initializer: fn.initializer?.handler ?? '',
      preStop: fn.preStop?.handler ?? '',
      concurrency: fn.instanceConcurrency,
      about: {
        name: namesOf(fn.name).name,
        handler: fn.handler,
        initializer: fn.initializer?.handler ?? '',
        timeoutMs: fn.timeoutMs,
        memory: fn.memoryMb,
        service: namesOf(fn.name).service,
        logProject: fn.logProject ?? '',
        logStore: fn.logStore ?? '',
        qualifier: fn.qualifier,
        versionId: fn.versionId,
      },
    };
  }
}

function newId(): string {
  return `c-${randomHex((idLength - 2) / 2)}`;
}

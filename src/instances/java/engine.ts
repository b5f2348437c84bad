import { chownSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '../../faults/index.ts';
import { type FunctionVersion, namesOf } from '../../functions/index.ts';
import { after, randomHex, type Timer } from '../../kit/index.ts';
import type { Engine, StartHooks, Worker } from '../engine.ts';
import { idLength, secretLength } from '../process/door.ts';
import { baseEnvironment, instanceEnvironment } from '../process/environment.ts';
import type { EngineOptions } from '../process/options.ts';
import { Output } from '../process/output.ts';
import { Reserve, type Waiting } from '../process/reserve.ts';
import { frame } from '../process/wire.ts';
import { HostWorker } from '../process/worker.ts';
import type { ClassArchive } from './archive.ts';
import { classPathOf } from './classpath.ts';
import { jvmFlags } from './flags.ts';
import type { HostJars } from './host.ts';
import type { Jre } from './jre.ts';
import { Jvm } from './jvm.ts';
import { LibraryClasses } from './library.ts';

/** Warm processes of all functions together: each holds some 60 MB. */
export const warmLimit = 8;
/** A revision without instances keeps its warm Java for so long, milliseconds. */
const restMs = 300_000;
/** What Java takes beside the heap: classes, compiled code, threads, buffers of its collector. MB. */
const overheadMb = 256;
/** What Java maps without ever using it, MB. */
const mappedMb = 1024;
const threadsBase = 128;
const threadsPerCall = 4;
/** Standard error goes where standard output goes, so that lines keep their order. */
const shell = 'exec 2>&1; exec "$0" "$@"';

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
  readonly #reserve: Reserve<Jvm>;
  #rest: Timer | undefined;

  constructor(fn: FunctionVersion, options: JavaOptions) {
    this.#fn = fn;
    this.#options = options;
    this.#library = new LibraryClasses(fn.handler);
    this.#reserve = new Reserve({
      waiting: options.waiting,
      spawn: () => this.#spawn(),
      mayGrow: () => this.#processes.size < fn.maxInstances,
      timeoutMs: fn.timeoutMs,
      // The first start of a server does not wait for the archive; the next ones do.
      before: () => options.archive.make(),
      filled: () => this.#restLater(),
    });
  }

  async prepare(): Promise<void> {
    await this.#options.archive.make();
    this.#reserve.fill();
    await this.#reserve.spare?.ready;
  }

  start(requestId: string, hooks: StartHooks): Worker {
    let jvm: Jvm | undefined;
    let fault: unknown;
    this.#rest?.cancel();
    try {
      jvm = this.#reserve.take() ?? this.#spawn();
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
      () => this.#reserve.fillSoon(),
      () => {},
    );
    return worker;
  }

  async close(): Promise<void> {
    this.#rest?.cancel();
    this.#reserve.close();
    await Promise.all([...this.#processes].map((process) => process.ended));
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

  /** Ends the warm process of a revision that has nothing to do. */
  #restLater(): void {
    this.#rest?.cancel();
    if (!this.#reserve.spare || this.#processes.size > 1) return;
    this.#rest = after(restMs, () => this.#reserve.cool());
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
    this.#reserve.lost(jvm);
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

import { Fault } from '../../faults/index.ts';
import { type FunctionVersion, namesOf } from '../../functions/index.ts';
import { now, randomHex } from '../../kit/index.ts';
import type { Engine, RuntimeFamily, StartHooks, Worker } from '../engine.ts';
import type { SessionCredentials } from '../invocation.ts';
import { baseEnvironment, instanceEnvironment } from '../process/environment.ts';
import type { EngineOptions } from '../process/options.ts';
import { Output } from '../process/output.ts';
import { findBinary, goAdvice, localArch } from '../program/binary.ts';
import { Program } from '../program/program.ts';
import { type Prepared, prepareProgram, Spares } from '../program/spare.ts';
import { ProgramWorker } from '../program/worker.ts';
import { type RuntimeApi, RuntimeLine } from './runtime-api.ts';

/** Until the program asks for its first call, milliseconds. */
const startMs = 30_000;
/** Go's own collector works harder from this share of the memory on, rather than be ended at the limit. */
const softLimit = 0.9;

export interface GoOptions extends EngineOptions {
  runtimeApi: RuntimeApi;
}

/** The Go runtime: unmodified programs built with the vendor's SDK, which ask for their calls over HTTP. */
export async function openGo(options: GoOptions): Promise<RuntimeFamily> {
  const note = () => (options.runtimeApi.address === undefined ? { note: 'no listener serves the FC Runtime API' } : {});
  return {
    runtimes: ['go1'],
    engine: (fn) => new GoEngine(fn, options),
    ready: () => [{ runtime: 'go1', ok: options.runtimeApi.address !== undefined, version: `linux/${localArch}`, ...note() }],
    close: async () => {},
  };
}

class GoEngine implements Engine {
  readonly #fn: FunctionVersion;
  readonly #options: GoOptions;
  readonly #spares = new Spares(() => this.#prepare());

  constructor(fn: FunctionVersion, options: GoOptions) {
    this.#fn = fn;
    this.#options = options;
  }

  prepare(): Promise<void> {
    return this.#spares.fill();
  }

  start(requestId: string, hooks: StartHooks): Worker {
    const fn = this.#fn;
    const { runtimeApi, onLog, credentialsFor } = this.#options;
    const id = `c-${randomHex(12)}`;
    const marker = randomHex(16);
    const concurrent = fn.instanceConcurrency > 1;
    const credentials = credentialsFor(fn);
    const line = new RuntimeLine({ about: aboutOf(fn, this.#options), now, requestId });
    const { key, close } = runtimeApi.open(line);
    const secrets = [credentials.accessKeySecret, credentials.securityToken, key].filter((value) => value !== '');
    const output = new Output(marker, secrets, (request, text) => onLog(fn.name, id, request, text), concurrent);
    const worker = new ProgramWorker({
      id,
      requestId,
      fn,
      goodUntil: credentials.expiresAt ?? Number.POSITIVE_INFINITY,
      output,
      hooks,
      transport: line,
      startMs,
      launch: async (overMemory) => {
        const { launched, folder, begin } = await this.#spares.take();
        begin(this.#environment(id, folder, key, credentials));
        return new Program({ launched, folder, output, marker, concurrent, memoryMb: fn.memoryMb, overMemory });
      },
    });
    // The next one may be wanted soon.
    void worker.ready.then(() => this.#spares.fill()).catch(() => {});
    void worker.gone.then(close);
    return worker;
  }

  close(): Promise<void> {
    return this.#spares.close();
  }

  #environment(id: string, tmp: string, key: string, credentials: SessionCredentials): Record<string, string> {
    const { region, accountId, runtimeApi } = this.#options;
    const fn = this.#fn;
    return {
      GOMEMLIMIT: `${Math.floor(fn.memoryMb * softLimit)}MiB`,
      ...baseEnvironment({ fn, region, accountId, tmp }),
      ...instanceEnvironment(id, credentials),
      FC_RUNTIME_API: `${runtimeApi.address}/i/${key}`,
    };
  }

  async #prepare(): Promise<Prepared> {
    const { runtimeApi } = this.#options;
    if (runtimeApi.address === undefined) throw new Fault('FunctionNotStarted', 'No listener of this server serves the FC Runtime API.');
    return prepareProgram(this.#fn, this.#options, await binaryOf(this.#fn), []);
  }
}

function binaryOf({ codeDir, handler }: FunctionVersion): Promise<string> {
  const missing = `There is no file ${handler} in the code package; the handler of a go1 function is the path of its program.`;
  return findBinary(codeDir, handler, goAdvice, missing);
}

/** What every call of the function carries beside its own headers. */
function aboutOf(fn: FunctionVersion, { region, accountId }: EngineOptions): Record<string, string> {
  return {
    'content-type': 'application/octet-stream',
    'x-fc-function-name': namesOf(fn.name).name,
    'x-fc-function-handler': fn.handler,
    'x-fc-function-memory': String(fn.memoryMb),
    'x-fc-function-timeout': String(Math.max(1, Math.ceil(fn.timeoutMs / 1000))),
    'x-fc-service-name': namesOf(fn.name).service,
    'x-fc-service-logproject': fn.logProject ?? '',
    'x-fc-service-logstore': fn.logStore ?? '',
    'x-fc-qualifier': fn.qualifier,
    'x-fc-version-id': fn.versionId,
    'x-fc-region': region,
    'x-fc-account-id': accountId,
    'x-fc-retry-count': '0',
  };
}

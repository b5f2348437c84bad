import { join } from 'node:path';
import { Fault } from '../faults/index.ts';
import type { FunctionVersion } from '../functions/index.ts';
import { type Outgoing, openOutgoing } from '../kit/index.ts';
import { type ImageOrder, Images, isBuiltin, nobody } from './builtin/images.ts';
import { searchPath } from './config.ts';
import { openCustom } from './custom/custom.ts';
import { openRemote } from './custom/remote.ts';
import type { Engine, RuntimeFamily, RuntimeReadiness } from './engine.ts';
import { openGo } from './go/go.ts';
import { RuntimeApi } from './go/runtime-api.ts';
import type { Invocation, InvocationResult, SessionCredentials } from './invocation.ts';
import { openJava } from './java/java.ts';
import type { InstanceState } from './life.ts';
import type { Log } from './log.ts';
import { openNode } from './node/node.ts';
import { Pools } from './pools.ts';
import { Door } from './process/door.ts';
import { anyOtherUser, type Interpreter, Interpreters } from './process/interpreter.ts';
import type { EngineOptions } from './process/options.ts';
import { preparePlace } from './process/place.ts';
import { openPython } from './process/python.ts';
import { type Level, openSandbox, type SandboxSetting } from './sandbox/sandbox.ts';

export interface InstancesOptions {
  /** For sockets, host programs and the instances' own folders; emptied at start. */
  runDir: string;
  region: string;
  accountId: string;
  logger: Log;
  /** Credentials of the function's role for the environment of a new instance; empty strings when it has none. */
  credentialsFor: (fn: FunctionVersion) => SessionCredentials;
  /** The user that code of the server's own runs as behind the wall; functions have users of their own. Needed where the server is root. */
  builtinUser?: (() => Promise<number | undefined>) | undefined;
  limits: {
    /** Instances of all functions together. */
    maxInstances: number;
    /** Calls that may wait for one function revision. */
    queue: number;
    /** Largest file that a function may write, bytes; 512 MiB when left out. */
    fileBytes?: number | undefined;
  };
  /** The wall around functions; the strongest that works when left out. */
  sandbox?: SandboxSetting | undefined;
  python: { interpreter?: string | undefined; packages?: string | undefined };
  node?: { interpreter?: string | undefined } | undefined;
  java?: { home?: string | undefined } | undefined;
  /** Where Go programs find their calls; its listener is told to it later. Without it no Go function runs. */
  runtimeApi?: RuntimeApi;
  /** How functions that run elsewhere are reached; none is allowed without it. */
  outgoing?: Outgoing;
  /** One line that a function printed; `requestId` is '' between invocations. */
  onLog: (functionName: string, instanceId: string, requestId: string, line: string) => void;
}

export interface InstancesStats {
  instances: number;
  waiting: number;
  states: Record<InstanceState, number>;
  functions: { name: string; qualifier: string; revision: string; draining: boolean; waiting: number; instances: number }[];
}

export interface Instances {
  /**
   * Runs one event. Every end that the function brings about is a result; what the server could not do is a fault.
   * @throws Fault ResourceThrottled, ResourceExhausted, FunctionNotStarted, EntityTooLarge, ServiceUnavailable; the signal's reason
   * when it aborts before the event was given
   */
  invoke(fn: FunctionVersion, call: Invocation): Promise<InvocationResult>;
  /** Makes the first start of a revision fast (a fork server, no instance), and starts the instances that it is to keep warm. */
  prepare(fn: FunctionVersion): Promise<void>;
  /**
   * Lets a function's calls finish and ends its instances; resolves when they are gone.
   * @param except revisions that stay, or come instead: those of functions in use are prepared
   */
  retire(name: string, except?: readonly FunctionVersion[]): Promise<void>;
  /** Processes a picture behind the wall, in a process without credentials. @throws Fault as Images.render */
  render(order: ImageOrder): Promise<void>;
  stats(): InstancesStats;
  /** Which runtimes can be served, and by what. */
  ready(): RuntimeReadiness[];
  /** The level of the wall that is in force, and what it does not prevent. */
  readonly sandbox: { level: Level; notes: readonly string[] };
  /** Ends every instance at once and removes what they had. */
  close(): Promise<void>;
}

/**
 * The Python that serves functions, found by running the candidates (a configured one first) as an unprivileged user when
 * `dropPrivileges` is set; undefined when none is 3.9 or newer. For whoever compiles code ahead of time.
 */
export function findInterpreter(options: { interpreter?: string | undefined; dropPrivileges: boolean }): Promise<Interpreter | undefined> {
  const interpreters = new Interpreters({ configured: options.interpreter, searchPath: searchPath() });
  return interpreters.find('python3.10', options.dropPrivileges ? anyOtherUser : undefined);
}

/** Opens the instance host: listens on `<runDir>/instances.sock` and looks for interpreters. */
export async function openInstances(options: InstancesOptions): Promise<Instances> {
  const isRoot = process.getuid?.() === 0;
  const place = await preparePlace(options.runDir, isRoot);
  const { socket, hosts, tmp } = place;
  const wall = { dropPrivileges: isRoot, setting: options.sandbox, scratch: tmp, readable: [socket, hosts] };
  const sandbox = await openSandbox(wall).catch(async (error: unknown) => {
    await place.remove();
    throw error;
  });
  const door = await Door.open(socket);
  const common: EngineOptions = {
    door,
    place,
    sandbox,
    dropPrivileges: isRoot,
    region: options.region,
    accountId: options.accountId,
    fileBytes: options.limits.fileBytes ?? 512 * 1024 * 1024,
    credentialsFor: (fn) => (isBuiltin(fn) ? nobody : options.credentialsFor(fn)),
    onLog: options.onLog,
    log: options.logger,
  };
  const families: RuntimeFamily[] = await Promise.all([
    openPython({ ...common, ...options.python }),
    openNode({ ...common, ...options.node }),
    openJava({ ...common, ...options.java }),
    openGo({ ...common, runtimeApi: options.runtimeApi ?? new RuntimeApi() }),
    openCustom(common),
    openRemote({ ...common, outgoing: options.outgoing ?? openOutgoing({ allow: [] }) }),
  ]);
  const pools = new Pools(options.limits, (fn) => engineFor(fn, families));
  const images = new Images({
    invoke: (fn, call) => pools.invoke(fn, call),
    folder: join(hosts, 'builtin'),
    user: options.builtinUser ?? (() => Promise.resolve(undefined)),
  });
  return {
    invoke: (fn, call) => pools.invoke(fn, call),
    render: (order) => images.render(order),
    prepare: (fn) => pools.prepare(fn),
    retire: (name, except) => pools.retire(name, except),
    stats: () => pools.stats(),
    ready: () => families.flatMap((family) => family.ready()),
    sandbox: { level: sandbox.level, notes: sandbox.notes },
    close: async () => {
      await pools.close();
      await Promise.all(families.map((family) => family.close()));
      await door.close();
      sandbox.close();
      await place.remove();
    },
  };
}

function engineFor(fn: FunctionVersion, families: readonly RuntimeFamily[]): Engine {
  const family = families.find(({ runtimes }) => runtimes.includes(fn.runtime));
  if (!family) throw new Fault('FunctionNotStarted', `Runtime ${fn.runtime} is not served by this server.`);
  return family.engine(fn);
}

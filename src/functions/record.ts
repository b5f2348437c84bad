import { customOf, imageUrl } from './custom.ts';
import { familyOf } from './runtimes.ts';

/** A lifecycle hook as it is stored: initializer or preStop. */
export interface Hook {
  handler?: string | undefined;
  /** Seconds. */
  timeout?: number | undefined;
  command?: string[] | undefined;
}

/** What a user may set on a function, by the field names of Function Compute 3.0. */
export interface FunctionSettings {
  functionName: string;
  description: string;
  runtime: string;
  handler: string;
  /** MB. */
  memorySize: number;
  cpu: number;
  /** MB. */
  diskSize: number;
  /** Seconds. */
  timeout: number;
  instanceConcurrency: number;
  environmentVariables: Record<string, string>;
  /** Role ARN, or '' for none. */
  role: string;
  layers: string[];
  internetAccess: boolean;
  /** Seconds that an idle instance is kept. */
  idleTimeout?: number | undefined;
  instanceLifecycleConfig?: { initializer?: Hook | undefined; preStop?: Hook | undefined } | undefined;
  logConfig?: Record<string, unknown> | undefined;
  /** Fields that are stored and returned but not carried out. */
  kept: Record<string, unknown>;
}

/** A layer as a function uses it; what it holds never changes, also when the layer was deleted since. */
export interface LayerCode {
  arn: string;
  /** SHA-256 of its package, hex. */
  digest: string;
  /** Bytes of its package. */
  size: number;
  /** Bytes of its files. */
  bytes: number;
}

/** One function as it is stored. Times are epoch milliseconds. */
export interface FunctionRecord extends FunctionSettings {
  functionId: string;
  functionArn: string;
  /** Bytes of the package. */
  codeSize: number;
  /** CRC-64 of the package, decimal. */
  codeChecksum: string;
  /** SHA-256 of the package, hex: names the code folder, because a CRC can be forged. */
  codeDigest: string;
  /** The layers named in `layers`, as they were found then. */
  layerCode?: LayerCode[] | undefined;
  createdTime: number;
  lastModifiedTime: number;
  state: 'Active' | 'Failed';
  stateReason?: string | undefined;
  lastUpdateStatus: 'Successful';
  /** New at each update. */
  revision: string;
}

/** What an instance needs to run one version of a function. The same object is given out until the function changes. */
export interface FunctionVersion {
  /** Without qualifier. */
  readonly arn: string;
  readonly name: string;
  readonly qualifier: string;
  readonly versionId: string;
  readonly revision: string;
  readonly runtime: string;
  readonly handler: string;
  readonly timeoutMs: number;
  readonly memoryMb: number;
  readonly instanceConcurrency: number;
  readonly idleTimeoutMs: number;
  readonly maxInstances: number;
  readonly env: Readonly<Record<string, string>>;
  /** Role ARN. */
  readonly role?: string;
  readonly codeDir: string;
  /** User and group id of its own, when the server is root. */
  readonly uid?: number;
  readonly initializer?: { readonly handler: string; readonly timeoutMs: number };
  readonly preStop?: { readonly handler: string; readonly timeoutMs: number };
  /** Folders of its layers, each laid out as /opt is; the first wins where two hold the same file. */
  readonly layerDirs: readonly string[];
  /** The package itself when it is a JAR: faster on a class path than its unpacked files. Readable by the function's user. */
  readonly jar?: string;
  /** How the server of a custom runtime is started and asked. */
  readonly custom?: CustomRuntime;
  /** URL of a function that runs elsewhere (custom-container whose image is an http or https URL). */
  readonly url?: string;
  /** Instances kept warm. */
  readonly provisioned: number;
  readonly logProject?: string;
  readonly logStore?: string;
}

/** Custom runtime configuration of Function Compute 3.0 ("CustomRuntimeConfig"). */
export interface CustomRuntime {
  /** Program and arguments; empty: `bootstrap` in the code folder. */
  readonly command: readonly string[];
  /** Port that it listens on: FC_SERVER_PORT. */
  readonly port: number;
  readonly healthCheck?: {
    readonly path: string;
    readonly initialDelayMs: number;
    readonly periodMs: number;
    readonly timeoutMs: number;
    readonly failureThreshold: number;
    readonly successThreshold: number;
  };
}

const defaultIdleMs = 300_000;
/** The vendor's default for both hooks. */
const defaultHookSeconds = 3;

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function hookOf(hook: Hook | undefined): { handler: string; timeoutMs: number } | undefined {
  return hook?.handler ? { handler: hook.handler, timeoutMs: (hook.timeout ?? defaultHookSeconds) * 1000 } : undefined;
}

/** Where the code of a version lies, and what of the house counts for it. */
export interface VersionPlace {
  codeDir: string;
  /** The package itself, for a runtime that reads JARs. */
  jar: string | undefined;
  layerDirs: readonly string[];
  uid: number | undefined;
}

/** What may change while instances of the version run; read anew each time. */
export interface VersionScale {
  readonly maxInstances: number;
  readonly provisioned: number;
}

/** The runnable view of a record. */
export function versionOf(
  record: FunctionRecord,
  name: { qualifier: string; versionId: string },
  place: VersionPlace,
  scale: VersionScale,
): FunctionVersion {
  const { initializer, preStop } = record.instanceLifecycleConfig ?? {};
  const logProject = text(record.logConfig?.project);
  const logStore = text(record.logConfig?.logstore);
  const family = familyOf(record.runtime);
  const whole = {
    arn: record.functionArn,
    name: record.functionName,
    qualifier: name.qualifier,
    versionId: name.versionId,
    revision: record.revision,
    runtime: record.runtime,
    handler: record.handler,
    timeoutMs: record.timeout * 1000,
    memoryMb: record.memorySize,
    instanceConcurrency: record.instanceConcurrency,
    idleTimeoutMs: record.idleTimeout === undefined ? defaultIdleMs : record.idleTimeout * 1000,
    env: record.environmentVariables,
    codeDir: place.codeDir,
    layerDirs: place.layerDirs,
    role: text(record.role),
    uid: place.uid,
    initializer: hookOf(initializer),
    preStop: hookOf(preStop),
    jar: place.jar,
    custom: family === 'custom' ? customOf(record.kept.customRuntimeConfig) : undefined,
    url: family === 'container' ? imageUrl(record.kept.customContainerConfig) : undefined,
    logProject,
    logStore,
    // Read through, so that a changed limit counts for the instances that run.
    get maxInstances() {
      return scale.maxInstances;
    },
    get provisioned() {
      return scale.provisioned;
    },
  };
  for (const name of Object.keys(whole) as (keyof typeof whole)[]) if (whole[name] === undefined) delete whole[name];
  return whole as FunctionVersion;
}

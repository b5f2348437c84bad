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
const defaultInitializerSeconds = 3;

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** The runnable view of a record. */
export function versionOf(
  record: FunctionRecord,
  place: { codeDir: string; uid: number | undefined; maxInstances: number },
): FunctionVersion {
  const initializer = record.instanceLifecycleConfig?.initializer;
  const logProject = text(record.logConfig?.project);
  const logStore = text(record.logConfig?.logstore);
  return {
    arn: record.functionArn,
    name: record.functionName,
    qualifier: 'LATEST',
    versionId: 'LATEST',
    revision: record.revision,
    runtime: record.runtime,
    handler: record.handler,
    timeoutMs: record.timeout * 1000,
    memoryMb: record.memorySize,
    instanceConcurrency: record.instanceConcurrency,
    idleTimeoutMs: record.idleTimeout === undefined ? defaultIdleMs : record.idleTimeout * 1000,
    maxInstances: place.maxInstances,
    env: record.environmentVariables,
    codeDir: place.codeDir,
    layerDirs: [],
    provisioned: 0,
    ...(record.role === '' ? {} : { role: record.role }),
    ...(place.uid === undefined ? {} : { uid: place.uid }),
    ...(initializer?.handler
      ? { initializer: { handler: initializer.handler, timeoutMs: (initializer.timeout ?? defaultInitializerSeconds) * 1000 } }
      : {}),
    ...(logProject ? { logProject } : {}),
    ...(logStore ? { logStore } : {}),
  };
}

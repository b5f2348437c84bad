import { z } from 'zod';
import { type FunctionRecord, namesOf } from '../../../functions/index.ts';
import { isoTime } from '../call.ts';
import { checked } from '../tags.ts';

/** Fields that mean the same in both APIs. Role, log, VPC and NAS belong to the service in 2.0, and are not among them. */
const same = [
  'functionName',
  'description',
  'runtime',
  'handler',
  'timeout',
  'memorySize',
  'cpu',
  'diskSize',
  'instanceConcurrency',
  'environmentVariables',
  'layers',
  'customDNS',
  'code',
] as const;

const anyObject = z.record(z.string(), z.unknown());
const hook = z.object({ handler: z.string().max(256).nullish(), timeout: z.int().min(0).max(300).nullish() });

/** Fields that 3.0 writes otherwise, or does not have. */
const ownSchema = z.object({
  initializer: z.string().max(256).nullish(),
  initializationTimeout: z.int().min(0).max(300).nullish(),
  instanceLifecycleConfig: z.object({ preFreeze: hook.nullish(), preStop: hook.nullish() }).nullish(),
  caPort: z.int().min(0).max(65_535).nullish(),
  customRuntimeConfig: anyObject.nullish(),
  customContainerConfig: anyObject.nullish(),
  customHealthCheckConfig: anyObject.nullish(),
  instanceType: z.string().max(64).nullish(),
  instanceSoftConcurrency: z.number().nullish(),
  gpuMemorySize: z.number().nullish(),
});
type Own = z.infer<typeof ownSchema>;

const defaults = { memorySize: 128, timeout: 3 };
/** The vendor's default for every hook. */
const hookSeconds = 3;

type Hooks = NonNullable<FunctionRecord['instanceLifecycleConfig']>;

/** A JSON list of words, as 2.0 writes command and args of a container; undefined for anything else. */
function wordsOf(value: unknown): unknown {
  if (typeof value !== 'string' || value === '') return undefined;
  try {
    return JSON.parse(value);
  } catch {
    return [value];
  }
}

function hooksOf({ initializer, initializationTimeout, instanceLifecycleConfig: given }: Own, before: Hooks): Hooks | undefined {
  if (initializer == null && initializationTimeout == null && given == null) return undefined;
  const made = (handler: string | null | undefined, timeout: number | null | undefined) =>
    handler ? { handler, timeout: timeout || hookSeconds } : undefined;
  const first = made(initializer ?? before.initializer?.handler, initializationTimeout ?? before.initializer?.timeout);
  const last = given?.preStop ? made(given.preStop.handler, given.preStop.timeout) : before.preStop;
  return { ...(first ? { initializer: first } : {}), ...(last ? { preStop: last } : {}) };
}

function programOf(own: Own, runtime: unknown, kept: Record<string, unknown>): Record<string, unknown> {
  const { caPort, customRuntimeConfig, customContainerConfig, customHealthCheckConfig } = own;
  const port = caPort ? { port: caPort } : {};
  const health = customHealthCheckConfig ? { healthCheckConfig: customHealthCheckConfig } : {};
  if (runtime === 'custom-container') {
    if (caPort == null && !customContainerConfig && !customHealthCheckConfig) return {};
    const { command, args, ...rest } = customContainerConfig ?? {};
    const words = customContainerConfig ? { entrypoint: wordsOf(command), command: wordsOf(args) } : {};
    return { customContainerConfig: { ...(kept.customContainerConfig as object | undefined), ...rest, ...words, ...port, ...health } };
  }
  if (caPort == null && !customRuntimeConfig && !customHealthCheckConfig) return {};
  return { customRuntimeConfig: { ...(kept.customRuntimeConfig as object | undefined), ...customRuntimeConfig, ...port, ...health } };
}

/**
 * The input of CreateFunction or UpdateFunction in the form of 3.0.
 * @param before the function that is changed; undefined for a new one
 * @throws Fault InvalidArgument that names the field
 */
export function inputOf(value: unknown, before: FunctionRecord | undefined): unknown {
  if (value === null || typeof value !== 'object') return value;
  const given = value as Record<string, unknown>;
  const own = checked(ownSchema, given, '');
  const { instanceType, instanceSoftConcurrency, gpuMemorySize } = own;
  const kept = before?.kept ?? {};
  const hooks = hooksOf(own, before?.instanceLifecycleConfig ?? {});
  const shown = Object.entries({ instanceType, instanceSoftConcurrency, gpuMemorySize, preFreeze: own.instanceLifecycleConfig?.preFreeze });
  const fc2 = { ...(kept.fc2 as object | undefined), ...Object.fromEntries(shown.filter(([, field]) => field != null)) };
  return {
    ...(before ? {} : defaults),
    ...Object.fromEntries(same.flatMap((name) => (given[name] == null ? [] : [[name, given[name]]]))),
    ...(hooks ? { instanceLifecycleConfig: hooks } : {}),
    ...programOf(own, given.runtime ?? before?.runtime, kept),
    fc2,
  };
}

function shownHook(hook: { handler?: string | undefined; timeout?: number | undefined } | undefined): object {
  return { handler: hook?.handler ?? '', timeout: hook?.timeout ?? hookSeconds };
}

function shownContainer({ entrypoint, command, port: _port, healthCheckConfig: _health, ...rest }: Record<string, unknown>): object {
  const text = (words: unknown) => (words === undefined ? '' : JSON.stringify(words));
  return { ...rest, command: text(entrypoint), args: text(command) };
}

/** A function as Function Compute 2.0 shows it (2021-04-06, schema "GetFunctionResponseBody"). */
export function renderFunction2(record: FunctionRecord): object {
  const { kept, layers, environmentVariables, instanceLifecycleConfig } = record;
  const { preFreeze, ...fc2 } = (kept.fc2 ?? {}) as Record<string, unknown>;
  const container = kept.customContainerConfig as Record<string, unknown> | undefined;
  const { port: runtimePort, healthCheckConfig: health, ...program } = (kept.customRuntimeConfig ?? {}) as Record<string, unknown>;
  const port = runtimePort ?? container?.port;
  const check = health ?? container?.healthCheckConfig;
  const { functionId, description, runtime, handler, timeout, memorySize, cpu, diskSize, instanceConcurrency, codeSize, codeChecksum } =
    record;
  return {
    ...{ functionId, functionName: namesOf(record.functionName).name, description, runtime, handler, timeout, memorySize, cpu, diskSize },
    ...{ instanceConcurrency, codeSize, codeChecksum, environmentVariables, instanceType: 'e1', ...fc2 },
    initializer: instanceLifecycleConfig?.initializer?.handler ?? '',
    initializationTimeout: instanceLifecycleConfig?.initializer?.timeout ?? hookSeconds,
    instanceLifecycleConfig: {
      preFreeze: shownHook(preFreeze as object | undefined),
      preStop: shownHook(instanceLifecycleConfig?.preStop),
    },
    ...{ layers, layersArnV2: layers },
    ...(port === undefined ? {} : { caPort: port }),
    ...(check ? { customHealthCheckConfig: check } : {}),
    ...(kept.customRuntimeConfig ? { customRuntimeConfig: program } : {}),
    ...(container ? { customContainerConfig: shownContainer(container) } : {}),
    ...(kept.customDNS ? { customDNS: kept.customDNS } : {}),
    createdTime: isoTime(record.createdTime),
    lastModifiedTime: isoTime(record.lastModifiedTime),
  };
}

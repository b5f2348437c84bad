import { z } from 'zod';
import { Fault } from '../faults/index.ts';
import { customInput, imageUrl } from './custom.ts';
import type { FunctionSettings } from './record.ts';
import { checkHandler, familyOf } from './runtimes.ts';

const maxEnvironmentBytes = 4096;
const maxKeptBytes = 64 * 1024;

/** Names that the runtime sets itself; a function may not override them. */
const reservedEnvironment = /^(FC_.*|accessKeyID|accessKeySecret|securityToken|ALIBABA_CLOUD_(ACCESS_KEY_.*|SECURITY_TOKEN))$/;

const functionName = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_-]{0,63}$/, 'must be 1 to 64 letters, digits, _ or -, and start with a letter or _');

// Its form depends on the runtime.
const handler = z.string().max(256);

const hook = z.preprocess(
  withoutNulls,
  z.object({
    handler: handler.optional(),
    timeout: z.int().min(1).max(300).optional(),
    command: z.array(z.string().max(1024)).max(64).optional(),
  }),
);

const environment = z.record(z.string(), z.string()).superRefine((variables, context) => {
  let bytes = 0;
  for (const [name, value] of Object.entries(variables)) {
    bytes += Buffer.byteLength(name) + Buffer.byteLength(value);
    const refuse = (message: string) => context.addIssue({ code: 'custom', path: [name.slice(0, 64)], message });
    if (!/^[A-Za-z][A-Za-z0-9_]*$/.test(name)) return refuse('a variable name starts with a letter and holds letters, digits and _ only');
    if (reservedEnvironment.test(name)) return refuse('this name is set by the runtime; choose another');
    if (value.includes('\0')) return refuse('a value cannot hold a NUL character');
  }
  if (bytes > maxEnvironmentBytes) context.addIssue({ code: 'custom', message: 'names and values together may not exceed 4 KB' });
});

const anyObject = z.record(z.string(), z.unknown());

const keptShape = {
  // What only the 2.0 API shows of a function.
  fc2: anyObject,
  customContainerConfig: anyObject,
  customDNS: anyObject,
  customRuntimeConfig: anyObject,
  gpuConfig: anyObject,
  juiceFsConfig: anyObject,
  nasConfig: anyObject,
  ossMountConfig: anyObject,
  polarFsConfig: anyObject,
  tracingConfig: anyObject,
  vpcConfig: anyObject,
  disableInjectCredentials: z.string().max(256),
  instanceIsolationMode: z.string().max(256),
  resourceGroupId: z.string().max(256),
  sessionAffinity: z.string().max(256),
  sessionAffinityConfig: z.string().max(4096),
  disableOndemand: z.boolean(),
  enableLongLiving: z.boolean(),
};

/** Role ARN, or '' for none. */
export const roleSchema = z
  .string()
  .regex(/^(acs:ram::\d{1,20}:role\/[A-Za-z0-9._-]{1,64})?$/i, 'must be a role ARN, acs:ram::ACCOUNT:role/NAME');

const settings = z.object({
  description: z.string().max(256),
  runtime: z.string(),
  handler,
  memorySize: z.int().min(128).max(32_768).multipleOf(64),
  cpu: z.number().min(0.05).max(16),
  diskSize: z.union([z.literal(512), z.literal(10_240)], 'must be 512 or 10240'),
  timeout: z.int().min(1).max(86_400),
  instanceConcurrency: z.int().min(1).max(200),
  environmentVariables: environment,
  role: roleSchema,
  layers: z.array(z.string().max(512)).max(16),
  internetAccess: z.boolean(),
  idleTimeout: z.int().min(1).max(86_400),
  instanceLifecycleConfig: z.preprocess(withoutNulls, z.object({ initializer: hook.optional(), preStop: hook.optional() })),
  logConfig: anyObject,
  ...keptShape,
});

const patchSchema = settings.partial();
const createSchema = patchSchema.extend({ functionName, runtime: z.string() });

type Patch = z.infer<typeof patchSchema>;

const defaults = {
  description: '',
  memorySize: 512,
  cpu: 0.35,
  diskSize: 512,
  timeout: 3,
  instanceConcurrency: 1,
  environmentVariables: {},
  role: '',
  layers: [],
  internetAccess: true,
};

/** Clients that write every field send null for the ones they do not mean. */
function withoutNulls(input: unknown): unknown {
  if (input === null || typeof input !== 'object' || Array.isArray(input)) return input;
  return Object.fromEntries(Object.entries(input).filter(([, value]) => value !== null && value !== undefined));
}

/** Input against a schema. @param within the field that holds it @throws Fault InvalidArgument that names the field */
export function checkInput<T>(schema: z.ZodType<T>, input: unknown, within = ''): T {
  const result = schema.safeParse(withoutNulls(input));
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const field = [within, ...(issue?.path ?? [])].filter((part) => part !== '').join('.') || 'the request body';
  throw new Fault('InvalidArgument', `${field}: ${issue?.message ?? 'is not valid'}`);
}

function check(whole: FunctionSettings): FunctionSettings {
  const family = familyOf(whole.runtime);
  checkHandler(family, 'handler', whole.handler);
  for (const name of ['initializer', 'preStop'] as const) {
    const own = whole.instanceLifecycleConfig?.[name];
    const field = `instanceLifecycleConfig.${name}.handler`;
    if (own?.handler) checkHandler(family, field, own.handler);
    else if (own?.command?.length)
      throw new Fault('InvalidArgument', `${field}: a hook that is a command is not carried out; name a handler`);
  }
  if (family === 'custom') checkInput(customInput, whole.kept.customRuntimeConfig ?? {}, 'customRuntimeConfig');
  if (family === 'container') imageUrl(whole.kept.customContainerConfig);
  if (JSON.stringify([whole.kept, whole.logConfig, whole.instanceLifecycleConfig]).length > maxKeptBytes) {
    throw new Fault('InvalidArgument', 'the configuration of the function is larger than 64 KB');
  }
  return whole;
}

function split(patch: Patch): { own: Partial<Omit<FunctionSettings, 'kept'>>; kept: Record<string, unknown> } {
  const entries = Object.entries(patch).filter(([, value]) => value !== undefined);
  return {
    own: Object.fromEntries(entries.filter(([name]) => !(name in keptShape))),
    kept: Object.fromEntries(entries.filter(([name]) => name in keptShape)),
  };
}

/**
 * The settings of a new function from a CreateFunctionInput of Function Compute 3.0 (names, limits and defaults are the vendor's).
 * Unknown fields are ignored.
 * @throws Fault InvalidArgument that names the field
 */
export function settingsFromInput(input: unknown): FunctionSettings {
  const { functionName: name, ...rest } = checkInput(createSchema, input);
  const { own, kept } = split(rest);
  return check({ ...defaults, handler: '', ...own, runtime: rest.runtime, functionName: name, kept });
}

/**
 * The settings of a function after an UpdateFunctionInput: fields that are present replace, absent ones stay.
 * @throws Fault InvalidArgument that names the field
 */
export function settingsFromPatch(current: FunctionSettings, input: unknown): FunctionSettings {
  const { own, kept } = split(checkInput(patchSchema, input));
  return check({ ...current, ...own, functionName: current.functionName, kept: { ...current.kept, ...kept } });
}

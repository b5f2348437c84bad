import { readFileSync } from 'node:fs';
import { parse as parseYaml } from 'yaml';
import { z } from 'zod';
import { encryptionConfig, scrubConfig } from './care/config.ts';
import { httpConfig, tlsConfig } from './http/config.ts';
import { isAllowEntry } from './kit/index.ts';
import { invocationsConfig } from './telemetry/config.ts';
import { transformsConfig } from './transforms/config.ts';

/** An array, or its entries in one text with commas between them. */
const list = z.union([
  z.array(z.string()),
  z.string().transform((text) =>
    text
      .split(',')
      .map((part) => part.trim())
      .filter(Boolean),
  ),
]);
const hosts = list
  .refine((entries) => entries.every(isAllowEntry), 'must be host:port entries, e.g. worker.internal:8080, 10.0.0.5:8080 or [::1]:8080')
  .default([]);
const port = z.coerce.number().int().min(0).max(65_535);

/** Every setting of `sluice serve`: the server's own and each room's section. */
const schema = z.object({
  host: z.string().min(1).default('127.0.0.1').describe('address of the data and control listeners; 0.0.0.0 serves other machines'),
  port: port.default(9000).describe('port of the data listener (OSS); 0 takes a free one'),
  controlPort: port.default(9001).describe('port of the control listener (Function Compute API, health, metrics); 0 takes a free one'),
  functionsHost: z.string().min(1).default('127.0.0.1').describe('address of the functions listener; never a public one'),
  functionsPort: port.default(0).describe('port of the functions listener; 0 takes a free one'),
  advertise: z
    .string()
    .regex(/^[A-Za-z0-9.-]+(:\d+)?$/, 'must be a host name or IPv4 address, with or without a port')
    .optional()
    .describe('host[:port] under which functions reach the functions listener, when it is not its own address'),
  data: z.string().min(1).default('./sluice-data').describe('data folder; one server at a time'),
  region: z
    .string()
    .regex(/^[a-z0-9-]{1,40}$/, 'must be a region id such as cn-qingdao')
    .default('cn-qingdao')
    .describe('region id in ARNs, locations and endpoints'),
  accountId: z
    .string()
    .regex(/^\d{16}$/, 'must be 16 digits')
    .optional()
    .describe('account id; made at the first start when left out'),
  accessKeyId: z
    .string()
    .regex(/^[A-Za-z0-9._-]{3,128}$/, 'must be 3 to 128 letters, digits, dots, underscores or hyphens')
    .optional()
    .describe('root access key id; made at the first start and kept in the data folder when left out'),
  accessKeySecret: z.string().min(8, 'must have at least 8 characters').max(256).optional().describe('root access key secret'),
  durability: z
    .enum(['full', 'relaxed'])
    .default('full')
    .describe('full: an acknowledged write survives power loss; relaxed: only a crash of the server'),
  domains: list.default([]).describe('base domains for virtual-host style, comma separated: <bucket>.<domain>'),
  controlHosts: list
    .default([])
    .describe('further Host names that the control listener answers, comma separated; 127.0.0.1, localhost and its own address always are'),
  lifecycleMs: z.coerce
    .number()
    .int()
    .min(1_000)
    .default(3_600_000)
    .describe('milliseconds between two sweeps that carry out the lifecycle rules of buckets'),
  drainMs: z.coerce.number().int().min(0).default(25_000).describe('milliseconds that running requests may take after SIGTERM'),
  logLevel: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info').describe('least level that is logged'),
  logFile: z.string().optional().describe('file for log lines (JSON); standard error when left out'),
  maxInstances: z.coerce
    .number()
    .int()
    .min(1)
    .max(10_000)
    .default(100)
    .describe('function instances that may run at once, over all functions'),
  maxQueue: z.coerce
    .number()
    .int()
    .min(0)
    .max(100_000)
    .default(1000)
    .describe('invocations that may wait for an instance, per function; more are refused'),
  restoreSeconds: z.coerce
    .number()
    .int()
    .min(0)
    .max(172_800)
    .default(0)
    .describe('how long restoring an object of an archive class takes, for clients to be tried with; at once when left out'),
  sandbox: z
    .enum(['auto', 'bubblewrap', 'user', 'none'])
    .default('auto')
    .describe('wall around functions: bubblewrap, a user of their own (root only), or none; auto takes the strongest that works'),
  runDir: z.string().optional().describe('folder for unpacked code, sockets and tmp of functions; inside the data folder when left out'),
  python: z
    .object({
      interpreter: z.string().optional().describe('Python 3.9 or newer that runs Python functions; searched for when left out'),
      packages: z.string().optional().describe('folder of packages that the vendor has on board (Pillow), put last on sys.path'),
    })
    .prefault({}),
  node: z
    .object({
      interpreter: z
        .string()
        .optional()
        .describe('Node 16 or newer that runs Node.js functions of every version; searched for when left out'),
    })
    .prefault({}),
  java: z
    .object({
      home: z.string().optional().describe('folder of the Java 11 or newer that runs Java functions; searched for when left out'),
    })
    .prefault({}),
  outgoing: z
    .object({
      allow: hosts.describe('host:port entries that the server may make requests to (HTTP functions), comma separated; none when left out'),
      callbacks: hosts.describe('host:port entries that callbacks of uploads may go to, comma separated; none when left out'),
      callbackKey: z.string().optional().describe('PEM file of the RSA key that signs callbacks; they are not signed when left out'),
      callbackKeyUrl: z
        .url({ protocol: /^https?$/ })
        .optional()
        .describe('URL at which applications fetch the public part of callbackKey; the data listener serves its path'),
      ca: z.string().optional().describe('PEM file of certificates that requests of the server trust besides the system’s'),
    })
    .prefault({}),
  encryption: encryptionConfig.prefault({}),
  scrub: scrubConfig.prefault({}),
  http: httpConfig.prefault({}),
  tls: tlsConfig.prefault({}),
  audit: z
    .object({
      file: z.string().optional().describe('file of the audit log; audit/audit.log in the data folder when left out'),
      maxBytes: z.coerce
        .number()
        .int()
        .min(1_000)
        .default(67_108_864)
        .describe('bytes after which the audit log is set aside and begun anew'),
      files: z.coerce.number().int().min(1).max(1_000).default(10).describe('files of the audit log that are kept'),
    })
    .prefault({}),
  transforms: transformsConfig.prefault({}),
  invocations: invocationsConfig.prefault({}),
});

export type Settings = z.output<typeof schema>;

/** One leaf of the schema, for flags, environment names and the printed reference. */
export interface Setting {
  path: string;
  environment: string;
  flag: string;
  description: string;
  default: unknown;
  type: string;
}

interface JsonSchema {
  type?: string;
  anyOf?: JsonSchema[];
  enum?: string[];
  properties?: Record<string, JsonSchema>;
  description?: string;
  default?: unknown;
}

/** Every setting with its environment name and flag, in the order of the schema. */
export function settingsReference(): Setting[] {
  const walk = (node: JsonSchema, path: string[]): Setting[] =>
    Object.entries(node.properties ?? {}).flatMap(([name, child]) => {
      const here = [...path, name];
      if (child.properties) return walk(child, here);
      const words = here.map((part) => part.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`));
      return {
        path: here.join('.'),
        environment: `SLUICE_${words.join('_').replaceAll('-', '_').toUpperCase()}`,
        flag: `--${words.join('-')}`,
        description: child.description ?? '',
        default: child.default,
        type: child.enum ? child.enum.join(' | ') : (child.type ?? child.anyOf?.map((option) => option.type).join(' or ') ?? 'string'),
      };
    });
  return walk(z.toJSONSchema(schema, { io: 'input' }) as JsonSchema, []);
}

/** Thrown when settings are wrong; the message lists every fault, one a line. */
export class ConfigError extends Error {}

function assign(target: Record<string, unknown>, path: string, value: unknown): void {
  const parts = path.split('.');
  let here = target;
  for (const part of parts.slice(0, -1)) {
    here[part] ??= {};
    here = here[part] as Record<string, unknown>;
  }
  here[parts.at(-1) as string] = value;
}

function readFile(file: string): { values: Record<string, unknown>; faults: string[] } {
  let values: unknown;
  try {
    values = parseYaml(readFileSync(file, 'utf8')) ?? {};
  } catch (error) {
    throw new ConfigError(`The file ${file} cannot be read: ${error instanceof Error ? error.message : error}`);
  }
  if (typeof values !== 'object' || Array.isArray(values)) throw new ConfigError(`The file ${file} must hold a YAML mapping of settings.`);
  const known = new Set(settingsReference().map((setting) => setting.path));
  const faults: string[] = [];
  const check = (node: Record<string, unknown>, path: string[]) => {
    for (const [name, value] of Object.entries(node)) {
      const here = [...path, name].join('.');
      const isSection = [...known].some((other) => other.startsWith(`${here}.`));
      if (isSection && value !== null && typeof value === 'object') check(value as Record<string, unknown>, [...path, name]);
      else if (!known.has(here)) faults.push(`${here} (in ${file}): there is no such setting`);
    }
  };
  check(values as Record<string, unknown>, []);
  return { values: values as Record<string, unknown>, faults };
}

/**
 * Settings from a YAML file, then the environment (SLUICE_*), then flags; later ones win.
 * @throws ConfigError that names every fault at once, with the setting, where it came from and what it should be
 */
export function loadSettings(options: { file?: string; environment?: NodeJS.ProcessEnv; flags?: Record<string, unknown> } = {}): Settings {
  const { environment = process.env, flags = {} } = options;
  const { values, faults } = options.file === undefined ? { values: {}, faults: [] } : readFile(options.file);
  const origin = new Map<string, string>();
  for (const setting of settingsReference()) {
    const given = environment[setting.environment];
    if (given !== undefined && given !== '') {
      assign(values, setting.path, given);
      origin.set(setting.path, setting.environment);
    }
    if (flags[setting.path] !== undefined) {
      assign(values, setting.path, flags[setting.path]);
      origin.set(setting.path, setting.flag);
    }
  }
  const result = schema.safeParse(values);
  if (!result.success) {
    for (const issue of result.error.issues) {
      const path = issue.path.join('.');
      faults.push(`${path} (${origin.get(path) ?? options.file ?? 'default'}): ${issue.message}`);
    }
  }
  if (result.success && (result.data.accessKeyId === undefined) !== (result.data.accessKeySecret === undefined)) {
    faults.push('accessKeyId and accessKeySecret: give both or neither');
  }
  if (result.success && (result.data.tls.cert === undefined) !== (result.data.tls.key === undefined)) {
    faults.push('tls.cert and tls.key: give both or neither');
  }
  if (!result.success || faults.length > 0)
    throw new ConfigError(`The settings are not usable:\n${faults.map((fault) => `  ${fault}`).join('\n')}`);
  return result.data;
}

import { Fault, type FaultCode } from '../../faults/index.ts';
import { type Configuration, type ConfigurationKind, withQualifier } from '../../functions/index.ts';
import { type Answer, type Call, isoTime, pageAsked, param } from './call.ts';
import { readJson } from './json.ts';

type Run = (call: Call) => Promise<Answer>;

/** How one kind of configuration is shown. */
interface Kind {
  render(call: Call, configuration: Configuration): object;
  /** What stands for a configuration that is not there: a fault, or an empty one. */
  missing: FaultCode | ((call: Call) => object);
  /** The field of a list. */
  field: string;
}

/** Instances that run of a version or alias now. */
export function running(call: Call, name: string, qualifier: string): number {
  const pools = call.rooms.instances.stats?.().functions ?? [];
  return pools
    .filter((pool) => pool.name === name && pool.qualifier === qualifier && !pool.draining)
    .reduce((sum, pool) => sum + pool.instances, 0);
}

const kinds: Record<ConfigurationKind, Kind> = {
  concurrency: {
    render: (_call, { functionArn, value }) => ({ functionArn, ...value }),
    missing: 'OnDemandConfigNotFound',
    field: 'configs',
  },
  provision: {
    render: (call, { functionName, functionArn, qualifier, value }) => ({
      ...value,
      functionArn,
      defaultTarget: value.target,
      current: running(call, functionName, qualifier),
      currentError: '',
    }),
    // The vendor shows what nobody has set as a target of 0; Terraform relies on it.
    missing: (call) => ({ functionArn: arnAsked(call), target: 0, defaultTarget: 0, current: 0, currentError: '' }),
    field: 'provisionConfigs',
  },
  scaling: {
    render: (call, { functionName, functionArn, qualifier, value }) => ({
      ...value,
      functionArn,
      targetInstances: value.minInstances,
      currentInstances: running(call, functionName, qualifier),
      currentError: '',
    }),
    missing: 'ScalingConfigNotFound',
    field: 'scalingConfigs',
  },
  async: {
    render: (_call, { functionArn, value, createdTime, lastModifiedTime }) => ({
      ...value,
      functionArn,
      createdTime: isoTime(createdTime),
      lastModifiedTime: isoTime(lastModifiedTime),
    }),
    missing: 'AsyncConfigNotExists',
    field: 'configs',
  },
};

function arnAsked(call: Call): string {
  return withQualifier(call.rooms.functions.get(call.name)?.functionArn ?? '', call.qualifier || 'LATEST');
}

/** Get, Put, Delete and List of one kind of configuration. */
export function configurationOperations(kind: ConfigurationKind): { get: Run; put: Run; remove: Run; list: Run } {
  const { render, missing, field } = kinds[kind];
  return {
    get: async (call) => {
      const found = call.rooms.functions.configurations.get(kind, call.name, call.qualifier);
      if (found) return { status: 200, body: render(call, found) };
      if (typeof missing === 'string') throw new Fault(missing);
      return { status: 200, body: missing(call) };
    },
    put: async (call) => {
      const input = await readJson(call);
      const written = await call.rooms.functions.configurations.put(kind, call.name, call.qualifier, input);
      return { status: 200, body: render(call, written) };
    },
    remove: async (call) => {
      await call.rooms.functions.configurations.remove(kind, call.name, call.qualifier);
      return { status: 204 };
    },
    list: async (call) => {
      const all = call.rooms.functions.configurations.list(kind, param(call, 'functionName') || undefined);
      const { limit = 20, nextToken = '' } = pageAsked(call);
      if (limit < 1 || limit > 100) throw new Fault('InvalidArgument', 'limit: must be 1 to 100');
      const from = nextToken === '' ? 0 : all.findIndex((one) => one.functionArn === nextToken) + 1;
      const page = all.slice(from, from + limit);
      const next = from + limit < all.length ? page.at(-1)?.functionArn : undefined;
      return { status: 200, body: { [field]: page.map((one) => render(call, one)), nextToken: next } };
    },
  };
}

/** DisableFunctionInvocation. */
export async function disableInvocation(call: Call): Promise<Answer> {
  const input = (await readJson(call)) as { reason?: unknown } | null;
  const reason = typeof input?.reason === 'string' ? input.reason : '';
  await call.rooms.functions.configurations.disable(call.name, reason);
  return { status: 200, body: { success: true } };
}

/** EnableFunctionInvocation. */
export async function enableInvocation(call: Call): Promise<Answer> {
  await call.rooms.functions.configurations.enable(call.name);
  return { status: 200, body: { success: true } };
}

import { z } from 'zod';
import { Fault } from '../faults/index.ts';
import { withQualifier } from './arn.ts';
import type { Catalogue, Entry } from './catalogue.ts';
import { checkInput } from './input.ts';
import type { Part } from './parts.ts';
import type { VersionScale } from './record.ts';
import { qualified } from './versions.ts';

/** reservedConcurrency; provisioned instances; the newer scaling form of these; how asynchronous invocations are retried. */
export type ConfigurationKind = 'concurrency' | 'provision' | 'scaling' | 'async';

/** One configuration of a function, or of a version or alias of it. Times are epoch milliseconds. */
export interface Configuration {
  functionName: string;
  /** With the qualifier, except for concurrency. */
  functionArn: string;
  qualifier: string;
  /** As it was given, checked. */
  value: Record<string, unknown>;
  createdTime: number;
  lastModifiedTime: number;
}

export interface Configurations {
  /** @throws Fault FunctionNotFound */
  get(kind: ConfigurationKind, name: string, qualifier?: string): Configuration | undefined;
  /** Replaces. @throws Fault FunctionNotFound, VersionNotFound, InvalidArgument */
  put(kind: ConfigurationKind, name: string, qualifier: string | undefined, input: unknown): Promise<Configuration>;
  /** Harmless when there is none. @throws Fault FunctionNotFound */
  remove(kind: ConfigurationKind, name: string, qualifier?: string): Promise<void>;
  /** Of all functions, or of one; in order of names. */
  list(kind: ConfigurationKind, name?: string): Configuration[];
  /** Refuses invocations from now on. @throws Fault FunctionNotFound */
  disable(name: string, reason: string): Promise<void>;
  enable(name: string): Promise<void>;
  /** Why invocations are refused, and since when; undefined when they are not. */
  restriction(name: string): { reason: string; since: number } | undefined;
}

/** What the configurations need of the room around them. */
export interface ConfigurationHouse {
  readonly catalogue: Catalogue;
  /** Instances of one function, at most. */
  readonly maxInstances: number;
  /** Tells that the scaling of a version or alias has changed; left out: of all. */
  scaled(entry: Entry, qualifier?: string): void;
}

const policies = z.array(z.record(z.string(), z.unknown())).max(100);
const instances = z.int().min(0).max(10_000);
const destination = z.object({ destination: z.string().max(512) });

const schemas: Record<ConfigurationKind, z.ZodType<Record<string, unknown>>> = {
  concurrency: z.object({ reservedConcurrency: z.int().min(0).max(100_000) }),
  provision: z
    .object({
      target: instances.optional(),
      defaultTarget: instances.optional(),
      alwaysAllocateCPU: z.boolean().optional(),
      alwaysAllocateGPU: z.boolean().optional(),
      scheduledActions: policies.optional(),
      targetTrackingPolicies: policies.optional(),
    })
    .transform((given) => ({ ...given, target: given.defaultTarget ?? given.target ?? 0 })),
  scaling: z
    .object({
      minInstances: instances.optional(),
      enableMixMode: z.boolean().optional(),
      enableOnDemandScaling: z.boolean().optional(),
      horizontalScalingPolicies: policies.optional(),
      requestDispatchPolicy: z.string().max(64).optional(),
      residentPoolId: z.string().max(128).optional(),
      scheduledPolicies: policies.optional(),
    })
    .transform((given) => ({ ...given, minInstances: given.minInstances ?? 0 })),
  async: z.object({
    asyncTask: z.boolean().optional(),
    maxAsyncEventAgeInSeconds: z.int().min(1).max(604_800).optional(),
    maxAsyncRetryAttempts: z.int().min(0).max(8).optional(),
    destinationConfig: z.object({ onSuccess: destination.nullish(), onFailure: destination.nullish() }).optional(),
  }),
};

export class OpenConfigurations implements Configurations {
  readonly #house: ConfigurationHouse;

  constructor(house: ConfigurationHouse) {
    this.#house = house;
  }

  get(kind: ConfigurationKind, name: string, qualifier?: string): Configuration | undefined {
    const { catalogue } = this.#house;
    const entry = catalogue.existing(name);
    const part = catalogue.part(entry, kind, idOf(kind, qualifier));
    return part && configuration(kind, entry, part);
  }

  put(kind: ConfigurationKind, name: string, qualifier: string | undefined, input: unknown): Promise<Configuration> {
    const value = checkInput(schemas[kind], input);
    const { catalogue } = this.#house;
    return catalogue.inTurn(name, async () => {
      const entry = catalogue.existing(name);
      const id = idOf(kind, qualifier);
      if (id !== '') qualified(catalogue, entry, id, true);
      const [part] = await catalogue.put(entry, [{ kind, id, value } as Parameters<Catalogue['put']>[1][number]]);
      if (kind !== 'async') this.#house.scaled(entry, id || undefined);
      return configuration(kind, entry, part as Part);
    });
  }

  remove(kind: ConfigurationKind, name: string, qualifier?: string): Promise<void> {
    const { catalogue } = this.#house;
    return catalogue.inTurn(name, async () => {
      const entry = catalogue.existing(name);
      const id = idOf(kind, qualifier);
      if (!catalogue.part(entry, kind, id)) return;
      await catalogue.drop(entry, kind, id);
      if (kind !== 'async') this.#house.scaled(entry, id || undefined);
    });
  }

  list(kind: ConfigurationKind, name?: string): Configuration[] {
    const { catalogue } = this.#house;
    const entries = name === undefined ? [...catalogue.all()] : [catalogue.get(name)].filter((entry) => entry !== undefined);
    return entries
      .flatMap((entry) => catalogue.partsOf(entry, kind).map((part) => configuration(kind, entry, part)))
      .sort((a, b) => (a.functionArn < b.functionArn ? -1 : 1));
  }

  disable(name: string, reason: string): Promise<void> {
    if (reason.length > 256) throw new Fault('InvalidArgument', 'reason: may have 256 characters');
    const { catalogue } = this.#house;
    return catalogue.inTurn(name, async () => {
      await catalogue.put(catalogue.existing(name), [{ kind: 'restriction', id: '', value: { reason } }]);
    });
  }

  enable(name: string): Promise<void> {
    const { catalogue } = this.#house;
    return catalogue.inTurn(name, () => catalogue.drop(catalogue.existing(name), 'restriction', ''));
  }

  restriction(name: string): { reason: string; since: number } | undefined {
    const { catalogue } = this.#house;
    const part = catalogue.part(catalogue.existing(name), 'restriction', '');
    return part && { reason: part.value.reason, since: part.modifiedTime };
  }

  /** How many instances a version or alias may have and wants; the getters read what is set at that moment. */
  scaleOf(entry: Entry, qualifier: string): VersionScale {
    const { catalogue, maxInstances } = this.#house;
    return {
      get maxInstances() {
        return Math.min(maxInstances, catalogue.part(entry, 'concurrency', '')?.value.reservedConcurrency ?? maxInstances);
      },
      get provisioned() {
        const target = catalogue.part(entry, 'provision', qualifier)?.value.target ?? 0;
        const least = catalogue.part(entry, 'scaling', qualifier)?.value.minInstances ?? 0;
        return Math.min(Math.max(target, least), this.maxInstances);
      },
    };
  }

  /** Qualifiers of a function that have a configuration of their scaling. */
  scaledQualifiers(entry: Entry): string[] {
    const { catalogue } = this.#house;
    return [...new Set([...catalogue.partsOf(entry, 'provision'), ...catalogue.partsOf(entry, 'scaling')].map((part) => part.id))];
  }

  /** @throws Fault FunctionInvocationDisabled, ResourceThrottled */
  refuseInvocation(entry: Entry): void {
    const { catalogue } = this.#house;
    const name = entry.record.functionName;
    const restriction = catalogue.part(entry, 'restriction', '');
    if (restriction) {
      const why = restriction.value.reason ? ` (${restriction.value.reason})` : '';
      throw new Fault(
        'FunctionInvocationDisabled',
        `Invocation of ${name} is disabled${why}; enable it again with EnableFunctionInvocation.`,
      );
    }
    if (catalogue.part(entry, 'concurrency', '')?.value.reservedConcurrency === 0) {
      throw new Fault('ResourceThrottled', `The reserved concurrency of ${name} is 0; raise it, or remove the concurrency configuration.`);
    }
  }
}

function idOf(kind: ConfigurationKind, qualifier: string | undefined): string {
  return kind === 'concurrency' ? '' : qualifier || 'LATEST';
}

function configuration(kind: ConfigurationKind, { record }: Entry, { id, value, createdTime, modifiedTime }: Part): Configuration {
  return {
    functionName: record.functionName,
    functionArn: kind === 'concurrency' ? record.functionArn : withQualifier(record.functionArn, id),
    qualifier: id,
    value: value as Record<string, unknown>,
    createdTime,
    lastModifiedTime: modifiedTime,
  };
}

import { z } from 'zod';
import { Fault } from '../faults/index.ts';
import { now, randomHex } from '../kit/index.ts';
import { namesOf } from './arn.ts';
import { type Catalogue, type Entry, type PageRequest, pageOf } from './catalogue.ts';
import { type Deployments, shared } from './deployments.ts';
import { checkInput, roleSchema } from './input.ts';
import type { FunctionRecord } from './record.ts';
import { refuseStale } from './revision.ts';
import type { ServiceRecord } from './service-table.ts';
import { turnOf, withFunctions } from './service-turn.ts';
import { OpenServiceVersions, type ServiceVersions } from './service-versions.ts';
import type { CheckedCode } from './store.ts';
import { mostTags, tagsSchema } from './tags.ts';
import { qualified, type VersionHouse, withoutUndefined } from './versions.ts';

export type { ServiceRecord } from './service-table.ts';

/**
 * Services of Function Compute 2.0: a name, a role and a log configuration that functions share, published and named together. A function of a
 * service is a function like any other, under the name `SERVICE$FUNCTION`.
 */
export interface Services {
  readonly versions: ServiceVersions;
  /** @throws Fault ServiceAlreadyExists, InvalidArgument */
  create(input: unknown): Promise<ServiceRecord>;
  /** Fields that are present replace, for the functions too. @throws Fault ServiceNotFound, InvalidArgument, PreconditionFailed */
  update(name: string, patch: unknown, ifMatch?: string): Promise<ServiceRecord>;
  /** The record, or that of a version or alias. @throws Fault ServiceNotFound, VersionNotFound */
  get(name: string, qualifier?: string): ServiceRecord;
  /** In order of names, those that carry all these tags. @throws Fault InvalidArgument */
  list(page?: PageRequest & { startKey?: string | undefined; tags?: Record<string, string> }): {
    services: ServiceRecord[];
    nextToken?: string;
  };
  /** With its versions and aliases. @throws Fault ServiceNotFound; ServiceNotEmpty while it has functions; PreconditionFailed */
  remove(name: string, ifMatch?: string): Promise<void>;
  /** As Functions.create. @throws Fault ServiceNotFound too */
  createFunction(service: string, input: unknown, code?: CheckedCode): Promise<FunctionRecord>;
  /** Its functions, or those that a version or alias has. @throws Fault ServiceNotFound, VersionNotFound, InvalidArgument */
  functions(
    service: string,
    page?: PageRequest & { startKey?: string | undefined; qualifier?: string | undefined },
  ): { functions: FunctionRecord[]; nextToken?: string };
  /** @throws Fault ServiceNotFound */
  tags(name: string): Record<string, string>;
  /** Adds tags, or removes them by key; undefined removes all. @throws Fault ServiceNotFound, InvalidArgument, LimitExceeded */
  tag(name: string, tags: unknown): Promise<void>;
  untag(name: string, keys: readonly string[] | undefined): Promise<void>;
}

/** What services need of the room around them. */
export interface ServiceHouse extends VersionHouse {
  readonly deployments: Deployments;
}

const anyObject = z.record(z.string(), z.unknown());
const keptShape = { vpcConfig: anyObject, nasConfig: anyObject, tracingConfig: anyObject, ossMountConfig: anyObject };
const settings = z.object({
  description: z.string().max(256),
  role: roleSchema,
  logConfig: anyObject,
  internetAccess: z.boolean(),
  ...keptShape,
});
const patchSchema = settings.partial();
const serviceName = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_-]{0,127}$/, 'must be 1 to 128 letters, digits, _ or -, and start with a letter or _');
const createSchema = patchSchema.extend({ serviceName });
const mostKeptBytes = 64 * 1024;

type Own = Partial<Pick<ServiceRecord, 'description' | 'role' | 'logConfig' | 'internetAccess'>>;

function split(given: z.infer<typeof patchSchema>): { own: Own; kept: Record<string, unknown> } {
  if (JSON.stringify(given).length > mostKeptBytes)
    throw new Fault('InvalidArgument', 'the configuration of the service is larger than 64 KB');
  const { description, role, logConfig, internetAccess, ...kept } = given;
  const own = withoutUndefined({ description, role, logConfig, internetAccess }) as Own;
  return { own, kept: withoutUndefined(kept) as Record<string, unknown> };
}

export class OpenServices implements Services {
  readonly versions: OpenServiceVersions;
  readonly #house: ServiceHouse;

  constructor(house: ServiceHouse) {
    this.#house = house;
    this.versions = new OpenServiceVersions(house);
  }

  create(input: unknown): Promise<ServiceRecord> {
    const { serviceName: name, ...given } = checkInput(createSchema, input);
    const { own, kept } = split(given);
    const { catalogue } = this.#house;
    return catalogue.inTurn(turnOf(name), async () => {
      if (catalogue.services.get(name))
        throw new Fault('ServiceAlreadyExists', `The service ${name} already exists; update it or choose another name.`);
      const time = now();
      const record: ServiceRecord = {
        ...{ serviceName: name, serviceId: randomHex(16), description: '', role: '', internetAccess: true },
        ...own,
        kept,
        ...{ createdTime: time, lastModifiedTime: time, revision: randomHex(8) },
      };
      await catalogue.write([catalogue.services.putting(name, 'service', '', record)]);
      return record;
    });
  }

  update(name: string, patch: unknown, ifMatch?: string): Promise<ServiceRecord> {
    const { own, kept } = split(checkInput(patchSchema, patch));
    return withFunctions(this.#house.catalogue, name, async (service, functions) => {
      const { catalogue, changed } = this.#house;
      const before = catalogue.services.record(service);
      refuseStale(before.revision, ifMatch);
      const time = Math.max(now(), before.lastModifiedTime);
      const record = { ...before, ...own, kept: { ...before.kept, ...kept }, lastModifiedTime: time, revision: randomHex(8) };
      const others = functions.flatMap((entry) => {
        const next = shared(entry.record, record);
        const same = JSON.stringify(next) === JSON.stringify(shared(entry.record, before));
        return same ? [] : [{ entry, before: entry.record, next: { ...next, lastModifiedTime: time, revision: randomHex(8) } }];
      });
      await catalogue.write([
        catalogue.services.putting(name, 'service', '', record),
        ...others.map(({ entry, next }) => catalogue.replacing(entry, next)),
      ]);
      for (const { entry, before: old } of others) changed(entry, [old]);
      return record;
    });
  }

  get(name: string, qualifier?: string): ServiceRecord {
    return this.versions.record(this.#house.catalogue.services.existing(name), qualifier || 'LATEST');
  }

  list({ startKey = '', tags = {}, ...page }: Parameters<Services['list']>[0] = {}): { services: ServiceRecord[]; nextToken?: string } {
    const { services } = this.#house.catalogue;
    const wanted = Object.entries(tags);
    const fitting = [...services.all()].filter((entry) => {
      const own = services.part(entry, 'tags', '')?.value ?? {};
      return entry.name >= startKey && wanted.every(([key, value]) => own[key] === value);
    });
    const { items, ...rest } = pageOf(fitting, ({ name }) => name, page);
    return { services: items.map((entry) => services.record(entry)), ...rest };
  }

  remove(name: string, ifMatch?: string): Promise<void> {
    const { catalogue } = this.#house;
    return catalogue.inTurn(turnOf(name), async () => {
      const entry = catalogue.services.existing(name);
      refuseStale(catalogue.services.record(entry).revision, ifMatch);
      const [first] = catalogue.inService(name);
      if (first)
        throw new Fault(
          'ServiceNotEmpty',
          `The service ${name} still has the function ${namesOf(first.record.functionName).name}; delete its functions first.`,
        );
      await catalogue.write([catalogue.services.forgetting(entry)]);
    });
  }

  createFunction(service: string, input: unknown, code?: CheckedCode): Promise<FunctionRecord> {
    const { catalogue, deployments } = this.#house;
    return catalogue.inTurn(turnOf(service), () =>
      deployments.create(input, code, catalogue.services.record(catalogue.services.existing(service))),
    );
  }

  functions(
    service: string,
    { startKey = '', qualifier = 'LATEST', ...page }: Parameters<Services['functions']>[1] = {},
  ): { functions: FunctionRecord[]; nextToken?: string } {
    const { catalogue } = this.#house;
    this.get(service, qualifier);
    const found = catalogue.inService(service).flatMap((entry) => {
      const record = recordIn(catalogue, entry, qualifier || 'LATEST');
      return record && namesOf(record.functionName).name >= startKey ? [record] : [];
    });
    const { items, ...rest } = pageOf(found, ({ functionName }) => namesOf(functionName).name, page);
    return { functions: items, ...rest };
  }

  tags(name: string): Record<string, string> {
    const { services } = this.#house.catalogue;
    return services.part(services.existing(name), 'tags', '')?.value ?? {};
  }

  tag(name: string, tags: unknown): Promise<void> {
    const given = checkInput(tagsSchema, tags, 'tags');
    return this.#tag(name, (own) => {
      const all = { ...own, ...given };
      if (Object.keys(all).length > mostTags) throw new Fault('LimitExceeded', `A service may have ${mostTags} tags.`, { status: 400 });
      return all;
    });
  }

  untag(name: string, keys: readonly string[] | undefined): Promise<void> {
    return this.#tag(name, (own) => (keys ? Object.fromEntries(Object.entries(own).filter(([key]) => !keys.includes(key))) : {}));
  }

  #tag(name: string, change: (own: Record<string, string>) => Record<string, string>): Promise<void> {
    const { catalogue } = this.#house;
    return catalogue.inTurn(turnOf(name), async () =>
      catalogue.write([catalogue.services.putting(name, 'tags', '', change(this.tags(name)))]),
    );
  }
}

function recordIn(catalogue: Catalogue, entry: Entry, qualifier: string): FunctionRecord | undefined {
  try {
    return qualified(catalogue, entry, qualifier, true).record;
  } catch (error) {
    if (error instanceof Fault) return undefined;
    throw error;
  }
}

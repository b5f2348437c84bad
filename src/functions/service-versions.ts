import { Fault } from '../faults/index.ts';
import { type AliasValue, type PageRequest, pageOf } from './catalogue.ts';
import { checkInput } from './input.ts';
import { refuseStale, revisionOf } from './revision.ts';
import type { ServiceEntry, ServiceRecord } from './service-table.ts';
import { turnOf, withFunctions } from './service-turn.ts';
import {
  type AliasInfo,
  aliasCreation,
  aliasInfo,
  aliasPatch,
  mostAliases,
  mostVersions,
  publishSchema,
  type VersionHouse,
  type VersionInfo,
  versionInfo,
  withoutUndefined,
} from './versions.ts';

/** An alias of a service, and the revision that If-Match names. */
export type ServiceAlias = AliasInfo & { revision: string };

/** Versions and aliases of services: a version keeps the service and all its functions as they are. */
export interface ServiceVersions {
  /** Numbers count from 1 and are never given again. @throws Fault ServiceNotFound, InvalidArgument, LimitExceeded, PreconditionFailed */
  publish(service: string, input?: unknown, ifMatch?: string): Promise<VersionInfo>;
  /** Newest first, or oldest first with direction FORWARD; from version `startKey` on. @throws Fault ServiceNotFound, InvalidArgument */
  list(
    service: string,
    page?: PageRequest & { direction?: string | undefined; startKey?: string | undefined },
  ): { versions: VersionInfo[]; nextToken?: string };
  /** @throws Fault ServiceNotFound, VersionNotFound; VersionInUse while an alias points to it */
  remove(service: string, versionId: string): Promise<void>;
  /** @throws Fault ServiceNotFound, AliasAlreadyExists, VersionNotFound, InvalidArgument, LimitExceeded */
  createAlias(service: string, input: unknown): Promise<ServiceAlias>;
  /** Fields that are present replace. @throws Fault ServiceNotFound, AliasNotFound, VersionNotFound, InvalidArgument, PreconditionFailed */
  updateAlias(service: string, alias: string, input: unknown, ifMatch?: string): Promise<ServiceAlias>;
  /** @throws Fault ServiceNotFound, AliasNotFound */
  alias(service: string, alias: string): ServiceAlias;
  aliases(service: string, page?: PageRequest & { startKey?: string | undefined }): { aliases: ServiceAlias[]; nextToken?: string };
  /** @throws Fault ServiceNotFound, AliasNotFound, PreconditionFailed */
  removeAlias(service: string, alias: string, ifMatch?: string): Promise<void>;
}

export class OpenServiceVersions implements ServiceVersions {
  readonly #house: VersionHouse;

  constructor(house: VersionHouse) {
    this.#house = house;
  }

  /** The record that a qualifier stands for; of an alias that shares its calls the main one. @throws Fault VersionNotFound */
  record(entry: ServiceEntry, qualifier: string): ServiceRecord {
    const { services } = this.#house.catalogue;
    if (qualifier === 'LATEST') return services.record(entry);
    const version = services.part(entry, 'version', qualifier);
    if (version) return version.value.record;
    const alias = services.part(entry, 'alias', qualifier);
    if (!alias) throw noVersion(entry.name, qualifier);
    return this.record(entry, alias.value.versionId);
  }

  publish(service: string, input: unknown = {}, ifMatch?: string): Promise<VersionInfo> {
    const { description = '' } = checkInput(publishSchema, input);
    const { catalogue } = this.#house;
    const { services } = catalogue;
    return withFunctions(catalogue, service, async (entry, functions) => {
      const record = services.record(entry);
      refuseStale(record.revision, ifMatch);
      refuseMore(entry, 'version', mostVersions);
      const last = (services.part(entry, 'counter', 'version')?.value.last ?? 0) + 1;
      const id = String(last);
      const published = services.putting(service, 'version', id, { description, record });
      await catalogue.write([
        published,
        services.putting(service, 'counter', 'version', { last }),
        ...functions.map((each) => catalogue.putting(each, 'version', id, { description, record: each.record })),
      ]);
      return versionInfo(published.part);
    });
  }

  list(
    service: string,
    { direction = 'BACKWARD', startKey, ...page }: Parameters<ServiceVersions['list']>[1] = {},
  ): { versions: VersionInfo[]; nextToken?: string } {
    if (direction !== 'BACKWARD' && direction !== 'FORWARD') throw new Fault('InvalidArgument', 'direction: must be FORWARD or BACKWARD');
    const { services } = this.#house.catalogue;
    const sign = direction === 'FORWARD' ? 1 : -1;
    const compare = (a: string, b: string) => sign * (Number(a) - Number(b));
    const from = services.partsOf(services.existing(service), 'version').filter(({ id }) => !startKey || compare(id, startKey) >= 0);
    const { items, ...rest } = pageOf(from, ({ id }) => id, page, compare);
    return { versions: items.map(versionInfo), ...rest };
  }

  remove(service: string, id: string): Promise<void> {
    const { catalogue, changed } = this.#house;
    const { services } = catalogue;
    return withFunctions(catalogue, service, async (entry, functions) => {
      if (!services.part(entry, 'version', id)) throw noVersion(service, id);
      const alias = services
        .partsOf(entry, 'alias')
        .find(({ value }) => value.versionId === id || value.additionalVersionWeight[id] !== undefined);
      if (alias) throw new Fault('VersionInUse', `The alias ${alias.id} points to version ${id}; change or remove the alias first.`);
      const theirs = functions.flatMap((each) => {
        const part = catalogue.part(each, 'version', id);
        return part ? [{ each, record: part.value.record }] : [];
      });
      await catalogue.write([
        services.dropping(entry, 'version', id),
        ...theirs.map(({ each }) => catalogue.dropping(each, 'version', id)),
      ]);
      for (const { each, record } of theirs) changed(each, [record]);
    });
  }

  createAlias(service: string, input: unknown): Promise<ServiceAlias> {
    const { aliasName: id, ...given } = checkInput(aliasCreation, input);
    return this.#inTurn(service, async (entry) => {
      if (this.#house.catalogue.services.part(entry, 'alias', id))
        throw new Fault('AliasAlreadyExists', `The service ${service} already has an alias ${id}.`);
      refuseMore(entry, 'alias', mostAliases);
      return this.#put(entry, id, { description: '', additionalVersionWeight: {}, ...withoutUndefined(given) } as AliasValue);
    });
  }

  updateAlias(service: string, id: string, input: unknown, ifMatch?: string): Promise<ServiceAlias> {
    const given = checkInput(aliasPatch, input);
    return this.#inTurn(service, async (entry) => {
      const part = this.#existing(entry, id);
      refuseStale(revisionOf(part), ifMatch);
      return this.#put(entry, id, { ...part.value, ...withoutUndefined(given) } as AliasValue);
    });
  }

  alias(service: string, id: string): ServiceAlias {
    const part = this.#existing(this.#house.catalogue.services.existing(service), id);
    return { ...aliasInfo(part), revision: revisionOf(part) };
  }

  aliases(
    service: string,
    { startKey = '', ...page }: PageRequest & { startKey?: string | undefined } = {},
  ): { aliases: ServiceAlias[]; nextToken?: string } {
    const { services } = this.#house.catalogue;
    const from = services.partsOf(services.existing(service), 'alias').filter(({ id }) => id >= startKey);
    const { items, ...rest } = pageOf(from, ({ id }) => id, page);
    return { aliases: items.map((part) => ({ ...aliasInfo(part), revision: revisionOf(part) })), ...rest };
  }

  removeAlias(service: string, id: string, ifMatch?: string): Promise<void> {
    return this.#inTurn(service, async (entry) => {
      const { catalogue } = this.#house;
      refuseStale(revisionOf(this.#existing(entry, id)), ifMatch);
      await catalogue.write([catalogue.services.dropping(entry, 'alias', id)]);
      this.#tell(service);
    });
  }

  #inTurn<T>(service: string, change: (entry: ServiceEntry) => Promise<T>): Promise<T> {
    const { catalogue } = this.#house;
    return catalogue.inTurn(turnOf(service), () => change(catalogue.services.existing(service)));
  }

  async #put(entry: ServiceEntry, id: string, value: AliasValue): Promise<ServiceAlias> {
    const { catalogue } = this.#house;
    for (const version of [value.versionId, ...Object.keys(value.additionalVersionWeight)]) {
      if (version !== 'LATEST' && !catalogue.services.part(entry, 'version', version)) throw noVersion(entry.name, version);
    }
    await catalogue.write([catalogue.services.putting(entry.name, 'alias', id, value)]);
    this.#tell(entry.name);
    return this.alias(entry.name, id);
  }

  /** What was given out of the functions by way of an alias may be void. */
  #tell(service: string): void {
    for (const each of this.#house.catalogue.inService(service)) {
      each.views.clear();
      this.#house.changed(each, []);
    }
  }

  #existing(entry: ServiceEntry, id: string) {
    const part = this.#house.catalogue.services.part(entry, 'alias', id);
    if (!part) throw new Fault('AliasNotFound', `The service ${entry.name} has no alias ${id.slice(0, 128)}.`);
    return part;
  }
}

function refuseMore(entry: ServiceEntry, kind: 'version' | 'alias', most: number): void {
  if ((entry.parts.get(kind)?.size ?? 0) < most) return;
  throw new Fault('LimitExceeded', `A service may have ${most} of each, versions and aliases; remove some first.`, { status: 400 });
}

function noVersion(service: string, qualifier: string): Fault {
  return new Fault(
    'VersionNotFound',
    `The service ${service} has no version or alias ${qualifier.slice(0, 64)}; publish it, or use LATEST.`,
  );
}

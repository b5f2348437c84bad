import { z } from 'zod';
import { Fault } from '../faults/index.ts';
import { randomHex } from '../kit/index.ts';
import { namesOf } from './arn.ts';
import { type AliasValue, type Catalogue, type Entry, type PageRequest, pageOf, refuseMore } from './catalogue.ts';
import { checkInput } from './input.ts';
import type { Part } from './parts.ts';
import type { FunctionRecord } from './record.ts';

/** A published version: the settings and code of one moment, for ever. Times are epoch milliseconds. */
export interface VersionInfo {
  versionId: string;
  description: string;
  createdTime: number;
  lastModifiedTime: number;
}

export interface AliasInfo extends AliasValue {
  aliasName: string;
  createdTime: number;
  lastModifiedTime: number;
}

export interface Versions {
  /** Numbers count from 1 and are never given again. @throws Fault FunctionNotFound, LimitExceeded */
  publish(name: string, input?: unknown): Promise<VersionInfo>;
  /** Newest first, or oldest first with direction FORWARD. @throws Fault FunctionNotFound, InvalidArgument */
  list(name: string, page?: PageRequest & { direction?: string | undefined }): { versions: VersionInfo[]; nextToken?: string };
  /** @throws Fault FunctionNotFound, VersionNotFound; VersionInUse while an alias points to it */
  remove(name: string, versionId: string): Promise<void>;
}

export interface Aliases {
  /** @throws Fault FunctionNotFound, AliasAlreadyExists, VersionNotFound, InvalidArgument */
  create(name: string, input: unknown): Promise<AliasInfo>;
  /** Fields that are present replace. @throws Fault FunctionNotFound, AliasNotFound, VersionNotFound, InvalidArgument */
  update(name: string, alias: string, input: unknown): Promise<AliasInfo>;
  /** @throws Fault FunctionNotFound, AliasNotFound */
  get(name: string, alias: string): AliasInfo;
  list(name: string, page?: PageRequest): { aliases: AliasInfo[]; nextToken?: string };
  /** @throws Fault FunctionNotFound, AliasNotFound */
  remove(name: string, alias: string): Promise<void>;
}

/** What versions and aliases need of the room around them. */
export interface VersionHouse {
  readonly catalogue: Catalogue;
  /** Tells that versions or aliases are others from now on, then removes what only the records of `before` have used. */
  changed(entry: Entry, before: readonly FunctionRecord[]): void;
}

export const mostVersions = 1000;
export const mostAliases = 1000;
const versionForm = /^[1-9]\d{0,8}$/;

const description = z.string().max(256);
export const publishSchema = z.object({ description: description.optional() });
const versionId = z.string().regex(/^([1-9]\d{0,8}|LATEST)$/, 'must be the number of a version, or LATEST');
const weights = z
  .record(versionId, z.number().min(0).max(1))
  .refine((given) => Object.keys(given).length <= 1, 'may name one version')
  .transform((given) => Object.fromEntries(Object.entries(given).filter(([, weight]) => weight > 0)));
const aliasName = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_-]{0,127}$/, 'must be 1 to 128 letters, digits, _ or -, and start with a letter or _')
  .refine((name) => name !== 'LATEST', 'LATEST is taken');
export const aliasPatch = z.object({
  versionId: versionId.optional(),
  description: description.optional(),
  additionalVersionWeight: weights.optional(),
});
export const aliasCreation = aliasPatch.extend({ aliasName, versionId });

export class OpenVersions implements Versions {
  readonly #house: VersionHouse;

  constructor(house: VersionHouse) {
    this.#house = house;
  }

  publish(name: string, input: unknown = {}): Promise<VersionInfo> {
    const given = checkInput(publishSchema, input);
    refuseOfService(name);
    const { catalogue } = this.#house;
    return catalogue.inTurn(name, async () => {
      const entry = catalogue.existing(name);
      refuseMore(entry, 'version', mostVersions, 'versions');
      const last = (catalogue.part(entry, 'counter', 'version')?.value.last ?? 0) + 1;
      const [, part] = await catalogue.put(entry, [
        { kind: 'counter', id: 'version', value: { last } },
        { kind: 'version', id: String(last), value: { description: given.description ?? '', record: entry.record } },
      ]);
      return versionInfo(part as Part<{ description: string }>);
    });
  }

  list(
    name: string,
    { direction = 'BACKWARD', ...page }: PageRequest & { direction?: string | undefined } = {},
  ): { versions: VersionInfo[]; nextToken?: string } {
    if (direction !== 'BACKWARD' && direction !== 'FORWARD') throw new Fault('InvalidArgument', 'direction: must be FORWARD or BACKWARD');
    const { catalogue } = this.#house;
    const parts = catalogue.partsOf(catalogue.existing(name), 'version');
    const sign = direction === 'FORWARD' ? 1 : -1;
    const { items, ...rest } = pageOf(
      parts,
      (part) => part.id,
      page,
      (a, b) => sign * (Number(a) - Number(b)),
    );
    return { versions: items.map(versionInfo), ...rest };
  }

  remove(name: string, id: string): Promise<void> {
    refuseOfService(name);
    const { catalogue } = this.#house;
    return catalogue.inTurn(name, async () => {
      const entry = catalogue.existing(name);
      const version = catalogue.part(entry, 'version', id);
      if (!version) throw noVersion(name, id);
      const alias = catalogue
        .partsOf(entry, 'alias')
        .find(({ value }) => value.versionId === id || value.additionalVersionWeight[id] !== undefined);
      if (alias) throw new Fault('VersionInUse', `The alias ${alias.id} points to version ${id}; change or remove the alias first.`);
      await catalogue.drop(entry, 'version', id);
      this.#house.changed(entry, [version.value.record]);
    });
  }
}

export class OpenAliases implements Aliases {
  readonly #house: VersionHouse;

  constructor(house: VersionHouse) {
    this.#house = house;
  }

  create(name: string, input: unknown): Promise<AliasInfo> {
    const { aliasName: id, ...given } = checkInput(aliasCreation, input);
    refuseOfService(name);
    const { catalogue } = this.#house;
    return catalogue.inTurn(name, async () => {
      const entry = catalogue.existing(name);
      if (catalogue.part(entry, 'alias', id)) throw new Fault('AliasAlreadyExists', `The function ${name} already has an alias ${id}.`);
      refuseMore(entry, 'alias', mostAliases, 'aliases');
      return this.#put(entry, id, { description: '', additionalVersionWeight: {}, ...withoutUndefined(given) } as AliasValue);
    });
  }

  update(name: string, id: string, input: unknown): Promise<AliasInfo> {
    const given = checkInput(aliasPatch, input);
    refuseOfService(name);
    const { catalogue } = this.#house;
    return catalogue.inTurn(name, async () => {
      const entry = catalogue.existing(name);
      const { value } = this.#existing(entry, id);
      const info = await this.#put(entry, id, { ...value, ...withoutUndefined(given) } as AliasValue);
      this.#house.changed(entry, []);
      return info;
    });
  }

  get(name: string, id: string): AliasInfo {
    return aliasInfo(this.#existing(this.#house.catalogue.existing(name), id));
  }

  list(name: string, page: PageRequest = {}): { aliases: AliasInfo[]; nextToken?: string } {
    const { catalogue } = this.#house;
    const { items, ...rest } = pageOf(catalogue.aliasesOf(catalogue.existing(name)), (part) => part.id, page);
    return { aliases: items.map(aliasInfo), ...rest };
  }

  remove(name: string, id: string): Promise<void> {
    refuseOfService(name);
    const { catalogue } = this.#house;
    return catalogue.inTurn(name, async () => {
      const entry = catalogue.existing(name);
      this.#existing(entry, id);
      await catalogue.drop(entry, 'alias', id);
      this.#house.changed(entry, []);
    });
  }

  async #put(entry: Entry, id: string, value: AliasValue): Promise<AliasInfo> {
    for (const version of [value.versionId, ...Object.keys(value.additionalVersionWeight)]) {
      if (version !== 'LATEST' && !this.#house.catalogue.part(entry, 'version', version))
        throw noVersion(entry.record.functionName, version);
    }
    const [part] = await this.#house.catalogue.put(entry, [{ kind: 'alias', id, value }]);
    return aliasInfo(part as Part<AliasValue>);
  }

  #existing(entry: Entry, id: string): Part<AliasValue> {
    const part = this.#house.catalogue.alias(entry, id);
    if (!part) throw new Fault('AliasNotFound', `The function ${entry.record.functionName} has no alias ${id.slice(0, 128)}.`);
    return part;
  }
}

/** The record that a qualifier stands for now, and the version it is of. An alias that shares its calls chooses by chance, unless `settled`. */
export function qualified(
  catalogue: Catalogue,
  entry: Entry,
  qualifier: string,
  settled = false,
): { record: FunctionRecord; versionId: string } {
  if (qualifier === 'LATEST') return { record: entry.record, versionId: 'LATEST' };
  if (versionForm.test(qualifier)) {
    const part = catalogue.part(entry, 'version', qualifier);
    if (part) return { record: part.value.record, versionId: qualifier };
  }
  const alias = catalogue.alias(entry, qualifier);
  if (!alias) throw noVersion(entry.record.functionName, qualifier);
  return qualified(catalogue, entry, settled ? alias.value.versionId : chosen(alias.value));
}

/** The record behind a qualifier and one of the versions that it may stand for; undefined when it does not any more. */
export function recordOf(catalogue: Catalogue, entry: Entry, qualifier: string, versionId: string): FunctionRecord | undefined {
  const alias = catalogue.alias(entry, qualifier)?.value;
  const isMeant = alias ? alias.versionId === versionId || alias.additionalVersionWeight[versionId] !== undefined : qualifier === versionId;
  if (!isMeant) return undefined;
  return versionId === 'LATEST' ? entry.record : catalogue.part(entry, 'version', versionId)?.value.record;
}

function chosen({ versionId: main, additionalVersionWeight }: AliasValue): string {
  const others = Object.entries(additionalVersionWeight);
  if (others.length === 0) return main;
  let chance = Number.parseInt(randomHex(4), 16) / 2 ** 32;
  for (const [version, weight] of others) {
    if (chance < weight) return version;
    chance -= weight;
  }
  return main;
}

/** Versions and aliases of a function of a service are the service's. @throws Fault InvalidArgument */
function refuseOfService(name: string): void {
  const { service } = namesOf(name);
  if (service) {
    throw new Fault(
      'InvalidArgument',
      `${name} belongs to the service ${service}, whose versions and aliases it has: publish the service (Function Compute API 2021-04-06).`,
    );
  }
}

function noVersion(name: string, qualifier: string): Fault {
  return new Fault('VersionNotFound', `The function ${name} has no version or alias ${qualifier.slice(0, 64)}; publish it, or use LATEST.`);
}

export function withoutUndefined(value: object): object {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined));
}

export function versionInfo({ id, value, createdTime, modifiedTime }: Part<{ description: string }>): VersionInfo {
  return { versionId: id, description: value.description, createdTime, lastModifiedTime: modifiedTime };
}

export function aliasInfo({ id, value, createdTime, modifiedTime }: Part<AliasValue>): AliasInfo {
  return { aliasName: id, ...value, createdTime, lastModifiedTime: modifiedTime };
}

import { Fault } from '../faults/index.ts';
import { Lru, now } from '../kit/index.ts';
import type { Metadata } from '../metadata/index.ts';
import { type FunctionReference, namesOf, readFunctionReference } from './arn.ts';
import { type Part, type PartKind, PartRows } from './parts.ts';
import type { FunctionsOptions } from './port.ts';
import type { FunctionRecord, FunctionVersion } from './record.ts';
import { FunctionRows, notFound } from './rows.ts';
import { ServiceTable } from './service-table.ts';

/** An alias as it is stored. */
export interface AliasValue {
  versionId: string;
  description: string;
  /** Shares of calls that other versions get, by version; each above 0 and below 1. */
  additionalVersionWeight: Record<string, number>;
}

/** A published version as it is stored: the settings and code of that moment. */
export interface VersionValue {
  description: string;
  record: FunctionRecord;
}

/** What a transaction writes, and what is then remembered of it. */
export interface Change {
  readonly steps: Parameters<Metadata['write']>[0];
  apply(): void;
}

interface PartValues {
  version: VersionValue;
  alias: AliasValue;
  trigger: Record<string, unknown>;
  concurrency: { reservedConcurrency: number };
  provision: Record<string, unknown> & { target: number };
  scaling: Record<string, unknown> & { minInstances: number };
  async: Record<string, unknown>;
  restriction: { reason: string };
  tags: Record<string, string>;
  counter: { last: number };
  service: never;
}

/** One function: its record, what belongs to it, and the views that were given out. */
export interface Entry {
  record: FunctionRecord;
  uid: number | undefined;
  readonly parts: ReadonlyMap<PartKind, Map<string, Part>>;
  /** Runnable views by qualifier and version; emptied whenever one of them may have changed. */
  readonly views: Map<string, FunctionVersion>;
  /** Qualifier and version of every view that was ever given out. */
  readonly given: Map<string, { qualifier: string; versionId: string }>;
}

const kinds: readonly PartKind[] = [
  'version',
  'alias',
  'trigger',
  'concurrency',
  'provision',
  'scaling',
  'async',
  'restriction',
  'tags',
  'counter',
];

const referencesRemembered = 1_000;

/** Every function with its parts, in memory and in the metadata. Changes of one function run one after another. */
export class Catalogue {
  readonly rows: FunctionRows;
  readonly services: ServiceTable;
  readonly #metadata: Metadata;
  readonly #parts: PartRows;
  readonly #entries = new Map<string, Entry>();
  /** What was read of names and ARNs, which are all of this server's region and account. */
  readonly #references = new Lru<FunctionReference>({ maxWeight: referencesRemembered });
  /** Names by function id. */
  readonly #names = new Map<string, string>();
  /** The last change of each name. */
  readonly #queues = new Map<string, Promise<unknown>>();

  constructor({ metadata }: Pick<FunctionsOptions, 'metadata'>) {
    this.#metadata = metadata;
    this.rows = new FunctionRows(metadata);
    this.services = new ServiceTable({ metadata });
    this.#parts = new PartRows(metadata);
  }

  /** Reads everything. */
  load(uidOf: (name: string) => Promise<number | undefined>): Promise<void> {
    return this.#load(uidOf);
  }

  get(name: string): Entry | undefined {
    return this.#entries.get(name);
  }

  /** @throws Fault FunctionNotFound */
  existing(name: string): Entry {
    const entry = this.#entries.get(name);
    if (!entry) throw notFound(name);
    return entry;
  }

  /**
   * The function that a name or ARN means. An ARN of 2.0 whose service does not exist here means the function of 3.0 of that name.
   * @throws Fault FunctionNotFound, InvalidArgument
   */
  referred(text: string, own: { region: string; accountId: string }): { entry: Entry; qualifier: string | undefined } {
    // Every transform names its function so.
    let reference = this.#references.get(text);
    if (!reference) {
      reference = readFunctionReference(text, own);
      this.#references.set(text, reference);
    }
    const { name, qualifier, inService } = reference;
    const alone = inService && !this.services.get(inService.service) ? inService.name : undefined;
    return { entry: this.existing(alone ?? name), qualifier };
  }

  /** The functions of a service, in order of names. */
  inService(service: string): Entry[] {
    const start = `${service}$`;
    return [...this.all()]
      .filter(({ record }) => record.functionName.startsWith(start))
      .sort((a, b) => (a.record.functionName < b.record.functionName ? -1 : 1));
  }

  byId(functionId: string): Entry | undefined {
    return this.#entries.get(this.#names.get(functionId) ?? '');
  }

  all(): IterableIterator<Entry> {
    return this.#entries.values();
  }

  /** Keeps a record in memory, that of a new function too; what was given out before is void. */
  remember(record: FunctionRecord, uid: number | undefined): Entry {
    const known = this.#entries.get(record.functionName);
    if (known) {
      known.record = record;
      known.views.clear();
      return known;
    }
    const entry: Entry = { record, uid, parts: new Map(kinds.map((kind) => [kind, new Map()])), views: new Map(), given: new Map() };
    this.#entries.set(record.functionName, entry);
    this.#names.set(record.functionId, record.functionName);
    return entry;
  }

  /** Removes a function with all its parts, durably. */
  async forget(entry: Entry): Promise<void> {
    const { functionName, functionId } = entry.record;
    await this.#parts.write([this.rows.removal(functionName), this.#parts.removeAll(functionName)]);
    this.#entries.delete(functionName);
    this.#names.delete(functionId);
  }

  part<K extends PartKind>(entry: Entry, kind: K, id: string): Part<PartValues[K]> | undefined {
    return entry.parts.get(kind)?.get(id) as Part<PartValues[K]> | undefined;
  }

  partsOf<K extends PartKind>(entry: Entry, kind: K): Part<PartValues[K]>[] {
    return [...(entry.parts.get(kind)?.values() ?? [])] as Part<PartValues[K]>[];
  }

  /** An alias of a function; those of a function of a service are the service's. */
  alias(entry: Entry, id: string): Part<AliasValue> | undefined {
    const { service } = namesOf(entry.record.functionName);
    return service ? this.services.part(this.services.get(service), 'alias', id) : this.part(entry, 'alias', id);
  }

  aliasesOf(entry: Entry): Part<AliasValue>[] {
    const { service } = namesOf(entry.record.functionName);
    const owner = service ? this.services.get(service) : undefined;
    return owner ? this.services.partsOf(owner, 'alias') : this.partsOf(entry, 'alias');
  }

  /** Writes parts of one function in one transaction; the time of creation of those that exist stays. */
  async put(
    entry: Entry,
    changes: readonly { [K in PartKind]: { kind: K; id: string; value: PartValues[K] } }[PartKind][],
  ): Promise<Part[]> {
    const puttings = changes.map(({ kind, id, value }) => this.putting(entry, kind, id, value));
    await this.write(puttings);
    return puttings.map(({ part }) => part);
  }

  async drop(entry: Entry, kind: PartKind, id: string): Promise<void> {
    await this.write([this.dropping(entry, kind, id)]);
  }

  putting<K extends PartKind>(entry: Entry, kind: K, id: string, value: PartValues[K]): Change & { readonly part: Part } {
    const time = now();
    const part: Part = { id, value, createdTime: this.part(entry, kind, id)?.createdTime ?? time, modifiedTime: time };
    const apply = () => {
      entry.parts.get(kind)?.set(id, part);
      entry.views.clear();
    };
    return { part, steps: [this.#parts.put(entry.record.functionName, kind, part)], apply };
  }

  dropping(entry: Entry, kind: PartKind, id: string): Change {
    const apply = () => {
      entry.parts.get(kind)?.delete(id);
      entry.views.clear();
    };
    return { steps: [this.#parts.remove(entry.record.functionName, kind, id)], apply };
  }

  /** Replaces a function's record. */
  replacing(entry: Entry, record: FunctionRecord): Change {
    return { steps: [this.rows.replacement(record, entry.record.revision)], apply: () => void this.remember(record, entry.uid) };
  }

  /** Carries out changes in one transaction. */
  async write(changes: readonly Change[]): Promise<void> {
    await this.#metadata.write(changes.flatMap(({ steps }) => steps));
    for (const change of changes) change.apply();
  }

  /** Digests of the code that the function and its versions refer to. */
  digests(entry: Entry): Set<string> {
    return new Set([entry.record.codeDigest, ...this.partsOf(entry, 'version').map((part) => part.value.record.codeDigest)]);
  }

  /** The layers that any function or version refers to: their bytes by digest. */
  layerCode(): Map<string, number> {
    const found = new Map<string, number>();
    for (const entry of this.#entries.values()) {
      const records = [entry.record, ...this.partsOf(entry, 'version').map((part) => part.value.record)];
      for (const record of records) for (const layer of record.layerCode ?? []) found.set(layer.digest, layer.bytes);
    }
    return found;
  }

  /** Runs work after every change of the same name that came before it. */
  inTurn<T>(name: string, work: () => Promise<T>): Promise<T> {
    const before = this.#queues.get(name) ?? Promise.resolve();
    const run = before.then(work);
    const settled = run.then(
      () => undefined,
      () => undefined,
    );
    this.#queues.set(name, settled);
    void settled.then(() => {
      if (this.#queues.get(name) === settled) this.#queues.delete(name);
    });
    return run;
  }

  /** Runs work after every change of any of these names; they are taken in the given order, which must be the same everywhere. */
  inTurns<T>(names: readonly string[], work: () => Promise<T>): Promise<T> {
    return names.reduceRight<() => Promise<T>>((inner, name) => () => this.inTurn(name, inner), work)();
  }

  get isSettled(): boolean {
    return this.#queues.size === 0;
  }

  /** Resolves when every change that was begun has ended. */
  async settled(): Promise<void> {
    await Promise.all(this.#queues.values());
  }

  async #load(uidOf: (name: string) => Promise<number | undefined>): Promise<void> {
    for (const record of this.rows.all()) {
      // A failure is found again later, or it is over.
      const current: FunctionRecord = record.state === 'Active' ? record : { ...record, state: 'Active', stateReason: undefined };
      this.remember(current, await uidOf(record.functionName));
    }
    for (const { name, kind, part } of this.#parts.all()) {
      if (!this.services.adopt(name, kind, part)) this.#entries.get(name)?.parts.get(kind)?.set(part.id, part);
    }
  }
}

/** @throws Fault LimitExceeded when there are as many of a kind as a function may have */
export function refuseMore(entry: Entry, kind: PartKind, most: number, what: string): void {
  if ((entry.parts.get(kind)?.size ?? 0) >= most) {
    throw new Fault('LimitExceeded', `A function may have ${most} ${what}; remove some first.`, { status: 400 });
  }
}

/** One page of things in order of their ids; limit 1 to 100, 20 when left out. @throws Fault InvalidArgument */
export function pageOf<T>(
  all: readonly T[],
  idOf: (one: T) => string,
  { limit = 20, nextToken = '', prefix = '' }: PageRequest,
  compare: (a: string, b: string) => number = (a, b) => (a < b ? -1 : a > b ? 1 : 0),
): { items: T[]; nextToken?: string } {
  if (!Number.isInteger(limit) || limit < 1 || limit > 100) throw new Fault('InvalidArgument', 'limit: must be 1 to 100');
  const after = Buffer.from(nextToken, 'base64url').toString('utf8');
  if (Buffer.from(after).toString('base64url') !== nextToken) {
    throw new Fault('InvalidArgument', 'nextToken: must be the nextToken of the page before');
  }
  const sorted = all
    .filter((one) => idOf(one).startsWith(prefix) && (after === '' || compare(idOf(one), after) > 0))
    .sort((a, b) => compare(idOf(a), idOf(b)));
  const items = sorted.slice(0, limit);
  if (sorted.length <= limit) return { items };
  return { items, nextToken: Buffer.from(idOf(items.at(-1) as T)).toString('base64url') };
}

export interface PageRequest {
  limit?: number | undefined;
  nextToken?: string | undefined;
  prefix?: string | undefined;
}

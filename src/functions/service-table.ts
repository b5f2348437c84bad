import { Fault } from '../faults/index.ts';
import { now } from '../kit/index.ts';
import type { AliasValue, Change } from './catalogue.ts';
import { type Part, type PartKind, PartRows } from './parts.ts';
import type { FunctionsOptions } from './port.ts';

/** A service of Function Compute 2.0 as it is stored. Times are epoch milliseconds. */
export interface ServiceRecord {
  serviceName: string;
  serviceId: string;
  description: string;
  /** Role ARN of its functions, or ''. */
  role: string;
  logConfig?: Record<string, unknown> | undefined;
  internetAccess: boolean;
  /** vpcConfig, nasConfig, tracingConfig, ossMountConfig: returned, but not carried out. */
  kept: Record<string, unknown>;
  createdTime: number;
  lastModifiedTime: number;
  /** New at each update. */
  revision: string;
}

interface ServiceValues {
  service: ServiceRecord;
  version: { description: string; record: ServiceRecord };
  alias: AliasValue;
  counter: { last: number };
  tags: Record<string, string>;
}
export type ServiceKind = keyof ServiceValues;

export interface ServiceEntry {
  readonly name: string;
  readonly parts: ReadonlyMap<ServiceKind, Map<string, Part>>;
}

const kinds: readonly ServiceKind[] = ['service', 'version', 'alias', 'counter', 'tags'];

/** Every service, in memory and in the metadata. Its parts stand in the table of the functions' parts under `SERVICE$`, a name that no function can have. */
export class ServiceTable {
  readonly #rows: PartRows;
  readonly #entries = new Map<string, ServiceEntry>();

  constructor({ metadata }: Pick<FunctionsOptions, 'metadata'>) {
    this.#rows = new PartRows(metadata);
  }

  /** Takes in a stored part; false for one of a function. */
  adopt(key: string, kind: PartKind, part: Part): boolean {
    if (!key.endsWith('$')) return false;
    this.#entry(key.slice(0, -1))
      .parts.get(kind as ServiceKind)
      ?.set(part.id, part);
    return true;
  }

  get(name: string): ServiceEntry | undefined {
    return this.#entries.get(name);
  }

  /** @throws Fault ServiceNotFound */
  existing(name: string): ServiceEntry {
    const entry = this.#entries.get(name);
    if (!entry) throw new Fault('ServiceNotFound', `There is no service ${name.slice(0, 128)}; create it first.`);
    return entry;
  }

  all(): IterableIterator<ServiceEntry> {
    return this.#entries.values();
  }

  record(entry: ServiceEntry): ServiceRecord {
    return this.part(entry, 'service', '')?.value as ServiceRecord;
  }

  part<K extends ServiceKind>(entry: ServiceEntry | undefined, kind: K, id: string): Part<ServiceValues[K]> | undefined {
    return entry?.parts.get(kind)?.get(id) as Part<ServiceValues[K]> | undefined;
  }

  partsOf<K extends ServiceKind>(entry: ServiceEntry, kind: K): Part<ServiceValues[K]>[] {
    return [...(entry.parts.get(kind)?.values() ?? [])] as Part<ServiceValues[K]>[];
  }

  /** Writes one part; the time of creation of one that exists stays. */
  putting<K extends ServiceKind>(
    name: string,
    kind: K,
    id: string,
    value: ServiceValues[K],
  ): Change & { readonly part: Part<ServiceValues[K]> } {
    const time = now();
    const part = { id, value, createdTime: this.part(this.get(name), kind, id)?.createdTime ?? time, modifiedTime: time };
    return {
      part,
      steps: [this.#rows.put(`${name}$`, kind, part)],
      apply: () => void this.#entry(name).parts.get(kind)?.set(id, part),
    };
  }

  dropping(entry: ServiceEntry, kind: ServiceKind, id: string): Change {
    return { steps: [this.#rows.remove(`${entry.name}$`, kind, id)], apply: () => void entry.parts.get(kind)?.delete(id) };
  }

  /** Removes a service with everything that is its own. */
  forgetting({ name }: ServiceEntry): Change {
    return { steps: [this.#rows.removeAll(`${name}$`)], apply: () => void this.#entries.delete(name) };
  }

  #entry(name: string): ServiceEntry {
    const known = this.#entries.get(name);
    if (known) return known;
    const entry: ServiceEntry = { name, parts: new Map(kinds.map((kind) => [kind, new Map()])) };
    this.#entries.set(name, entry);
    return entry;
  }
}

import { Fault } from '../faults/index.ts';
import type { Metadata } from '../metadata/index.ts';

/** One version of a layer as it is stored. */
export interface LayerRecord {
  layerName: string;
  version: number;
  layerVersionArn: string;
  description: string;
  license: string;
  compatibleRuntime: string[];
  /** '0' private, '1' public: kept, not carried out. */
  acl: string;
  codeSize: number;
  codeChecksum: string;
  codeDigest: string;
  /** Bytes of its files. */
  bytes: number;
  createTime: number;
}

interface Row {
  name: string;
  version: number;
  record: string;
}

const pageSize = 500;

/** Every version of every layer, in memory and in the layers table. */
export class LayerTable {
  readonly #metadata: Metadata;
  /** By name, then version; undefined where one was deleted, so that its number is never given again. */
  readonly #layers = new Map<string, Map<number, LayerRecord | undefined>>();

  constructor(metadata: Metadata) {
    this.#metadata = metadata;
  }

  load(): void {
    for (let last: [string, number] = ['', -1]; ; ) {
      const rows = this.#metadata.all<Row>(
        'select name, version, record from layers where (name, version) > (?, ?) order by name, version limit ?',
        [...last, pageSize],
      );
      for (const row of rows) this.#set(row.name, row.version, (JSON.parse(row.record) as LayerRecord | null) ?? undefined);
      const end = rows.at(-1);
      if (!end) return;
      last = [end.name, end.version];
    }
  }

  /** Versions of one layer that are not deleted, oldest first. */
  of(name: string): LayerRecord[] {
    const versions = [...(this.#layers.get(name)?.values() ?? [])];
    return versions.filter((record) => record !== undefined).sort((a, b) => a.version - b.version);
  }

  /** @throws Fault LayerNotFound when there is none */
  existing(name: string): LayerRecord[] {
    const versions = this.of(name);
    if (versions.length === 0) throw new Fault('LayerNotFound', `There is no layer ${name.slice(0, 64)}; create it first.`);
    return versions;
  }

  get(name: string, version: number): LayerRecord | undefined {
    return this.#layers.get(name)?.get(version);
  }

  names(): string[] {
    return [...this.#layers.keys()];
  }

  /** The number of the next version. */
  next(name: string): number {
    return Math.max(0, ...(this.#layers.get(name)?.keys() ?? [])) + 1;
  }

  /** Some version that has this code. */
  withCode(digest: string): LayerRecord | undefined {
    for (const versions of this.#layers.values()) for (const record of versions.values()) if (record?.codeDigest === digest) return record;
    return undefined;
  }

  *digests(): Generator<string> {
    for (const versions of this.#layers.values()) for (const record of versions.values()) if (record) yield record.codeDigest;
  }

  async write(record: LayerRecord): Promise<void> {
    const { layerName, version, createTime } = record;
    await this.#metadata.write([
      {
        sql: `insert into layers (name, version, record, created_at) values (?, ?, ?, ?)
          on conflict (name, version) do update set record = excluded.record`,
        params: [layerName, version, JSON.stringify(record), createTime],
      },
    ]);
    this.#set(layerName, version, record);
  }

  async remove({ layerName, version }: LayerRecord): Promise<void> {
    await this.#metadata.write([
      { sql: 'update layers set record = ? where name = ? and version = ?', params: ['null', layerName, version] },
    ]);
    this.#set(layerName, version, undefined);
  }

  #set(name: string, version: number, record: LayerRecord | undefined): void {
    const versions = this.#layers.get(name) ?? new Map<number, LayerRecord | undefined>();
    this.#layers.set(name, versions.set(version, record));
  }
}

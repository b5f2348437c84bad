import { z } from 'zod';
import { Fault } from '../faults/index.ts';
import { now } from '../kit/index.ts';
import type { Metadata } from '../metadata/index.ts';
import { type Catalogue, type PageRequest, pageOf } from './catalogue.ts';
import type { CodeKey } from './code.ts';
import { checkInput } from './input.ts';
import { type LayerRecord, LayerTable } from './layer-table.ts';
import type { IncomingPackage } from './packages.ts';
import type { LayerCode } from './record.ts';
import { runtimes } from './runtimes.ts';
import type { CheckedCode, CodeStore } from './store.ts';

export interface Layers {
  /** @throws Fault InvalidArgument, InvalidCodePackage; nothing is left behind */
  create(name: string, input: unknown, code: CheckedCode): Promise<LayerRecord>;
  /** @throws Fault LayerNotFound, LayerVersionNotFound */
  get(name: string, version: number): LayerRecord;
  /** @throws Fault InvalidArgument for what is no ARN of a layer version; LayerNotFound, LayerVersionNotFound */
  getByArn(arn: string): LayerRecord;
  /** The newest version of each layer. */
  list(page?: PageRequest): { layers: LayerRecord[]; nextToken?: string };
  /** Versions of one layer, newest first, from `startVersion` downwards. @throws Fault LayerNotFound */
  versions(name: string, options?: { startVersion?: number; limit?: number }): { layers: LayerRecord[]; nextVersion?: number };
  /** Functions that use it go on. Harmless when it is gone. */
  remove(name: string, version: number): Promise<void>;
  /** @throws Fault LayerNotFound */
  setAcl(name: string, acl: string): Promise<void>;
  /** The package as it was sent. */
  packageOf(record: LayerRecord): string;
}

const layerId = 'layers';
/** Layers of one function (Function Compute, "Limits"). */
const mostLayers = 5;
const mostVersions = 1000;
const needs = { python: true, jar: false, program: undefined };
const arnForm = /^acs:fc:([^:]*):([^:]*):layers\/([\w-]+)\/versions\/(\d{1,9})$/;

const nameSchema = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_-]{0,63}$/, 'must be 1 to 64 letters, digits, _ or -, and start with a letter or _');
const inputSchema = z.object({
  description: z.string().max(256).optional(),
  license: z.string().max(256).optional(),
  compatibleRuntime: z.array(z.string().max(64)).max(50).optional(),
});

export interface LayersOptions {
  metadata: Metadata;
  catalogue: Catalogue;
  store: CodeStore;
  region: string;
  accountId: string;
  /** Unpacked bytes that the layers of one function may have together. */
  bytes: number;
  onProblem: (error: unknown) => void;
}

/** The layers of the account: immutable versions, their packages stored once for equal bytes. */
export class OpenLayers implements Layers {
  readonly #options: LayersOptions;
  readonly #table: LayerTable;
  /** Code that a change under way refers to. */
  readonly #pins = new Map<string, number>();
  readonly #lost = new Set<string>();

  constructor(options: LayersOptions) {
    this.#options = options;
    this.#table = new LayerTable(options.metadata);
  }

  /** Reads the layers, removes code that nobody refers to and unpacks what is missing. After the functions were read. */
  async open(): Promise<void> {
    const { store, onProblem } = this.#options;
    this.#table.load();
    const keys = [...this.#used()].map(keyOf);
    await store.packages.sweep(keys);
    for (const key of await store.folders.sweep(keys)) {
      try {
        await store.restore(key, needs);
      } catch (error) {
        onProblem(error);
        this.#lost.add(key.codeDigest);
      }
    }
  }

  async create(name: string, input: unknown, code: CheckedCode): Promise<LayerRecord> {
    const layerName = checkInput(nameSchema, name, 'layerName');
    const settings = checkInput(inputSchema, input);
    for (const runtime of settings.compatibleRuntime ?? []) {
      if (!runtimes.includes(runtime)) {
        throw new Fault('InvalidArgument', `compatibleRuntime: ${runtime.slice(0, 64)} is not known; supported: ${runtimes.join(', ')}`);
      }
    }
    const { store, catalogue } = this.#options;
    return catalogue.inTurn(layerId, () =>
      store.withPackage(code, async (incoming) => {
        // Equal bytes are there once, also where only functions still use them.
        const known = this.#lost.has(incoming.digest) ? undefined : this.#bytesOf(incoming.digest);
        if (known !== undefined) return this.#publish(layerName, settings, incoming, known);
        const record = await store.deploy(incoming, keyOf(incoming.digest), needs, ({ bytes }) =>
          this.#publish(layerName, settings, incoming, bytes),
        );
        this.#lost.delete(incoming.digest);
        return record;
      }),
    );
  }

  get(name: string, version: number): LayerRecord {
    this.#table.existing(name);
    const record = this.#table.get(name, version);
    if (!record) throw new Fault('LayerVersionNotFound', `The layer ${name.slice(0, 64)} has no version ${version}.`);
    return record;
  }

  getByArn(arn: string): LayerRecord {
    const [, region, accountId, name, version] = arnForm.exec(arn) ?? [];
    if (!name || !version) {
      throw new Fault('InvalidArgument', `"${arn.slice(0, 200)}" names no layer; use acs:fc:REGION:ACCOUNT:layers/NAME/versions/VERSION`);
    }
    if ((accountId && accountId !== this.#options.accountId) || (region && region !== this.#options.region)) {
      throw new Fault('LayerNotFound', `The layer ${arn.slice(0, 200)} is not of this server; create it here and use its ARN.`);
    }
    return this.get(name, Number(version));
  }

  list(page: PageRequest = {}): { layers: LayerRecord[]; nextToken?: string } {
    const newest = this.#table.names().flatMap((name) => this.#table.of(name).at(-1) ?? []);
    const { items, ...rest } = pageOf(newest, (record) => record.layerName, page);
    return { layers: items, ...rest };
  }

  versions(
    name: string,
    { startVersion, limit = 20 }: { startVersion?: number; limit?: number } = {},
  ): { layers: LayerRecord[]; nextVersion?: number } {
    if (!Number.isInteger(limit) || limit < 1 || limit > 100) throw new Fault('InvalidArgument', 'limit: must be 1 to 100');
    const all = this.#table
      .existing(name)
      .filter((record) => startVersion === undefined || record.version <= startVersion)
      .reverse();
    const next = all[limit];
    return { layers: all.slice(0, limit), ...(next ? { nextVersion: next.version } : {}) };
  }

  remove(name: string, version: number): Promise<void> {
    return this.#options.catalogue.inTurn(layerId, async () => {
      const record = this.#table.get(name, version);
      if (!record) return;
      await this.#table.remove(record);
      await this.#collect([record.codeDigest]);
    });
  }

  setAcl(name: string, acl: string): Promise<void> {
    return this.#options.catalogue.inTurn(layerId, async () => {
      for (const record of this.#table.existing(name)) await this.#table.write({ ...record, acl });
    });
  }

  packageOf(record: LayerRecord): string {
    return this.#options.store.packages.file(layerId, record.codeDigest);
  }

  /**
   * Looks up the layers of a function, and holds on to them while `work` writes who uses them.
   * @param current layers that the function has already: they stay, also when they were deleted since
   * @throws Fault InvalidArgument, LayerNotFound, LayerVersionNotFound
   */
  async use<T>(
    arns: readonly string[],
    runtime: string,
    current: readonly LayerCode[],
    work: (layers: LayerCode[]) => Promise<T>,
  ): Promise<T> {
    const found = arns.map((arn) => current.find((layer) => layer.arn === arn) ?? this.#found(arn, runtime));
    if (found.length > mostLayers) throw new Fault('InvalidArgument', `layers: a function may have ${mostLayers}`);
    if (new Set(arns).size < arns.length) throw new Fault('InvalidArgument', 'layers: one is named twice');
    const bytes = found.reduce((sum, layer) => sum + layer.bytes, 0);
    if (bytes > this.#options.bytes) {
      throw new Fault('InvalidArgument', `layers: together they unpack to ${bytes} bytes; the limit is ${this.#options.bytes}`);
    }
    for (const { digest } of found) this.#pins.set(digest, (this.#pins.get(digest) ?? 0) + 1);
    try {
      return await work(found);
    } finally {
      for (const { digest } of found) {
        const left = (this.#pins.get(digest) ?? 1) - 1;
        if (left === 0) this.#pins.delete(digest);
        else this.#pins.set(digest, left);
      }
    }
  }

  /** Folders of layers, in their order. @throws Fault FunctionNotStarted when one is lost */
  folders(layers: readonly LayerCode[]): string[] {
    return layers.map(({ arn, digest }) => {
      if (this.#lost.has(digest)) {
        throw new Fault('FunctionNotStarted', `The layer ${arn} is lost or damaged; create it again and update the function.`);
      }
      return this.#options.store.folders.folder(keyOf(digest));
    });
  }

  /** Removes the code of layers that nobody refers to any more. */
  collect(layers: readonly LayerCode[]): Promise<void> {
    if (layers.length === 0) return Promise.resolve();
    return this.#options.catalogue.inTurn(layerId, () => this.#collect(layers.map((layer) => layer.digest)));
  }

  /** Whether the code of a layer is wanted. */
  isUsed(digest: string): boolean {
    return this.#pins.has(digest) || this.#used().has(digest);
  }

  async #publish(
    layerName: string,
    { description = '', license = '', compatibleRuntime = [] }: z.infer<typeof inputSchema>,
    incoming: IncomingPackage,
    bytes: number,
  ): Promise<LayerRecord> {
    const { region, accountId } = this.#options;
    const known = this.#table.of(layerName);
    if (known.length >= mostVersions) throw new Fault('LimitExceeded', `A layer may have ${mostVersions} versions.`, { status: 400 });
    const version = this.#table.next(layerName);
    const record: LayerRecord = {
      ...{ layerName, version, description, license, compatibleRuntime, bytes },
      layerVersionArn: `acs:fc:${region}:${accountId}:layers/${layerName}/versions/${version}`,
      acl: known[0]?.acl ?? '0',
      codeSize: incoming.size,
      codeChecksum: incoming.checksum,
      codeDigest: incoming.digest,
      createTime: now(),
    };
    await this.#table.write(record);
    return record;
  }

  #found(arn: string, runtime: string): LayerCode {
    const { layerVersionArn, compatibleRuntime, codeDigest, codeSize, bytes } = this.getByArn(arn);
    if (compatibleRuntime.length > 0 && !compatibleRuntime.includes(runtime)) {
      throw new Fault(
        'InvalidArgument',
        `layers: ${arn} is for ${compatibleRuntime.join(', ')}; the runtime of the function is ${runtime}`,
      );
    }
    return { arn: layerVersionArn, digest: codeDigest, size: codeSize, bytes };
  }

  #bytesOf(digest: string): number | undefined {
    return this.#table.withCode(digest)?.bytes ?? this.#options.catalogue.layerCode().get(digest);
  }

  #used(): Set<string> {
    return new Set([...this.#options.catalogue.layerCode().keys(), ...this.#table.digests()]);
  }

  async #collect(digests: readonly string[]): Promise<void> {
    for (const digest of digests) if (!this.isUsed(digest)) await this.#options.store.remove(keyOf(digest));
  }
}

function keyOf(codeDigest: string): CodeKey {
  return { functionId: layerId, codeDigest, uid: undefined };
}

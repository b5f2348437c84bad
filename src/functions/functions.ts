import { Fault } from '../faults/index.ts';
import { Catalogue, type Entry } from './catalogue.ts';
import type { CodeKey } from './code.ts';
import { OpenConfigurations } from './configurations.ts';
import { Deployments } from './deployments.ts';
import { OpenLayers } from './layers.ts';
import { type CodePlace, openCodePlace } from './place.ts';
import {
  type ChangeListener,
  defaultFunctionLimits,
  type FunctionPage,
  type Functions,
  type FunctionsOptions,
  type PackageFile,
  type ScaleListener,
} from './port.ts';
import type { FunctionRecord, FunctionVersion, LayerCode } from './record.ts';
import { refuseStale } from './revision.ts';
import { OpenServices } from './services.ts';
import { type CheckedCode, type CodeStore, needsOf } from './store.ts';
import { openStores } from './stores.ts';
import { OpenTags } from './tags.ts';
import { OpenTriggers } from './triggers.ts';
import { uidBaseOf, uidOf } from './uids.ts';
import { OpenAliases, OpenVersions, qualified } from './versions.ts';
import { keyOf, Views } from './views.ts';

const maxPage = 100;

/**
 * Opens the functions of a data folder: removes code and packages that no function uses, and unpacks again what is missing.
 * A function whose package is lost or damaged does not keep the server from starting; its state is Failed.
 */
export async function openFunctions(options: FunctionsOptions): Promise<Functions> {
  const place = await openCodePlace(options.runDir, options.serverIsRoot);
  try {
    const functions = new OpenFunctions(options, place);
    await functions.open();
    return functions;
  } catch (error) {
    await place.remove();
    throw error;
  }
}

class OpenFunctions implements Functions {
  readonly versions: OpenVersions;
  readonly aliases: OpenAliases;
  readonly triggers: OpenTriggers;
  readonly configurations: OpenConfigurations;
  readonly layers: OpenLayers;
  readonly tags: OpenTags;
  readonly services: OpenServices;
  readonly #deployments: Deployments;
  readonly #options: FunctionsOptions;
  readonly #place: CodePlace;
  readonly #uidBase: number;
  readonly #catalogue: Catalogue;
  readonly #code: CodeStore;
  readonly #layerCode: CodeStore;
  readonly #views: Views;
  readonly #listeners: ChangeListener[] = [];
  readonly #scaleListeners: ScaleListener[] = [];
  readonly #background = new Set<Promise<void>>();

  constructor(options: FunctionsOptions, place: CodePlace) {
    this.#options = options;
    this.#place = place;
    this.#uidBase = options.uidBase ?? uidBaseOf(options.dataDir);
    const limits = { ...defaultFunctionLimits, ...options.limits };
    const catalogue = new Catalogue(options);
    this.#catalogue = catalogue;
    const stores = openStores({
      options,
      place,
      limits,
      catalogue,
      builderUid: options.serverIsRoot ? this.#uidBase : undefined,
      isLayerUsed: (digest) => this.layers.isUsed(digest),
      onNote: (key, note) => this.#note(key, note),
      onProblem: this.#problem,
    });
    this.#code = stores.functions;
    this.#layerCode = stores.layers;
    const { metadata, region, accountId } = options;
    const onProblem = this.#problem;
    this.layers = new OpenLayers({ metadata, catalogue, store: this.#layerCode, region, accountId, bytes: limits.layersBytes, onProblem });
    const house = { catalogue, changed: this.#changed.bind(this) };
    this.versions = new OpenVersions(house);
    this.aliases = new OpenAliases(house);
    this.triggers = new OpenTriggers(catalogue);
    this.tags = new OpenTags(catalogue, options);
    const scaled = (entry: Entry, qualifier?: string) => this.#scaled(entry, qualifier);
    this.configurations = new OpenConfigurations({ catalogue, maxInstances: limits.maxInstances, scaled });
    const { layers, configurations } = this;
    this.#views = new Views({ catalogue, folders: this.#code.folders, layers, configurations });
    const uid = this.#uid.bind(this);
    this.#deployments = new Deployments({ ...house, code: this.#code, layers, views: this.#views, region, accountId, uid });
    this.services = new OpenServices({ ...house, deployments: this.#deployments });
  }

  async open(): Promise<void> {
    await this.#catalogue.load((name) => this.#uid(name));
    const keys = [...this.#catalogue.all()].flatMap((entry) =>
      this.#records(entry).map((record) => ({ ...keyOf(record, entry.uid), name: entry.record.functionName, needs: needsOf(record) })),
    );
    await this.#code.packages.sweep(keys);
    for (const key of await this.#code.folders.sweep(keys)) {
      try {
        await this.#code.restore(key, key.needs);
      } catch (error) {
        this.#problem(error);
        this.#views.lose(key);
        const entry = this.#catalogue.existing(key.name);
        const stateReason = 'The code package is lost or damaged; update the function with its code again.';
        if (entry.record.codeDigest === key.codeDigest)
          this.#catalogue.remember({ ...entry.record, state: 'Failed', stateReason }, entry.uid);
      }
    }
    await this.layers.open();
  }

  create(input: unknown, code?: CheckedCode): Promise<FunctionRecord> {
    return this.#deployments.create(input, code);
  }

  update(name: string, patch: unknown, code?: CheckedCode, ifMatch?: string): Promise<FunctionRecord> {
    return this.#deployments.update(name, patch, code, ifMatch);
  }

  get(name: string, qualifier?: string): FunctionRecord | undefined {
    const entry = this.#catalogue.get(name);
    return entry && qualified(this.#catalogue, entry, qualifier || 'LATEST', true).record;
  }

  list({ prefix = '', limit = 20, nextToken = '', ofServices }: Parameters<Functions['list']>[0] = {}): FunctionPage {
    if (!Number.isInteger(limit) || limit < 1 || limit > maxPage) throw new Fault('InvalidArgument', `limit: must be 1 to ${maxPage}`);
    const after = Buffer.from(nextToken, 'base64url').toString('latin1');
    if (!/^[\w$-]{0,193}$/.test(after) || Buffer.from(after).toString('base64url') !== nextToken) {
      throw new Fault('InvalidArgument', 'nextToken: must be the nextToken of the page before');
    }
    if (!/^[\w$-]{0,193}$/.test(prefix)) return { functions: [] };
    const names = this.#catalogue.rows.page(prefix, after, limit + 1, ofServices).map((record) => record.functionName);
    const functions = names.slice(0, limit).flatMap((name) => this.get(name) ?? []);
    if (names.length <= limit) return { functions };
    return { functions, nextToken: Buffer.from(names[limit - 1] as string).toString('base64url') };
  }

  remove(name: string, ifMatch?: string): Promise<void> {
    return this.#catalogue.inTurn(name, async () => {
      const entry = this.#catalogue.existing(name);
      refuseStale(entry.record.revision, ifMatch);
      const layers = this.#records(entry).flatMap((record) => record.layerCode ?? []);
      await this.#catalogue.forget(entry);
      const { functionId } = entry.record;
      await this.#code.packages.prune(functionId);
      this.#tell(name, [], async () => {
        await this.#code.folders.prune(functionId);
        await this.layers.collect(layers);
      });
    });
  }

  resolve(arnOrName: string, qualifier?: string): FunctionVersion {
    const { entry, qualifier: named } = this.#catalogue.referred(arnOrName, this.#options);
    const version = this.#views.of(entry, qualifier || named || 'LATEST');
    this.configurations.refuseInvocation(entry);
    return version;
  }

  packageOf(name: string, qualifier?: string): PackageFile {
    const { record } = qualified(this.#catalogue, this.#catalogue.existing(name), qualifier || 'LATEST', true);
    const { functionId, codeDigest, codeSize, codeChecksum } = record;
    return { file: this.#code.packages.file(functionId, codeDigest), size: codeSize, checksum: codeChecksum };
  }

  provisioned(): FunctionVersion[] {
    return [...this.#catalogue.all()].flatMap((entry) => this.#views.scaled(entry)).filter((version) => version.provisioned > 0);
  }

  onChange(listener: ChangeListener): void {
    this.#listeners.push(listener);
  }

  onScale(listener: ScaleListener): void {
    this.#scaleListeners.push(listener);
  }

  async settled(): Promise<void> {
    for (;;) {
      await this.#catalogue.settled();
      await Promise.all([this.#code.settled(), this.#layerCode.settled(), ...this.#background]);
      if (this.#background.size === 0 && this.#catalogue.isSettled) return;
    }
  }

  async close(): Promise<void> {
    await this.#catalogue.settled();
    await Promise.all([this.#code.close(), this.#layerCode.close()]);
    while (this.#background.size > 0) await Promise.all(this.#background);
    await this.#catalogue.settled();
    await this.#place.remove();
  }

  userOf(name: string): Promise<number | undefined> {
    return this.#uid(name);
  }

  #problem = (error: unknown): void => this.#options.onProblem?.(error);

  async #uid(name: string): Promise<number | undefined> {
    return this.#options.serverIsRoot ? uidOf(this.#options.metadata, name, this.#uidBase + 1) : undefined;
  }

  #records(entry: Entry): FunctionRecord[] {
    return [entry.record, ...this.#catalogue.partsOf(entry, 'version').map((part) => part.value.record)];
  }

  #scaled(entry: Entry, qualifier?: string): void {
    if (this.#scaleListeners.length === 0) return;
    for (const version of this.#views.scaled(entry, qualifier)) for (const listener of this.#scaleListeners) listener(version);
  }

  async #note({ functionId, codeDigest }: CodeKey, note: string): Promise<void> {
    const entry = this.#catalogue.byId(functionId);
    if (!entry || entry.record.codeDigest !== codeDigest || entry.record.state !== 'Active') return;
    entry.record = { ...entry.record, stateReason: note };
    await this.#catalogue.rows.annotate(entry.record);
  }

  /** Tells that the function is another now; then removes what only the records of before have used. */
  #changed(entry: Entry, before: readonly FunctionRecord[]): void {
    const name = entry.record.functionName;
    this.#tell(name, this.#views.current(entry), async () => {
      await this.#catalogue.inTurn(name, async () => {
        // The function may be gone by now, or another of the same name.
        if (this.#catalogue.get(name) !== entry) return;
        const used = this.#catalogue.digests(entry);
        await this.#code.keepOnly(entry.record.functionId, used);
      });
      const layers: LayerCode[] = before.flatMap((record) => record.layerCode ?? []);
      await this.layers.collect(layers);
    });
    this.#scaled(entry);
  }

  /** Tells the listeners and, when they are done with the old version, cleans up behind it. */
  #tell(name: string, current: readonly FunctionVersion[], cleanUp: () => Promise<void>): void {
    const work: Promise<void> = Promise.allSettled(this.#listeners.map(async (listener) => listener(name, current)))
      .then(cleanUp)
      .catch(this.#problem)
      .finally(() => this.#background.delete(work));
    this.#background.add(work);
  }
}

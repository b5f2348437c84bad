import { Fault } from '../faults/index.ts';
import type { Catalogue, Entry } from './catalogue.ts';
import type { CodeFolders, CodeKey } from './code.ts';
import type { OpenConfigurations } from './configurations.ts';
import type { OpenLayers } from './layers.ts';
import { type FunctionRecord, type FunctionVersion, versionOf } from './record.ts';
import { needsOf } from './store.ts';
import { qualified, recordOf } from './versions.ts';

interface Found {
  record: FunctionRecord;
  versionId: string;
}

export interface ViewsOptions {
  catalogue: Catalogue;
  folders: CodeFolders;
  layers: OpenLayers;
  configurations: OpenConfigurations;
}

/** What instances are given of functions: the runnable view of each version. */
export class Views {
  readonly #options: ViewsOptions;
  /** Folders of code whose package is lost or damaged. */
  readonly #lost = new Set<string>();

  constructor(options: ViewsOptions) {
    this.#options = options;
  }

  /**
   * The view of a qualifier; the same object until something of the function changes.
   * @throws Fault VersionNotFound; FunctionNotStarted when its code is lost
   */
  of(
    entry: Entry,
    qualifier: string,
    { record, versionId }: Found = qualified(this.#options.catalogue, entry, qualifier),
  ): FunctionVersion {
    const { folders, layers, configurations } = this.#options;
    const id = `${qualifier}\n${versionId}`;
    const known = entry.views.get(id);
    if (known) return known;
    const key = keyOf(record, entry.uid);
    const codeDir = folders.folder(key);
    if (this.#lost.has(codeDir)) {
      throw new Fault(
        'FunctionNotStarted',
        `${record.functionName}: the code package is lost or damaged; update the function with its code again.`,
      );
    }
    const jar = needsOf(record).jar ? folders.jar(key) : undefined;
    const place = { codeDir, jar, layerDirs: layers.folders(record.layerCode ?? []), uid: entry.uid };
    const version = versionOf(record, { qualifier, versionId }, place, configurations.scaleOf(entry, qualifier));
    entry.views.set(id, version);
    entry.given.set(id, { qualifier, versionId });
    return version;
  }

  /** Of the views that were given out, those that still hold. */
  current(entry: Entry): FunctionVersion[] {
    return [...entry.given].flatMap(([id, { qualifier, versionId }]) => {
      const record = recordOf(this.#options.catalogue, entry, qualifier, versionId);
      if (!record) entry.given.delete(id);
      return record ? this.#unlessLost(entry, qualifier, { record, versionId }) : [];
    });
  }

  /** The views whose scaling is configured, or that of one qualifier. */
  scaled(entry: Entry, qualifier?: string): FunctionVersion[] {
    const qualifiers = qualifier === undefined ? this.#options.configurations.scaledQualifiers(entry) : [qualifier];
    return qualifiers.flatMap((one) => this.#unlessLost(entry, one));
  }

  isLost(key: CodeKey): boolean {
    return this.#lost.has(this.#options.folders.folder(key));
  }

  /** The code of a key cannot be had. */
  lose(key: CodeKey): void {
    this.#lost.add(this.#options.folders.folder(key));
  }

  /** It can be had again. */
  find(key: CodeKey): void {
    this.#lost.delete(this.#options.folders.folder(key));
  }

  /** A version that is gone or lost has no instances. */
  #unlessLost(...view: Parameters<Views['of']>): FunctionVersion | [] {
    try {
      return this.of(...view);
    } catch (error) {
      if (error instanceof Fault) return [];
      throw error;
    }
  }
}

export function keyOf({ functionId, codeDigest }: FunctionRecord, uid: number | undefined): CodeKey {
  return { functionId, codeDigest, uid };
}

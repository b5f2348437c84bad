import { join } from 'node:path';
import { Fault } from '../faults/index.ts';
import { now, randomHex } from '../kit/index.ts';
import { functionArn, readFunctionReference } from './arn.ts';
import { CodeFolders, type CodeKey } from './code.ts';
import { settingsFromInput, settingsFromPatch } from './input.ts';
import { type IncomingPackage, Packages } from './packages.ts';
import { type CodePlace, openCodePlace } from './place.ts';
import {
  type ChangeListener,
  type CheckedCode,
  defaultFunctionLimits,
  type FunctionLimits,
  type FunctionPage,
  type Functions,
  type FunctionsOptions,
} from './port.ts';
import { type FunctionRecord, type FunctionVersion, versionOf } from './record.ts';
import { alreadyExists, FunctionRows, notFound } from './rows.ts';
import { uidOf } from './uids.ts';

const defaultUidBase = 200_000;
const maxPage = 100;

interface Entry {
  record: FunctionRecord;
  version: FunctionVersion;
  key: CodeKey;
}

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
  readonly #options: FunctionsOptions;
  readonly #place: CodePlace;
  readonly #limits: FunctionLimits;
  readonly #uidBase: number;
  readonly #rows: FunctionRows;
  readonly #packages: Packages;
  readonly #folders: CodeFolders;
  readonly #entries = new Map<string, Entry>();
  readonly #listeners: ChangeListener[] = [];
  /** The last change of each name: changes of one function run one after another. */
  readonly #queues = new Map<string, Promise<unknown>>();
  readonly #background = new Set<Promise<void>>();

  constructor(options: FunctionsOptions, place: CodePlace) {
    this.#options = options;
    this.#place = place;
    this.#limits = { ...defaultFunctionLimits, ...options.limits };
    this.#uidBase = options.uidBase ?? defaultUidBase;
    this.#rows = new FunctionRows(options.metadata);
    this.#packages = new Packages(join(options.dataDir, 'packages'), this.#limits.packageBytes);
    this.#folders = new CodeFolders({
      root: place.root,
      limits: { entries: this.#limits.codeEntries, bytes: this.#limits.codeBytes },
      builderUid: options.serverIsRoot ? this.#uidBase : undefined,
      interpreter: options.python?.interpreter,
    });
  }

  async open(): Promise<void> {
    for (const record of this.#rows.all()) {
      const uid = await this.#uid(record.functionName);
      // A failure is found again below, or it is over.
      const current: FunctionRecord = record.state === 'Active' ? record : { ...record, state: 'Active', stateReason: undefined };
      this.#remember(current, { ...record, uid });
    }
    const entries = [...this.#entries.values()];
    await this.#packages.sweep(entries.map((entry) => entry.key));
    const keys = entries.map(({ record, key }) => ({ ...key, name: record.functionName }));
    for (const key of await this.#folders.sweep(keys)) {
      try {
        await this.#folders.deploy(this.#packages.file(key.functionId, key.codeDigest), key);
      } catch (error) {
        this.#options.onProblem?.(error);
        const record = (this.#entries.get(key.name) as Entry).record;
        const stateReason = 'The code package is lost or damaged; update the function with its code again.';
        this.#remember({ ...record, state: 'Failed', stateReason }, key);
      }
    }
  }

  create(input: unknown, code: CheckedCode): Promise<FunctionRecord> {
    const settings = settingsFromInput(input);
    const name = settings.functionName;
    return this.#inTurn(name, async () => {
      if (this.#entries.has(name)) throw alreadyExists(name);
      const functionId = randomHex(16);
      const uid = await this.#uid(name);
      return this.#withPackage(code, async (incoming) => {
        const key: CodeKey = { functionId, codeDigest: incoming.digest, uid };
        return this.#deployed(incoming, key, async (note) => {
          const time = now();
          const record: FunctionRecord = {
            ...settings,
            functionId,
            functionArn: functionArn(this.#options.region, this.#options.accountId, name),
            ...codeFields(incoming, note),
            createdTime: time,
            lastModifiedTime: time,
            lastUpdateStatus: 'Successful',
            revision: randomHex(8),
          };
          await this.#rows.insert(record);
          this.#remember(record, key);
          return record;
        });
      });
    });
  }

  update(name: string, patch: unknown, code?: CheckedCode): Promise<FunctionRecord> {
    return this.#inTurn(name, async () => {
      const entry = this.#existing(name);
      const settings = settingsFromPatch(entry.record, patch);
      if (!code) return this.#replace(entry, { ...entry.record, ...settings }, entry.key);
      return this.#withPackage(code, async (incoming) => {
        const key: CodeKey = { ...entry.key, codeDigest: incoming.digest };
        if (incoming.digest === entry.key.codeDigest && entry.record.state === 'Active') {
          return this.#replace(entry, { ...entry.record, ...settings }, key);
        }
        return this.#deployed(incoming, key, (note) =>
          this.#replace(entry, { ...entry.record, ...settings, ...codeFields(incoming, note) }, key),
        );
      });
    });
  }

  get(name: string): FunctionRecord | undefined {
    return this.#entries.get(name)?.record;
  }

  list({ prefix = '', limit = 20, nextToken = '' }: Parameters<Functions['list']>[0] = {}): FunctionPage {
    if (!Number.isInteger(limit) || limit < 1 || limit > maxPage) throw new Fault('InvalidArgument', `limit: must be 1 to ${maxPage}`);
    const after = Buffer.from(nextToken, 'base64url').toString('latin1');
    if (!/^[\w-]{0,64}$/.test(after) || Buffer.from(after).toString('base64url') !== nextToken) {
      throw new Fault('InvalidArgument', 'nextToken: must be the nextToken of the page before');
    }
    if (!/^[\w-]{0,64}$/.test(prefix)) return { functions: [] };
    const names = this.#rows.page(prefix, after, limit + 1).map((record) => record.functionName);
    const functions = names.slice(0, limit).flatMap((name) => this.get(name) ?? []);
    if (names.length <= limit) return { functions };
    return { functions, nextToken: Buffer.from(names[limit - 1] as string).toString('base64url') };
  }

  remove(name: string): Promise<void> {
    return this.#inTurn(name, async () => {
      const { key } = this.#existing(name);
      await this.#rows.remove(name);
      this.#entries.delete(name);
      await this.#packages.prune(key.functionId);
      this.#changed(name, () => this.#folders.prune(key.functionId));
    });
  }

  resolve(arnOrName: string, qualifier?: string): FunctionVersion {
    const reference = readFunctionReference(arnOrName, this.#options);
    const asked = qualifier || reference.qualifier || 'LATEST';
    const entry = this.#existing(reference.name);
    if (asked !== 'LATEST') {
      throw new Fault('VersionNotFound', `The function ${reference.name} has no version or alias ${asked.slice(0, 64)}; use LATEST.`);
    }
    if (entry.record.state !== 'Active') throw new Fault('FunctionNotStarted', `${reference.name}: ${entry.record.stateReason}`);
    return entry.version;
  }

  onChange(listener: ChangeListener): void {
    this.#listeners.push(listener);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#queues.values(), ...this.#background]);
    await Promise.all(this.#background);
    await this.#place.remove();
  }

  #existing(name: string): Entry {
    const entry = this.#entries.get(name);
    if (!entry) throw notFound(name);
    return entry;
  }

  async #uid(name: string): Promise<number | undefined> {
    return this.#options.serverIsRoot ? uidOf(this.#options.metadata, name, this.#uidBase + 1) : undefined;
  }

  #remember(record: FunctionRecord, { functionId, codeDigest, uid }: CodeKey): void {
    const key = { functionId, codeDigest, uid };
    const version = versionOf(record, { codeDir: this.#folders.folder(key), uid, maxInstances: this.#limits.maxInstances });
    this.#entries.set(record.functionName, { record, version, key });
  }

  /** Receives a package, hands it on, and removes whatever nobody kept. */
  async #withPackage<T>(code: CheckedCode, use: (incoming: IncomingPackage) => Promise<T>): Promise<T> {
    const incoming = await this.#packages.receive(code);
    try {
      if (code.checksum !== undefined && code.checksum !== incoming.checksum) {
        throw new Fault('InvalidArgument', `code.checksum: the CRC-64 of the package that arrived is ${incoming.checksum}`);
      }
      return await use(incoming);
    } finally {
      await this.#packages.discard(incoming);
    }
  }

  /** Unpacks and keeps a package, then writes the record through `commit`; takes both back when that fails. */
  async #deployed<T>(incoming: IncomingPackage, key: CodeKey, commit: (note: string | undefined) => Promise<T>): Promise<T> {
    const note = await this.#folders.deploy(incoming.file, key);
    try {
      await this.#packages.keep(incoming, key.functionId);
      return await commit(note);
    } catch (error) {
      await this.#folders.remove(key);
      await this.#packages.remove(key.functionId, key.codeDigest);
      throw error;
    }
  }

  async #replace(entry: Entry, draft: FunctionRecord, key: CodeKey): Promise<FunctionRecord> {
    const record = { ...draft, lastModifiedTime: Math.max(now(), entry.record.lastModifiedTime), revision: randomHex(8) };
    await this.#rows.update(record, entry.record.revision);
    this.#remember(record, key);
    const name = record.functionName;
    this.#changed(name, () =>
      this.#inTurn(name, async () => {
        // The code may be in use again by now.
        const used = this.#entries.get(name)?.key;
        if (used?.functionId !== key.functionId || used.codeDigest === entry.key.codeDigest) return;
        await this.#folders.remove(entry.key);
        await this.#packages.remove(entry.key.functionId, entry.key.codeDigest);
      }),
    );
    return record;
  }

  /** Tells the listeners and, when they are done with the old version, cleans up behind it. */
  #changed(name: string, cleanUp: () => Promise<void>): void {
    const work = Promise.allSettled(this.#listeners.map(async (listener) => listener(name)))
      .then(cleanUp)
      .catch((error: unknown) => this.#options.onProblem?.(error))
      .finally(() => this.#background.delete(work));
    this.#background.add(work);
  }

  #inTurn<T>(name: string, work: () => Promise<T>): Promise<T> {
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
}

function codeFields(
  incoming: IncomingPackage,
  note: string | undefined,
): Pick<FunctionRecord, 'codeSize' | 'codeChecksum' | 'codeDigest' | 'state' | 'stateReason'> {
  return {
    codeSize: incoming.size,
    codeChecksum: incoming.checksum,
    codeDigest: incoming.digest,
    state: 'Active',
    stateReason: note,
  };
}

import assert from 'node:assert/strict';
import { bodyOf, plain } from './contract.ts';
import type { Store } from './store.ts';
import { isMarker, type Versioning, type VersionPageRequest } from './versions.ts';

/** One version as the oracle has it; a delete marker has no body. */
interface Known {
  version: string;
  body: string | undefined;
}

const keys = ['a', 'a/b', 'a/c', 'b', 'ü/1', 'ü/2'];

/** Runs random operations on a store and on arrays, which must agree. */
export class VersionOracle {
  /** By key, the newest first. */
  readonly #keys = new Map<string, Known[]>(keys.map((key) => [key, []]));
  #versioning: Versioning | undefined;
  #state: number;
  #writes = 0;
  readonly #bucket: string;

  constructor(bucket: string, seed: number) {
    this.#bucket = bucket;
    this.#state = seed >>> 0 || 1;
  }

  /** Below `below`; a xorshift, so that a seed gives the same run again. */
  #random(below: number): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    this.#state >>>= 0;
    return this.#state % below;
  }

  #pick<T>(list: readonly T[]): T {
    return list[this.#random(list.length)] as T;
  }

  async run(store: Store, operations: number): Promise<void> {
    for (let i = 0; i < operations; i++) {
      await this.#operate(store);
      await this.#compare(store, this.#pick(keys));
      this.#list(store);
    }
    for (const key of keys) await this.#compare(store, key);
  }

  async #operate(store: Store): Promise<void> {
    const key = this.#pick(keys);
    switch (this.#random(12)) {
      case 0:
        this.#versioning = this.#pick(['Enabled', 'Enabled', 'Suspended'] as const);
        return store.setBucketVersioning(this.#bucket, this.#versioning);
      case 1:
      case 2:
        return this.#delete(store, key);
      case 3:
      case 4:
        return this.#deleteVersion(store, key);
      case 5:
        return this.#copy(store, key);
      default: {
        const body = `body ${this.#writes++}`;
        const { version } = await store.put(plain(key, Buffer.from(body), { bucket: this.#bucket }));
        return this.#place(key, { version, body });
      }
    }
  }

  /** What a new version does to those that are there. */
  #place(key: string, known: Known): void {
    const list = this.#of(key);
    if (this.#versioning === 'Enabled') assert.match(known.version, /^[0-9a-f]{32}$/);
    else assert.equal(known.version, 'null');
    const left = this.#versioning === undefined ? [] : list.filter(({ version }) => version !== known.version);
    this.#keys.set(key, [known, ...left]);
  }

  #of(key: string): Known[] {
    return this.#keys.get(key) ?? [];
  }

  async #delete(store: Store, key: string): Promise<void> {
    const { marker } = await store.delete(this.#bucket, key);
    if (this.#versioning !== undefined) return this.#place(key, { version: marker ?? '', body: undefined });
    assert.equal(marker, undefined);
    this.#keys.set(key, []);
  }

  async #deleteVersion(store: Store, key: string): Promise<void> {
    const list = this.#of(key);
    const version = this.#random(4) === 0 || list.length === 0 ? 'null' : this.#pick(list).version;
    const known = list.find((each) => each.version === version);
    const { marker } = await store.delete(this.#bucket, key, version);
    assert.equal(marker, known && known.body === undefined ? version : undefined);
    this.#keys.set(
      key,
      list.filter((each) => each !== known),
    );
  }

  async #copy(store: Store, to: string): Promise<void> {
    const from = this.#pick(keys);
    const source = this.#of(from).find(({ body }) => body !== undefined);
    if (!source) return;
    const { version } = await store.copy({
      from: { bucket: this.#bucket, key: from, version: source.version },
      bucket: this.#bucket,
      key: to,
      check: () => {},
    });
    this.#place(to, { version, body: source.body });
  }

  async #compare(store: Store, key: string): Promise<void> {
    const [newest, ...older] = this.#of(key);
    const found = store.get(this.#bucket, key);
    assert.equal(found && (await bodyOf(found)).toString(), newest?.body, `the object at ${key}`);
    assert.equal(store.head(this.#bucket, key)?.version, newest?.body === undefined ? undefined : newest.version);
    assert.equal(store.deleteMarker(this.#bucket, key)?.version, newest && newest.body === undefined ? newest.version : undefined);
    for (const { version, body } of newest ? [newest, ...older] : []) {
      const at = store.version(this.#bucket, key, version) ?? assert.fail(`${key} has lost ${version}`);
      assert.equal(isMarker(at) ? undefined : (await bodyOf(at)).toString(), body, `${version} of ${key}`);
    }
  }

  #list(store: Store): void {
    const prefix = this.#pick(['', '', 'a', 'a/', 'ü/', 'x']);
    const delimiter = this.#pick(['', '', '/']);
    const request = { bucket: this.#bucket, prefix, delimiter, afterKey: '', afterVersion: '', maxKeys: 1 + this.#random(6) };
    const expected = this.#expected(prefix, delimiter);
    const seen: string[] = [];
    let page: VersionPageRequest = request;
    for (let i = 0; i < 200; i++) {
      const { versions, prefixes, truncated, nextKey = '', nextVersion = '' } = store.listVersions(page);
      const shown = versions.map(({ key, version, latest, object }) => `${key} ${version} ${latest} ${object !== undefined}`);
      assert.ok(shown.length + prefixes.length <= request.maxKeys);
      seen.push(...shown, ...prefixes);
      if (!truncated) break;
      page = { ...request, afterKey: nextKey, afterVersion: nextVersion };
    }
    // A page tells versions and prefixes apart, so that only one without prefixes has an order.
    const ordered = (list: string[]) => (delimiter === '' ? list : list.toSorted());
    assert.deepEqual(ordered(seen), ordered(expected), `versions below "${prefix}" by "${delimiter}", ${request.maxKeys} at a time`);
    const current = store.list({ bucket: this.#bucket, prefix, delimiter: '', after: '', maxKeys: 1000 });
    assert.deepEqual(
      current.objects.map(({ key }) => key),
      keys.filter((key) => key.startsWith(prefix) && this.#of(key)[0]?.body !== undefined),
    );
  }

  #expected(prefix: string, delimiter: string): string[] {
    const entries: string[] = [];
    for (const key of keys.filter((each) => each.startsWith(prefix))) {
      const list = this.#of(key);
      const at = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length);
      if (list.length === 0) continue;
      const common = key.slice(0, at + delimiter.length);
      if (at < 0) entries.push(...list.map(({ version, body }, i) => `${key} ${version} ${i === 0} ${body !== undefined}`));
      else if (!entries.includes(common)) entries.push(common);
    }
    return entries;
  }
}

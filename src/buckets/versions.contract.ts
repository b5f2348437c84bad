import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { it } from 'node:test';
import fc from 'fast-check';
import { bodyOf, chunked, plain, someBucket } from './contract.ts';
import type { FoundObject, Store } from './store.ts';
import { VersionOracle } from './versions.oracle.ts';
import { isMarker } from './versions.ts';

/** What every store must do with versions. */
export function versionsContract(current: () => Store): void {
  const write = async (text: string, key = 'k') => (await current().put(plain(key, Buffer.from(text)))).version;
  const bodyAt = async (version: string, key = 'k'): Promise<string> => {
    const found = current().version('bucket', key, version);
    return found === undefined ? 'nothing' : isMarker(found) ? 'marker' : (await bodyOf(found)).toString();
  };
  const body = (key = 'k') => current().get('bucket', key)?.small?.toString();
  const history = (key = 'k') =>
    current()
      .listVersions({ bucket: 'bucket', prefix: key, delimiter: '', afterKey: '', afterVersion: '', maxKeys: 1000 })
      .versions.filter((each) => each.key === key)
      .map(({ version, latest, object }) => `${version}${latest ? ' latest' : ''}${object ? '' : ' marker'}`);

  it('keeps what is replaced and deleted once versioning is enabled', async () => {
    const store = current();
    assert.equal(await write('before'), 'null');
    assert.equal(store.bucket('bucket')?.versioning, undefined);
    await store.setBucketVersioning('bucket', 'Enabled');
    assert.equal(store.bucket('bucket')?.versioning, 'Enabled');
    const one = await write('one');
    const two = await write('two');
    assert.match(one, /^[0-9a-f]{32}$/);
    assert.deepEqual([body(), await bodyAt(two), await bodyAt(one), await bodyAt('null')], ['two', 'two', 'one', 'before']);
    assert.equal(store.head('bucket', 'k')?.version, two);
    const { marker = '' } = await store.delete('bucket', 'k');
    assert.deepEqual([body(), await bodyAt(marker), await bodyAt(two)], [undefined, 'marker', 'two']);
    assert.equal(store.deleteMarker('bucket', 'k')?.version, marker);
    assert.deepEqual(history(), [`${marker} latest marker`, two, one, 'null']);
    const { marker: again = '' } = await store.delete('bucket', 'k');
    assert.deepEqual(history(), [`${again} latest marker`, `${marker} marker`, two, one, 'null']);
    assert.deepEqual(await store.delete('bucket', 'k', again), { key: 'k', version: again, marker: again });
    assert.deepEqual(await store.delete('bucket', 'k', marker), { key: 'k', version: marker, marker });
    assert.deepEqual([body(), store.deleteMarker('bucket', 'k')], ['two', undefined]);
    assert.deepEqual(await store.delete('bucket', 'k', two), { key: 'k', version: two });
    assert.deepEqual([body(), history()], ['one', [`${one} latest`, 'null']]);
    await store.delete('bucket', 'k', 'null');
    assert.deepEqual(history(), [`${one} latest`]);
    await store.delete('bucket', 'k', 'null');
    await store.delete('bucket', 'k', one);
    assert.deepEqual([body(), history(), await bodyAt(one)], [undefined, [], 'nothing']);
    assert.equal(store.version('bucket', 'k', 'nonsense'), undefined);
  });

  it('has one null version while versioning is suspended', async () => {
    const store = current();
    await store.setBucketVersioning('bucket', 'Enabled');
    const one = await write('one');
    await store.setBucketVersioning('bucket', 'Suspended');
    assert.equal(await write('two'), 'null');
    assert.equal(await write('three'), 'null');
    assert.deepEqual([body(), history()], ['three', ['null latest', one]]);
    await store.setBucketVersioning('bucket', 'Enabled');
    const four = await write('four');
    assert.deepEqual(history(), [`${four} latest`, 'null', one]);
    await store.setBucketVersioning('bucket', 'Suspended');
    assert.equal((await store.delete('bucket', 'k')).marker, 'null');
    assert.deepEqual([body(), history()], [undefined, ['null latest marker', four, one]]);
    assert.equal((await store.delete('bucket', 'k')).marker, 'null');
    assert.deepEqual(history(), ['null latest marker', four, one]);
    assert.equal(await write('five'), 'null');
    assert.deepEqual([body(), history()], ['five', ['null latest', four, one]]);
    await store.delete('bucket', 'k', 'null');
    assert.deepEqual([body(), history()], ['four', [`${four} latest`, one]]);
  });

  it('gives every way to write a version', async () => {
    const store = current();
    await store.setBucketVersioning('bucket', 'Enabled');
    const source = await write('source', 'source');
    await write('newer', 'source');
    const described = { contentType: 'a/b', headers: {}, meta: {} };
    const copy = await store.copy({
      from: { bucket: 'bucket', key: 'source', version: source },
      bucket: 'bucket',
      key: 'k',
      check: () => {},
    });
    assert.equal(body(), 'source');
    const link = await store.link({ bucket: 'bucket', key: 'k', target: 'source', ...described });
    const name = await store.uploads.start({ bucket: 'bucket', key: 'k', ...described });
    for (const number of [1, 2]) await store.uploads.put({ ...name, number, source: chunked(randomBytes(150_000)) });
    const parts = await store.uploads.complete({ ...name, parts: 'all' });
    const again = await store.uploads.complete({ ...name, parts: 'all' });
    const plainly = await store.put(plain('k', Buffer.from('x'), { forbidOverwrite: true }));
    const late = await store.uploads.complete({ ...name, parts: 'all' });
    assert.deepEqual([again.version, late.version], [parts.version, parts.version]);
    assert.deepEqual(history(), [`${plainly.version} latest`, parts.version, link.version, copy.version]);
    await store.settled();
    const old = store.version('bucket', 'k', parts.version) as FoundObject;
    assert.deepEqual([old.head.pieces, (await bodyOf(old)).length], [2, 300_000]);
    assert.equal((store.version('bucket', 'k', link.version) as FoundObject).head.target, 'source');
    const marker = (await store.delete('bucket', 'source')).marker;
    const from = { bucket: 'bucket', key: 'source', version: marker };
    await assert.rejects(store.copy({ from, bucket: 'bucket', key: 'k', check: () => {} }), { code: 'InvalidArgument' });
    const absent = { ...from, version: '0'.repeat(32) };
    await assert.rejects(store.copy({ from: absent, bucket: 'bucket', key: 'k', check: () => {} }), { code: 'NoSuchVersion' });
    // What was deleted and copied back is the newest again.
    await store.copy({ from: { ...from, version: source }, bucket: 'bucket', key: 'source', check: () => {} });
    assert.equal(body('source'), 'source');
  });

  it('lets an appended object grow as one version, and nothing else grow', async () => {
    const store = current();
    await store.setBucketVersioning('bucket', 'Enabled');
    const append = (position: number, text: string) => {
      const { conditions: _, forbidOverwrite: __, ...request } = plain('k', Buffer.from(text));
      return store.append({ ...request, position });
    };
    const first = await append(0, 'a');
    const second = await append(1, 'b');
    assert.deepEqual([second.version, body(), history()], [first.version, 'ab', [`${first.version} latest`]]);
    const put = await write('normal');
    await assert.rejects(append(6, 'c'), { code: 'ObjectNotAppendable' });
    assert.equal(await bodyAt(first.version), 'ab');
    await store.delete('bucket', 'k');
    await assert.rejects(append(0, 'c'), { code: 'ObjectNotAppendable' });
    assert.deepEqual(history().slice(1), [put, first.version]);
  });

  it('evaluates conditions against the current version alone', async () => {
    const store = current();
    await store.setBucketVersioning('bucket', 'Enabled');
    const { etag } = await store.put(plain('k', Buffer.from('1')));
    await store.put(plain('k', Buffer.from('2'), { conditions: { ifMatch: [etag] } }));
    await assert.rejects(store.put(plain('k', Buffer.from('3'), { conditions: { ifMatch: [etag] } })), { code: 'PreconditionFailed' });
    await store.delete('bucket', 'k');
    const counts = await Promise.allSettled(
      ['a', 'b', 'c'].map((text) => store.put(plain('k', Buffer.from(text), { conditions: { ifNoneMatch: ['*'] } }))),
    );
    assert.equal(counts.filter(({ status }) => status === 'fulfilled').length, 1);
    assert.equal(history().length, 4);
  });

  it('describes one version and leaves the others', async () => {
    const store = current();
    await store.setBucketVersioning('bucket', 'Enabled');
    const [one, two] = [await write('one'), await write('two')];
    await store.setObjectTags('bucket', 'k', { a: '1' }, one);
    await store.setObjectAcl('bucket', 'k', 'private', one);
    await store.setObjectTags('bucket', 'k', { b: '2' });
    const at = (version: string) => (store.version('bucket', 'k', version) as FoundObject).head;
    assert.deepEqual([at(one).tags, at(one).acl, at(two).tags, at(two).acl], [{ a: '1' }, 'private', { b: '2' }, 'default']);
    await store.setObjectTags('bucket', 'k', { c: '3' }, two);
    assert.deepEqual(store.head('bucket', 'k')?.tags, { c: '3' });
    const { marker } = await store.delete('bucket', 'k');
    await assert.rejects(store.setObjectAcl('bucket', 'k', 'private', marker), { code: 'NoSuchVersion' });
    await assert.rejects(store.setObjectAcl('bucket', 'k', 'private'), { code: 'NoSuchKey' });
  });

  it('deletes objects and versions together, and counts what is left', async () => {
    const store = current();
    await store.setBucketVersioning('bucket', 'Enabled');
    const versions = [await write('aa', 'a'), await write('bbb', 'b'), await write('c', 'c')];
    const deleted = await store.deleteMany('bucket', [
      { key: 'a' },
      { key: 'b', version: versions[1] },
      { key: 'absent', version: versions[1] },
      { key: 'absent' },
      { key: 'c', version: 'null' },
    ]);
    assert.deepEqual(
      deleted.map(({ key, version, marker }) => [key, version, marker !== undefined]),
      [
        ['a', undefined, true],
        ['b', versions[1], false],
        ['absent', versions[1], false],
        ['absent', undefined, true],
        ['c', 'null', false],
      ],
    );
    assert.deepEqual([body('a'), body('b'), body('c')], [undefined, undefined, 'c']);
    const { objects, bytes, deleteMarkers } = await store.stat('bucket');
    assert.deepEqual([objects, bytes, deleteMarkers], [2, 3, 2]);
    await store.delete('bucket', 'c', versions[2]);
    await store.delete('bucket', 'a', versions[0]);
    await assert.rejects(store.deleteBucket('bucket'), { code: 'BucketNotEmpty' });
    for (const { key, marker } of deleted) if (marker !== undefined) await store.delete('bucket', key, marker);
    await store.deleteBucket('bucket');
  });

  it('never loses a version to the moment in which versioning is enabled', async () => {
    const store = current();
    for (let round = 0; round < 5; round++) {
      const key = `k${round}`;
      const name = `versioned-${round}`;
      await store.createBucket({ name, owner: 'me', acl: 'private', storageClass: 'Standard', redundancy: 'LRS' });
      await store.put(plain(key, Buffer.from('kept'), { bucket: name }));
      let enabled = false;
      const enabling = store.setBucketVersioning(name, 'Enabled').then(() => {
        enabled = true;
      });
      const after: string[] = [];
      const writers = Array.from({ length: 6 }, async (_, i) => {
        const before = enabled;
        const { version } = await store.put(plain(key, Buffer.from(`${i}`), { bucket: name }));
        if (before) after.push(version);
      });
      await Promise.all([enabling, ...writers]);
      after.push((await store.put(plain(key, Buffer.from('last'), { bucket: name }))).version);
      await store.delete(name, key);
      await store.settled();
      for (const version of after) assert.ok(!isMarker(store.version(name, key, version) ?? assert.fail(`${version} is lost`)));
    }
  });

  it('equals a simple oracle over random operations', async () => {
    let runs = 0;
    // The counterexample that is printed is the seed of the oracle's operations.
    const property = fc.asyncProperty(fc.integer({ min: 1, max: 2 ** 31 - 1 }), async (seed) => {
      runs += 1;
      const bucket = `oracle-${runs}`;
      await current().createBucket({ ...someBucket, name: bucket });
      await new VersionOracle(bucket, seed).run(current(), 120);
    });
    await fc.assert(property, { numRuns: 4, endOnFailure: true });
  });

  it('lists versions in pages', async () => {
    const store = current();
    await store.setBucketVersioning('bucket', 'Enabled');
    for (const key of ['a', 'b/1', 'b/1', 'b/2', 'c', 'c', 'c']) await write(key, key);
    const all = (maxKeys: number, delimiter = '', prefix = '') => {
      const seen: string[] = [];
      let [afterKey, afterVersion] = ['', ''];
      for (;;) {
        const page = store.listVersions({ bucket: 'bucket', prefix, delimiter, afterKey, afterVersion, maxKeys });
        seen.push(...page.versions.map(({ key }) => key), ...page.prefixes);
        if (!page.truncated) return seen;
        [afterKey, afterVersion] = [page.nextKey ?? '', page.nextVersion ?? ''];
      }
    };
    for (const maxKeys of [1, 2, 3, 7, 8]) assert.deepEqual(all(maxKeys), ['a', 'b/1', 'b/1', 'b/2', 'c', 'c', 'c'], `${maxKeys}`);
    for (const maxKeys of [1, 2]) assert.deepEqual(all(maxKeys, '/').toSorted(), ['a', 'b/', 'c', 'c', 'c'], `${maxKeys}`);
    assert.deepEqual(all(10, '/', 'b/'), ['b/1', 'b/1', 'b/2']);
    // A key without a version means all of its versions.
    const after = store.listVersions({ bucket: 'bucket', prefix: '', delimiter: '', afterKey: 'b/2', afterVersion: '', maxKeys: 10 });
    assert.deepEqual([after.versions.map(({ key }) => key), after.truncated], [['c', 'c', 'c'], false]);
    assert.throws(() => store.listVersions({ bucket: 'nowhere', prefix: '', delimiter: '', afterKey: '', afterVersion: '', maxKeys: 1 }), {
      code: 'NoSuchBucket',
    });
  });
}

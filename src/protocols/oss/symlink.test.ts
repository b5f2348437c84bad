import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { codeOf, type Harness, openHarness, openPhotos, original, sessionOf } from './fixture.ts';

let oss: Harness;
let aliases: { apAlias: string; fcAlias: string };
before(async () => {
  oss = await openHarness();
  aliases = await openPhotos(oss);
  for (const [key, target] of [
    ['link', 'dir/cat.png'],
    ['ä/dead', 'not there'],
    ['twice', 'link'],
  ] as const) {
    const headers = { 'x-oss-symlink-target': encodeURIComponent(target), 'x-oss-meta-of': 'link', 'content-type': 'x/link' };
    const answer = await oss.send('PUT', 'photos', key, { query: { symlink: '' }, headers, body: '' });
    assert.equal(answer.status, 200, answer.text);
  }
});
after(() => oss.close());

test('a symlink reads as its target, described as itself', async () => {
  const target = await oss.send('HEAD', 'photos', 'dir/cat.png');
  for (const method of ['GET', 'HEAD']) {
    const { headers, text, status } = await oss.send(method, 'photos', 'link');
    assert.deepEqual([status, text], [200, method === 'GET' ? original : '']);
    assert.deepEqual(
      [headers['x-oss-object-type'], headers.etag, headers['content-length'], headers['content-type'], headers['x-oss-meta-of']],
      ['Symlink', target.headers.etag, String(original.length), 'x/link', 'link'],
    );
  }
  const part = await oss.send('GET', 'photos', 'link', { headers: { range: 'bytes=4-7' } });
  assert.deepEqual([part.status, part.text], [206, original.slice(4, 8)]);
});

test('it tells where it leads, and what it leads to must be an object', async () => {
  const told = await oss.send('GET', 'photos', 'ä/dead', { query: { symlink: '' } });
  assert.deepEqual([told.status, told.headers['x-oss-symlink-target']], [200, 'not%20there']);
  for (const [key, query, code] of [
    ['dir/cat.png', { symlink: '' }, 'NotSymlink'],
    ['none', { symlink: '' }, 'NoSuchKey'],
    ['ä/dead', {}, 'SymlinkTargetNotExist'],
    ['twice', {}, 'InvalidTargetType'],
  ] as [string, Record<string, string>, string][]) {
    assert.equal(codeOf(await oss.send('GET', 'photos', key, { query })), code, key);
  }
  assert.equal(codeOf(await oss.send('PUT', 'photos', 'x', { query: { symlink: '' }, body: '' })), 'MissingArgument');
  const headers = { 'x-oss-symlink-target': '%zz' };
  assert.equal(codeOf(await oss.send('PUT', 'photos', 'x', { query: { symlink: '' }, headers, body: '' })), 'InvalidArgument');
});

test('who may read the link alone may not read what it leads to', async () => {
  const statement = { Effect: 'Allow', Action: ['oss:GetObject'], Resource: 'acs:oss:*:*:photos/link' };
  const key = await sessionOf(oss, 'link-reader', [statement]);
  const refused = await oss.send('GET', 'photos', 'link', { key });
  assert.deepEqual([refused.status, codeOf(refused)], [403, 'AccessDenied']);
  assert.match(refused.text, /photos\/dir\/cat\.png/);
  assert.equal((await oss.send('GET', 'photos', 'link', { key, query: { symlink: '' } })).status, 200);
});

test('an access point follows it, an Object FC access point does not tell of it', async () => {
  assert.equal((await oss.send('GET', aliases.apAlias, 'link')).text, original);
  const refused = await oss.send('GET', aliases.fcAlias, 'link', { query: { symlink: '' } });
  assert.deepEqual([refused.status, codeOf(refused)], [403, 'AccessDenied']);
});

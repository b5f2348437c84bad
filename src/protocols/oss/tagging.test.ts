import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { childrenOf, childText, parseXml } from '../../kit/index.ts';
import { type Answer, codeOf, type Harness, openHarness } from './fixture.ts';

let oss: Harness;
before(async () => {
  oss = await openHarness();
  await oss.send('PUT', 'tags', '');
  await oss.send('PUT', 'tags', 'k', { body: 'x', headers: { 'x-oss-tagging': 'a=1&b+c=%C3%A4' } });
});
after(() => oss.close());

const query = { tagging: '' };
const documentOf = (pairs: [string, string][]) =>
  `<Tagging><TagSet>${pairs.map(([key, value]) => `<Tag><Key>${key}</Key><Value>${value}</Value></Tag>`).join('')}</TagSet></Tagging>`;
function tagsIn(answer: Answer): [string | undefined, string | undefined][] {
  assert.equal(answer.status, 200, answer.text);
  const [set] = childrenOf(parseXml(answer.text), 'TagSet');
  assert.ok(set);
  return childrenOf(set, 'Tag').map((tag) => [childText(tag, 'Key'), childText(tag, 'Value')]);
}

describe('tags of objects', () => {
  test('come with the object, are replaced, counted and removed', async () => {
    const get = () => oss.send('GET', 'tags', 'k', { query });
    assert.deepEqual(tagsIn(await get()), [
      ['a', '1'],
      ['b c', 'ä'],
    ]);
    const before = await oss.send('HEAD', 'tags', 'k');
    assert.equal(before.headers['x-oss-tagging-count'], '2');
    assert.equal((await oss.send('PUT', 'tags', 'k', { query, body: documentOf([['only', '']]) })).status, 200);
    assert.deepEqual(tagsIn(await get()), [['only', '']]);
    const after = await oss.send('HEAD', 'tags', 'k');
    assert.deepEqual([after.headers['x-oss-tagging-count'], after.headers['last-modified']], ['1', before.headers['last-modified']]);
    assert.equal((await oss.send('DELETE', 'tags', 'k', { query })).status, 204);
    assert.deepEqual(tagsIn(await get()), []);
    assert.equal((await oss.send('GET', 'tags', 'k')).headers['x-oss-tagging-count'], undefined);
  });

  test('are gone when the object is written again', async () => {
    await oss.send('PUT', 'tags', 'again', { body: 'x', headers: { 'x-oss-tagging': 'a=1' } });
    await oss.send('PUT', 'tags', 'again', { body: 'y' });
    assert.deepEqual(tagsIn(await oss.send('GET', 'tags', 'again', { query })), []);
  });

  for (const [why, body, code] of [
    ['eleven tags', documentOf(Array.from({ length: 11 }, (_, i) => [`k${i}`, ''])), 'InvalidTag'],
    ['a key twice', documentOf([['a', '1'], ['a', '2']]), 'InvalidTag'], // biome-ignore format: one line a case
    ['an empty key', documentOf([['', '1']]), 'InvalidTag'],
    ['a long key', documentOf([['k'.repeat(129), '']]), 'InvalidTag'],
    ['a long value', documentOf([['k', 'v'.repeat(257)]]), 'InvalidTag'],
    ['characters that no tag has', documentOf([['k?', '']]), 'InvalidTag'],
    ['no set of tags', '<Tagging/>', 'MalformedXML'],
    ['no document', '', 'MalformedXML'],
  ] as const) {
    test(`refuses ${why}`, async () => {
      const answer = await oss.send('PUT', 'tags', 'k', { query, body });
      assert.deepEqual([answer.status, codeOf(answer)], [400, code], answer.text);
    });
  }

  test('are those of an object that is there', async () => {
    for (const [method, body] of [
      ['GET', undefined],
      ['PUT', documentOf([['a', 'b']])],
      ['DELETE', undefined],
    ] as const) {
      assert.equal(codeOf(await oss.send(method, 'tags', 'none', { query, body })), 'NoSuchKey', method);
    }
  });
});

/** Every command and snippet of README and docs, taken from the pages and run against one server. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type Block, blocksOf, pages } from './docs/blocks.ts';
import { Session } from './docs/session.ts';
import { createAccessPoint, createBucket, fcClient, ossCall, ossDo } from './harness/deploy.ts';
import { type Sluice, startSluice } from './harness/sluice.ts';
import { go, python, root } from './harness/toolchain.ts';

const fc = createRequire(import.meta.url)('@alicloud/fc20230330') as typeof import('@alicloud/fc20230330');

let sluice: Sluice;

before(async () => {
  sluice = await startSluice();
  // What `./run start` has made before a reader begins.
  await createBucket(sluice, 'demo');
  await createAccessPoint(sluice, 'demo', 'demo');
  await createBucket(sluice, 'photos');
  for (const key of ['hello.txt', 'landscape.jpg']) await ossDo(sluice, { method: 'PUT', bucket: 'demo', key, body: 'hello, world\n' });
});
after(() => sluice.finish(deleteFunctions));

async function deleteFunctions(): Promise<void> {
  const client = fcClient(sluice);
  const { body } = await client.listFunctions(new fc.ListFunctionsRequest({ limit: 100 }));
  for (const { functionName = '' } of body?.functions ?? []) await client.deleteFunction(functionName);
}

/** Names that the next page makes anew: of access points of both kinds, and of functions. */
async function clear(): Promise<void> {
  const named = async (query: string, element: string) => {
    const { body } = await ossDo(sluice, { method: 'GET', query: { [query]: '' } });
    return [...body.toString().matchAll(new RegExp(`<${element}>([^<]+)<`, 'g'))].map(([, name]) => name as string);
  };
  const remove = async (query: string, header: string, name: string) => {
    for (const bucket of ['demo', 'photos', 'mine', 'sluice-dev'])
      await ossCall(sluice, { method: 'DELETE', bucket, query: { [query]: '' }, headers: { [header]: name } });
  };
  for (const name of await named('accessPointForObjectProcess', 'AccessPointNameForObjectProcess'))
    await remove('accessPointForObjectProcess', 'x-oss-access-point-for-object-process-name', name);
  for (const name of await named('accessPoint', 'AccessPointName'))
    if (name !== 'demo') await remove('accessPoint', 'x-oss-access-point-name', name);
  await deleteFunctions();
}

const needs: Readonly<Record<string, string | false>> = { python: python.skip, go: go.skip };

/** Why a page cannot be run here: a language that is missing. */
function skipOf(blocks: readonly Block[]): string | false {
  const languages = blocks.flatMap(({ language, kind }) => (kind === '' ? [] : [language]));
  return languages.map((language) => needs[language] ?? false).find((skip) => skip !== false) ?? false;
}

const all = pages().map((page) => ({ page, blocks: blocksOf(page) }));

test('every block says what is done with it', (t) => {
  const silent = all.flatMap(({ blocks }) => blocks.filter(({ kind, reason }) => (kind === '') === (reason === undefined)));
  assert.deepEqual(
    silent.map(({ page, line, language }) => `${page}:${line} (${language})`),
    [],
    'write "test" or the like behind the language, or "<!-- no-run: why -->" above the fence, not both',
  );
  const left = all.flatMap(({ blocks }) => blocks.filter(({ reason }) => reason !== undefined));
  for (const { page, line, reason } of left) t.diagnostic(`not run: ${page}:${line}: ${reason}`);
  for (const [path] of left.flatMap(({ reason = '' }) => [...reason.matchAll(/\b(?:src|test)\/[\w./-]+\.ts/g)]))
    assert.ok(existsSync(join(root, path)), `a reason names ${path}, which is not there`);
  const run = all.flatMap(({ blocks }) => blocks.filter(({ kind }) => kind !== ''));
  assert.ok(run.length > 40 && left.length < run.length / 2, `${run.length} are run, ${left.length} are not`);
});

describe('what the pages say', () => {
  for (const { page, blocks } of all) {
    const run = blocks.filter(({ kind }) => kind !== '');
    if (run.length === 0) continue;
    test(page, { skip: skipOf(blocks) }, async () => {
      const session = new Session(sluice);
      try {
        for (const block of run) await session.run(block);
      } finally {
        session.remove();
        await clear();
      }
    });
  }
});

/**
 * The vendor document's Python function, byte for byte, and one of our own to the same contract: through an Object FC access point every
 * SDK and every kind of signature gets a picture of 200 x 200 red pixels. The document itself is no part of the repository: its path comes in
 * SLUICE_VENDOR_DOC, and without it only our own function runs.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { clients, runClient, type Step } from './harness/clients.ts';
import {
  type CodeFile,
  createAccessPoint,
  createBucket,
  createObjectFc,
  deleteFunction,
  deployFunction,
  filesOf,
} from './harness/deploy.ts';
import { send } from './harness/http.ts';
import { assertSolidPng } from './harness/png.ts';
import { descendants } from './harness/processes.ts';
import { type Sluice, startSluice } from './harness/sluice.ts';
import { python, root } from './harness/toolchain.ts';

const bucket = 'acc-vendor';
const key = 'pictures/any cat.png';
const document = process.env.SLUICE_VENDOR_DOC;

let sluice: Sluice;
before(async () => {
  sluice = await startSluice();
  await createBucket(sluice, bucket);
  await createAccessPoint(sluice, bucket, 'ap-vendor');
});
after(() => sluice.finish(async () => {}));

/** The Python sample of the document: the lines between its requirement and the heading of the Go sample. */
function vendorSample(path: string): Buffer {
  const lines = readFileSync(path, 'utf8').split('\n');
  const begin = lines.findIndex((line, at) => line.startsWith('Requires OSS SDK for Python') && lines[at - 2] === 'Python');
  const end = lines.findIndex((line, at) => at > begin && line === 'Go' && (lines[at + 2] ?? '').startsWith('Requires OSS SDK for Go'));
  assert.ok(begin > 0 && end > begin, `no Python sample in ${path}`);
  const sample = `${lines
    .slice(begin + 1, end)
    .join('\n')
    .trim()}\n`;
  assert.match(sample, /def handler\(event, context\):/);
  return Buffer.from(sample);
}

const redPng = readFileSync(join(root, 'test', 'acceptance', 'functions', 'red-png', 'index.py'));

interface Case {
  name: string;
  code: () => Buffer;
  oss2: '2.18.3' | 'newest';
  skip: string | false;
  /** The package goes through a bucket object instead of the request body. */
  through?: string;
}

const noDocument = document ? false : 'SLUICE_VENDOR_DOC does not name the vendor document';
const cases: Case[] = [
  { name: 'our own function', code: () => redPng, oss2: 'newest', skip: python.skip },
  { name: 'the vendor sample', code: () => vendorSample(document as string), oss2: '2.18.3', skip: python.skip || noDocument },
  {
    name: 'the vendor sample',
    code: () => vendorSample(document as string),
    oss2: 'newest',
    skip: python.skip || noDocument,
    through: bucket,
  },
];

describe('a red picture for every GetObject', () => {
  for (const [index, { name, code, oss2, skip, through }] of cases.entries()) {
    test(`${name} with oss2 ${oss2}`, { skip }, async () => {
      const text = code();
      const files: CodeFile[] = [{ name: 'index.py', data: text }, ...filesOf(python.tools?.oss2[oss2] as string)];
      const functionName = `red-${index}`;
      await deployFunction(sluice, functionName, files, { timeout: 60, ...(through ? { through } : {}) });
      const alias = await createObjectFc(sluice, { bucket, accessPoint: 'ap-vendor', name: functionName, functionName });
      await everyClientSeesRed(alias);
      assertRuns(text);
      await deleteFunction(sluice, functionName);
    });
  }
});

/** What runs is exactly this text: the index.py in the working directory of a live function process. */
function assertRuns(text: Buffer): void {
  const running = descendants(sluice.pid).map((child) => `/proc/${child.pid}/cwd/index.py`);
  const sources = running.filter((path) => existsSync(path)).map((path) => readFileSync(path));
  assert.ok(
    sources.some((source) => source.equals(text)),
    `none of ${running.length} processes runs in a folder with exactly this index.py (${sources.length} with another)`,
  );
}

async function everyClientSeesRed(alias: string): Promise<void> {
  const get: Step = { op: 'get', bucket: alias, key };
  const presign: Step = { op: 'presign', bucket: alias, key, expires: 60 };
  for (const client of [clients.oss2Newest, clients.aliOss, clients.goV2Newest]) {
    if (client.skip) continue;
    for (const signature of ['v1', 'v4'] as const) {
      const { version, results } = await runClient(client, sluice, signature, [get, presign]);
      assert.equal(version, client.version);
      assert.equal(results[0]?.ok, true, `${client.name} ${signature}: ${JSON.stringify(results[0])}`);
      assertSolidPng(Buffer.from(results[0]?.body ?? '', 'base64'), 200, 200, [255, 0, 0]);
      const url = new URL(results[1]?.url ?? '');
      const reply = await send(sluice.data, { path: url.pathname + url.search, headers: { host: url.host } });
      assert.equal(reply.status, 200, `${client.name} ${signature} presigned: ${reply.body}`);
      assertSolidPng(reply.body, 200, 200, [255, 0, 0]);
      assert.match(reply.headers['x-oss-request-id'] ?? '', /^[0-9A-F]{24}$/);
      assert.equal(reply.headers['content-length'], String(reply.body.length));
    }
  }
  await sluice.quiet();
}

/**
 * Operations by clients: one driver for each vendor SDK carries out every row of matrix/operations.ts, with V1 and with V4 signatures, and reports what
 * it saw. Cells must be those of matrix/expected.json, from which docs/compatibility.md has its tables. `SLUICE_MATRIX=write` writes both from the run.
 *
 * Environment of a driver, each name with MATRIX_ before it: ENDPOINT, KEY_ID, KEY_SECRET, SIGNATURE (v1, v4), BUCKET (to create), ACCESS_POINT and
 * OBJECT_FC (names to create), ALIAS and OBJECT_FC_ALIAS (that are there, with the object ALIAS_KEY), STS_ID, STS_SECRET, STS_TOKEN, FUNCTION and ROLE
 * (ARNs), POLICY, ACCESS_POINT_POLICY, OBJECT_FC_POLICY (JSON), SHARED (a bucket with picture.png), CALLBACK (a URL that may be told of uploads).
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text as textOf } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import OSS from 'ali-oss';
import sharp from 'sharp';
import { admin, createUser } from './harness/admin.ts';
import { createAccessPoint, createBucket, createObjectFc, deleteFunction, deployFunction, functionArn, ossDo } from './harness/deploy.ts';
import { send } from './harness/http.ts';
import { type Sluice, startSluice } from './harness/sluice.ts';
import { root } from './harness/toolchain.ts';
import { drive, drivers, type Line } from './matrix/drivers.ts';
import { key, original, rows, type Setting, text } from './matrix/operations.ts';
import * as table from './matrix/table.ts';

const shared = 'matrix-shared';
const names = Object.keys(table.clients) as table.ClientName[];
let sluice: Sluice;
let environment: Record<string, string>;
let runs = 0;

const shout = `export default {
  async fetch(request, context) {
    const say = new URL(request.url).searchParams.get('say');
    return new Response(say ?? (await (await context.original()).text()).toUpperCase());
  },
};`;

async function session(): Promise<Record<string, string>> {
  const alice = await createUser(sluice, 'alice', 'AliyunSTSAssumeRoleAccess');
  const Principal = { RAM: [`acs:ram::${sluice.accountId}:user/alice`] };
  await admin(sluice, 'POST /roles', {
    name: 'reader',
    trust: { Version: '1', Statement: [{ Effect: 'Allow', Action: 'sts:AssumeRole', Principal }] },
  });
  await admin(sluice, 'PUT /roles/reader/policies/AliyunOSSReadOnlyAccess');
  const { STS } = OSS as unknown as {
    STS: new (
      options: object,
    ) => { assumeRole(role: string, policy: undefined, seconds: number, name: string): Promise<{ credentials: Record<string, string> }> };
  };
  const sts = new STS({ accessKeyId: alice.id, accessKeySecret: alice.secret, endpoint: sluice.control });
  const { credentials } = await sts.assumeRole(`acs:ram::${sluice.accountId}:role/reader`, undefined, 3600, 'matrix');
  return {
    MATRIX_STS_ID: String(credentials.AccessKeyId),
    MATRIX_STS_SECRET: String(credentials.AccessKeySecret),
    MATRIX_STS_TOKEN: String(credentials.SecurityToken),
  };
}

/** What callbacks tell: it answers with what it heard. */
const listener = createServer(async (request, response) => {
  response.end(JSON.stringify({ heard: await textOf(request) }));
});

before(async () => {
  await once(listener.listen(0, '127.0.0.1'), 'listening');
  const told = `127.0.0.1:${(listener.address() as AddressInfo).port}`;
  sluice = await startSluice({ args: ['--outgoing-callbacks', told] });
  for (const bucket of [shared, 'demo']) await createBucket(sluice, bucket);
  await ossDo(sluice, { method: 'PUT', bucket: shared, key: 'original.txt', body: original });
  const picture = await sharp({ create: { width: 40, height: 20, channels: 3, background: '#ff0000' } })
    .png()
    .toBuffer();
  await ossDo(sluice, { method: 'PUT', bucket: shared, key: 'picture.png', body: picture });
  await deployFunction(sluice, 'shout', [{ name: 'index.mjs', data: Buffer.from(shout) }], {
    settings: { runtime: 'nodejs24', handler: 'index.fetch' },
  });
  const alias = await createAccessPoint(sluice, shared, 'ap-shared');
  const objectFcAlias = await createObjectFc(sluice, {
    bucket: shared,
    accessPoint: 'ap-shared',
    name: 'fc-shared',
    functionName: 'shout',
  });
  environment = {
    MATRIX_ENDPOINT: sluice.data,
    MATRIX_KEY_ID: sluice.key.id,
    MATRIX_KEY_SECRET: sluice.key.secret,
    MATRIX_ALIAS: alias,
    MATRIX_OBJECT_FC_ALIAS: objectFcAlias,
    MATRIX_ALIAS_KEY: 'original.txt',
    MATRIX_SHARED: shared,
    MATRIX_CALLBACK: `http://${told}/`,
    MATRIX_FUNCTION: functionArn(sluice, 'shout'),
    MATRIX_ROLE: `acs:ram::${sluice.accountId}:role/aliyunfcdefaultrole`,
    ...(await session()),
  };
});
after(async () => {
  listener.closeAllConnections();
  listener.close();
  await deleteFunction(sluice, 'shout');
  // The instances that process pictures stay for the next one.
  await sluice.quiet();
  await sluice.stop();
});

function settingOf(client: string, signature: string): Setting {
  const [bucket, accessPoint, objectFc] = [`matrix-${client}-${signature}`, `ap-${client}-${signature}`, `fc-${client}-${signature}`];
  const policy = (resource: string) => ({
    Version: '1',
    Statement: [
      {
        Effect: 'Allow',
        Action: ['oss:GetObject'],
        Principal: [sluice.accountId],
        Resource: [`acs:oss:*:${sluice.accountId}:${resource}`],
      },
    ],
  });
  return {
    ...{ bucket, accessPoint, objectFc, policy: policy(`${bucket}/*`) },
    accessPointPolicy: policy(`accesspoint/${accessPoint}/object/*`),
    objectFcPolicy: policy(`accesspointforobjectprocess/${objectFc}/object/*`),
  };
}

async function runDriver(client: table.ClientName, signature: 'v1' | 'v4'): Promise<Map<string, string>> {
  const setting = settingOf(client, signature);
  const run = await drive(drivers[client], ['connect', ...Object.keys(rows)], {
    ...environment,
    MATRIX_SIGNATURE: signature,
    MATRIX_BUCKET: setting.bucket,
    MATRIX_ACCESS_POINT: setting.accessPoint,
    MATRIX_OBJECT_FC: setting.objectFc,
    MATRIX_POLICY: JSON.stringify(setting.policy),
    MATRIX_ACCESS_POINT_POLICY: JSON.stringify(setting.accessPointPolicy),
    MATRIX_OBJECT_FC_POLICY: JSON.stringify(setting.objectFcPolicy),
  });
  assert.deepEqual([run.client, run.version], [client, table.clients[client].version], 'the SDK that was really used');
  runs += 1;
  const [connect, ...lines] = run.lines;
  assert.deepEqual(connect?.detail, { body: 'hello', names: ['hello.txt'] }, `docs/connect: ${JSON.stringify(connect)}`);
  assert.deepEqual(
    lines.map((line) => line.op),
    Object.keys(rows),
  );
  const wrong = new Map<string, string>();
  for (const line of lines) {
    const fault = line.result === 'not offered' ? line.result : await faultOf(line, setting);
    if (fault !== undefined) wrong.set(line.op, fault);
  }
  return wrong;
}

/** What is wrong with a line; undefined when it is as it must be. */
async function faultOf(line: Line, setting: Setting): Promise<string | undefined> {
  if (line.result !== 'done') return oneLine(String(line.detail));
  const wanted = rows[line.op];
  try {
    if (wanted === 'a URL to get' || wanted === 'a URL to put')
      await fetchUrl(wanted, (line.detail as { url: string }).url, setting.bucket, line.op);
    else if (wanted === 'fields of a form') await postForm((line.detail as { fields: Record<string, string> }).fields, setting.bucket);
    else assert.deepEqual(plain(line.detail), typeof wanted === 'function' ? wanted(setting) : wanted);
    return undefined;
  } catch (cause) {
    return oneLine((cause as Error).message);
  }
}

const oneLine = (message: string) => message.replace(/\s+/g, ' ').slice(0, 400);

/** Some SDKs give JSON parsed, others as text; of a picture its size is enough. */
function plain(detail: unknown): unknown {
  const fields = { ...(detail as Record<string, unknown>) };
  for (const name of ['policy', 'answer', 'info']) if (typeof fields[name] === 'string') fields[name] = JSON.parse(fields[name]);
  if (fields.info !== undefined) {
    const { ImageWidth, ImageHeight } = fields.info as Record<string, { value: string }>;
    fields.info = [Number(ImageWidth?.value), Number(ImageHeight?.value)];
  }
  return fields;
}

/** Sends a form as a browser does, and reads what it stored. */
async function postForm(fields: Record<string, string>, bucket: string): Promise<void> {
  const form = new FormData();
  for (const [name, value] of Object.entries({ key: 'posted', ...fields })) form.append(name, value);
  form.append('file', new Blob(['from a form']), 'form.txt');
  const request = new Request(sluice.data, { method: 'POST', body: form });
  const headers = { 'content-type': request.headers.get('content-type') ?? '' };
  const reply = await send(sluice.data, { method: 'POST', path: `/${bucket}`, headers, body: Buffer.from(await request.arrayBuffer()) });
  assert.equal(reply.status, 204, reply.body.toString());
  const got = await ossDo(sluice, { method: 'GET', bucket, key: 'posted' });
  assert.equal(got.body.toString(), 'from a form');
}

async function fetchUrl(how: 'a URL to get' | 'a URL to put', address: string, bucket: string, op: string): Promise<void> {
  const url = new URL(address);
  assert.match(url.search, op.endsWith('V4') ? /x-oss-signature-version=OSS4-HMAC-SHA256/ : /[?&]OSSAccessKeyId=/);
  const call = { path: url.pathname + url.search, headers: { host: url.host } };
  if (how === 'a URL to get') {
    const reply = await send(sluice.data, call);
    assert.deepEqual([reply.status, reply.body.toString()], [200, text], `${key}: ${reply.body}`);
    return;
  }
  const reply = await send(sluice.data, { ...call, method: 'PUT', body: Buffer.from(op) });
  assert.equal(reply.status, 200, reply.body.toString());
  const got = await ossDo(sluice, { method: 'GET', bucket, key: 'presigned' });
  assert.equal(got.body.toString(), op);
}

function outcomeOf(v1: string | undefined, v4: string | undefined): table.Outcome {
  if (v1 === undefined && v4 === undefined) return 'pass';
  if (v1 === 'not offered' && v4 === 'not offered') return 'not offered';
  if (v1 === undefined) return 'V1 only';
  return v4 === undefined ? 'V4 only' : 'fails';
}

const write = process.env.SLUICE_MATRIX === 'write';
const seen: table.Table = {};

describe('operations by clients', () => {
  for (const client of names) {
    test(`${table.clients[client].title} ${table.clients[client].version}`, { skip: drivers[client].skip }, async () => {
      const [v1, v4] = await Promise.all([runDriver(client, 'v1'), runDriver(client, 'v4')]);
      const found: Record<string, string> = {};
      for (const op of Object.keys(rows)) {
        const outcome = outcomeOf(v1.get(op), v4.get(op));
        found[op] = outcome;
        seen[op] = { ...seen[op], [client]: outcome } as table.Table[string];
        if (outcome !== 'pass' && outcome !== 'not offered' && !table.isNamed(op, client))
          found[op] = `a defect without a name: V1: ${v1.get(op)}; V4: ${v4.get(op)}`;
      }
      const expected = table.expectedTable();
      const wanted = Object.fromEntries(Object.keys(rows).map((op) => [op, write ? seen[op]?.[client] : expected[op]?.[client]]));
      assert.deepEqual(found, wanted);
    });
  }

  test('docs/compatibility.md has these tables', () => {
    if (write) {
      assert.equal(runs, 2 * names.length, 'every driver ran');
      writeFileSync(table.expectedFile, `${JSON.stringify(seen, null, 2)}\n`);
      writeFileSync(table.pageFile, table.withSection(readFileSync(table.pageFile, 'utf8'), table.section(seen)));
    }
    assert.equal(table.writtenSection(readFileSync(table.pageFile, 'utf8')), table.section(table.expectedTable()));
  });
});

/** Where the snippet of a page is run. */
const pages: Record<string, string> = {
  'oss2.md': 'python-oss2.py',
  'python-v2.md': 'python-v2.py',
  'java.md': 'java/src/main/java/matrix/V1.java',
  'java-v2.md': 'java/src/main/java/matrix/V2.java',
  'go-v1.md': 'go-v1/main.go',
  'go-v2.md': 'go-v2/main.go',
  'ali-oss.md': 'ali-oss.ts',
};

for (const [page, driver] of Object.entries(pages)) {
  test(`docs/connect/${page} shows what the driver runs`, () => {
    const source = readFileSync(join(root, 'test', 'acceptance', 'matrix', driver), 'utf8');
    const [, snippet = ''] = /\n[ \t]*(?:\/\/|#) connect>\n([\s\S]*?)\n[ \t]*(?:\/\/|#) <connect\n/.exec(source) ?? [];
    const indent = /^[ \t]*/.exec(snippet)?.[0] ?? '';
    const lines = snippet.split('\n').map((line) => (line.startsWith(indent) ? line.slice(indent.length) : line));
    assert.ok(lines.length > 5, driver);
    const shown = readFileSync(join(root, 'docs', 'connect', page), 'utf8');
    assert.ok(shown.includes(`\n${lines.join('\n')}\n\`\`\``), `the page does not show:\n${lines.join('\n')}`);
  });
}

/** Downloads and uploads against a server of the test's own, which breaks off, changes its mind and lies. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { Crc64, readAll } from '../kit/index.ts';
import { download } from './download.ts';
import { CliFailure } from './failure.ts';
import { FileSink } from './file-sink.ts';
import { Store } from './store.ts';
import { uploadFile, uploadStream } from './upload.ts';

type Answer = (request: IncomingMessage, response: ServerResponse) => unknown;

/** A server that gives these answers in turn, and remembers what it was asked. */
async function stage(t: TestContext, ...answers: Answer[]) {
  const asked: IncomingMessage['headers'][] = [];
  const server = createServer((request, response) => {
    asked.push(request.headers);
    const answer = answers[asked.length - 1];
    if (answer) answer(request, response);
    else response.writeHead(500).end();
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const folder = mkdtempSync(join(tmpdir(), 'sluice-transfer-'));
  t.after(() => {
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true });
  });
  const dataEndpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const key = { accessKeyId: 'id', accessKeySecret: 'secret-secret', region: 'cn-qingdao' };
  const store = new Store({ endpoint: dataEndpoint, dataEndpoint, ...key });
  const watch = {
    total: undefined as number | undefined,
    moved: 0,
    add: (count: number) => {
      watch.moved += count;
    },
    skip: () => {},
  };
  return { store, asked, folder, watch, file: join(folder, 'file'), names: () => readdirSync(folder).sort() };
}

const bytes = Buffer.alloc(300_000, 'abcdefg');
const other = Buffer.alloc(200_000, 'hijk');
const etagOf = (body: Buffer) => createHash('md5').update(body).digest('hex').toUpperCase();
const wanted = { bucket: 'b', key: 'k' };

/** Answers as an OSS server does. @param cutAt bytes of the body after which the connection ends */
function object(body: Buffer, options: { cutAt?: number; crc?: string; plain?: boolean } = {}): Answer {
  return ({ headers }, response) => {
    const start = Number(/^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1] ?? 0);
    const ifMatch = headers['if-match']?.replaceAll('"', '');
    if (ifMatch !== undefined && ifMatch !== etagOf(body)) {
      response.writeHead(412, { 'x-oss-request-id': 'R' }).end('<Error><Code>PreconditionFailed</Code></Error>');
      return;
    }
    const part = body.subarray(start);
    const sums = { ETag: `"${etagOf(body)}"`, 'x-oss-hash-crc64ecma': options.crc ?? String(Crc64.of(body)) };
    response.writeHead(headers.range ? 206 : 200, {
      ...{ 'content-length': part.length, 'x-oss-request-id': 'R', ...(options.plain ? {} : sums) },
      ...(headers.range ? { 'content-range': `bytes ${start}-${body.length - 1}/${body.length}` } : {}),
    });
    if (options.cutAt === undefined) response.end(part);
    else response.write(part.subarray(0, options.cutAt), () => setTimeout(() => response.destroy(), 100));
  };
}

async function fetchFile(at: Awaited<ReturnType<typeof stage>>) {
  const { sink, begun } = await FileSink.open(at.file);
  try {
    const taken = await download(at.store, wanted, sink, at.watch, begun);
    await sink.finish();
    return taken;
  } catch (error) {
    await sink.abandon(error instanceof CliFailure && error.answer?.code === 'ChecksumMismatch');
    throw error;
  }
}

test('a download that breaks off goes on where it was, of the same object alone', async (t) => {
  const at = await stage(t, object(bytes, { cutAt: 100_000 }), object(bytes, { cutAt: 50_000 }), object(bytes));
  const taken = await fetchFile(at);
  assert.equal(taken.crc64, String(Crc64.of(bytes)));
  assert.ok(readFileSync(at.file).equals(bytes));
  assert.deepEqual(at.names(), ['file']);
  assert.equal(at.asked[0]?.range, undefined);
  const [, second = 0, third = 0] = at.asked.map(({ range }) => Number(/\d+/.exec(range ?? '')?.[0]));
  assert.ok(second > 0 && second <= 100_000 && third > second && third <= 150_000, `${second} ${third}`);
  assert.equal(at.asked[1]?.['if-match'], `"${etagOf(bytes)}"`);
  assert.equal(at.watch.moved, bytes.length);
});

test('what an earlier command left is gone on with, and counts for the checksum', async (t) => {
  const at = await stage(t, object(bytes));
  writeFileSync(`${at.file}.${etagOf(bytes)}.part`, bytes.subarray(0, 123_456));
  await fetchFile(at);
  assert.equal(at.asked[0]?.range, 'bytes=123456-');
  assert.ok(readFileSync(at.file).equals(bytes));
  assert.deepEqual(at.names(), ['file']);
});

test('an object that changed begins anew', async (t) => {
  const at = await stage(t, object(other), object(other));
  writeFileSync(`${at.file}.${etagOf(bytes)}.part`, bytes.subarray(0, 1_000));
  await fetchFile(at);
  assert.equal(at.asked.length, 2);
  assert.ok(readFileSync(at.file).equals(other));
  assert.deepEqual(at.names(), ['file']);
});

test('bytes that are not those of the checksum never become the file', async (t) => {
  const at = await stage(t, object(bytes, { crc: '12345' }));
  writeFileSync(at.file, 'old');
  await assert.rejects(fetchFile(at), (error: CliFailure) => error.answer?.code === 'ChecksumMismatch' && error.exitCode === 1);
  assert.equal(readFileSync(at.file, 'utf8'), 'old');
  assert.deepEqual(at.names(), ['file']);
  const damaged = await stage(t, object(bytes));
  writeFileSync(`${damaged.file}.${etagOf(bytes)}.part`, Buffer.alloc(1_000, 'x'));
  await assert.rejects(fetchFile(damaged), /CRC-64/);
  assert.deepEqual(damaged.names(), [], 'what was damaged on the disk is not kept either');
});

test('what a function made and broke off is no file, and is not patched together from two answers', async (t) => {
  const at = await stage(t, object(bytes, { cutAt: 10_000, plain: true }), object(other, { plain: true }));
  await assert.rejects(fetchFile(at), /broke off after \d+ bytes/);
  assert.equal(at.asked.length, 1);
  assert.deepEqual(at.names(), []);
});

/** Takes a body and answers with a checksum. */
function takes(check: (body: Buffer) => string = (body) => String(Crc64.of(body))): Answer {
  return async (request, response) => {
    const body = await readAll(request, 1e9);
    response.writeHead(200, { ETag: `"${etagOf(body)}"`, 'x-oss-hash-crc64ecma': check(body), 'x-oss-request-id': 'R' }).end();
  };
}

const cut: Answer = (request) => request.once('data', () => request.destroy());

test('an upload is tried again when its connection breaks, and counted once', async (t) => {
  const at = await stage(t, cut, takes());
  writeFileSync(at.file, bytes);
  const stored = await uploadFile(at.store, wanted, at.file, { headers: { 'content-type': 'text/plain' }, watch: at.watch });
  assert.deepEqual(stored, { ...wanted, bytes: bytes.length, etag: etagOf(bytes), crc64: String(Crc64.of(bytes)) });
  assert.equal(at.asked.length, 2);
  assert.equal(at.watch.moved, bytes.length);
  assert.equal(at.asked[1]?.['content-length'], String(bytes.length));
});

test('an upload whose bytes arrived otherwise is an error', async (t) => {
  const at = await stage(
    t,
    takes(() => '1'),
  );
  writeFileSync(at.file, bytes);
  const put = uploadFile(at.store, wanted, at.file, { headers: {}, watch: at.watch });
  await assert.rejects(put, (error: CliFailure) => error.answer?.code === 'ChecksumMismatch' && /b\/k is damaged/.test(error.next ?? ''));
});

test('a stream has no length, empty files have one, and neither fails the checksum', async (t) => {
  const at = await stage(t, takes(), takes());
  const stored = await uploadStream(at.store, wanted, Readable.from([Buffer.from('a'), Buffer.from('b')]), {
    headers: {},
    watch: at.watch,
  });
  assert.equal(stored.bytes, 2);
  assert.equal(at.asked[0]?.['transfer-encoding'], 'chunked');
  writeFileSync(at.file, '');
  assert.equal((await uploadFile(at.store, wanted, at.file, { headers: {}, watch: at.watch })).bytes, 0);
});

test('a refusal comes before the body is sent, and metadata arrives as UTF-8', async (t) => {
  let sent = 0;
  const at = await stage(t, takes());
  writeFileSync(at.file, bytes);
  await uploadFile(at.store, wanted, at.file, { headers: { 'x-oss-meta-who': 'Jürgen' }, watch: at.watch });
  assert.equal(Buffer.from(String(at.asked[0]?.['x-oss-meta-who']), 'latin1').toString(), 'Jürgen');
  const server = createServer();
  server.on('checkContinue', (request, response) => {
    request.on('data', (chunk: Buffer) => {
      sent += chunk.length;
    });
    response.writeHead(403, { 'x-oss-request-id': 'R' }).end('<Error><Code>AccessDenied</Code><Message>no</Message></Error>');
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  t.after(() => server.close());
  const dataEndpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const store = new Store({ endpoint: dataEndpoint, dataEndpoint, region: 'x', accessKeyId: 'id', accessKeySecret: 'secret-secret' });
  await assert.rejects(uploadFile(store, wanted, at.file, { headers: {}, watch: at.watch }), /AccessDenied: no/);
  assert.equal(sent, 0);
});

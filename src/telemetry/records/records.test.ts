import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { now, sleep } from '../../kit/index.ts';
import type { RecordBuilder } from './builder.ts';
import type { InvocationRecord, RecordedRequest } from './port.ts';
import type { InvocationSummary } from './record.ts';
import { InvocationStore, type RecordsOptions } from './records.ts';

interface Room {
  folder: string;
  open(options?: Partial<RecordsOptions>): InvocationStore;
  problems: unknown[];
}

function room(t: TestContext): Room {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-records-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const problems: unknown[] = [];
  return {
    folder,
    problems,
    open: (options = {}) =>
      new InvocationStore({
        ...{ folder, keep: 'all', maxBytes: 16 * 2 ** 20, maxRecords: 1_000, maxAgeMs: 3_600_000, detailedPerSecond: 1_000, bodyBytes: 0 },
        onProblem: (error) => problems.push(error),
        ...options,
      }),
  };
}

let ids = 0;

function requestOf(more: Partial<RecordedRequest> = {}): RecordedRequest {
  return {
    requestId: `R${String(++ids).padStart(23, '0')}`,
    receivedAt: now(),
    method: 'GET',
    url: 'http://h/alias/cat.png?w=100',
    headers: [['Accept', '*/*']],
    accessPoint: { name: 'thumbs', alias: 'thumbs-opapalias', arn: 'arn' },
    supporting: { name: 'ap', alias: 'ap-ossalias' },
    bucket: 'photos',
    key: 'cat.png',
    caller: { kind: 'Account', accountId: '1', arn: 'acs:ram::1:root', accessKeyId: 'AKID' },
    ...more,
  };
}

const fn = {
  ...{ name: 'shout', arn: 'acs:fc:r:1:functions/shout', qualifier: 'LATEST', versionId: '', revision: 'r1', runtime: 'python3.10' },
  ...{ handler: 'index.handler', timeoutMs: 3_000, memoryMb: 128 },
};
const end = { instanceId: 'i-1', coldStart: true, durationMs: 5, maxMemoryMb: 20 };
const head = (requestId: string) => ({
  requestId,
  status: '200',
  rawHeaders: ['x-oss-fwd-status', '200', 'X-Oss-Fwd-Header-Set-Cookie', 'a=b'],
});

/** A request that goes well. */
function serve(store: InvocationStore, more: Partial<RecordedRequest> = {}): string {
  const request = requestOf(more);
  const record = store.begin(request);
  begin(record);
  const attempt = record.attempt(head(`W${request.requestId.slice(1)}`));
  attempt.dropped('set-cookie', 'not a header that a function may forward');
  attempt.sent(200, [['Content-Type', 'text/plain']]);
  record.headSent();
  attempt.bytes = 11;
  attempt.taken();
  record.settled('answered');
  record.ended(end);
  return request.requestId;
}

/** A request that goes well, about which there is nothing to remark. */
function servePlainly(
  store: InvocationStore,
  more: Partial<RecordedRequest> = {},
  meanwhile: (record: InvocationRecord) => void = () => {},
): string {
  const request = requestOf(more);
  const record = store.begin(request);
  begin(record);
  meanwhile(record);
  const attempt = record.attempt(head(`W${request.requestId.slice(1)}`));
  attempt.sent(200, [['Content-Type', 'text/plain']]);
  record.headSent();
  attempt.bytes = 11;
  attempt.taken();
  record.settled('answered');
  record.ended(end);
  return request.requestId;
}

function begin(record: InvocationRecord): void {
  record.bound(fn);
  record.event(
    () => '{"getObjectContext":{"outputToken":"***"}}',
    () => [],
  );
  record.queued();
  record.given({ instanceId: 'i-1', cold: true, startMs: 3 });
}

/** A request whose function does not answer. */
function fail(store: InvocationStore, more: Partial<RecordedRequest> = {}): string {
  const request = requestOf(more);
  const record = store.begin(request);
  begin(record);
  record.ended(end);
  record.settled('FunctionResponseMissing', {
    code: 'FunctionResponseMissing',
    status: 500,
    message: 'The function returned without calling.',
  });
  return request.requestId;
}

/** All summaries once that many are written. */
async function written(store: InvocationStore, count: number): Promise<InvocationSummary[]> {
  for (;;) {
    const { invocations } = await store.list({}, 1_000);
    const over = invocations.filter(({ outcome }) => outcome !== 'running');
    if (store.counts.written + store.counts.dropped >= count) return over;
    await sleep(20);
  }
}

test('a record tells all of a request, and is found by the ids of GetObject and WriteGetObjectResponse', async (t) => {
  const store = room(t).open();
  const id = serve(store);
  store.line(id, 'hello');
  store.line('other', 'not mine');
  await written(store, 1);
  const detail = await store.get(id);
  assert.ok(detail);
  assert.deepEqual(await store.get(`W${id.slice(1)}`), detail);
  assert.equal(await store.get('unknown'), undefined);
  assert.deepEqual([detail.outcome, detail.status, detail.function, detail.key, detail.cold], ['answered', 200, 'shout', 'cat.png', true]);
  assert.deepEqual(detail.lines, ['hello']);
  assert.deepEqual(detail.event, { getObjectContext: { outputToken: '***' } });
  assert.deepEqual(
    Object.keys(detail.phases),
    ['auth', 'queue', 'function', 'firstByte', 'body'].toSpliced(2, 0, ...('start' in detail.phases ? ['start'] : [])),
  );
  const [attempt] = detail.attempts;
  assert.deepEqual(attempt?.changed, [{ header: 'set-cookie', reason: 'not a header that a function may forward' }]);
  assert.deepEqual(attempt?.forwarded, { status: 200, headers: [['Content-Type', 'text/plain']] });
  assert.deepEqual(attempt?.received[1], ['X-Oss-Fwd-Header-Set-Cookie', '***'], 'a value that is secret by its name');
  assert.deepEqual([attempt?.bytes, attempt?.outcome], [11, 'taken']);
  await store.close();
});

test('records survive a restart, in order, with what was learned later; ids of answers still lead to them', async (t) => {
  const it = room(t);
  const first = it.open();
  const ok = serve(first);
  await written(first, 1);
  const failed = fail(first);
  await written(first, 2);
  first.late(failed, head('LATE1'), {
    code: 'AccessDenied',
    status: 403,
    message: 'x-oss-request-token expired: the client was answered.',
  });
  await first.close();
  const again = it.open();
  const newer = serve(again);
  await written(again, 1);
  assert.deepEqual(
    (await again.list({}, 10)).invocations.map(({ id }) => id),
    [newer, failed, ok],
  );
  const detail = await again.get(failed);
  assert.deepEqual(
    detail?.attempts.map(({ requestId, outcome, code }) => [requestId, outcome, code]),
    [['LATE1', 'refused', 'AccessDenied']],
  );
  assert.equal(detail?.rules[0]?.id, 'no-write-response');
  assert.equal((await again.get(`W${ok.slice(1)}`))?.id, ok);
  await again.close();
  assert.deepEqual(it.problems, []);
});

test('a torn last line costs that record and no other, and nothing is joined to it', async (t) => {
  const it = room(t);
  const first = it.open();
  const kept = fail(first);
  await written(first, 1);
  const lost = fail(first);
  await written(first, 2);
  await first.close();
  const file = join(it.folder, readdirSync(it.folder).find((name) => name.startsWith('failed')) ?? '');
  truncateSync(file, statSync(file).size - 40);
  const again = it.open();
  const newer = fail(again);
  await written(again, 1);
  assert.deepEqual(
    (await again.list({}, 10)).invocations.map(({ id }) => id),
    [newer, kept],
  );
  assert.equal(await again.get(lost), undefined);
  assert.ok(await again.get(kept));
  await again.close();
  appendFileSync(file, 'no record\n{"id":3}\t{}\n\0\0\0\t}\n');
  const third = it.open();
  assert.equal((await third.list({}, 10)).invocations.length, 2);
  await third.close();
  assert.deepEqual(it.problems, []);
});

test('bounds of bytes and number hold, the oldest go first, and successes do not drive out failures', async (t) => {
  const it = room(t);
  const store = it.open({ maxRecords: 64, maxBytes: 2 ** 20 });
  const failed = fail(store);
  let count = 1;
  await written(store, count);
  for (let round = 0; round < 10; round += 1) {
    for (let i = 0; i < 30; i += 1) serve(store);
    count += 30;
    await written(store, count);
  }
  const page = await store.list({}, 1_000);
  const ok = page.invocations.filter(({ outcome }) => outcome === 'answered');
  assert.ok(ok.length > 0 && ok.length <= 66, `${ok.length} are kept`);
  assert.ok(await store.get(failed), 'the failure is still there');
  const bytes = readdirSync(it.folder).reduce((sum, name) => sum + statSync(join(it.folder, name)).size, 0);
  assert.equal(store.bytes, bytes);
  await store.close();
});

test('records that are too old are gone after a start', async (t) => {
  const it = room(t);
  const first = it.open();
  const old = fail(first, { receivedAt: now() - 7_200_000 });
  await written(first, 1);
  await first.close();
  const again = it.open();
  assert.equal(await again.get(old), undefined);
  assert.deepEqual(readdirSync(it.folder), []);
  await again.close();
});

test('no secret gets into the files, whatever way it takes', async (t) => {
  const it = room(t);
  const store = it.open();
  const [token, signature, secret] = ['tok-0123456789abcdef', 'sig/0123+456=', 'verysecretkey0123456789'];
  const request = requestOf({
    url: `http://h/alias/cat.png?w=1&x-token=${token}&password=hunter2hunter2`,
    headers: [
      ['Authorization', 'OSS4 hunter2hunter2'],
      ['X-Api-Key', 'hunter2hunter2'],
      ['Cookie', 'hunter2hunter2'],
    ],
  });
  const record = store.begin(request);
  record.bound(fn);
  record.event(
    () => JSON.stringify({ getObjectContext: { inputOssUrl: `http://h/?Signature=${encodeURIComponent(signature)}` } }),
    () => [token, signature, encodeURIComponent(signature), secret],
  );
  store.line(request.requestId, `event ${token} ${encodeURIComponent(signature)} ${secret}`);
  const attempt = record.attempt({
    requestId: 'W1',
    status: '200',
    rawHeaders: [
      'authorization',
      'OSS hunter2hunter2',
      'x-oss-request-token',
      token,
      'x-oss-security-token',
      'hunter2hunter2',
      'x-oss-fwd-header-etag',
      token,
    ],
  });
  attempt.refused({ code: 'InvalidArgument', status: 400, message: `The token ${token} and ${secret} are told.` });
  record.ended({ ...end, failure: { kind: 'raised', message: `KeyError: ${signature}` } });
  record.settled('FunctionInvocationError', { code: 'FunctionInvocationError', status: 500, message: `failed: ${secret}` });
  await written(store, 1);
  await store.close();
  const text = readdirSync(it.folder)
    .map((name) => readFileSync(join(it.folder, name), 'utf8'))
    .join('');
  assert.match(text, /FunctionInvocationError/);
  for (const each of [token, signature, encodeURIComponent(signature), secret, 'hunter2']) assert.ok(!text.includes(each), each);
});

test('filters and pages: status, outcome, function, access point, time', async (t) => {
  const store = room(t).open();
  for (let i = 0; i < 5; i += 1) serve(store);
  await written(store, 5);
  const failed = fail(store, { accessPoint: { name: 'other', alias: 'o', arn: 'o' } });
  await written(store, 6);
  const ids = async (filter: Parameters<InvocationStore['list']>[0]) => (await store.list(filter, 100)).invocations.map(({ id }) => id);
  for (const status of ['failed', '500', 'FunctionResponseMissing']) assert.deepEqual(await ids({ status }), [failed]);
  assert.deepEqual(await ids({ accessPoint: 'other' }), [failed]);
  assert.equal((await ids({ status: '200' })).length, 5);
  assert.equal((await ids({ status: 'answered', function: 'shout' })).length, 5);
  assert.deepEqual(await ids({ function: 'nobody' }), []);
  assert.deepEqual(await ids({ since: now() + 1_000 }), []);
  const seen: string[] = [];
  let next: string | undefined;
  do {
    const page = await store.list({}, 2, next);
    seen.push(...page.invocations.map(({ id }) => id));
    next = page.next;
  } while (next !== undefined);
  assert.equal(new Set(seen).size, 6);
  assert.equal(seen.length, 6);
  await store.close();
});

test('a request that is being served is listed and shown as running', async (t) => {
  const store = room(t).open();
  const request = requestOf();
  const record = store.begin(request);
  begin(record);
  store.line(request.requestId, 'working');
  const { invocations } = await store.list({ status: 'running' }, 10);
  assert.deepEqual(
    invocations.map(({ id, outcome }) => [id, outcome]),
    [[request.requestId, 'running']],
  );
  const detail = await store.get(request.requestId);
  assert.deepEqual([detail?.outcome, detail?.lines, detail?.rules], ['running', ['working'], []]);
  record.settled('abandoned');
  record.ended(end);
  await written(store, 1);
  assert.equal((await store.get(request.requestId))?.rules[0]?.id, 'client-left');
  await store.close();
});

test('only failures, when so set; followers hear of what fits and are bounded', async (t) => {
  const store = room(t).open({ keep: 'failed' });
  const heard: string[] = [];
  const follower = store.follow({ status: 'failed' }, ({ id }) => heard.push(id));
  assert.ok(follower);
  serve(store);
  const failed = fail(store);
  await written(store, 1);
  assert.deepEqual(
    (await store.list({}, 10)).invocations.map(({ id }) => id),
    [failed],
  );
  assert.deepEqual(heard, [failed]);
  follower.close();
  fail(store);
  await written(store, 2);
  assert.deepEqual(heard, [failed]);
  const others = Array.from({ length: 16 }, () => store.follow({}, () => {}));
  assert.ok(others.every(Boolean));
  assert.equal(
    store.follow({}, () => {}),
    undefined,
  );
  await store.close();
});

test('more than can be written at once is dropped and counted, failures last', async (t) => {
  const store = room(t).open();
  for (let i = 0; i < 5_000; i += 1) serve(store);
  const failed = fail(store);
  await written(store, 5_001);
  assert.equal(store.counts.dropped, 5_000 - 4_096);
  assert.ok(await store.get(failed));
  await store.close();
});

test('of a flood that is sent away only some records are kept', async (t) => {
  const store = room(t).open();
  for (let i = 0; i < 1_000; i += 1) {
    const record = store.begin(requestOf());
    const fault = { code: 'SlowDown', status: 503, message: 'too many' };
    record.settled('SlowDown', fault);
    record.ended(fault);
  }
  const failed = fail(store);
  const { counts } = store;
  while (counts.written + counts.shed < 1_001) await sleep(20);
  // The loop may go over a second or two.
  assert.ok(counts.shed > 900 && counts.dropped === 0, JSON.stringify(counts));
  assert.ok(await store.get(failed));
  await store.close();
});

test('what one record holds is bounded: lines, reads, attempts', async (t) => {
  const store = room(t).open();
  const request = requestOf();
  const record = store.begin(request);
  begin(record);
  for (let i = 0; i < 1_000; i += 1) store.line(request.requestId, `${i} ${'x'.repeat(10_000)}`);
  for (let i = 0; i < 500; i += 1) {
    record.read({ requestId: 'r', at: now(), operation: 'GetObject', resource: 'a/b', status: 200, bytes: 1, ms: 1, complete: true });
    record.attempt(head('w')).refused({ code: 'AccessDenied', status: 403, message: 'no' });
  }
  record.ended(end);
  record.settled('FunctionResponseMissing', { code: 'FunctionResponseMissing', status: 500, message: '' });
  await written(store, 1);
  const detail = await store.get(request.requestId);
  assert.deepEqual([detail?.lines.length, detail?.reads.length, detail?.attempts.length], [350, 100, 20]);
  assert.deepEqual(detail?.leftOut, { lines: 650, reads: 400, attempts: 480 });
  assert.match(detail?.lines.at(-1) ?? '', /^999 x/);
  assert.ok(JSON.stringify(detail).length < 2_000_000);
  await store.close();
});

test('bodies are kept only where they are asked for, up to the limit', async (t) => {
  const it = room(t);
  const answer = async (bodyBytes: number) => {
    const store = it.open({ bodyBytes });
    const request = requestOf();
    const record = store.begin(request);
    begin(record);
    const attempt = record.attempt(head('w'));
    for (const piece of ['hello, ', 'world']) attempt.piece?.(Buffer.from(piece));
    attempt.sent(200, []);
    attempt.taken();
    record.settled('answered');
    record.ended(end);
    await written(store, 1);
    const body = (await store.get(request.requestId))?.body;
    await store.close();
    return body;
  };
  assert.equal(await answer(0), undefined);
  const whole = await answer(100);
  assert.equal(Buffer.from(whole?.base64 ?? '', 'base64').toString(), 'hello, world');
  assert.deepEqual(await answer(5), { sha256: whole?.sha256, bytes: 12 });
});

test('a record that cannot be made is counted and told, and its request and the others do not suffer', async (t) => {
  const it = room(t);
  const store = it.open();
  const broken = (end: (record: InvocationRecord) => void) => {
    const record = store.begin(requestOf());
    record.event(
      () => {
        throw new Error('no event');
      },
      () => [],
    );
    end(record);
  };
  broken((record) => {
    const attempt = record.attempt(head('w'));
    attempt.bytes = 1;
    attempt.taken();
    record.ended(end);
    record.settled('answered');
  });
  broken((record) => {
    record.ended(end);
    record.settled('FunctionTimeout', { code: 'FunctionTimeout', status: 504, message: 'late' });
  });
  const failed = fail(store);
  await written(store, 3);
  assert.deepEqual([store.counts.written, store.counts.dropped, store.live], [1, 2, 0]);
  assert.deepEqual(it.problems.map(String), ['Error: no event', 'Error: no event']);
  assert.ok(await store.get(failed));
  await store.close();
});

test('trouble of whoever is told of a record is told, and the record is kept', async (t) => {
  const it = room(t);
  const store = it.open({
    onRecord: () => {
      throw new Error('no metrics');
    },
  });
  const id = fail(store);
  await written(store, 1);
  assert.deepEqual(it.problems.map(String), ['Error: no metrics']);
  assert.equal((await store.get(id))?.id, id);
  await store.close();
});

test('a disk that refuses is told once, and its records are counted as dropped', async (t) => {
  const it = room(t);
  const store = it.open({ folder: join(it.folder, 'gone') });
  await store.list({}, 1);
  rmSync(join(it.folder, 'gone'), { recursive: true });
  for (let i = 0; i < 3; i += 1) {
    fail(store);
    await written(store, i + 1);
  }
  assert.deepEqual([store.counts.written, store.counts.dropped, it.problems.length], [0, 3, 1]);
  await store.close();
});

test('beyond what a second may have, requests that went well are kept in brief; failures are kept whole', async (t) => {
  const it = room(t);
  const store = it.open({ detailedPerSecond: 0 });
  const [well, failed] = [servePlainly(store), fail(store)];
  store.line(well, 'printed late');
  await written(store, 2);
  const brief = await store.get(well);
  assert.equal(brief?.brief, true);
  assert.equal(brief.event, undefined);
  assert.deepEqual(brief.request.headers, []);
  assert.equal(brief.request.url, 'http://h/alias/cat.png?w=100');
  assert.deepEqual(
    brief.attempts.map(({ received, forwarded, bytes, outcome }) => ({ received, forwarded, bytes, outcome })),
    [{ received: [], forwarded: { status: 200, headers: [] }, bytes: 11, outcome: 'taken' }],
  );
  assert.deepEqual(brief.lines, ['printed late']);
  assert.equal(brief.called?.name, 'shout');
  assert.ok(brief.phases.function && brief.phases.body);
  const whole = await store.get(failed);
  assert.equal(whole?.brief, undefined);
  assert.deepEqual(whole?.request.headers, [['Accept', '*/*']]);
  assert.ok(whole?.event);
  await store.close();
  const plenty = it.open({ detailedPerSecond: 100 });
  const detailed = servePlainly(plenty);
  await written(plenty, 1);
  const kept = await plenty.get(detailed);
  assert.equal(kept?.brief, undefined);
  assert.deepEqual(kept?.attempts[0]?.forwarded?.headers, [['Content-Type', 'text/plain']]);
  await plenty.close();
});

test('a record that is put together from texts has what one made of objects has', async (t) => {
  const it = room(t);
  const store = it.open({ detailedPerSecond: 0 });
  const read = {
    ...{ requestId: 'read', at: now(), operation: 'GetObject', resource: 'photos/cat "1".png', range: 'bytes=0-9' },
    ...{ status: 206, bytes: 10, ms: 1.234, complete: true },
  };
  const forms: [Partial<RecordedRequest>, ((record: InvocationRecord) => void)?][] = [
    [{}],
    [{ key: 'a "quoted" \\ name\u0000 and \ud83d\ude00 and caf\u00e9.png', url: 'http://h/alias/a%22?x=\u00e9&y="' }],
    [{ versionId: 'CAEQ"', method: 'HEAD' }, (record) => record.read(read)],
    [
      { bucket: 'other', accessPoint: { name: 'other', alias: 'o', arn: 'o' } },
      (record) => record.bound({ ...fn, name: 'whisper', role: 'r' }),
    ],
  ];
  for (const [more, meanwhile] of forms) {
    const builders: InvocationRecord[] = [];
    const id = servePlainly(store, more, (record) => {
      builders.push(record);
      meanwhile?.(record);
    });
    const whole = (builders[0] as RecordBuilder).write().detail;
    const { event, ...rest } = whole;
    assert.ok(event);
    const brief = await store.get(id);
    assert.deepEqual(brief, {
      ...rest,
      brief: true,
      request: { ...rest.request, headers: [] },
      attempts: rest.attempts.map((attempt) => ({ ...attempt, received: [], forwarded: { ...attempt.forwarded, headers: [] } })),
    });
    assert.deepEqual(
      Object.keys(brief ?? {}).filter((name) => name !== 'brief'),
      Object.keys(rest),
      'in the same order',
    );
  }
  await store.close();
});

test('a brief record has no secret either, and what cannot be told as it is takes the long way', async (t) => {
  const it = room(t);
  const store = it.open({ detailedPerSecond: 0 });
  const secret = 'tok-0123456789abcdef';
  const tellNobody = (record: InvocationRecord) =>
    record.event(
      () => '{}',
      () => [secret],
    );
  const ids = [
    servePlainly(store, { key: `cat-${secret}.png` }, tellNobody),
    servePlainly(store, { url: `http://h/cat?note=${secret}` }, tellNobody),
    servePlainly(store, { headers: [['Cookie', 'hunter2hunter2']] }, tellNobody),
  ];
  for (const id of ids) for (const line of [`it is ${secret}`, 'caf\u00e9 hunter2hunter2']) store.line(id, line);
  await written(store, 3);
  const details = await Promise.all(ids.map((id) => store.get(id)));
  assert.deepEqual(
    details.map((detail) => detail?.brief),
    [true, true, true],
  );
  assert.equal(details[0]?.key, 'cat-***.png');
  assert.equal(details[1]?.request.url, 'http://h/cat?note=***');
  assert.deepEqual(details[0]?.lines, ['it is ***', 'caf\u00e9 hunter2hunter2'], 'the secrets of its own request');
  assert.deepEqual(details[2]?.lines, ['it is ***', 'caf\u00e9 ***']);
  await store.close();
  const text = readdirSync(it.folder)
    .map((name) => readFileSync(join(it.folder, name), 'utf8'))
    .join('');
  assert.ok(!text.includes(secret));
});

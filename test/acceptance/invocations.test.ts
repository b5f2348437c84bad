/** Why a request through an Object FC access point failed: its record, on the command line, by any request id, behind a restart; and its replay. */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { admin } from './harness/admin.ts';
import { Cli } from './harness/cli.ts';
import { createAccessPoint, createBucket, createObjectFc, deleteFunction, deployFunction, ossCall, ossDo } from './harness/deploy.ts';
import { type Sluice, startSluice } from './harness/sluice.ts';
import { python } from './harness/toolchain.ts';

const bucket = 'acc-records';
const key = 'notes/a b.txt';
const text = 'hello from the original\n';

/** Answers by hand, so that each part of it can be wrong. */
const code = `
import base64, hashlib, hmac, json, os, time, urllib.request, urllib.parse
from email.utils import formatdate

def read(context):
    with urllib.request.urlopen(context["inputOssUrl"]) as reply:
        return reply.read(), reply.headers

def answer(event, context, body, headers=None, token=None, route=None):
    get = event["getObjectContext"]
    creds = context.credentials
    send = {"x-oss-fwd-status": "200", "x-oss-request-route": get["outputRoute"], "x-oss-request-token": token or get["outputToken"],
            "x-oss-security-token": creds.security_token}
    for name, value in (headers or {}).items():
        send["x-oss-fwd-header-" + name.lower()] = value
    date = formatdate(time.time(), usegmt=True)
    canonical = "".join("%s:%s\\n" % (name, send[name]) for name in sorted(send))
    text = "POST\\n\\n\\n%s\\n%s/?x-oss-write-get-object-response" % (date, canonical)
    sign = base64.b64encode(hmac.new(creds.access_key_secret.encode(), text.encode(), hashlib.sha1).digest()).decode()
    send.update({"Date": date, "Authorization": "OSS %s:%s" % (creds.access_key_id, sign), "Content-Type": ""})
    request = urllib.request.Request((route or get["outputRoute"]) + "/?x-oss-write-get-object-response", data=body, method="POST", headers=send)
    with urllib.request.urlopen(request) as reply:
        return reply.headers["x-oss-request-id"]

def handler(event, context):
    event = json.loads(event)
    get = event["getObjectContext"]
    query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(event["userRequest"]["url"]).query))
    mode = query.get("mode", "")
    print("mode", mode)
    print("trace", context.tracing.span_context)
    if mode == "leak":
        print(json.dumps(event)); print(get["outputToken"]); print(os.environ); print(context.credentials.access_key_secret, context.credentials.security_token)
    if mode == "silent":
        return "not an answer"
    if mode == "raise":
        raise ValueError("no such colour")
    if mode == "exit":
        os._exit(3)
    if mode == "hang":
        time.sleep(60)
    if mode == "host":
        answer(event, context, b"x", route="http://127.0.0.1:9")
    body, headers = read(get)
    if mode == "checksum":
        return answer(event, context, body.upper(), {"ETag": headers["ETag"], "x-oss-hash-crc64ecma": headers["x-oss-hash-crc64ecma"]})
    answer(event, context, body.upper(), {"Content-Type": "text/plain", "X-Odd": "1"})
    if mode == "twice":
        try:
            answer(event, context, b"again")
        except Exception as error:
            print("second:", error)
`;

let sluice: Sluice;
let cli: Cli;
let alias = '';

interface Detail {
  id: string;
  outcome: string;
  status: number;
  function: string;
  rules: { id: string; rule: string; fix: string; evidence: string }[];
  lines: string[];
  event: { getObjectContext: Record<string, string>; userRequest: { url: string } };
  reads: { operation: string; status: number; bytes: number; range?: string; complete: boolean }[];
  attempts: {
    requestId: string;
    outcome: string;
    changed: { header: string; reason: string }[];
    forwarded?: { headers: [string, string][] };
  }[];
  phases: Record<string, [number, number]>;
}

before(async () => {
  sluice = await startSluice();
  cli = new Cli(sluice);
  await createBucket(sluice, bucket);
  await ossDo(sluice, { method: 'PUT', bucket, key, headers: { 'content-type': 'text/plain' }, body: text });
  await createAccessPoint(sluice, bucket, 'ap-records');
  if (!python.tools) return;
  await deployFunction(sluice, 'recorded', [{ name: 'index.py', data: Buffer.from(code) }], { timeout: 5 });
  alias = await createObjectFc(sluice, { bucket, accessPoint: 'ap-records', name: 'recorded', functionName: 'recorded' });
});
after(async () => {
  cli.remove();
  await sluice.finish(async () => {
    if (alias) await deleteFunction(sluice, 'recorded');
  });
});

async function ask(mode: string, headers: Record<string, string> = {}): Promise<{ status: number; id: string; body: string }> {
  const reply = await ossCall(sluice, { method: 'GET', bucket: alias, key, query: mode === '' ? {} : { mode }, headers });
  return { status: reply.status, id: reply.headers['x-oss-request-id'] ?? '', body: reply.body.toString() };
}

/** The record once the function is over too. */
async function recordOf(id: string): Promise<Detail> {
  for (let left = 600; ; left -= 1) {
    const detail = (await admin(sluice, `GET /invocations/${id}`)) as unknown as Detail & { instance?: { durationMs?: number } };
    if (detail.outcome !== 'running' && detail.instance?.durationMs !== undefined) return detail;
    assert.ok(left > 0, `the record of ${id} does not end: ${JSON.stringify(detail).slice(0, 500)}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

describe('invocation records', { skip: python.skip }, () => {
  const failures: [mode: string, status: number, rule: string][] = [
    ['silent', 500, 'no-write-response'],
    ['raise', 500, 'raised'],
    ['exit', 500, 'crash'],
    ['hang', 504, 'deadline'],
    ['host', 500, 'wrong-host'],
  ];
  for (const [mode, status, rule] of failures) {
    test(`${mode}: the rule is ${rule}`, async () => {
      const { id, status: got, body } = await ask(mode);
      const detail = await recordOf(id);
      assert.deepEqual([got, detail.status, detail.rules[0]?.id], [status, status, rule], body);
      assert.ok(detail.lines.includes(`mode ${mode}`), detail.lines.join('\n'));
      const { out } = await cli.good(['invocation', 'show', id]);
      assert.ok(out.includes(detail.rules[0]?.fix ?? '-'), out);
    });
  }

  test('an answer: event, reads, attempts, phases; found by the id of each request', async () => {
    const { id, status, body } = await ask('', { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' });
    assert.deepEqual([status, body], [200, text.toUpperCase()]);
    const detail = await recordOf(id);
    assert.deepEqual([detail.outcome, detail.status, detail.function, detail.rules], ['answered', 200, 'recorded', []]);
    assert.deepEqual(
      detail.reads.map((read) => [read.operation, read.status, read.bytes, read.complete]),
      [['GetObject', 200, text.length, true]],
    );
    assert.ok(
      detail.lines.some((line) => line.startsWith('trace 0af7651916cd43dd8448eb211c80319c:')),
      detail.lines.join('\n'),
    );
    const [attempt] = detail.attempts;
    assert.equal(attempt?.outcome, 'taken');
    assert.ok(attempt?.changed.some(({ header }) => header === 'x-odd'));
    assert.ok(attempt?.forwarded?.headers.some(([name]) => name === 'Content-Type'));
    for (const phase of ['auth', 'queue', 'function', 'firstByte', 'body']) assert.ok(phase in detail.phases, phase);
    assert.match(detail.event.getObjectContext.outputToken ?? '', /^(OSSV1#)?\*\*\*$/);
    assert.match(detail.event.getObjectContext.inputOssUrl ?? '', /Signature=\*\*\*/);
    assert.equal((await recordOf(attempt?.requestId ?? '')).id, id);
    assert.deepEqual((await cli.good(['function', 'logs', 'recorded', '--request', id])).out.match(/mode/g)?.length, 1);
  });

  test('a token used twice and a checksum of the source are told of requests that were answered', async () => {
    const twice = await ask('twice');
    assert.equal(twice.status, 200);
    assert.equal((await recordOf(twice.id)).rules[0]?.id, 'token-again');
    const checksum = await ask('checksum');
    assert.equal(checksum.status, 200);
    const detail = await recordOf(checksum.id);
    assert.equal(detail.rules[0]?.id, 'checksum-of-source', JSON.stringify(detail.attempts));
  });

  test('list and follow, by filters', async () => {
    const followed = cli.start(['invocation', 'follow', '--status', 'failed', '--json']);
    const first = new Promise<string>((resolve) => followed.stdout?.once('data', (chunk: Buffer) => resolve(chunk.toString())));
    await ask('');
    let heard = '';
    void first.then((line) => {
      heard = line;
    });
    // The stream may open behind the first failures.
    while (heard === '') await ask('silent');
    assert.equal((JSON.parse(heard.split('\n')[0] ?? '') as Detail).outcome, 'FunctionResponseMissing');
    followed.kill('SIGINT');
    assert.equal((await cli.ended(followed)).code, 0);
    const { json } = await cli.good('invocation list --status failed --function recorded --since 1h --json');
    const list = json.invocations as Detail[];
    assert.ok(list.length >= 5);
    assert.ok(list.every(({ outcome }) => outcome !== 'answered'));
    assert.match((await cli.good('invocation list --status 504')).out, /FunctionTimeout.*recorded/);
    await cli.fails('invocation show 0123456789ABCDEF01234567', 1, /NoSuchInvocation/);
    await cli.fails('invocation list --since yesterday', 1, /InvalidArgument/);
  });

  test('no secret of a request gets into the store, though the function prints them all', async () => {
    const { id } = await ask('leak', { 'x-api-key': 'hunter2hunter2' });
    const detail = await recordOf(id);
    assert.ok(detail.lines.length >= 4);
    const folder = join(sluice.folder, 'data', 'telemetry', 'invocations');
    const read = () =>
      readdirSync(folder)
        .map((name) => readFileSync(join(folder, name), 'utf8'))
        .join('');
    let stored = read();
    while (!stored.includes(id)) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      stored = read();
    }
    for (const secret of ['hunter2', sluice.key.secret]) assert.ok(!stored.includes(secret), secret);
    // Tokens, signatures and keys of sessions are unknown to the test; their forms are not.
    assert.doesNotMatch(stored, /OSSV1#[\w-]{8}/);
    assert.doesNotMatch(stored, /Signature=(?!\*\*\*)[\w%]/);
    assert.doesNotMatch(stored, /security-token=(?!\*\*\*)[\w%]/i);
    assert.doesNotMatch(stored, /SECRET': '(?!\*\*\*)/);
    assert.doesNotMatch(stored, /TOKEN': '(?!\*\*\*)/);
  });

  test('record and replay: what differs with other code, and a test that keeps it so', async () => {
    const failed = await ask('raise');
    await recordOf(failed.id);
    const recorded = await cli.good(['invocation', 'record', failed.id, '--out', 'failed.json', '--json']);
    assert.equal(recorded.json.id, failed.id);
    await cli.fails(['invocation', 'record', failed.id, '--out', 'failed.json'], 2, /EEXIST|exists/);
    // The deployed function still fails so.
    assert.match((await cli.good('invocation replay failed.json --check')).out, /^ok /);
    mkdirSync(cli.path('fixed'));
    writeFileSync(cli.path('fixed/index.py'), code.replace('raise ValueError("no such colour")', 'print("mended")'));
    const { json } = await cli.good('invocation replay failed.json --code fixed --save-test colour --json');
    const [result] = json as unknown as {
      same: boolean;
      status: number;
      differences: { what: string; name?: string; recorded: string; now: string }[];
    }[];
    assert.deepEqual([result?.same, result?.status], [false, 200]);
    const of = (what: string) => result?.differences.find((each) => each.what === what);
    assert.deepEqual([of('status')?.recorded, of('status')?.now], ['500', '200']);
    assert.equal(of('error')?.recorded, 'FunctionInvocationError');
    assert.ok(of('header') && of('bytes'));
    assert.equal(readFileSync(cli.path('colour.body'), 'utf8'), text.toUpperCase());
    assert.match((await cli.good('invocation replay --check colour.json')).out, /^ok +colour\.json/);
    writeFileSync(
      cli.path('fixed/index.py'),
      code.replace('raise ValueError("no such colour")', 'pass').replaceAll('.upper()', '.lower()'),
    );
    const broken = await cli.fails('invocation replay --check colour.json', 1, /1 of 1 differ/);
    assert.match(broken.out, /bytes[\s\S]*HELLO[\s\S]*hello/);
  });

  test('--again keeps the bytes of an answer that were not kept', async () => {
    const { id } = await ask('');
    await recordOf(id);
    const { err } = await cli.good(['invocation', 'record', id, '--out', 'plain.json']);
    assert.match(err, /not kept/);
    await cli.good(['invocation', 'record', id, '--again', '--out', 'again.json']);
    const { answer } = JSON.parse(readFileSync(cli.path('again.json'), 'utf8')) as { answer: { body: { base64: string } } };
    assert.equal(Buffer.from(answer.body.base64, 'base64').toString(), text.toUpperCase());
  });

  test('metrics have the phases', async () => {
    await sluice.quiet();
    assert.ok(((await sluice.metric('sluice_transform_phase_seconds_count', { phase: 'function' })) ?? 0) >= 5);
    assert.ok(((await sluice.metric('sluice_transform_attempts_total', { outcome: 'refused' })) ?? 0) >= 1);
    assert.equal(await sluice.metric('sluice_invocation_records_total', { result: 'dropped' }), 0);
  });
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openStage, withoutPython } from '../fixture.ts';

const skip = await withoutPython();

const code = `
import os, sys
def ok(event, context):
    return "ok"
def endless(event, context):
    while True:
        os.write(1, b"spam and eggs " * 4096)
def endless_lines(event, context):
    data = b"\\n" * 65536
    while True:
        os.write(1, data)
def long_line(event, context):
    print("a" * 30000 + "env-secret-value" + "b" * 10)
def secrets(event, context):
    print(context.credentials.access_key_secret, context.credentials.security_token, os.environ["accessKeySecret"])
    print("x" * 8190 + os.environ["securityToken"])
def many(event, context):
    for number in range(3000):
        print("line", number)
    return "done"
def forge(event, context):
    for _ in range(3):
        sys.stdout.write("\\0" + "0" * 32 + "\\n")
    print("after", event.decode())
`;

for (const handler of ['endless', 'endless_lines']) {
  test(`${handler}: an endless printer is held back, not stored`, { skip }, async (t) => {
    let lines = 0;
    const stage = await openStage(t, { 'index.py': code }, { onLog: () => lines++ });
    await stage.run('index.ok');
    const before = process.memoryUsage().rss;
    const cpu = process.cpuUsage();
    const result = await stage.run(`index.${handler}`, '{}', { timeoutMs: 1_500 });
    const spent = process.cpuUsage(cpu);
    assert.equal(result.failure?.kind, 'timeout');
    const grown = (process.memoryUsage().rss - before) / 1024 / 1024;
    assert.ok(grown < 64, `${grown} MiB`);
    assert.ok(lines > 100 && lines < 40_000, `${lines} lines`);
    assert.ok(spent.user + spent.system < 1_200_000, `${spent.user + spent.system} us of CPU`);
  });
}

test('a long line comes in pieces', { skip }, async (t) => {
  const stage = await openStage(t, { 'index.py': code });
  await stage.run('index.long_line', '{}');
  await stage.instances.retire('resize');
  assert.ok(stage.lines.length >= 3);
  assert.ok(stage.lines.every((it) => it.line.length <= 16 * 1024));
  assert.equal(stage.lines.map((it) => it.line).join(''), `${'a'.repeat(30_000)}***${'b'.repeat(10)}`);
});

test('secrets of the session are cut out of lines and tail, across the cut of a long line too', { skip }, async (t) => {
  const stage = await openStage(t, { 'index.py': code });
  const call = stage.call({ logTail: true });
  const result = await stage.instances.invoke(stage.fn({ handler: 'index.secrets' }), call);
  assert.equal(stage.lines[0]?.line, '*** *** ***');
  assert.equal(stage.lines[1]?.line, `${'x'.repeat(8190)}***`);
  for (const secret of ['call-secret-value', 'call-token-value', 'env-secret-value', 'env-token-value']) {
    assert.ok(!result.logTail?.includes(secret) && !stage.lines.some((it) => it.line.includes(secret)));
  }
});

test('the tail is the last 4 KB and complete', { skip }, async (t) => {
  const stage = await openStage(t, { 'index.py': code });
  const call = stage.call({ logTail: true });
  const result = await stage.instances.invoke(stage.fn({ handler: 'index.many' }), call);
  assert.equal(Buffer.byteLength(result.logTail ?? ''), 4096);
  assert.match(result.logTail ?? '', /line 2998\nline 2999\nFC Invoke End RequestId/);
  assert.equal(stage.lines.filter((it) => it.request === call.requestId).length, 3000);
});

test('lines stay with their request when invocations follow at once', { skip }, async (t) => {
  const stage = await openStage(t, { 'index.py': code });
  const expected = new Map<string, string>();
  for (let round = 0; round < 200; round++) {
    const call = stage.call({ event: Buffer.from(String(round)) });
    expected.set(call.requestId, `after ${round}`);
    await stage.instances.invoke(stage.fn({ handler: 'index.forge' }), call);
  }
  await stage.instances.retire('resize');
  const seen = stage.lines.filter((it) => it.line.startsWith('after'));
  assert.equal(seen.length, 200);
  for (const { request, line } of seen) assert.equal(line, expected.get(request));
});

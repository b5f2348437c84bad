import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { json, processesWith, until } from '../fixture.ts';
import { openJavaStage, withoutJava } from './fixture.ts';

const skip = await withoutJava();
const head = 'import com.aliyun.fc.runtime.*; import java.io.*; import java.util.*; import java.nio.charset.StandardCharsets;';
const source = `${head}
  public class App implements StreamRequestHandler, FunctionInitializer, PreStopHandler {
    static { System.out.println("class loaded"); }
    private String made = "none";
    public void initialize(Context context) throws IOException {
      context.getLogger().info("init " + context.getExecutionCredentials().getAccessKeyId());
      if (System.getenv("REFUSE") != null) throw new IOException("not today");
      made = context.getRequestId();
    }
    public void preStop(Context context) { System.out.println("stopping " + made); }
    public void handleRequest(InputStream in, OutputStream out, Context context) throws IOException {
      String event = new String(in.readAllBytes(), StandardCharsets.UTF_8);
      if (event.equals("spawn")) new ProcessBuilder("sleep", "1000").start();
      if (event.equals("child")) {
        try { new ProcessBuilder("sh", "-c", "echo from a child; echo on stderr >&2").inheritIO().start().waitFor(); } catch (InterruptedException e) { return; }
      }
      if (event.equals("log")) {
        FunctionComputeLogger log = context.getLogger();
        log.debug("hidden"); log.info("shown"); log.warn("careful");
        log.setLogLevel(FunctionComputeLogger.Level.DEBUG); log.debug("now shown"); log.setLogLevel(FunctionComputeLogger.Level.ERROR);
        log.info("hidden again"); log.fatal("last");
        System.out.print("no "); System.out.print("newline ü"); System.err.println("an error line");
      }
      out.write(made.getBytes(StandardCharsets.UTF_8));
    }
  }`;

describe('the life of an instance', { skip }, () => {
  const initializer = { handler: 'App::initialize', timeoutMs: 5000 };

  test('the initializer runs once, preStop before the end', async (t) => {
    const stage = await openJavaStage(t, { 'App.java': source });
    const fn = stage.fn({ initializer, preStop: { handler: 'App::preStop', timeoutMs: 5000 }, idleTimeoutMs: 600 });
    const call = stage.call();
    const first = await stage.instances.invoke(fn, call);
    assert.equal(first.payload.toString(), call.requestId);
    assert.equal((await stage.instances.invoke(fn, stage.call())).payload.toString(), call.requestId);
    const linesOf = () => stage.lines.filter(({ request }) => request === call.requestId).map(({ line }) => line);
    await until(() => linesOf().length >= 2, 'its lines are read');
    const own = linesOf();
    assert.equal(own[0], 'class loaded');
    assert.match(own[1] ?? '', new RegExp(`^\\d{4}-\\d\\d-\\d\\dT[\\d:.]+Z ${call.requestId} \\[INFO\\] init STS\\.env$`));
    await until(() => stage.instances.stats().instances === 0, 'the idle instance is gone');
    assert.equal(stage.lines.at(-1)?.line, `stopping ${call.requestId}`);
  });

  test('a failed initializer fails the request, and the instance goes', async (t) => {
    const stage = await openJavaStage(t, { 'App.java': source });
    const result = await stage.run('App::handleRequest', '', { initializer, env: { REFUSE: 'yes' } });
    assert.equal(result.failure?.kind, 'initializer');
    assert.deepEqual([json(result).errorMessage, json(result).errorType], ['not today', 'java.io.IOException']);
    await until(() => stage.instances.stats().instances === 0, 'the instance is gone');
  });

  test('what is printed belongs to the request; children and the logger print there too', async (t) => {
    const stage = await openJavaStage(t, { 'App.java': source });
    const fn = stage.fn();
    const [first, second] = [
      stage.call({ event: Buffer.from('log'), logTail: true }),
      stage.call({ event: Buffer.from('child'), logTail: true }),
    ];
    const result = await stage.instances.invoke(fn, first);
    const of = (id: string) => stage.lines.filter(({ request }) => request === id).map(({ line }) => line.replace(/^\S+Z \S+ /, ''));
    assert.deepEqual(of(first.requestId), [
      'class loaded',
      '[INFO] shown',
      '[WARN] careful',
      '[DEBUG] now shown',
      '[FATAL] last',
      'an error line',
      'no newline ü',
    ]);
    assert.match(result.logTail ?? '', /\[WARN\] careful\n/);
    await stage.instances.invoke(fn, second);
    assert.deepEqual(of(second.requestId), ['from a child', 'on stderr']);
  });

  test('a warm Java waits for the next start, and has touched nothing of the handler', async (t) => {
    const mark = `mark-${process.pid}-warm`;
    const stage = await openJavaStage(t, { 'App.java': source });
    const fn = stage.fn({ env: { MARK: mark } });
    await stage.instances.prepare(fn);
    const before = await javas(mark);
    assert.equal(before.length, 1);
    assert.deepEqual(stage.lines, []);
    const result = await stage.instances.invoke(fn, stage.call());
    assert.equal(result.coldStart, true);
    assert.ok((await javas(mark)).includes(before[0] as number), 'the warm one serves');
    await until(async () => (await javas(mark)).length === 2, 'the next one waits');
    await stage.instances.invoke(fn, stage.call({ event: Buffer.from('spawn') }));
    await stage.instances.close();
    await until(async () => (await processesWith(mark)).length === 0, 'close ends them all, with what they started');
  });
});

test('library classes that are read ahead for the next start do not run', { skip }, async (t) => {
  const mark = `mark-${process.pid}-library`;
  const stage = await openJavaStage(t, {
    'library/Eager.java':
      'package library; public class Eager { static { System.out.println("eager runs"); } public static int one() { return 1; } }',
    'App.java': `${head}
      public class App implements StreamRequestHandler {
        public void handleRequest(InputStream in, OutputStream out, Context context) throws IOException { out.write('0' + library.Eager.one()); }
      }`,
  });
  const fn = stage.fn({ env: { MARK: mark } });
  const first = stage.call();
  await stage.instances.prepare(fn);
  const { payload, instanceId } = await stage.instances.invoke(fn, first);
  assert.equal(payload.toString(), '1');
  await until(async () => (await javas(mark)).length === 2, 'the next one waits');
  await stage.instances.prepare(fn);
  assert.deepEqual(stage.lines, [{ request: first.requestId, line: 'eager runs' }]);
  const [serving, ...others] = await javas(instanceId);
  assert.deepEqual(others, []);
  process.kill(serving as number, 'SIGKILL');
  await until(() => stage.instances.stats().instances === 0, 'the first instance is gone');
  const second = stage.call();
  assert.equal((await stage.instances.invoke(fn, second)).payload.toString(), '1');
  // Lines may be read after the result that they belong to.
  await until(() => stage.lines.length === 2, 'the line of the second instance');
  assert.deepEqual(stage.lines.at(-1), { request: second.requestId, line: 'eager runs' });
});

async function javas(mark: string): Promise<number[]> {
  const { readFile } = await import('node:fs/promises');
  const found: number[] = [];
  for (const pid of await processesWith(mark)) {
    const command = await readFile(`/proc/${pid}/cmdline`, 'latin1').catch(() => '');
    if (/^[^\0]*\/java\0/.test(command)) found.push(pid);
  }
  return found;
}

describe('several events at once', { skip }, () => {
  test('five run on one instance, and every line is assigned to its own request', async (t) => {
    const stage = await openJavaStage(t, {
      'App.java': `${head}
        public class App implements StreamRequestHandler {
          private final java.util.concurrent.CountDownLatch all = new java.util.concurrent.CountDownLatch(5);
          public void handleRequest(InputStream in, OutputStream out, Context context) throws IOException {
            String name = new String(in.readAllBytes(), StandardCharsets.UTF_8);
            try {
              System.out.print("begin ");
              all.countDown();
              all.await();
              System.out.println(name);
              Thread thread = new Thread(() -> System.err.println("thread of " + name + "\\nin two lines"));
              thread.start();
              thread.join();
              context.getLogger().error("end " + name);
            } catch (InterruptedException e) { throw new IOException(e); }
            out.write(name.getBytes(StandardCharsets.UTF_8));
          }
        }`,
    });
    const fn = stage.fn({ instanceConcurrency: 5, maxInstances: 1 });
    const calls = Array.from({ length: 5 }, (_, i) => stage.call({ event: Buffer.from(`n${i}`), logTail: true }));
    const results = await Promise.all(calls.map((call) => stage.instances.invoke(fn, call)));
    assert.equal(new Set(results.map(({ instanceId }) => instanceId)).size, 1);
    for (const [i, call] of calls.entries()) {
      const own = stage.lines.filter(({ request }) => request === call.requestId).map(({ line }) => line.replace(/^\S+Z \S+ /, ''));
      assert.deepEqual(own, [`begin n${i}`, `thread of n${i}`, 'in two lines', `[ERROR] end n${i}`]);
      assert.match(results[i]?.logTail ?? '', new RegExp(`begin n${i}\n`));
    }
  });
});

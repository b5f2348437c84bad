import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, realpathSync, renameSync, rmSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { json, until } from '../fixture.ts';
import { compile, openJavaStage, withoutJava } from './fixture.ts';
import { prepareHost } from './host.ts';
import { findJre, noteOn } from './jre.ts';

const skip = await withoutJava();
const head = 'import com.aliyun.fc.runtime.*; import java.io.*; import java.util.*; import java.nio.charset.StandardCharsets;';
/** A stream handler whose body sees `event` as text and answers with say(). */
const handler = (name: string, body: string, more = '') => `${head}
  public class ${name} implements StreamRequestHandler {
    ${more}
    public void handleRequest(InputStream in, OutputStream out, Context context) throws IOException {
      String event = new String(in.readAllBytes(), StandardCharsets.UTF_8);
      ${body}
    }
    static void say(OutputStream out, Object text) throws IOException { out.write(String.valueOf(text).getBytes(StandardCharsets.UTF_8)); }
  }`;

describe('what a handler may be', { skip }, () => {
  test('a stream handler, in the default package or another; its object stays', async (t) => {
    const stage = await openJavaStage(t, {
      'App.java': handler('App', 'say(out, event + ++count + new File(".").getCanonicalPath());', 'private int count;'),
      'example/deep/Echo.java': `package example.deep; ${handler('Echo', 'say(out, event);')}`,
    });
    const first = await stage.run('App::handleRequest', 'ä');
    assert.equal(first.payload.toString(), `ä1${stage.code}`);
    assert.equal(first.coldStart, true);
    assert.ok(first.maxMemoryMb > 20, `${first.maxMemoryMb} MB`);
    assert.equal((await stage.run('App::handleRequest', 'b')).payload.toString(), `b2${stage.code}`);
    assert.equal((await stage.run('example.deep.Echo::handleRequest', 'a\0b')).payload.toString(), 'a\0b');
    assert.equal((await stage.run('App::handleRequest', '', { runtime: 'java8', revision: 'eight' })).payload.toString(), `1${stage.code}`);
  });

  test('a Pojo handler gets and gives JSON, without any library', async (t) => {
    const stage = await openJavaStage(t, {
      'Swap.java': `${head} public class Swap implements PojoRequestHandler<Map<String, String>, Map<String, String>> {
        public Map<String, String> handleRequest(Map<String, String> input, Context context) {
          Map<String, String> result = new LinkedHashMap<>();
          input.forEach((name, value) -> result.put(value, name));
          return result;
        }
      }`,
      'Base.java': `${head} public abstract class Base<X> implements PojoRequestHandler<List<X>, X> {}`,
      'Shape.java': `${head} public class Shape {
        public enum Kind { ROUND, SQUARE }
        private String name; private int sides; private Kind kind; private List<Double> lengths; private Map<Kind, long[]> table; public Shape inner; private boolean big;
        public String getName() { return name; } public void setName(String name) { this.name = name; }
        public int getSides() { return sides; } public void setSides(int sides) { this.sides = sides; }
        public Kind getKind() { return kind; } public void setKind(Kind kind) { this.kind = kind; }
        public List<Double> getLengths() { return lengths; } public void setLengths(List<Double> lengths) { this.lengths = lengths; }
        public Map<Kind, long[]> getTable() { return table; } public void setTable(Map<Kind, long[]> table) { this.table = table; }
        public boolean isBig() { return big; } public void setBig(boolean big) { this.big = big; }
      }`,
      'Last.java': `${head} public class Last extends Base<Shape> {
        public Shape handleRequest(List<Shape> input, Context context) { return input == null ? null : input.get(input.size() - 1); }
      }`,
    });
    const run = async (name: string, event: string) => stage.run(`${name}::handleRequest`, event);
    assert.equal((await run('Swap', '{"a":"1","b":2,"ü":"x\\n\\u00e4"}')).payload.toString(), '{"1":"a","2":"b","x\\nä":"ü"}');
    const shape = {
      inner: { inner: null, name: 'in', sides: 0, kind: null, lengths: null, table: null, big: false },
      name: 'out',
      sides: 4,
      kind: 'SQUARE',
      lengths: [1.5, 2],
      table: { ROUND: [1, 9007199254740993n] },
      big: true,
    };
    const text = JSON.stringify(shape, (_name, value) => (typeof value === 'bigint' ? Number(value) : value));
    assert.deepEqual(json(await run('Last', `[{}, ${text.slice(0, -1)}, "unknown": [1]}]`)), JSON.parse(text));
    assert.equal((await run('Last', '')).payload.toString(), 'null');
    const wrong = await run('Last', '[{"sides":"many"}]');
    assert.equal(wrong.failure?.kind, 'raised');
    assert.equal(json(wrong).errorMessage, 'The event does not fit: $[0].sides is a string, expected int');
    assert.match(String(json(await run('Swap', '{"a":')).errorMessage), /^not JSON: the end comes too early at character 6$/);
  });

  test('classes come from folders, lib, jars at the root, the package itself and layers', async (t) => {
    const part = (name: string, text: string) => ({
      [`${name}.java`]: `public class ${name} { public static String text() { return "${text}"; } }`,
    });
    const stage = await openJavaStage(t, {
      ...part('InLib', ''),
      ...part('InRoot', ''),
      ...part('InLayer', ''),
      'App.java': handler(
        'App',
        'say(out, InLib.text() + InRoot.text() + InLayer.text() + App.class.getResource("App.class").getProtocol());',
      ),
    });
    const layer = join(stage.folder, 'layer');
    const jar = async (name: string, text: string, into: string) => {
      const classes = join(stage.folder, 'classes', name);
      mkdirSync(classes, { recursive: true });
      mkdirSync(into, { recursive: true });
      await compile(part(name, text), classes, []);
      rmSync(join(stage.code, `${name}.class`), { force: true });
      execFileSync('jar', ['cf', join(into, `${name}.jar`), '-C', classes, '.']);
    };
    await jar('InLib', 'lib ', join(stage.code, 'lib'));
    await jar('InRoot', 'root ', stage.code);
    await jar('InLayer', 'layer ', join(layer, 'java', 'lib'));
    assert.equal((await stage.run('App::handleRequest', '', { layerDirs: [layer] })).payload.toString(), 'lib root layer file');
    const whole = join(stage.folder, 'app.jar');
    execFileSync('jar', ['cf', whole, '-C', stage.code, '.']);
    for (const name of readdirSync(stage.code)) if (name.endsWith('.class')) renameSync(join(stage.code, name), join(stage.folder, name));
    const packed = await stage.run('App::handleRequest', '', { layerDirs: [layer], jar: whole, revision: 'packed' });
    assert.equal(packed.payload.toString(), 'lib root layer jar');
  });

  test('what cannot be a handler is named', async (t) => {
    const stage = await openJavaStage(t, {
      'Plain.java': 'public class Plain {}',
      'Picky.java': handler('Picky', '', 'Picky(int needed) {}'),
      'Broken.java': handler('Broken', '', 'static final int number = Integer.parseInt("no number");'),
      'Angry.java': handler('Angry', '', 'Angry() { throw new IllegalStateException("not made"); }'),
    });
    await compile({ 'New.java': handler('New', '') }, stage.code, [stage.runtimeJar], ['--release', '17']);
    const refusal = async (name: string) => {
      const result = await stage.run(name);
      assert.equal(result.failure?.kind, 'raised', name);
      return json(result) as { errorMessage: string; errorType: string; stackTrace: string[] };
    };
    const notFound = async (name: string, message: RegExp) => {
      const { errorMessage, errorType } = await refusal(name);
      assert.match(errorMessage, message);
      assert.equal(errorType, 'HandlerNotFound');
    };
    await notFound('Gone::handleRequest', /^The handler 'Gone::handleRequest' was not found: java\.lang\.ClassNotFoundException: Gone$/);
    await notFound('index.handler', /^The handler 'index\.handler' is not of the form \[package\.\]Class::method$/);
    await notFound('Plain::handleRequest', /implements neither StreamRequestHandler nor PojoRequestHandler/);
    await notFound('Picky::handleRequest', /has no constructor without arguments$/);
    const broken = await refusal('Broken::handleRequest');
    assert.equal(broken.errorType, 'java.lang.ExceptionInInitializerError');
    const angry = await refusal('Angry::handleRequest');
    assert.deepEqual([angry.errorMessage, angry.errorType], ['not made', 'java.lang.IllegalStateException']);
    assert.match(angry.stackTrace[0] ?? '', /^Angry\.<init>\(Angry\.java:\d+\)$/);
    const [java] = stage.instances.ready().filter(({ runtime }) => runtime === 'java11');
    if (Number(java?.version?.split('.')[0]) < 17) await notFound('New::handleRequest', /compiled for a newer Java than the 11/);
  });
});

describe('what a function sees', { skip }, () => {
  test('the whole context, with the credentials of the invocation', async (t) => {
    const stage = await openJavaStage(t, {
      'App.java': handler(
        'App',
        `Credentials c = context.getExecutionCredentials(); FunctionParam f = context.getFunctionParam(); Service s = context.getService(); OpenTracing o = context.getTracing();
         say(out, String.join("|", context.getRequestId(), c.getAccessKeyId(), c.getAccessKeySecret(), c.getSecurityToken(), f.getFunctionName(), f.getFunctionHandler(),
           f.getFunctionInitializer(), "" + f.getExecTimeLimitInMillis(), "" + f.getMemoryLimitInMB(), s.getName(), s.getLogProject(), s.getLogStore(), s.getQualifier(),
           s.getVersionId(), o.getSpanContext(), "" + o.getSpanBaggages(), o.getJaegerEndpoint(), "" + context.getRetryCount(), "" + context.equals(context), context.toString(), "" + (c == context.getExecutionCredentials())));`,
      ),
    });
    const call = stage.call();
    const fn = stage.fn({ logProject: 'p', logStore: 's' });
    const result = await stage.instances.invoke(fn, call);
    assert.equal(
      result.payload.toString(),
      `${call.requestId}|STS.call|call-secret-value|call-token-value|resize|App::handleRequest||20000|256||p|s|LATEST|LATEST||{}||0|true|Context|true`,
    );
  });

  test('its own environment and nothing of the server or the host', async (t) => {
    process.env.SLUICE_TEST_SECRET = 'of-the-server';
    const stage = await openJavaStage(t, {
      'App.java': handler(
        'App',
        `Map<String, Object> seen = new TreeMap<>(System.getenv());
         try { Class.forName("sluice.host.Main"); seen.put("host", "visible"); } catch (ClassNotFoundException e) { seen.put("host", "hidden"); }
         seen.put("loader", Thread.currentThread().getContextClassLoader() == App.class.getClassLoader());
         seen.put("common", java.util.concurrent.CompletableFuture.supplyAsync(() -> Thread.currentThread().getContextClassLoader() == App.class.getClassLoader()).join());
         seen.put("headless", java.awt.GraphicsEnvironment.isHeadless());
         seen.put("tmp", File.createTempFile("abc", "d").getParent());
         seen.put("path", System.getProperty("java.class.path"));
         seen.put("encoding", java.nio.charset.Charset.defaultCharset().name());
         seen.put("stdin", System.in.read());
         try { java.lang.reflect.Field field = ArrayList.class.getDeclaredField("size"); field.setAccessible(true); seen.put("opened", field.get(List.of().isEmpty() ? new ArrayList<>() : null)); } catch (Exception e) { seen.put("opened", e.toString()); }
         seen.put("heap", Runtime.getRuntime().maxMemory() >> 20);
         say(out, seen.entrySet().stream().map(e -> e.getKey() + "=" + e.getValue()).collect(java.util.stream.Collectors.joining("\\n")));`,
      ),
    });
    const seen = (await stage.run('App::handleRequest', '', { env: { COLOUR: 'blue' } })).payload.toString();
    delete process.env.SLUICE_TEST_SECRET;
    assert.match(seen, /^host=/m);
    const value = (name: string) => new RegExp(`^${name}=(.*)$`, 'm').exec(seen)?.[1];
    assert.equal(value('SLUICE_TEST_SECRET'), undefined);
    assert.deepEqual([value('COLOUR'), value('ALIBABA_CLOUD_ACCESS_KEY_ID'), value('FC_FUNC_CODE_PATH')], ['blue', 'STS.env', stage.code]);
    assert.deepEqual(
      [value('host'), value('loader'), value('common'), value('headless'), value('stdin')],
      ['hidden', 'true', 'true', 'true', '-1'],
    );
    assert.equal(value('tmp'), value('TMPDIR'));
    assert.deepEqual([value('path'), value('encoding'), value('opened')], [stage.code, 'UTF-8', '0']);
    assert.ok(Number(value('heap')) > 200 && Number(value('heap')) <= 230, `a heap of ${value('heap')} MB of 256`);
  });

  test('JAVA_TOOL_OPTIONS of the function win over our own', async (t) => {
    const stage = await openJavaStage(t, {
      'App.java': handler(
        'App',
        'say(out, (Runtime.getRuntime().maxMemory() >> 20) + System.getProperty("own") + System.getProperty("file.encoding"));',
      ),
    });
    const env = { JAVA_TOOL_OPTIONS: '-Xmx100m -Down=yes -Dfile.encoding=ISO-8859-1 -XX:+UseParallelGC' };
    assert.match((await stage.run('App::handleRequest', '', { env })).payload.toString(), /^(8\d|9\d|100)yesISO-8859-1$/);
  });
});

describe('which Java runs it', { skip }, () => {
  for (const home of installedHomes()) {
    test(`${home} runs functions without a word of its own`, async (t) => {
      const picture = `java.awt.image.BufferedImage image = new java.awt.image.BufferedImage(20, 20, 1); javax.imageio.ImageIO.write(image, "png", out);`;
      const stage = await openJavaStage(t, { 'App.java': handler('App', `${picture} Thread.yield();`) }, { java: { home } });
      const [java] = stage.instances.ready().filter(({ runtime }) => runtime === 'java11');
      assert.equal(java?.interpreter, join(home, 'bin', 'java'));
      const fn = stage.fn();
      await stage.instances.prepare(fn);
      const result = await stage.instances.invoke(fn, stage.call());
      assert.equal(result.payload.toString('latin1', 1, 4), 'PNG');
      assert.deepEqual(stage.lines, []);
      assert.deepEqual(stage.notes, []);
    });
  }

  test('a machine without Java, or without compiled host, says so', async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'sluice-nojava-'));
    t.after(() => rm(folder, { recursive: true }));
    const nowhere = { configured: undefined, environment: folder, searchPath: folder, uid: undefined };
    const usual = await findJre(nowhere);
    assert.ok(usual === undefined || !usual.home.startsWith(folder));
    await writeFile(join(folder, 'java'), '#!/bin/sh\necho "    java.specification.version = 1.8" >&2\necho "    java.home = /old" >&2\n', {
      mode: 0o755,
    });
    assert.notEqual((await findJre(nowhere))?.home, '/old', 'Java 8 is too old');
    await assert.rejects(prepareHost(folder, undefined), /no javac was found; install a JDK, or use the published package/);
    const shipped = join(folder, 'hosts', 'java');
    await mkdir(shipped, { recursive: true });
    for (const name of ['host.jar', 'fc-runtime.jar']) await writeFile(join(shipped, name), '');
    assert.equal((await prepareHost(join(folder, 'hosts'), undefined)).host, join(shipped, 'host.jar'), 'a package brings them along');
    assert.equal(noteOn({ home: '', version: '17.0.1', major: 17 }, 'java11'), 'java11 runs on Java 17.0.1');
    assert.equal(noteOn({ home: '', version: '11.0.2', major: 11 }, 'java11'), undefined);
  });
});

/** Every Java of this machine that is new enough. */
function installedHomes(): string[] {
  const folder = '/usr/lib/jvm';
  if (skip || !existsSync(folder)) return [];
  const homes = readdirSync(folder).map((name) => join(folder, name));
  return [...new Set(homes.filter((home) => existsSync(join(home, 'bin', 'javac'))).map((home) => realpathSync(home)))];
}

describe('what goes wrong', { skip }, () => {
  const source = handler(
    'App',
    `switch (event) {
       case "throw": throw new IOException("oops");
       case "cause": throw new RuntimeException("outer", new IllegalStateException("root"));
       case "silent": throw new NullPointerException(null);
       case "deep": deep(0);
       case "large": out.write(new byte[33 * 1024 * 1024]); return;
       case "exit": System.exit(3);
       case "memory": List<byte[]> all = new ArrayList<>(); for (;;) all.add(new byte[1 << 20]);
       case "thread": Thread thread = new Thread(() -> { throw new IllegalStateException("in a thread"); }); thread.start();
         try { thread.join(); } catch (InterruptedException e) { return; } say(out, "still here"); return;
       case "wait": try { Thread.sleep(60000); } catch (InterruptedException e) { return; }
       default: say(out, "fine");
     }`,
    'static int deep(int n) { return deep(n + 1) + 1; }',
  );

  test('errors come as the error JSON of Function Compute, and the instance serves on', async (t) => {
    const stage = await openJavaStage(t, { 'App.java': source });
    const failed = async (event: string) => {
      const result = await stage.run('App::handleRequest', event);
      assert.equal(result.failure?.kind, 'raised', event);
      return json(result) as { errorMessage: string; errorType: string; errorCause: string; stackTrace: string[] };
    };
    const thrown = await failed('throw');
    assert.deepEqual([thrown.errorMessage, thrown.errorType, thrown.errorCause], ['oops', 'java.io.IOException', 'oops']);
    assert.equal(thrown.stackTrace.length, 1);
    assert.match(thrown.stackTrace[0] ?? '', /^App\.handleRequest\(App\.java:\d+\)$/);
    const cause = await failed('cause');
    assert.deepEqual([cause.errorMessage, cause.errorType, cause.errorCause], ['outer', 'java.lang.RuntimeException', 'root']);
    assert.equal((await failed('silent')).errorMessage, 'java.lang.NullPointerException');
    assert.equal((await failed('deep')).errorType, 'java.lang.StackOverflowError');
    assert.match((await failed('large')).errorMessage, /returned 34603008 bytes; the limit is 33554432/);
    assert.equal((await stage.run('App::handleRequest', 'thread')).payload.toString(), 'still here');
    await until(() => stage.lines.some(({ line }) => line.startsWith('Caused by: ')), 'the cause is logged');
    const printed = stage.lines.map(({ line }) => line).join('\n');
    assert.match(
      printed,
      /\[ERROR\] java\.lang\.RuntimeException: outer\n\tat App\.handleRequest\(App\.java:\d+\)\nCaused by: java\.lang\.IllegalStateException: root/,
    );
    assert.match(printed, /Exception in thread "Thread-\d+" java\.lang\.IllegalStateException: in a thread/);
    assert.equal((await stage.run('App::handleRequest', '')).coldStart, false);
  });

  test('System.exit, too much memory and a timeout are named, and the next call finds a new instance', async (t) => {
    const stage = await openJavaStage(t, { 'App.java': source });
    const exit = await stage.run('App::handleRequest', 'exit');
    assert.equal(exit.failure?.kind, 'exited');
    assert.match(
      String(json(exit).errorMessage),
      /^Process exited unexpectedly before completing request \(duration: \d+ms, maxMemoryUsage: \d+MB\)/,
    );
    const memory = await stage.run('App::handleRequest', 'memory');
    assert.equal(memory.failure?.kind, 'out-of-memory', memory.payload.toString());
    assert.equal(json(memory).errorType, 'java.lang.OutOfMemoryError');
    const late = await stage.run('App::handleRequest', 'wait', { timeoutMs: 700, revision: 'short' });
    assert.equal(late.failure?.kind, 'timeout');
    const next = await stage.run('App::handleRequest', '');
    assert.deepEqual([next.payload.toString(), next.coldStart], ['fine', true]);
  });

  test('a Java that cannot start says why', async (t) => {
    const stage = await openJavaStage(t, { 'App.java': source });
    const changes = { env: { JAVA_TOOL_OPTIONS: '-XX:+NoSuchOption' }, revision: 'small' };
    await assert.rejects(
      stage.run('App::handleRequest', '', changes),
      /The instance could not be started: Unrecognized VM option 'NoSuchOption'/,
    );
  });
});

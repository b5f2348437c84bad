import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { decodePng } from './harness/png.ts';
import { go, java, python, root } from './harness/toolchain.ts';

const folder = mkdtempSync(join(tmpdir(), 'sluice-start-'));
chmodSync(folder, 0o711);
after(() => rmSync(folder, { recursive: true, force: true }));

// The first start may have to fetch what the functions in Java and Go are built with.
const readyMs = 300_000;
const { NODE_OPTIONS: _, NODE_TEST_CONTEXT: __, SLUICE_VENDOR_DOC: ___, ...env } = process.env;

interface Started {
  child: ChildProcess;
  /** What it printed until it was ready or ended. */
  text: string;
  ms: number;
}

/** `./run start` as a child. */
async function start(...flags: string[]): Promise<Started> {
  const begin = performance.now();
  const all = ['--data', join(folder, 'data'), '--port', '0', '--control-port', '0', ...flags];
  const child = spawn(process.execPath, [join(root, 'scripts', 'start.ts'), ...all], {
    cwd: folder,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  const ready = new Promise<void>((resolve) => {
    const listen = (chunk: Buffer) => {
      text += chunk.toString();
      if (text.includes('Ctrl C stops it.')) resolve();
    };
    child.stdout.on('data', listen);
    child.stderr.on('data', listen);
  });
  await Promise.race([ready, once(child, 'exit', { signal: AbortSignal.timeout(readyMs) })]);
  return { child, text, ms: performance.now() - begin };
}

async function stop(child: ChildProcess): Promise<number | null> {
  const exit = once(child, 'exit', { signal: AbortSignal.timeout(30_000) });
  child.kill('SIGINT');
  const [code] = (await exit) as [number | null];
  return code;
}

/** The links of the banner, as `<object> <name>`. */
function linksOf(text: string): Map<string, string> {
  const links = new Map<string, string>();
  let [object, name] = ['', ''];
  for (const line of text.split('\n')) {
    object = /^ {2}(\S+)$/.exec(line)?.[1] ?? object;
    name = /^ {4}(as it is|[\w-]+(?= \())/.exec(line)?.[1] ?? name;
    const url = /^ {6}(http:\/\/\S+)$/.exec(line)?.[1];
    if (url) links.set(`${object} ${name}`, url);
  }
  return links;
}

async function get(url: string | undefined): Promise<{ type: string | null; body: Buffer }> {
  assert.ok(url, 'there is such a link');
  const response = await fetch(url);
  const body = Buffer.from(await response.arrayBuffer());
  assert.equal(response.status, 200, `${url}\n${body}`);
  return { type: response.headers.get('content-type'), body };
}

/** Width and height from the first frame header of a JPEG (ITU-T T.81, B.2.2). */
function jpegSize(file: Buffer): [number, number] {
  let at = 2;
  while (![0xc0, 0xc1, 0xc2].includes(file[at + 1] as number)) at += 2 + file.readUInt16BE(at + 2);
  return [file.readUInt16BE(at + 7), file.readUInt16BE(at + 5)];
}

/** What each link gives. */
const promises: Record<string, (answer: { type: string | null; body: Buffer }) => void> = {
  'landscape.jpg as it is': ({ body }) => assert.deepEqual(jpegSize(body), [1600, 1067]),
  'landscape.jpg thumbnail': ({ type, body }) => {
    assert.equal(type, 'image/jpeg');
    assert.deepEqual(jpegSize(body), [320, 213]);
  },
  'landscape.jpg watermark': ({ type, body }) => {
    assert.equal(type, 'image/jpeg');
    assert.deepEqual(jpegSize(body), [640, 427]);
  },
  'landscape.jpg red-png': isRedSquare,
  'landscape.jpg red-png-java': isRedSquare,
  'landscape.jpg red-png-go': isRedSquare,
  'people.csv as it is': ({ body }) => assert.deepEqual(body, sample('people.csv')),
  'people.csv redact': ({ type, body }) => {
    assert.equal(type, 'text/csv; charset=utf-8');
    const original = sample('people.csv').toString().split('\n');
    const redacted = body.toString().split('\n');
    assert.equal(redacted.length, original.length);
    for (const [index, line] of redacted.slice(1, -1).entries()) {
      const [id, name, email, phone, card, ...rest] = line.split(',');
      const [ownId, ownName, , , ownCard, ...ownRest] = (original[index + 1] as string).split(',');
      assert.deepEqual([id, name, email, phone, ...rest], [ownId, ownName, '[email]', '[phone]', ...ownRest]);
      assert.equal(card, `[card ${ownCard?.slice(-4)}]`);
    }
  },
  'access.log.gz as it is': ({ body }) => assert.deepEqual(body, sample('access.log.gz')),
  'access.log.gz gunzip': ({ type, body }) => {
    assert.equal(type, 'text/plain; charset=utf-8');
    assert.deepEqual(body, gunzipSync(sample('access.log.gz')));
  },
  'welcome.md as it is': ({ body }) => assert.deepEqual(body, sample('welcome.md')),
  'welcome.md markdown': ({ type, body }) => {
    assert.equal(type, 'text/html; charset=utf-8');
    assert.match(body.toString(), /<h1>Welcome<\/h1>.*<strong>Markdown<\/strong>.*<pre>export default.*&lt;script>/s);
  },
};

function isRedSquare({ type, body }: { type: string | null; body: Buffer }): void {
  assert.equal(type, 'image/png');
  const { width, height, pixels } = decodePng(body);
  assert.deepEqual([width, height], [200, 200]);
  assert.ok(pixels.equals(Buffer.from('ff0000'.repeat(200 * 200), 'hex')), 'every pixel is red');
}

function sample(key: string): Buffer {
  return readFileSync(join(root, 'examples', 'objects', key));
}

/** The lines from a heading to the next empty line, or, for a whole program, to its last. */
function pasted(text: string, heading: string, end = '\n\n'): string {
  const begin = text.indexOf(heading);
  assert.ok(begin >= 0, `${heading} in:\n${text}`);
  return text.slice(begin, text.indexOf(end, begin) + end.length);
}

/** Runs lines in bash, in the repository, as whoever pastes them there would. */
async function paste(lines: string): Promise<string> {
  return (await promisify(execFile)('bash', ['-euc', lines], { cwd: root, env })).stdout;
}

/** What the demo keeps, with times, to see what is made anew. */
function kept(): string[] {
  const cache = join(root, '.cache', 'demo');
  return readdirSync(cache).map((name) => `${name} ${statSync(join(cache, name)).mtimeMs}`);
}

/** Requests that changed something on the server, from its audit log, apart from the answers of functions. */
function audited(): string[] {
  const lines = readFileSync(join(folder, 'data', 'audit', 'audit.log'), 'utf8')
    .trim()
    .split('\n');
  const operations = lines.map((line) => (JSON.parse(line) as { operation: string }).operation);
  return operations.filter((name) => name !== 'WriteGetObjectResponse');
}

/** Processes that were started with this folder in their words or environment. */
function processesWith(words: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) return false;
    try {
      return ['cmdline', 'environ'].some((file) => readFileSync(join('/proc', pid, file), 'utf8').includes(words));
    } catch {
      return false;
    }
  });
}

describe('./run start', { skip: python.skip }, () => {
  test('prints links that give what they say', async () => {
    const { child, text } = await start();
    try {
      const links = linksOf(text);
      const left = [...(java.skip ? ['red-png-java'] : []), ...(go.skip ? ['red-png-go'] : [])];
      const wanted = Object.keys(promises).filter((name) => !left.includes(name.split(' ').at(-1) as string));
      assert.deepEqual([...links.keys()].sort(), wanted.sort(), text);
      for (const name of left) assert.match(text, new RegExp(`^Left out: ${name} \\(\\w+\\): there is no \\w+ on the PATH`, 'm'));
      for (const [name, url] of links) promises[name]?.(await get(url));
    } finally {
      assert.equal(await stop(child), 0, 'Ctrl C ends it with 0');
    }
    assert.deepEqual(processesWith(folder), [], 'and leaves no process');
  });

  test('prints lines that work when they are pasted', async () => {
    const { child, text } = await start();
    const file = '/tmp/sluice-landscape.jpg';
    const fetched = () => {
      assert.deepEqual(jpegSize(readFileSync(file)), [320, 213]);
      rmSync(file);
    };
    rmSync(file, { force: true });
    try {
      await paste(pasted(text, '# curl'));
      fetched();
      const key = pasted(text, 'export OSS_ACCESS_KEY_ID=');
      await paste(key + pasted(text, '# The command line of Sluice'));
      fetched();
      assert.match(await paste(key + pasted(text, '# Python, oss2')), /image\/jpeg/);
      fetched();
      assert.match(await paste(key + pasted(text, '# Node.js, ali-oss')), /image\/jpeg/);
      fetched();
      if (go.tools) {
        const project = join(folder, 'go');
        cpSync(join(root, 'test', 'acceptance', 'clients', 'go-v1'), project, { recursive: true });
        writeFileSync(join(project, 'main.go'), pasted(text, '// Go', '\n}\n'));
        await paste(`${key}cd '${project}' && GOTOOLCHAIN=local go run .`);
        fetched();
      }
    } finally {
      assert.equal(await stop(child), 0);
    }
  });

  test('finds everything in place the second time: nothing is built, packed, put or deployed again', async (t) => {
    const first = await start();
    const before = linksOf(first.text);
    assert.equal(await stop(first.child), 0);
    const [files, changes] = [kept(), audited()];
    const again = await start();
    try {
      // For the reader of the log; a machine that is busy must not fail it.
      t.diagnostic(`ready after ${Math.round(again.ms)} ms`);
      assert.doesNotMatch(again.text, /Preparing|Building|Left out/);
      const alias = (url = '') => /[a-z-]+-[0-9a-f]{34}-opapalias/.exec(url)?.[0];
      for (const [name, url] of linksOf(again.text)) assert.equal(alias(url), alias(before.get(name)), `the same alias for ${name}`);
      promises['landscape.jpg thumbnail']?.(await get(linksOf(again.text).get('landscape.jpg thumbnail')));
    } finally {
      assert.equal(await stop(again.child), 0);
    }
    assert.deepEqual(kept(), files, 'nothing is built or packed');
    assert.deepEqual(audited(), changes, 'nothing is put or deployed');
  });

  test('says so and ends when another server has the data folder', async () => {
    const first = await start();
    try {
      const second = await start();
      assert.match(second.text, /Another server \(process \d+\) is using/);
      assert.equal(second.child.exitCode, 1);
    } finally {
      assert.equal(await stop(first.child), 0);
    }
  });
});

test('what a missing toolchain leaves out is told in a line each, and the rest is there', async () => {
  const script = `
    const { packAll } = await import('./scripts/demo/demo.ts');
    const packages = packAll({ python: { missing: 'no Python\\nand more' }, onBuild() {} });
    for (const [{ name }, package_] of packages) {
      const made = await package_;
      console.log(name + ': ' + (made instanceof Error ? made.message.split('\\n')[0] : 'made'));
    }`;
  const words = ['--input-type=module', '-e', script];
  const { stdout } = await promisify(execFile)(process.execPath, words, { cwd: root, env: { ...env, PATH: folder } });
  assert.match(stdout, /^thumbnail: no Python$/m);
  assert.match(stdout, /^red-png-java: there is no java on the PATH; install a JDK and Maven$/m);
  assert.match(stdout, /^red-png-go: (made|there is no go on the PATH; install Go 1.18 or newer)$/m);
  for (const name of ['redact', 'gunzip', 'markdown', 'watermark']) assert.match(stdout, new RegExp(`^${name}: made$`, 'm'));
});

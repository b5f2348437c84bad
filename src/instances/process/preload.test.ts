import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openStage, processesWith, until, withoutPython } from '../fixture.ts';

const skip = await withoutPython();

/** Notes, when it is imported, in which process that was. */
const witness = 'import os\nPID = os.getpid()\n';
const info = (name: string) => ({ [`${name}-1.0.dist-info/RECORD`]: `${name}/__init__.py,sha256=x,1\n` });
const report = (...modules: string[]) => `
import os, sys
BEFORE = [name for name in ${JSON.stringify(modules)} if name in sys.modules]
${modules.map((name) => `import ${name}`).join('\n')}
def handler(event, context):
    import json
    return json.dumps([BEFORE, ${modules.map((name) => `${name}.PID == os.getpid()`).join(', ')}])
`;

test('installed packages are imported before the fork, the user’s own modules never', { skip }, async (t) => {
  const stage = await openStage(t, {
    'index.py': report('installed', 'ownpackage', 'single', 'vendored', 'namespace.inner'),
    'installed/__init__.py': witness,
    ...info('installed'),
    'ownpackage/__init__.py': witness,
    'single.py': witness,
    'namespace/inner.py': witness,
    'python/vendored/__init__.py': witness,
    'python/vendored-2.dist-info/top_level.txt': 'vendored\n',
  });
  const answer = JSON.parse((await stage.run('index.handler')).payload.toString());
  assert.deepEqual(answer, [['installed', 'vendored'], false, true, true, false, true]);
});

test('packages in the server’s own folder are preloaded and come last', { skip }, async (t) => {
  const outer = await openStage(t, {
    'index.py': report('shared', 'twice'),
    'twice/__init__.py': 'PID = 0',
    '../packages/shared/__init__.py': witness,
    '../packages/twice/__init__.py': witness,
  });
  const stage = await openStage(t, {}, { python: { packages: `${outer.folder}/packages` } });
  const answer = JSON.parse((await stage.run('index.handler', '{}', { codeDir: outer.fn().codeDir })).payload.toString());
  assert.deepEqual(answer, [['shared'], false, false]);
});

test('a package that starts a thread, keeps a file open, raises or exits is left to the instance', { skip }, async (t) => {
  const bad: Record<string, string> = {
    threads: `${witness}import threading, time\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start()`,
    opens: `${witness}FILE = open(os.devnull)`,
    raises: `${witness}if os.environ.get("FC_INSTANCE_ID") is None:\n    raise RuntimeError("too early")`,
    leaves: `${witness}if os.environ.get("FC_INSTANCE_ID") is None:\n    os._exit(9)`,
  };
  const files = Object.entries(bad).flatMap(([name, text]) => Object.entries({ [`${name}/__init__.py`]: text, ...info(name) }));
  const stage = await openStage(t, { 'index.py': report(...Object.keys(bad)), ...Object.fromEntries(files) });
  const result = await stage.run('index.handler');
  assert.deepEqual(JSON.parse(result.payload.toString()), [[], true, true, true, true]);
  const notes = stage.notes.join('\n');
  assert.match(notes, /"module":"threads","reason":"it starts a thread when imported"/);
  assert.match(notes, /"module":"opens","reason":"it keeps a file open when imported"/);
  assert.match(notes, /"module":"raises","reason":"RuntimeError: too early"/);
  assert.match(notes, /the fork server is started again without packages/);
});

test('instances of one fork server share no random numbers', { skip }, async (t) => {
  const code = `
import random, uuid, time
def handler(event, context):
    time.sleep(0.1)
    return str(random.random())
`;
  const stage = await openStage(t, { 'index.py': code });
  const results = await Promise.all(Array.from({ length: 4 }, () => stage.run('index.handler')));
  const instances = new Set(results.map((it) => it.instanceId));
  const numbers = new Set(results.map((it) => it.payload.toString()));
  assert.ok(instances.size > 1);
  assert.equal(numbers.size, 4);
});

test('a module of the user that a package imports is imported anew in each instance', { skip }, async (t) => {
  const stage = await openStage(t, {
    'index.py': report('installed', 'settings'),
    'installed/__init__.py': `${witness}import settings`,
    ...info('installed'),
    'settings.py': witness,
  });
  const answer = JSON.parse((await stage.run('index.handler')).payload.toString());
  assert.deepEqual(answer, [['installed'], false, true]);
});

test('a package that hangs when imported does not keep the server from closing', { skip }, async (t) => {
  const stage = await openStage(t, {
    'index.py': 'import hanging',
    'hanging/__init__.py': 'import time\nprint("here")\ntime.sleep(60)',
    ...info('hanging'),
  });
  const refused = assert.rejects(stage.run('index.handler'), { code: 'ServiceUnavailable' });
  await until(async () => (await processesWith(stage.runDir)).length > 0 || process.platform !== 'linux', 'the fork server is there');
  const begun = performance.now();
  await stage.instances.close();
  await refused;
  assert.ok(performance.now() - begun < 2_000);
  assert.deepEqual(await processesWith(stage.runDir), []);
});

test('a source that cannot be parsed or is absent does not keep the fork server from starting', { skip }, async (t) => {
  const stage = await openStage(t, { 'index.py': 'def broken(:' });
  await stage.instances.prepare(stage.fn());
  await stage.instances.prepare(stage.fn({ handler: 'absent.handler' }));
  assert.equal((await stage.run('index.handler')).failure?.kind, 'raised');
});

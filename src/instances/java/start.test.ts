import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { classPathOf } from './classpath.ts';
import { jvmFlags } from './flags.ts';
import { LibraryClasses } from './library.ts';

test('the class path: the package or its folder, lib, the root, layers, the runtime', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-classpath-'));
  t.after(() => rm(folder, { recursive: true }));
  const put = async (...path: string[]) => {
    await mkdir(join(folder, ...path.slice(0, -1)), { recursive: true });
    await writeFile(join(folder, ...path), '');
  };
  for (const path of ['code/b.jar', 'code/a.jar', 'code/c.txt', 'code/lib/z.jar', 'one/java/lib/l.jar', 'two/lib/m.jar', 'two/n.jar']) {
    await put(...path.split('/'));
  }
  const codeDir = join(folder, 'code');
  const layerDirs = [join(folder, 'one'), join(folder, 'two')];
  const rest = ['code/lib/z.jar', 'code/a.jar', 'code/b.jar', 'one/java/lib/l.jar', 'two/lib/m.jar'].map((path) => join(folder, path));
  assert.deepEqual(classPathOf({ codeDir, layerDirs }, '/runtime.jar'), [codeDir, ...rest, '/runtime.jar']);
  assert.deepEqual(classPathOf({ codeDir, layerDirs: [], jar: '/p.jar' }, '/runtime.jar'), ['/p.jar', ...rest.slice(0, 3), '/runtime.jar']);
});

test('what the function sets of Java is not set for it', () => {
  const flags = (own: string, archive?: string) => jvmFlags({ major: 17, memoryMb: 1000, tmp: '/t', archive, own }).join(' ');
  assert.match(flags(''), /^-XX:\+UseSerialGC -XX:TieredStopAtLevel=1 -Xmx900m -Xms16m /);
  const set = flags(
    '-XX:+UseG1GC -XX:TieredStopAtLevel=4 -XX:MaxRAMPercentage=50 -Dfile.encoding=UTF-16 -XX:SharedArchiveFile=/own',
    '/ours.jsa',
  );
  for (const ours of ['SerialGC', 'Tiered', '-Xm', 'file.encoding', '/ours.jsa']) assert.ok(!set.includes(ours), ours);
  assert.match(flags('', '/ours.jsa'), / -XX:SharedArchiveFile=\/ours\.jsa /);
});

test('the names that an instance tells are checked, bounded, and not those of the handler', () => {
  const library = new LibraryClasses('example.App::handleRequest');
  library.add('com.aliyun.OSS\nexample.App\nexample.App$Inner\nexample.deep.Part\nWithoutPackage\nnot a name\n../../etc\n\ncom.aliyun.OSS');
  assert.deepEqual(library.names, ['com.aliyun.OSS', 'example.deep.Part', 'WithoutPackage']);
  library.add(Array.from({ length: 5_000 }, (_, i) => `many.C${i}`).join('\n'));
  assert.equal(library.names.length, 3_000);
});

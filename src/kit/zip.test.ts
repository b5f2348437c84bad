import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, readFile, readlink, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { crc32, deflateRawSync } from 'node:zlib';
import { packFolder, packZip } from './pack.ts';
import { unpackZip, ZipError, type ZipLimits, type ZipReason } from './zip.ts';

let root = '';
let made = 0;
before(async () => {
  root = await mkdtemp(join(tmpdir(), 'zip-'));
});
after(() => rm(root, { recursive: true, force: true }));

interface Part {
  name: string | Buffer;
  data?: string | Buffer;
  /** Unix mode with type bits; 0100644 when left out. */
  mode?: number;
  flags?: number;
  method?: number;
  /** Size and checksum the headers claim, when they lie. */
  size?: number;
  crc?: number;
  /** Index of an earlier part whose bytes this one claims as its own. */
  shares?: number;
}

/** A ZIP written by hand, so that every field can lie. */
function craft(parts: Part[]): Buffer {
  const locals: Buffer[] = [];
  const records: Buffer[] = [];
  const starts: number[] = [];
  let at = 0;
  parts.forEach((part, index) => {
    const name = Buffer.from(part.name);
    const raw = Buffer.from(part.data ?? '');
    const method = part.method ?? 0;
    const packed = method === 8 ? deflateRawSync(raw) : raw;
    const fields = Buffer.alloc(26);
    fields.writeUInt16LE(20, 0);
    fields.writeUInt16LE((part.flags ?? 0) | 0x800, 2);
    fields.writeUInt16LE(method, 4);
    fields.writeUInt32LE(part.crc ?? crc32(raw), 10);
    fields.writeUInt32LE(packed.length, 14);
    fields.writeUInt32LE(part.size ?? raw.length, 18);
    fields.writeUInt16LE(name.length, 22);
    starts[index] = part.shares === undefined ? at : (starts[part.shares] as number);
    if (part.shares === undefined) {
      const local = Buffer.concat([Buffer.from('PK\x03\x04'), fields, name, packed]);
      locals.push(local);
      at += local.length;
    }
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(((part.mode ?? 0o100644) << 16) >>> 0, 6);
    tail.writeUInt32LE(starts[index] as number, 10);
    records.push(Buffer.concat([Buffer.from('PK\x01\x02'), Buffer.from([20, 3]), fields, tail, name]));
  });
  const directory = Buffer.concat(records);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(parts.length, 8);
  end.writeUInt16LE(parts.length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(at, 16);
  return Buffer.concat([...locals, directory, end]);
}

const roomy: ZipLimits = { entries: 100, bytes: 100_000_000 };

async function unpack(bytes: Buffer, limits = roomy): Promise<{ folder: string; result: { files: number; bytes: number } }> {
  made += 1;
  const folder = join(root, `${made}`);
  await writeFile(`${folder}.zip`, bytes);
  return { folder, result: await unpackZip(`${folder}.zip`, folder, limits) };
}

async function refused(reason: ZipReason, bytes: Buffer, limits = roomy): Promise<void> {
  await assert.rejects(unpack(bytes, limits), (error) => {
    assert.ok(error instanceof ZipError, String(error));
    assert.equal(error.reason, reason, error.message);
    return true;
  });
}

test('packs and unpacks files with their modes, the same bytes every time', async () => {
  const entries = [
    { name: 'index.py', data: Buffer.from('print(1)\n') },
    { name: 'bin/run', data: Buffer.alloc(300_000, 'x'), mode: 0o755 },
    { name: 'empty', data: Buffer.alloc(0), mode: 0o600 },
  ];
  const bytes = await packZip(entries);
  assert.deepEqual(await packZip(entries), bytes);
  const { folder, result } = await unpack(bytes);
  assert.deepEqual(result, { files: 3, bytes: 300_009 });
  assert.equal(await readFile(join(folder, 'index.py'), 'utf8'), 'print(1)\n');
  assert.equal((await readFile(join(folder, 'bin/run'))).length, 300_000);
  assert.equal((await stat(join(folder, 'bin/run'))).mode & 0o777, 0o755);
  assert.equal((await stat(join(folder, 'empty'))).mode & 0o7777, 0o644);
});

test('packs a folder with links, executables and empty folders', async () => {
  const source = join(root, 'source');
  await mkdir(join(source, 'a/none'), { recursive: true });
  await writeFile(join(source, 'a/run'), '#!/bin/sh\n');
  await chmod(join(source, 'a/run'), 0o700);
  await symlink('a/run', join(source, 'go'));
  const { folder, result } = await unpack(await packFolder(source));
  assert.deepEqual(result, { files: 2, bytes: 10 });
  assert.equal((await stat(join(folder, 'a/run'))).mode & 0o777, 0o755);
  assert.equal(await readlink(join(folder, 'go')), 'a/run');
  assert.deepEqual(await readdir(join(folder, 'a/none')), []);
});

test('does not pack a pipe', async () => {
  const source = join(root, 'pipes');
  await mkdir(source);
  execFileSync('mkfifo', [join(source, 'pipe')]);
  await assert.rejects(packFolder(source), { name: 'ZipError', reason: 'type' });
});

test('reads hand-made archives: deflate, directories, dots, repeated directories', async () => {
  const { folder, result } = await unpack(
    craft([
      { name: './', mode: 0o040755 },
      { name: 'd/', mode: 0o040755 },
      { name: 'd/', mode: 0o040755 },
      { name: './d//deep.txt', data: 'deep', method: 8 },
      { name: 'windows.txt', data: 'w', mode: 0 },
    ]),
  );
  assert.deepEqual(result, { files: 2, bytes: 5 });
  assert.equal(await readFile(join(folder, 'd/deep.txt'), 'utf8'), 'deep');
});

test('names that differ in case are two files where the file system can hold both', async () => {
  const sensitive = !existsSync(root.toUpperCase());
  const bytes = craft([
    { name: 'META-INF/LICENSE', data: 'a' },
    { name: 'META-INF/license', data: 'b' },
  ]);
  if (!sensitive) return refused('duplicate', bytes);
  const { folder } = await unpack(bytes);
  assert.deepEqual((await readdir(join(folder, 'META-INF'))).sort(), ['LICENSE', 'license']);
});

test('refuses names that leave the folder or cannot be held', async () => {
  for (const name of ['../x', 'a/../../x', '/etc/x', 'C:/x', 'a\\..\\x', 'a\0b', 'a\nb', `${'n'.repeat(256)}`, 'd/'.repeat(600)]) {
    const reason = /\.\.|^\/|^C:|\\/.test(name) ? /malformed|name/ : /name/;
    await assert.rejects(unpack(craft([{ name, data: '' }])), (error) => {
      assert.ok(error instanceof ZipError);
      assert.match(error.reason, reason);
      return true;
    });
  }
  assert.equal(existsSync(join(root, 'x')), false);
});

test('refuses duplicates, also by way of dots, and files below files', async () => {
  await refused(
    'duplicate',
    craft([
      { name: 'a', data: '1' },
      { name: 'a', data: '2' },
    ]),
  );
  await refused(
    'duplicate',
    craft([
      { name: 'a', data: '1' },
      { name: './a', data: '2' },
    ]),
  );
  await refused(
    'duplicate',
    craft([
      { name: 'a', data: '1' },
      { name: 'a/', mode: 0o040755 },
    ]),
  );
  await refused(
    'duplicate',
    craft([
      { name: 'a/b/c', data: '1' },
      { name: 'a', data: '2' },
    ]),
  );
  await refused(
    'duplicate',
    craft([
      { name: 'a', data: '.', mode: 0o120777 },
      { name: 'a/b', data: '2' },
    ]),
  );
});

test('refuses to write over what is there', async () => {
  const folder = join(root, 'taken');
  await mkdir(folder);
  await writeFile(join(folder, 'a'), 'mine');
  await writeFile(`${folder}.zip`, craft([{ name: 'a', data: 'theirs' }]));
  await assert.rejects(unpackZip(`${folder}.zip`, folder, roomy), { reason: 'duplicate' });
  assert.equal(await readFile(join(folder, 'a'), 'utf8'), 'mine');
});

test('refuses devices, pipes and sockets, and files named as directories', async () => {
  for (const type of [0o020000, 0o060000, 0o010000, 0o140000]) await refused('type', craft([{ name: 'x', mode: type | 0o644 }]));
  await refused('type', craft([{ name: 'x/', data: 'content' }]));
  await refused('type', craft([{ name: 'x/', data: '', mode: 0o120777 }]));
});

test('links inside the archive are kept', async () => {
  const { folder } = await unpack(
    craft([
      { name: 'lib/libz.so.1', data: 'elf' },
      { name: 'lib/libz.so', data: 'libz.so.1', mode: 0o120777 },
      { name: 'here', data: 'lib/../lib', mode: 0o120777 },
    ]),
  );
  assert.equal(await readFile(join(folder, 'here/libz.so'), 'utf8'), 'elf');
});

test('refuses links that lead out, in one step or through others, and circles', async () => {
  const link = (name: string, data: string): Part => ({ name, data, mode: 0o120777 });
  await refused('link', craft([link('a', '/etc/passwd')]));
  await refused('link', craft([link('a', '../x')]));
  await refused('link', craft([link('a', '..')]));
  await refused('link', craft([link('d/a', '../../x')]));
  await refused('link', craft([link('a', '')]));
  await refused('link', craft([link('a', 'b\0c')]));
  await refused('link', craft([link('a', 'x'.repeat(2000))]));
  // By its letters d/e/e2 stays inside; through "up", which stands for the root, it does not.
  await refused('link', craft([link('d/e/up', '../..'), link('d/e/e2', 'up/../x')]));
  await refused('link', craft([link('a', 'b'), link('b', 'a')]));
});

test('refuses encryption and unknown methods', async () => {
  await refused('encrypted', craft([{ name: 'a', data: '0123456789abcdef', flags: 1, size: 4 }]));
  await refused('encrypted', craft([{ name: 'a', data: 'x', flags: 0x2000 }]));
  await refused('method', craft([{ name: 'a', data: 'x', method: 12 }]));
});

test('refuses damaged data and sizes that lie', async () => {
  await refused('checksum', craft([{ name: 'a', data: 'abc', crc: 1 }]));
  await refused('checksum', craft([{ name: 'a', data: 'x', crc: 1, mode: 0o120777 }]));
  await refused('malformed', craft([{ name: 'a', data: 'x'.repeat(5000), method: 8, size: 10 }]));
  await refused('malformed', craft([{ name: 'a', data: 'x', method: 8, size: 5000 }]));
  await refused('malformed', craft([{ name: 'a', data: 'abc', size: 2 }]));
  await refused('malformed', Buffer.from('this is no archive'));
  await refused('malformed', Buffer.alloc(0));
  const whole = craft([{ name: 'a', data: 'abcdefgh' }]);
  await refused('malformed', whole.subarray(0, whole.length - 5));
  await refused('malformed', whole.subarray(20));
});

test('refuses more entries or bytes than allowed', async () => {
  const three = craft([
    { name: 'a', data: '12' },
    { name: 'b', data: '34' },
    { name: 'c/', mode: 0o040755 },
  ]);
  assert.deepEqual((await unpack(three, { entries: 3, bytes: 4 })).result, { files: 2, bytes: 4 });
  await refused('entries', three, { entries: 2, bytes: 4 });
  await refused('bytes', three, { entries: 3, bytes: 3 });
});

test('gives folders, files and programs the modes that it is told, large and small alike', async () => {
  made += 1;
  const folder = join(root, `${made}`);
  const big = randomBytes(3 << 20);
  await writeFile(
    `${folder}.zip`,
    craft([
      { name: 'a/small', data: 'x', method: 8 },
      { name: 'a/tool', data: '#!', mode: 0o100711 },
      { name: 'big', data: big, method: 8 },
      { name: 'stored', data: big },
      { name: 'setuid', data: 'x', mode: 0o106755 },
    ]),
  );
  const gid = process.getgid?.();
  const { bytes } = await unpackZip(`${folder}.zip`, folder, roomy, {
    file: 0o640,
    program: 0o750,
    folder: 0o710,
    ...(gid === 0 ? { gid: 12_345 } : {}),
  });
  assert.equal(bytes, 2 * big.length + 4);
  const facts = async (name: string) => {
    const info = await stat(join(folder, name));
    return [(info.mode & 0o7777).toString(8), gid === 0 ? info.gid : 12_345];
  };
  assert.deepEqual(await Promise.all(['.', 'a'].map(facts)), Array(2).fill(['710', 12_345]));
  assert.deepEqual(await Promise.all(['a/small', 'big', 'stored'].map(facts)), Array(3).fill(['640', 12_345]));
  assert.deepEqual(await Promise.all(['a/tool', 'setuid'].map(facts)), Array(2).fill(['750', 12_345]));
  assert.deepEqual(await readFile(join(folder, 'big')), big);
});

test('refuses lies in small and large entries, and a directory that points beside its entries', async () => {
  const large = 'x'.repeat(2 << 20);
  await refused('checksum', craft([{ name: 'a', data: large, crc: 1 }]));
  await refused('malformed', craft([{ name: 'a', data: large, method: 8, size: (2 << 20) - 1 }]), { ...roomy, ratio: 10_000 });
  await refused('malformed', craft([{ name: 'a', data: 'abc', method: 8, size: 0 }]));
  const whole = craft([{ name: 'a', data: 'abcdefgh' }]);
  const moved = Buffer.from(whole);
  moved.write('XX', 0);
  await refused('malformed', moved);
});

test('a JAR is a ZIP: its manifest, inner archives and signatures are files like others', async () => {
  const inner = craft([{ name: 'Inner.class', data: 'x' }]);
  const { folder, result } = await unpack(
    craft([
      { name: 'META-INF/', mode: 0 },
      { name: 'META-INF/MANIFEST.MF', data: 'Manifest-Version: 1.0\r\n\r\n', method: 8, mode: 0 },
      { name: 'META-INF/SIGN.RSA', data: 'x', mode: 0 },
      { name: 'lib/inner.jar', data: inner, mode: 0 },
      { name: 'example/App$1.class', data: 'x', mode: 0 },
    ]),
  );
  assert.equal(result.files, 4);
  assert.deepEqual(await readFile(join(folder, 'lib/inner.jar')), inner);
  await refused(
    'duplicate',
    craft([
      { name: 'A.class', data: '1' },
      { name: 'A.class', data: '2' },
    ]),
  );
  await refused('name', craft([{ name: 'META-INF/versions/11/../../../A.class', data: '1' }])).catch(() =>
    refused('malformed', craft([{ name: 'META-INF/versions/11/../../../A.class', data: '1' }])),
  );
});

test('refuses bombs: high ratios and overlapping entries', async () => {
  const zeros = craft([{ name: 'zeros', data: Buffer.alloc(5_000_000), method: 8 }]);
  await refused('ratio', zeros);
  assert.equal((await unpack(zeros, { ...roomy, ratio: 2000 })).result.bytes, 5_000_000);
  await refused(
    'overlap',
    craft([
      { name: 'a', data: 'kernel' },
      { name: 'b', data: 'kernel', shares: 0 },
    ]),
  );
});

test('a missing file is a file system error, not a bad ZIP', async () => {
  await assert.rejects(unpackZip(join(root, 'absent.zip'), join(root, 'absent'), roomy), { code: 'ENOENT' });
});

import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { test } from 'node:test';

const src = resolve(import.meta.dirname, '../src');

/** Each room's floor; a room imports only from lower floors, and protocols may import http. */
const floors: Record<string, number> = {
  kit: 0,
  telemetry: 10,
  signing: 10,
  faults: 10,
  metadata: 20,
  blobs: 20,
  identity: 31,
  buckets: 32,
  care: 33,
  accesspoints: 33,
  functions: 33,
  instances: 34,
  transforms: 35,
  tasks: 35,
  http: 41,
  'protocols/oss': 42,
  'protocols/fc': 42,
  'protocols/admin': 42,
  'protocols/sts': 42,
  'protocols/runtime': 42,
  cli: 50,
};
/** On the same floor: signing may throw Faults, which are plain values of floor 1. */
const neighbours: Record<string, string[]> = { signing: ['faults'] };
/** cli talks HTTP: of the rooms it knows only these. */
const cliMay = ['kit', 'signing', 'faults', 'telemetry'];

function files(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) return name === 'node_modules' ? [] : files(path);
    return path.endsWith('.ts') ? [path] : [];
  });
}

function roomOf(path: string): string {
  const [first = '', second = ''] = relative(src, path).split('/');
  if (first === 'protocols') return `protocols/${second}`;
  return first.endsWith('.ts') ? 'root' : first;
}

interface Import {
  from: string;
  to: string;
}

function importsOf(path: string): Import[] {
  const text = readFileSync(path, 'utf8');
  const found = [...text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].map((match) => match[1] as string);
  return found.map((target) => ({ from: path, to: resolve(dirname(path), target) }));
}

const all = files(src);
const crossings = all.flatMap(importsOf).filter(({ from, to }) => roomOf(from) !== roomOf(to));

function name(path: string): string {
  return relative(src, path);
}

test('every folder of src is a room of the floor plan', () => {
  const rooms = new Set(all.map(roomOf));
  rooms.delete('root');
  assert.deepEqual(
    [...rooms].filter((room) => floors[room] === undefined),
    [],
  );
  assert.ok(rooms.size >= 15, 'the walk found the rooms');
});

test('floors import only downwards', () => {
  const wrong = crossings.filter(({ from, to }) => {
    const [a, b] = [roomOf(from), roomOf(to)];
    if (a === 'root') return false;
    if (b === 'root') return a !== 'cli';
    if (a === 'cli') return !cliMay.includes(b);
    return (floors[b] ?? 99) >= (floors[a] ?? 0) && !neighbours[a]?.includes(b);
  });
  assert.deepEqual(
    wrong.map(({ from, to }) => `${name(from)} -> ${name(to)}`),
    [],
  );
});

test('only index.ts (and config.ts for the root config) crosses a wall', () => {
  const wrong = crossings.filter(({ from, to }) => {
    if (roomOf(to) === 'root') return false;
    const file = relative(join(src, roomOf(to)), to);
    return file !== 'index.ts' && !(roomOf(from) === 'root' && file === 'config.ts');
  });
  assert.deepEqual(
    wrong.map(({ from, to }) => `${name(from)} -> ${name(to)}`),
    [],
  );
});

test('time, chance and environment are read only in config and kit/clock', () => {
  const forbidden = /\bprocess\.env\b|\bDate\.now\b|\bMath\.random\b|(?<!\.)\bset(?:Timeout|Interval)\(|\bperformance\.now\b/;
  const wrong = all.filter((path) => {
    if (/(\.test|fixture|contract|config|kit\/clock)\.ts$/.test(path)) return false;
    const code = readFileSync(path, 'utf8').replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');
    return forbidden.test(code);
  });
  assert.deepEqual(wrong.map(name), []);
});

test('every room opens with what it is, what it is not and who calls it', () => {
  const rooms = [...new Set(all.map(roomOf))].filter((room) => room !== 'root');
  const wrong = rooms.filter((room) => {
    const head = readFileSync(join(src, room, 'index.ts'), 'utf8').match(/^\/\*\*([\s\S]*?)\*\//)?.[1] ?? '';
    return (head.match(/[.!?](\s|$)/g) ?? []).length < 3;
  });
  assert.deepEqual(wrong, []);
});

// A file may be called services.ts: the services of Function Compute 2.0 are a noun of the field.
test('no catch-all folders or suffixes', () => {
  const wrong = all.map(name).filter((path) => /(^|\/)((utils?|helpers?|common)(\/|\.ts$)|services?\/)|(-manager|-helper)\.ts$/.test(path));
  assert.deepEqual(wrong, []);
});

test('acceptance tests are black box', () => {
  const folder = resolve(import.meta.dirname, 'acceptance');
  const wrong = files(folder).filter((path) => importsOf(path).some(({ to }) => to.startsWith(`${src}/`)));
  assert.deepEqual(wrong, []);
});

test('the dependency budget holds: 20 direct, 60 in all', () => {
  const root = resolve(src, '..');
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { dependencies: Record<string, string> };
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { dev?: boolean; optional?: boolean; hasInstallScript?: boolean }>;
  };
  const direct = Object.entries(manifest.dependencies);
  const shipped = Object.entries(lock.packages).filter(([path, entry]) => path !== '' && !entry.dev && !entry.optional);
  assert.ok(direct.length <= 20, `${direct.length} direct dependencies`);
  assert.ok(shipped.length <= 60, `${shipped.length} packages`);
  assert.deepEqual(
    direct.filter(([, version]) => !/^\d/.test(version)),
    [],
    'versions are pinned',
  );
  assert.deepEqual(
    shipped.filter(([, entry]) => entry.hasInstallScript).map(([path]) => path),
    [],
    'no install scripts',
  );
});

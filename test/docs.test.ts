import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { test } from 'node:test';
import { stalePages } from '../scripts/docs.ts';
import { withoutSection } from './acceptance/matrix/table.ts';

const root = resolve(import.meta.dirname, '..');
const pages = globSync(['*.md', 'docs/**/*.md', 'examples/**/*.md'], { cwd: root }).sort();

/** A heading's anchor as GitHub makes it. */
function anchors(text: string): Set<string> {
  const headings = text.replace(/^```[\s\S]*?^```/gm, '').matchAll(/^#+ (.+)$/gm);
  return new Set(
    [...headings].map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}

test('the generated reference pages are up to date', () => {
  assert.deepEqual(stalePages(), [], 'run ./run docs');
});

test('links between pages lead somewhere', () => {
  const broken: string[] = [];
  let checked = 0;
  for (const page of pages) {
    const text = readFileSync(join(root, page), 'utf8').replace(/^```[\s\S]*?^```/gm, '');
    for (const [, target = ''] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      const [path = '', anchor] = target.split('#');
      const file = path === '' ? join(root, page) : join(root, dirname(page), path);
      checked += 1;
      if (!existsSync(file)) broken.push(`${page}: ${target}`);
      else if (anchor !== undefined && !anchors(readFileSync(file, 'utf8')).has(anchor)) broken.push(`${page}: ${target}`);
    }
  }
  assert.deepEqual(broken, []);
  assert.ok(checked > 20, `${checked} links were found`);
});

test('source files named in the pages exist', () => {
  const missing: string[] = [];
  for (const page of pages) {
    for (const [, path = ''] of readFileSync(join(root, page), 'utf8').matchAll(
      /`((?:src|scripts|test|bench|examples|docs)\/[\w./-]*[\w/])`/g,
    )) {
      if (!existsSync(join(root, path))) missing.push(`${page}: ${path}`);
    }
  }
  assert.deepEqual(missing, []);
});

/** The titles of a test file as they are written there, placeholders and all. */
function titlesOf(file: string): Set<string> {
  const source = readFileSync(join(root, file), 'utf8');
  return new Set([...source.matchAll(/\btest\(\s*(['"`])((?:(?!\1).)+)\1/g)].map(([, , title = '']) => title));
}

test('the compatibility list names tests that there are, and leaves no cell empty', () => {
  // The tables of OSS clients are compared with their run by test/acceptance/matrix.test.ts.
  const page = withoutSection(readFileSync(join(root, 'docs', 'compatibility.md'), 'utf8'));
  const wrong: string[] = [];
  const proofs = new Set<string>();
  for (const [line, mark = '', file = '', title = '', values = ''] of page.matchAll(/^- \*\*(\w+)\*\* `([^`]+)`: “([^”]+)”(.*)$/gm)) {
    if (proofs.has(mark)) wrong.push(`named twice: ${mark}`);
    proofs.add(mark);
    if (!existsSync(join(root, file)) || !titlesOf(file).has(title)) wrong.push(`no such test: ${line}`);
    else
      for (const [, value = ''] of values.matchAll(/`([^`]+)`/g))
        if (!readFileSync(join(root, file), 'utf8').includes(value)) wrong.push(`not tested with ${value}: ${line}`);
  }
  const used = new Set([...page.matchAll(/\[(\w+)\]/g)].map(([, mark = '']) => mark));
  for (const mark of used) if (!proofs.has(mark)) wrong.push(`no test has the mark [${mark}]`);
  for (const mark of proofs) if (!used.has(mark)) wrong.push(`[${mark}] proves no cell`);
  let cells = 0;
  for (const [row] of page.matchAll(/^\|(?! ---).*\|$/gm)) {
    for (const cell of row
      .slice(1, -1)
      .split('|')
      .map((text) => text.trim())) {
      cells += 1;
      if (cell === '') wrong.push(`an empty cell: ${row}`);
      if (/^(pass|differs)\b/.test(cell) && !/\[\w+\]/.test(cell)) wrong.push(`'${cell}' without a test: ${row}`);
    }
  }
  assert.deepEqual(wrong, []);
  assert.ok(cells > 200 && proofs.size > 40, `${cells} cells, ${proofs.size} tests`);
});

test('the page of the command line names every noun and verb that there is, and no other', () => {
  const script = execFileSync(process.execPath, [join(root, 'bin', 'sluice'), 'completion', 'bash'], { encoding: 'utf8' });
  const cases = [...script.matchAll(/^ {4}'(.*)'\) words='(.*)' ;;$/gm)];
  const verbs = new Map(
    cases.map(([, path = '', words = '']) => [path, words.split(' ').filter((word) => word !== '' && !word.startsWith('-'))]),
  );
  const [page = ''] = readFileSync(join(root, 'docs', 'cli.md'), 'utf8').split('\n## ');
  const rows = new Map([...page.matchAll(/^\| `([a-z-]+)` +\| (.+) \|$/gm)].map(([, noun = '', row = '']) => [noun, row]));
  const wrong: string[] = [];
  // The first two are told above the table.
  for (const noun of verbs.get('') ?? []) if (!rows.has(noun) && noun !== 'serve' && noun !== 'config') wrong.push(`no row for ${noun}`);
  for (const [noun, row] of rows) {
    const there = verbs.get(noun);
    if (!there && noun !== 'completion') wrong.push(`no such noun: ${noun}`);
    if (!there || there.length === 0) continue;
    // A group of verbs stands as `policy get` or, for all of them, as `policy ...`.
    const named = [...row.matchAll(/`([a-z-]+)(?: [a-z.]+)?`/g)].map(([, verb = '']) => verb);
    for (const verb of there) if (!named.includes(verb)) wrong.push(`${noun}: ${verb} is not named`);
    for (const verb of named) if (!there.includes(verb)) wrong.push(`${noun}: there is no ${verb}`);
  }
  assert.deepEqual(wrong, []);
  assert.ok(rows.size > 15, `${rows.size} nouns`);
});

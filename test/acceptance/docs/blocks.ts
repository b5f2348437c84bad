import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../harness/toolchain.ts';

/** A fenced block of a Markdown page. What the tests do with it stands in its info string, behind the language: "```sh test". */
export interface Block {
  readonly page: string;
  /** Of the fence, from 1. */
  readonly line: number;
  readonly language: string;
  /** `test`, `until=REGEX`, `output`, `file=PATH`, `PUT PATH`, or '' for one that only readers use. */
  readonly kind: string;
  readonly text: string;
  /** From a comment above the fence: why it is not run. */
  readonly reason: string | undefined;
}

/** Sample data, which shows a fence, and no page. */
const samples = ['examples/objects/welcome.md'];
/** These pages are one client each, and have a test of their own that runs every snippet with that client. */
const elsewhere = /^docs\/connect\//;

/** Pages of the repository whose blocks are run here, by path. */
export function pages(): string[] {
  const found = globSync(['*.md', 'docs/**/*.md', 'examples/**/*.md'], { cwd: root }).sort();
  return found.filter((page) => !samples.includes(page) && !elsewhere.test(page));
}

/** The fenced blocks of a page, in order. */
export function blocksOf(page: string): Block[] {
  const blocks: Block[] = [];
  let open: { line: number; info: string; text: string[]; reason: string | undefined } | undefined;
  let above = '';
  for (const [index, line] of readFileSync(join(root, page), 'utf8').split('\n').entries()) {
    if (open && line === '```') {
      const [language = '', ...kind] = open.info.split(' ');
      const text = open.text.map((each) => `${each}\n`).join('');
      blocks.push({ page, line: open.line, language, kind: kind.join(' '), text, reason: open.reason });
      open = undefined;
      above = '';
    } else if (open) open.text.push(line);
    else if (line.startsWith('```')) {
      const reason = /^<!-- no-run: (.+) -->$/.exec(above)?.[1];
      open = { line: index + 1, info: line.slice(3).trim(), text: [], reason };
    } else if (line !== '') above = line;
  }
  if (open) throw new Error(`${page}:${open.line}: the fence is not closed`);
  return blocks;
}

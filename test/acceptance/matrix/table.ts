/** The expected outcome of each cell, and the section of docs/compatibility.md that is written from it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { operations } from './operations.ts';

/** The columns: what a client is called, and the version that its driver must report. */
export const clients = {
  oss2: { title: 'Python, oss2', version: '2.19.1' },
  'python-v2': { title: 'Python v2', version: '1.4.1' },
  'java-v1': { title: 'Java v1', version: '3.18.5' },
  'java-v2': { title: 'Java v2', version: '0.4.0' },
  'go-v1': { title: 'Go v1', version: 'v3.0.2' },
  'go-v2': { title: 'Go v2', version: 'v1.6.1' },
  'ali-oss': { title: 'ali-oss', version: '6.23.0' },
} as const;

export type ClientName = keyof typeof clients;

/** `pass`, `not offered`, or which signature it works with; anything else needs a name in `defects`. */
export type Outcome = 'pass' | 'not offered' | 'V1 only' | 'V4 only' | 'fails';

/** What is neither `pass` nor `not offered`, with the reason that the page gives. */
export const defects: { client: ClientName; ops: readonly string[]; why: string }[] = [
  {
    client: 'java-v2',
    ops: [
      ...['PutBucketPolicy', 'GetBucketPolicy', 'GetBucketPolicyStatus', 'DeleteBucketPolicy', 'PutBucketReferer', 'GetBucketReferer'],
      ...['Lifecycle', 'Encryption', 'Website'].flatMap((noun) => [`PutBucket${noun}`, `GetBucket${noun}`, `DeleteBucket${noun}`]),
      ...['GetObject, x-oss-process', 'ProcessObject'],
      ...['Put', 'Get', 'Delete'].flatMap((verb) => [`${verb}BucketPublicAccessBlock`, `${verb}PublicAccessBlock`]),
      ...['Put', 'Get', 'Delete'].flatMap((verb) => [`${verb}AccessPointPolicy`, `${verb}AccessPointPolicyForObjectProcess`]),
      ...['Create', 'Get', 'Delete'].flatMap((verb) => [`${verb}AccessPoint`, `${verb}AccessPointForObjectProcess`]),
      ...['ListAccessPoints', 'ListAccessPointsForObjectProcess'],
      ...['PutAccessPointConfigForObjectProcess', 'GetAccessPointConfigForObjectProcess'],
    ],
    why: 'The V1 signer of this SDK leaves the name of the operation out of what it signs (`policy`, `accessPoint` ...), which OSS V1 demands, and gets SignatureDoesNotMatch. V4 is its default.',
  },
  {
    client: 'python-v2',
    ops: ['GetObject, x-oss-process', 'ProcessObject'],
    why: 'The V1 signer of this SDK leaves `x-oss-process` out of what it signs, which OSS V1 demands, and gets SignatureDoesNotMatch. V4 is its default.',
  },
  {
    client: 'ali-oss',
    ops: ['transformed GetObject, a parameter'],
    why: 'With V1 ali-oss signs every parameter that it is given as a subresource of OSS, which the parameters of a function are not, and gets SignatureDoesNotMatch.',
  },
];

const noteOf = (op: string, client: ClientName) => defects.findIndex((defect) => defect.client === client && defect.ops.includes(op));

/** Whether what is wrong with a cell is told below the tables. */
export const isNamed = (op: string, client: ClientName): boolean => noteOf(op, client) >= 0;

export type Table = Record<string, Record<ClientName, Outcome>>;

const root = join(import.meta.dirname, '..', '..', '..');
export const expectedFile = join(import.meta.dirname, 'expected.json');
export const pageFile = join(root, 'docs', 'compatibility.md');

/** The table that runs must come to. `SLUICE_MATRIX=write` has a run write it. */
export function expectedTable(): Table {
  return JSON.parse(readFileSync(expectedFile, 'utf8')) as Table;
}

const [begin, end] = ['<!-- matrix: written by test/acceptance/matrix.test.ts -->', '<!-- matrix ends -->'];

/** The page's text without the section, for checks of what is written by hand. */
export function withoutSection(page: string): string {
  return page.slice(0, page.indexOf(begin)) + page.slice(page.indexOf(end) + end.length);
}

/** The section as it is in the page. */
export function writtenSection(page: string): string {
  return page.slice(page.indexOf(begin), page.indexOf(end) + end.length);
}

/** The page with the section replaced. */
export function withSection(page: string, section: string): string {
  return page.slice(0, page.indexOf(begin)) + section + page.slice(page.indexOf(end) + end.length);
}

function markdown(head: string[], body: string[][]): string {
  const all = [head, ...body];
  const widths = head.map((_, column) => Math.max(3, ...all.map((row) => row[column]?.length ?? 0)));
  const line = (row: string[]) => `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...body.map(line)].join('\n');
}

/** The section that belongs to a table. */
export function section(table: Table): string {
  const names = Object.keys(clients) as ClientName[];
  const tables = Object.entries(operations).map(([group, rows]) => {
    const body = Object.keys(rows).map((op) => [op, ...names.map((name) => cell(table, op, name))]);
    return markdown([group, ...names.map((name) => clients[name].title)], body);
  });
  const versions = names.map((name) => `${clients[name].title} ${clients[name].version}`).join(', ');
  const notes = defects.map(({ why }, at) => `${at + 1}. ${why}`);
  return `${[begin, `Versions: ${versions}.`, ...tables, ...(notes.length > 0 ? [notes.join('\n')] : []), end].join('\n\n')}`;
}

function cell(table: Table, op: string, client: ClientName): string {
  const outcome = table[op]?.[client] ?? '';
  const note = noteOf(op, client);
  return note < 0 ? outcome : `${outcome} (${note + 1})`;
}

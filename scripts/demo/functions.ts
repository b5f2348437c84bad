export type Language = 'Python' | 'Node.js' | 'Java' | 'Go';

/** A function of the demo: `examples/<folder>`, bound to the demo's bucket under its name. */
export interface DemoFunction {
  name: string;
  language: Language;
  folder: string;
  runtime: string;
  handler: string;
  /** The object and the query that the demo's link asks for. */
  object: string;
  query?: Record<string, string>;
  /** What the link gives, in a few words. */
  gives: string;
}

/** The objects of the demo, `examples/objects/<key>`, with their types. */
export const objects: Readonly<Record<string, string>> = {
  'landscape.jpg': 'image/jpeg',
  'people.csv': 'text/csv; charset=utf-8',
  'access.log.gz': 'application/gzip',
  'welcome.md': 'text/markdown; charset=utf-8',
};

const node = { language: 'Node.js', runtime: 'nodejs24', handler: 'index.fetch' } as const;
const python = { language: 'Python', runtime: 'python3.10', handler: 'index.handler' } as const;

export const functions: readonly DemoFunction[] = [
  { name: 'thumbnail', ...python, folder: 'python/thumbnail', object: 'landscape.jpg', query: { w: '320' }, gives: '320 pixels wide' },
  {
    ...{ name: 'watermark', ...node, folder: 'nodejs/watermark', object: 'landscape.jpg', query: { w: '640' } },
    gives: '640 pixels wide, with a seal',
  },
  { name: 'red-png', ...python, folder: 'python/red-png', object: 'landscape.jpg', gives: 'a red square' },
  {
    name: 'red-png-java',
    language: 'Java',
    folder: 'java/red-png',
    runtime: 'java11',
    handler: 'example.RedPng::handleRequest',
    object: 'landscape.jpg',
    gives: 'a red square',
  },
  {
    name: 'red-png-go',
    language: 'Go',
    folder: 'go/red-png',
    runtime: 'go1',
    handler: 'main',
    object: 'landscape.jpg',
    gives: 'a red square',
  },
  { name: 'redact', ...node, folder: 'nodejs/redact', object: 'people.csv', gives: 'personal data hidden' },
  { name: 'gunzip', ...node, folder: 'nodejs/gunzip', object: 'access.log.gz', gives: 'unpacked' },
  { name: 'markdown', ...node, folder: 'nodejs/markdown', object: 'welcome.md', gives: 'a page; browsers save it' },
];

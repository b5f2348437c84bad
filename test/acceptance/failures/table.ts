/** Every way in which a function can fail a waiting client, and what each kind of client must see. docs/failures.md is written from it. */

export const clients = ['GET', 'presigned', 'HEAD', 'slow', 'HTTP/1.0', 'gone'] as const;
export type ClientName = (typeof clients)[number];

/** `200`: the whole answer. `reset`: a broken connection. `nothing`: the client has left, and nothing of its request is left over. Else status and code. */
export type Outcome = string;

export interface Row {
  step: 'door' | 'start' | 'before' | 'read' | 'head' | 'body' | 'after' | 'web';
  /** What the function does. */
  what: string;
  /** What the test's function is told to do, and which of the test's functions it is. */
  order: string;
  fn: 'failing' | 'brief' | 'unstarted' | 'stuck' | 'unconfigured' | 'missing' | 'forbidden' | 'busy' | 'web' | 'webbrief';
  /** What clients see that have not left. */
  seen: Outcome;
  /** Of a HEAD, where the bytes are only counted before the head is sent. */
  head?: Outcome;
  /** How often the function is given the event. */
  runs: 0 | 1;
}

const failed = '500 FunctionInvocationError';
const missing = '500 FunctionResponseMissing';
const late = '504 FunctionTimeout';
const run = { fn: 'failing', runs: 1 } as const;
const brief = { fn: 'brief', runs: 1 } as const;
const web = { step: 'web', fn: 'web', runs: 1 } as const;
const webBrief = { step: 'web', fn: 'webbrief', runs: 1 } as const;

export const rows: readonly Row[] = [
  {
    step: 'door',
    what: 'is not named: there is no configuration',
    order: 'door-unconfigured',
    fn: 'unconfigured',
    seen: '400 InvalidRequest',
    runs: 0,
  },
  { step: 'door', what: 'does not exist', order: 'door-missing', fn: 'missing', seen: '400 FunctionNotFound', runs: 0 },
  {
    step: 'door',
    what: 'may not be invoked by the role',
    order: 'door-forbidden',
    fn: 'forbidden',
    seen: '403 FunctionAccessDenied',
    runs: 0,
  },
  { step: 'door', what: 'is spared: its access point is at its limit', order: 'door-busy', fn: 'busy', seen: '503 SlowDown', runs: 0 },

  { step: 'start', what: 'is killed while it is imported', order: 'start-kill', fn: 'unstarted', seen: failed, runs: 0 },
  { step: 'start', what: 'hangs in its initializer', order: 'start-hang', fn: 'stuck', seen: failed, runs: 0 },

  { step: 'before', what: 'is killed', order: 'before-kill', ...run, seen: failed },
  { step: 'before', what: 'raises an error', order: 'before-raise', ...run, seen: failed },
  { step: 'before', what: 'hangs', order: 'before-hang', ...brief, seen: late },
  { step: 'before', what: 'is slow, but in time', order: 'before-slow', ...run, seen: '200' },
  { step: 'before', what: 'returns without an answer', order: 'before-early', ...run, seen: missing },
  { step: 'before', what: 'returns more than 32 MiB instead of an answer', order: 'before-oversized', ...run, seen: failed },

  { step: 'read', what: 'is killed with half of it read', order: 'read-kill', ...run, seen: failed },
  { step: 'read', what: 'hangs with half of it read', order: 'read-hang', ...brief, seen: late },
  { step: 'read', what: 'raises with half of it read', order: 'read-raise', ...run, seen: failed },
  { step: 'read', what: 'returns with half of it read', order: 'read-early', ...run, seen: missing },
  { step: 'read', what: 'reads half of it, and answers', order: 'read-half', ...run, seen: '200' },
  { step: 'read', what: 'reads one that is not there, and forwards 404', order: 'read-missing', ...run, seen: '404 NoSuchKey' },

  { step: 'head', what: 'is killed behind the head', order: 'head-kill', ...run, seen: failed },
  { step: 'head', what: 'hangs behind the head', order: 'head-hang', ...brief, seen: late },
  { step: 'head', what: 'raises behind the head', order: 'head-raise', ...run, seen: failed },
  { step: 'head', what: 'sends half a head and returns', order: 'head-half', ...run, seen: missing },
  { step: 'head', what: 'sends a head of more than 64 KiB', order: 'head-oversized', ...run, seen: failed },
  { step: 'head', what: 'breaks off behind the head, and then answers', order: 'head-double', ...run, seen: '200' },

  { step: 'body', what: 'is killed midway', order: 'body-kill', ...run, seen: 'reset', head: failed },
  { step: 'body', what: 'hangs midway', order: 'body-hang', ...brief, seen: 'reset', head: late },
  { step: 'body', what: 'raises midway', order: 'body-raise', ...run, seen: 'reset', head: failed },
  { step: 'body', what: 'is slow: bytes flow beyond its timeout', order: 'body-slow', ...brief, seen: '200' },
  { step: 'body', what: 'sends half of what it declared', order: 'body-half', ...run, seen: 'reset', head: missing },
  { step: 'body', what: 'sends half, without a length declared', order: 'body-chunked', ...run, seen: 'reset', head: missing },
  { step: 'body', what: 'returns before its body has ended', order: 'body-early', ...run, seen: 'reset', head: missing },
  { step: 'body', what: 'sends more than it declared', order: 'body-oversized', ...run, seen: '200' },
  { step: 'body', what: 'sends a body that does not fit its Content-MD5', order: 'body-false', ...run, seen: 'reset', head: failed },
  { step: 'body', what: 'sends two answers at once', order: 'both-double', ...run, seen: '200' },

  { step: 'after', what: 'is killed', order: 'after-kill', ...run, seen: '200' },
  { step: 'after', what: 'hangs', order: 'after-hang', ...brief, seen: '200' },
  { step: 'after', what: 'raises an error', order: 'after-raise', ...run, seen: '200' },
  { step: 'after', what: 'is slow to return', order: 'after-slow', ...run, seen: '200' },
  { step: 'after', what: 'answers a second time', order: 'after-double', ...run, seen: '200' },
  { step: 'after', what: 'returns more than 32 MiB', order: 'after-oversized', ...run, seen: '200' },

  { ...web, what: 'is killed before its Response', order: 'web-kill', seen: failed },
  { ...webBrief, what: 'hangs before its Response', order: 'web-hang', seen: late },
  { ...web, what: 'throws', order: 'web-raise', seen: failed },
  { ...web, what: 'returns what is no Response', order: 'web-none', seen: failed },
  { ...web, what: 'is killed in the middle of the body', order: 'web-midkill', seen: 'reset', head: '200' },
  { ...webBrief, what: 'hangs in the middle of the body', order: 'web-midhang', seen: 'reset', head: '200' },
  { ...web, what: 'breaks the body off', order: 'web-midraise', seen: 'reset', head: '200' },
  { ...web, what: 'ends the body before its Content-Length', order: 'web-half', seen: 'reset', head: '200' },
  { ...web, what: 'gives more than its Content-Length', order: 'web-oversized', seen: 'reset', head: '200 with the length 514288' },
  { ...webBrief, what: 'is slow: bytes flow beyond its timeout', order: 'web-slow', seen: '200' },
  { ...web, what: 'is killed behind its answer', order: 'web-late', seen: '200' },
];

/** What a client must see. */
export function expected(row: Row, client: ClientName): Outcome {
  if (client === 'gone') return 'nothing';
  return client === 'HEAD' ? (row.head ?? row.seen) : row.seen;
}

const titles: Record<Row['step'], string> = {
  door: 'Before the function is asked',
  start: 'Before it has the event',
  before: 'Before it answers',
  read: 'While it reads the original',
  head: 'Between the head of its answer and the first byte',
  body: 'In the body of its answer',
  after: 'After its answer',
  web: 'In the form of the web',
};

const legend = `# Failures

This page is written by the run that makes every failure below happen: \`test/acceptance/failures.test.ts\`, from \`test/acceptance/failures/table.ts\`. The test
fails when a cell differs from what was seen, and when a cell is blank.

Whatever a function does, its client learns the truth: the whole answer, an error with a code of its own, or a broken connection. Never half an answer that looks
whole. Until the head of the answer is sent, every failure is an error document; after it, the connection is reset.

| cell       | what it means                                                                                                                  |
| ---------- | ------------------------------------------------------------------------------------------------------------------------------ |
| \`200\`      | the whole answer; for HEAD its head, with the length                                                                           |
| \`reset\`    | the head and some bytes may have come; then the connection is reset, also where HTTP/1.0 would take its end for that of a body |
| \`nothing\`  | the client left. The function runs on, its answer is taken and thrown away, and nothing of the request is left over            |
| \`500 Code\` | status and code of the error; what to do about it is told in [Object FC access points](object-fc.md#when-it-goes-wrong)        |

The columns are the clients: a signed GET, a GET by presigned URL, HEAD, a client that reads nothing at first, an HTTP/1.0 client, and one that leaves while the
function works. A function is given an event once at most: nothing is tried again that the function may have begun. The last column counts it.

What a function is told: its timeout in the context of its runtime; in the event as \`deadline\` the time (epoch milliseconds) until which the client waits for the head of the
answer. A function in [the form of the web](functions-node.md#the-form-of-the-web) hears by \`request.signal\` that its client left. Other runtimes have no channel for that:
they run on, and their answer is accepted.

The functions are in Python and answer by WriteGetObjectResponse; those of the last table are in the form of the web and answer over their own connection. There a
declared Content-Length is the head of HEAD.
`;

/** The page, with the cells as they were seen. */
export function renderPage(seen: (row: Row, client: ClientName) => Outcome): string {
  const parts = [legend];
  for (const step of Object.keys(titles) as Row['step'][]) {
    const head = ['the function', ...clients.map((client) => (client === 'slow' ? 'slow client' : client)), 'runs'];
    const lines = rows
      .filter((row) => row.step === step)
      .map((row) => [row.what, ...clients.map((client) => `\`${seen(row, client)}\``), String(row.runs)]);
    parts.push(`## ${titles[step]}\n\n${table(head, lines)}\n`);
  }
  return parts.join('\n');
}

function table(head: string[], lines: string[][]): string {
  const all = [head, ...lines];
  const widths = head.map((_, column) => Math.max(3, ...all.map((line) => line[column]?.length ?? 0)));
  const row = (line: string[]) => `| ${line.map((text, column) => text.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  return [row(head), row(widths.map((width) => '-'.repeat(width))), ...lines.map(row)].join('\n');
}

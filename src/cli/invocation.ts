import { Command } from 'commander';
import type { InvocationDetail, InvocationSummary } from '../telemetry/index.ts';
import { type Asking, askingOf, asks, part, reaches } from './action.ts';
import { interruptible } from './interrupt.ts';
import { recordVerb } from './invocation-record.ts';
import { replayVerb } from './invocation-replay.ts';
import { outcomeOf, showInvocation } from './invocation-show.ts';
import { printJson, printLine, printTable, shown } from './output.ts';

/** A summary as the API tells it. */
export type Told = Omit<InvocationSummary, 'at'> & { readonly at: string };
/** A whole record as the API tells it. */
export type ToldDetail = Omit<InvocationDetail, 'at'> & { readonly at: string };

/** Gives a command the options that say which invocations are meant. */
export function filters(command: Command): Command {
  return command
    .option('--status <status>', 'an HTTP status, an error code, answered, abandoned, or failed for all that were not answered')
    .option('--function <name>', 'of one function')
    .option('--access-point <name>', 'of one Object FC access point')
    .option('--since <time>', 'a time, or an age such as 30s, 10m, 2h or 7d');
}

/** Those filters as a query. */
export function filterQuery(options: Readonly<Record<string, unknown>>): Record<string, string | undefined> {
  const text = (name: string) => options[name] as string | undefined;
  return { status: text('status'), function: text('function'), accessPoint: text('accessPoint'), since: text('since') };
}

/** The record of a request by any of its ids. */
export function getInvocation({ client }: Pick<Asking, 'client'>, id: string): Promise<ToldDetail> {
  return client.admin<ToldDetail>('GET', `/invocations/${part(id)}`);
}

function row(invocation: Told): unknown[] {
  const { id, at, accessPoint, function: fn, key, totalMs, cold, rule = '' } = invocation;
  return [
    at.replace(/\.\d+Z$/, 'Z'),
    id,
    outcomeOf(invocation),
    accessPoint,
    fn,
    `${Math.round(totalMs)} ms${cold ? ', cold' : ''}`,
    rule,
    key,
  ];
}

const headings = ['time', 'request', 'outcome', 'access point', 'function', 'took', 'rule', 'key'];

async function list({ client, options }: Asking): Promise<{ invocations: Told[]; next?: string }> {
  const query = { ...filterQuery(options), limit: options.limit as string | undefined, next: options.next as string | undefined };
  return client.admin('GET', '/invocations', { query });
}

async function follow({ client, options }: Asking): Promise<void> {
  const print = (line: string) => {
    if (options.json === true) return printLine(line);
    const told = JSON.parse(line) as Told | { missed: number };
    printLine('missed' in told ? `(${told.missed} more could not be shown)` : row(told).map(shown).join('  ').trimEnd());
  };
  // Ctrl C is how following ends.
  await interruptible((signal) =>
    client.adminLines('/invocations/stream', { query: filterQuery(options), signal }, print).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    }),
  );
}

/** `sluice invocation`: records of requests through Object FC access points. */
export function invocationNoun(): Command {
  const noun = new Command('invocation')
    .description('records of requests through Object FC access points: why they failed, and how to replay them')
    .exitOverride();
  asks<{ invocations: Told[]; next?: string }>(
    filters(noun.command('list').description('list requests, newest first'))
      .option('--limit <number>', 'how many (1 to 1000; default 100)')
      .option('--next <text>', 'where the page before ended'),
    list,
    ({ invocations, next }) => {
      printTable(headings, invocations.map(row));
      if (next !== undefined) printLine(`There are more: --next ${next}`);
    },
  );
  reaches(
    noun
      .command('show <request-id>')
      .description('show what happened to a request, by any x-oss-request-id: of the GetObject, the function or WriteGetObjectResponse')
      .option('--event', 'with the event that the function got')
      .option('--headers', 'with all headers'),
  ).action(async (id: string, options: Record<string, unknown>) => {
    const detail = await getInvocation(await askingOf(options), id);
    if (options.json === true) printJson(detail);
    else showInvocation(detail, { headers: options.headers === true, event: options.event === true });
  });
  reaches(filters(noun.command('follow').description('print each request when it is over, until Ctrl C'))).action(
    async (options: Record<string, unknown>) => follow(await askingOf(options)),
  );
  recordVerb(noun);
  replayVerb(noun);
  return noun;
}

import { sleep } from '../kit/index.ts';
import { part } from './action.ts';
import type { Client } from './client.ts';
import { printLine, shown } from './output.ts';

/** One line that a function printed. */
export interface LogLine {
  readonly number: number;
  /** '' between invocations. */
  readonly requestId: string;
  readonly text: string;
}

interface Page {
  readonly lines: readonly LogLine[];
  /** Number to go on behind. */
  readonly newest: number;
  /** There are further ones behind it. */
  readonly more: boolean;
}

const pollMs = 500;

/** Lines of a function behind a number that are still kept. */
export function readLogs(client: Client, name: string, after: number, requestId?: string): Promise<Page> {
  return client.admin<Page>('GET', `/functions/${part(name)}/logs`, { query: { after: String(after), request: requestId } });
}

/** Prints the lines of a function as they come, until the signal aborts. @param after number of the last line that is known */
export async function followLogs(
  client: Client,
  name: string,
  options: { after: number; requestId?: string | undefined; signal: AbortSignal; print: (line: LogLine) => void },
): Promise<void> {
  let { after } = options;
  while (!options.signal.aborted) {
    const page = await readLogs(client, name, after, options.requestId);
    // A server that was started anew counts from the beginning.
    after = page.newest < after ? 0 : page.newest;
    for (const line of page.lines) options.print(line);
    if (!page.more) await sleep(pollMs, options.signal).catch(() => undefined);
  }
}

/** For people: the request behind the function's own words. */
export function printLog({ requestId, text }: LogLine): void {
  printLine(requestId === '' || text.includes(requestId) ? shown(text) : `${requestId} ${shown(text)}`);
}

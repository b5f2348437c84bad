import type { OldEntry } from './catalog.ts';
import type { InvocationDetail, InvocationSummary } from './record.ts';
import type { Place, Segments } from './segments.ts';

const tab = 9;

/** The summary in a line, which is all before the tab; undefined for one that is torn or of another kind. */
export function summaryIn(text: string): InvocationSummary | { add: string } | undefined {
  try {
    const head = JSON.parse(text) as InvocationSummary | { add: string };
    if ('add' in head) return typeof head.add === 'string' ? head : undefined;
    return typeof head.id === 'string' && Array.isArray(head.answers) ? head : undefined;
  } catch {
    return undefined;
  }
}

/** An attempt that was written behind its record. @param at epoch milliseconds at which its request came in */
export function addition(line: Buffer, at: number): InvocationDetail['attempts'][number] {
  const { at: when, ...attempt } = JSON.parse(line.subarray(line.indexOf(tab) + 1).toString()) as { at: number } & Omit<
    InvocationDetail['attempts'][number],
    'atMs'
  >;
  return { ...attempt, atMs: when - at };
}

/** What the files of one chain hold, oldest first. Lines that are torn are passed over. */
export async function storedEntries(segments: Segments): Promise<OldEntry[]> {
  await segments.open();
  const byId = new Map<string, OldEntry & { more: Place[] }>();
  for (const number of segments.numbers) {
    for await (const { place, line } of segments.lines(number)) {
      const summary = line.indexOf(tab);
      // A record ends with the brace of its detail; a line that was cut off does not.
      const head = summary > 0 && line.at(-1) === 0x7d ? summaryIn(line.toString('utf8', 0, summary)) : undefined;
      if (!head) continue;
      if ('add' in head) byId.get(head.add)?.more.push(place);
      else byId.set(head.id, { indexed: head, overAt: head.at + head.totalMs, place: { ...place, summary }, more: [] });
    }
  }
  return [...byId.values()];
}

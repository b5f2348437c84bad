import type { Entry } from './catalog.ts';
import type { InvocationDetail, InvocationSummary } from './record.ts';
import type { Segments } from './segments.ts';

const tab = 9;

/** The part of a line before the tab; undefined for a line that is torn or of another kind. */
function headOf(line: Buffer): InvocationSummary | { add: string } | undefined {
  const end = line.indexOf(tab);
  // A record ends with the brace of its detail; a line that was cut off does not.
  if (end < 0 || line.at(-1) !== 0x7d) return undefined;
  try {
    const head = JSON.parse(line.toString('utf8', 0, end)) as InvocationSummary | { add: string };
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

/** What the files of one chain hold. Lines that are torn are passed over. */
export async function storedEntries(segments: Segments, chain: number): Promise<Omit<Entry, 'number'>[]> {
  await segments.open();
  const byId = new Map<string, Omit<Entry, 'number'>>();
  for (const number of segments.numbers) {
    for await (const { place, line } of segments.lines(number)) {
      const head = headOf(line);
      if (!head) continue;
      const earlier = 'add' in head ? byId.get(head.add) : undefined;
      if (earlier) earlier.more = [...(earlier.more ?? []), place];
      if (!('add' in head)) byId.set(head.id, { summary: head, chain, place, more: undefined });
    }
  }
  return [...byId.values()];
}

import type { Transform } from '@sluice/function';

const longestLine = 1024 * 1024;

/**
 * Personal data of a CSV, hidden on the way out: e-mail addresses, telephone numbers and card numbers, line by line as they stream. Nothing of a line
 * leaves before it was looked at as a whole.
 */
export default {
  async fetch(_request, context) {
    const original = await context.original();
    // 404 and other errors go to the client as the store tells them.
    if (!original.ok || original.body === null) return original;
    const type = original.headers.get('content-type') ?? 'text/csv; charset=utf-8';
    return new Response(original.body.pipeThrough(redacted()), { headers: { 'Content-Type': type } });
  },
} satisfies Transform;

/** Bytes become text and text bytes one to one (Latin-1), so that every encoding that contains ASCII comes out as it went in. */
function redacted(): TransformStream<Uint8Array, Uint8Array> {
  let rest = '';
  return new TransformStream({
    transform(chunk, controller) {
      const text = rest + Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString('latin1');
      const end = text.lastIndexOf('\n') + 1;
      rest = text.slice(end);
      if (rest.length > longestLine) throw new Error(`A line is longer than ${longestLine} bytes.`);
      if (end > 0) controller.enqueue(Buffer.from(redact(text.slice(0, end)), 'latin1'));
    },
    flush(controller) {
      if (rest !== '') controller.enqueue(Buffer.from(redact(rest), 'latin1'));
    },
  });
}

/** Hides what looks like personal data. Lengths are bounded, so that no text takes more than linear time. */
export function redact(text: string): string {
  return text
    .replace(/[\w.+%\x80-\xff-]{1,128}@[\w\x80-\xff-]{1,63}(?:\.[\w\x80-\xff-]{1,63}){1,8}/g, '[email]')
    .replace(/\d(?:[ -]{0,2}\d){12,199}/g, withoutCards)
    .replace(/(?<![\w.])(?:\+|\(|(?=0))\d(?:[ ()/-]{0,2}\d){6,14}(?!\d)/g, '[phone]');
}

/**
 * Card numbers have 13 to 19 digits and end in a check digit; they begin and end where groups of digits do. Whatever could be part of one is hidden, but for
 * the last four digits.
 */
function withoutCards(run: string): string {
  const groups = run.split(/([ -]+)/);
  /** For each group the last group of the longest card number that begins there. */
  const ends = groups.map((_, first) => (first % 2 === 0 ? endOfCard(groups, first) : -1));
  let shown = '';
  for (let at = 0; at < groups.length; at += 1) {
    let end = ends[at] as number;
    if (end >= 0) {
      // Numbers that overlap are hidden as one.
      for (let next = at; next <= end; next += 1) end = Math.max(end, ends[next] as number);
      shown += `[card ${groups
        .slice(at, end + 1)
        .join('')
        .replace(/\D/g, '')
        .slice(-4)}]`;
      at = end;
    } else shown += groups[at];
  }
  return shown;
}

function endOfCard(groups: string[], first: number): number {
  let [number, end] = ['', -1];
  for (let last = first; last < groups.length && number.length < 19; last += 2) {
    number += groups[last];
    if (number.length >= 13 && number.length <= 19 && checks(number)) end = last;
  }
  return end;
}

/** The check digit of ISO/IEC 7812-1, annex B. */
function checks(number: string): boolean {
  let sum = 0;
  for (let place = 0; place < number.length; place += 1) {
    const digit = Number(number[number.length - 1 - place]) * (place % 2 === 0 ? 1 : 2);
    sum += digit > 9 ? digit - 9 : digit;
  }
  return sum % 10 === 0;
}

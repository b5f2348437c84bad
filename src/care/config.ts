import { z } from 'zod';

const hours = /^([01]?\d|2[0-4])-([01]?\d|2[0-4])$/;

/** Settings of the scrubber. */
export const scrubConfig = z.object({
  bytesPerSecond: z.coerce
    .number()
    .int()
    .min(0)
    .default(8 * 1024 * 1024)
    .describe('bytes a second that the scrubber reads to compare stored objects with their checksums; 0 turns it off'),
  hours: z
    .string()
    .regex(hours, 'must be two hours of the day in UTC, e.g. 1-5 or 22-4')
    .default('0-24')
    .describe('hours of the day (UTC) in which the scrubber works, e.g. 1-5 or 22-4'),
  everyDays: z.coerce.number().min(0).max(365).default(7).describe('days from the start of one round of the scrubber to the next'),
});

/** Settings of encryption at rest. */
export const encryptionConfig = z.object({
  keyFile: z
    .string()
    .optional()
    .describe('file of the keys that encrypt objects at rest, mode 0600; encryption.json in the data folder when left out'),
});

export type ScrubSettings = z.output<typeof scrubConfig>;

/** Whether an hour of the day lies in a span such as 1-5 or 22-4; equal ends mean all day. */
export function inHours(span: string, hour: number): boolean {
  const [, from = '0', to = '24'] = hours.exec(span) ?? [];
  const [first, beyond] = [Number(from), Number(to)];
  if (first === beyond) return true;
  return first < beyond ? hour >= first && hour < beyond : hour >= first || hour < beyond;
}

import { z } from 'zod';

/** Settings of the exchange between a waiting client and its function. */
export const transformsConfig = z.object({
  maxOpen: z.coerce
    .number()
    .int()
    .min(1)
    .default(4096)
    .describe('GetObject requests that may wait for functions at once; more are answered 503'),
  startAllowanceMs: z.coerce
    .number()
    .int()
    .min(0)
    .default(10_000)
    .describe('milliseconds added to the function timeout for queueing and a cold start'),
  idleMs: z.coerce
    .number()
    .int()
    .min(100)
    .default(60_000)
    .describe('milliseconds without a byte, from the function or to the client, before a flowing body is given up'),
  bufferBytes: z.coerce
    .number()
    .int()
    .min(65_536)
    .default(1_048_576)
    .describe('bytes held in memory for a slow client before a file takes over'),
  spoolBytes: z.coerce.number().int().min(0).default(268_435_456).describe('bytes of that file before a slow client slows its function'),
});

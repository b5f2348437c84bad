import { z } from 'zod';

const count = z.coerce.number().int().min(0).max(1_000_000_000);

/** Limits of each name of one kind; 0 is no limit. */
function shareOf(what: string, inFlight: number) {
  return z
    .object({
      inFlight: count.default(inFlight).describe(`transforms at work at once for ${what}; more are shed with 503; 0 is no limit`),
      requestsPerSecond: count.default(0).describe(`transforms a second for ${what}; 0 is no limit`),
      bytesPerSecond: count.default(0).describe(`bytes a second to clients of ${what}: answers are slowed down to it; 0 is no limit`),
    })
    .prefault({});
}

/** Settings of the exchange between a waiting client and its function. */
export const transformsConfig = z.object({
  maxOpen: z.coerce
    .number()
    .int()
    .min(1)
    .default(4096)
    .describe('GetObject requests that may wait for functions at once; more are answered 503'),
  accessPoint: shareOf('each Object FC access point', 1024),
  function: shareOf('each function', 0),
  startAllowanceMs: z.coerce
    .number()
    .int()
    .min(0)
    .default(10_000)
    .describe('milliseconds added to the function timeout for queueing and a cold start'),
  firstByteMs: count
    .default(0)
    .describe('milliseconds until the head of an answer must be there, where that is less than timeout and allowance; 0 is no such limit'),
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

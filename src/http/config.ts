import { z } from 'zod';
import { defaultLimits } from './limits.ts';

const count = z.coerce.number().int().min(1).max(1_000_000);
const rate = z.coerce.number().int().min(0).max(1_000_000_000_000);
const milliseconds = z.coerce.number().int().min(10).max(86_400_000);

/** What the data and control listeners tolerate. */
export const httpConfig = z.object({
  connections: count.default(defaultLimits.connections).describe('connections that each listener keeps open at once'),
  connectionsPerAddress: count
    .default(defaultLimits.connectionsPerAddress)
    .describe('connections from one address, each listener; a proxy in front is one address'),
  requestsPerKey: count.default(defaultLimits.requestsPerKey).describe('requests at work at once under one access key; more get SlowDown'),
  key: z
    .object({
      requestsPerSecond: rate
        .default(0)
        .describe('requests a second under one access key, anonymous ones together; more get SlowDown; 0 is no limit'),
      bytesPerSecond: rate
        .default(0)
        .describe(
          'bytes a second to one access key: counted when an answer ends, what was too much delays the next request; 0 is no limit',
        ),
    })
    .prefault({}),
  account: z
    .object({
      inFlight: rate.default(0).describe('requests at work at once, all callers together; more get SlowDown; 0 is no limit'),
      requestsPerSecond: rate.default(0).describe('requests a second of all callers together; 0 is no limit'),
      bytesPerSecond: rate.default(0).describe('bytes a second to all callers together, counted as for a key; 0 is no limit'),
    })
    .prefault({}),
  headersTimeoutMs: milliseconds
    .default(defaultLimits.headersTimeoutMs)
    .describe('milliseconds within which a request head must have come'),
  idleMs: milliseconds
    .default(defaultLimits.idleMs)
    .describe('milliseconds that a client may be silent in a body, or leave an answer lying'),
  keepAliveMs: milliseconds
    .default(defaultLimits.keepAliveMs)
    .describe('milliseconds that a connection without a request stays open; longer than that of a load balancer in front'),
});

/** TLS of the data and control listeners; functions always speak plain HTTP to theirs. */
export const tlsConfig = z.object({
  cert: z.string().optional().describe('PEM file of the certificate chain for the data and control listeners, which then speak TLS only'),
  key: z.string().optional().describe('PEM file of its private key'),
  development: z
    .union([z.boolean(), z.enum(['true', 'false']).transform((text) => text === 'true')])
    .default(false)
    .describe('true: make a certificate for localhost and this host under a certificate authority of the data folder (tls/ca.pem)'),
});

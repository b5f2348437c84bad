import type { QuotaLimits } from '../kit/index.ts';

/** What one listener tolerates. Times in milliseconds. */
export interface ListenerLimits {
  /** Most bytes of request line and headers together; beyond it 431. */
  headerBytes: number;
  /** The whole head must have come within this time. */
  headersTimeoutMs: number;
  /** Longest silence of a client that should be sending its body or taking our answer. */
  idleMs: number;
  /** How long a connection without a request stays open; longer than that of a load balancer in front. */
  keepAliveMs: number;
  /** Most connections open at once; further ones are closed at once. */
  connections: number;
  /** Most connections open at once from one address. */
  connectionsPerAddress: number;
  /** Most requests at work at once under one access key; further ones get SlowDown. */
  requestsPerKey: number;
  /** Requests and bytes a second under one access key; all anonymous requests count as one. */
  key?: QuotaLimits;
  /** Requests at work, requests and bytes a second of all callers together. */
  account?: QuotaLimits;
  /** A TLS handshake must end within this time. */
  handshakeMs: number;
}

export const defaultLimits: ListenerLimits = {
  headerBytes: 16 * 1024,
  headersTimeoutMs: 30_000,
  idleMs: 60_000,
  keepAliveMs: 75_000,
  connections: 10_000,
  connectionsPerAddress: 5_000,
  requestsPerKey: 5_000,
  handshakeMs: 10_000,
};

/** How long a closing connection still takes what the client is sending, so that the client can read its answer. */
export const lingerMs = 2_000;

/**
 * The door: listeners for HTTP/1.1, with TLS or without, their limits, request ids, deadlines for silent clients, access log and drain.
 * It knows no dialect, no operation and no user; it never reads a body by itself, and never sends a false ending.
 * main makes one listener for each port and hands it a dialect from protocols/.
 */
export type { Audited, RequestContext, SettledAnswer } from './context.ts';
export type { InsideRequest } from './inside.ts';
export type { ListenerLimits } from './limits.ts';
export { createListener, type Dialect, type Listener, type ListenerOptions, type Rendered } from './listener.ts';
export { type Certificate, developmentCertificate } from './tls/development.ts';
export { givenCertificate } from './tls/given.ts';

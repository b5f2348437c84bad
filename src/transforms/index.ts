/**
 * The heart: a waiting GetObject is opened as an exchange, its function is invoked, and what the function writes back is joined to the client.
 * It knows no wire dialect, no process and no HTTP server: the function is reached through `invoke()`, the client through a sink.
 * protocols/oss calls getObject() and answer(); main wires it.
 */
export { transformsConfig } from './config.ts';
export type { AnswerRequest } from './join.ts';
export type { FalseHeaders, Original, TransformRequest, Transforms, TransformsOptions } from './port.ts';
export { ClientGone, type ClientSink, Relay, type RelayLimits } from './relay.ts';
export { openTransforms } from './transforms.ts';

/**
 * The dialect of Function Compute 3.0: its REST API, ACS3 signatures, JSON and errors, over functions and instances.
 * It keeps nothing but the nonces it has seen, and decides neither what a function may be nor how it runs.
 * main puts it on the control listener.
 */
export type { FcRooms } from './call.ts';
export { createFcDialect } from './dialect.ts';
export { operations as fc2Operations } from './fc2/operations.ts';
export { operations as fcOperations } from './operations.ts';

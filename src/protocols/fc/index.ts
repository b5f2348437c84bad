/**
 * The dialect of Function Compute: the REST APIs of 3.0 and, below fc2/, of 2.0, their signatures, JSON and errors, over functions and instances.
 * It keeps nothing but the nonces it has seen, and decides neither what a function may be nor how it runs.
 * main puts it on the control listener.
 */
export type { FcRooms } from './call.ts';
export { createFcDialect } from './dialect.ts';
export { operations as fc2Operations } from './fc2/operations.ts';
export { operations as fcOperations } from './operations.ts';

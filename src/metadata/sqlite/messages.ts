import type { Step } from '../port.ts';

/** What the worker is started with. */
export interface WorkerOptions {
  file: string;
  durability: 'full' | 'relaxed';
}

/** Main thread to worker: a batch of transactions, or the order to close. */
export type Request = { batch: (readonly Step[])[] } | { close: true };

/** The outcome of one transaction of a batch. */
export type Outcome = { changes: number[] } | { conflict: string } | { failed: string };

/** Worker to main thread. `outcomes` answers a batch in its order and is sent after COMMIT. */
export type Reply = { ready: true } | { refused: string } | { outcomes: Outcome[] };

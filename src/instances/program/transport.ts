import type { Invocation } from '../invocation.ts';
import type { Explanation } from '../process/ending.ts';

/** How a call ended: with what the function returned, or why it failed. */
export type Reply = { payload: Buffer } | Explanation;

/** How calls reach a program that is no host of ours: it asks for them (FC Runtime API), or is asked (HTTP). */
export interface Transport {
  /** Resolves with nothing when the program can take calls, or with why it never will. The worker limits it in time and closes it when the program ends. */
  open(): Promise<Explanation | undefined>;
  /** What to say when `open` took longer than `limitMs`. */
  silent(limitMs: number): Explanation;
  /** Runs the initializer. */
  initialize(limitMs: number): Promise<Reply>;
  /** Gives one event; pending until the program answers or the transport is closed. */
  invoke(call: Invocation, limitMs: number): Promise<Reply>;
  /** Runs the preStop hook; its output goes under `id`. */
  preStop(id: string, limitMs: number): Promise<Reply>;
  /** Nothing more is given or taken; what is pending stays so. */
  close(): void;
}

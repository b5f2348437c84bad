import type { Answer, Call } from './call.ts';

/** One operation of the API, as data: the router, the guard, metrics and the reference page read it. */
export interface Operation {
  readonly name: string;
  readonly method: string;
  /** Below the version prefix; `{...}` stands for one segment. */
  readonly path: string;
  readonly action: string;
  /** What is authorised: the function named in the path, the whole collection, or what the input names (checked by `run`). */
  readonly resource: 'function' | 'collection' | 'input';
  /** Most bytes of the request body. */
  readonly bodyBytes: number;
  /** Missing: known, but not carried out. */
  readonly run?: (call: Call) => Promise<Answer>;
}

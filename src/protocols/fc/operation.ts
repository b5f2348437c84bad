import type { Answer, Call } from './call.ts';

/** A version of the API: 3.0, and the two of 2.0. */
export type ApiVersion = '2023-03-30' | '2021-04-06' | '2016-08-15';

/** One operation of the API, as data: the router, the guard, metrics and the reference page read it. */
export interface Operation {
  readonly name: string;
  readonly method: string;
  /** Below the version prefix; `{...}` stands for one segment. */
  readonly path: string;
  readonly action: string;
  /**
   * What is authorised: the function, layer or service named in the path; all functions (of the service in the path), or all services; what the
   * input names (checked by `run`).
   */
  readonly resource: 'function' | 'layer' | 'service' | 'collection' | 'services' | 'input';
  /** Most bytes of the request body. */
  readonly bodyBytes: number;
  /** Versions that have it, where not all of the same table do. */
  readonly versions?: readonly ApiVersion[];
  /** Told to the audit log; left out: every method but GET does. */
  readonly changes?: boolean;
  /** Missing: known, but not carried out. */
  readonly run?: (call: Call) => Promise<Answer>;
}

import type { Answer, Call } from './call.ts';

/** What an operation is authorised on, by the names in its path; '' stands for what is not known yet. */
export type ResourceKind = 'user' | 'role' | 'policy' | 'key' | 'function' | 'invocation' | 'account';

/** One operation of the admin API, as data: the router, the guard, the audit log and metrics read it. */
export interface Operation {
  readonly name: string;
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Below the prefix; `{...}` stands for one segment. */
  readonly path: string;
  /** RAM action. */
  readonly action: string;
  readonly resource: ResourceKind;
  /** It changes what is stored. */
  readonly changes: boolean;
  readonly run: (call: Call) => Promise<Answer> | Answer;
}

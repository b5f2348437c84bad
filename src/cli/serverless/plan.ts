import type { Path } from './source.ts';

/** Where the code of a function is: a file or folder beside s.yaml, an object, or nowhere, as for a container. */
export type CodeSource = { readonly file: string } | { readonly ossBucketName: string; readonly ossObjectName: string } | undefined;

/** A record that goes with a function, as its API takes it. */
export interface Attached {
  /** For people: "trigger nightly". */
  readonly what: string;
  readonly path: Path;
  readonly body: Record<string, unknown>;
  readonly qualifier?: string;
}

export interface PlannedTrigger extends Attached {
  readonly name: string;
}

/** A shell command that is run before or after. */
export interface Hook {
  readonly command: string;
  readonly folder: string;
}

/** One resource of s.yaml, read. */
export interface Planned {
  /** Its key in the file. */
  readonly id: string;
  /** Of its props. */
  readonly path: Path;
  readonly functionName: string;
  /** In the layout of 2.0. */
  readonly service?: { readonly name: string; readonly settings: Record<string, unknown> };
  readonly settings: Record<string, unknown>;
  /** Name of the role, where it is no ARN. */
  readonly role?: string;
  readonly code: CodeSource;
  readonly triggers: readonly PlannedTrigger[];
  /** PUT requests below the function: concurrency, provision-config and the like. */
  readonly configurations: readonly (Attached & { readonly at: string })[];
  readonly tags: readonly { readonly Key: string; readonly Value: string }[];
  readonly before: readonly Hook[];
  readonly after: readonly Hook[];
}

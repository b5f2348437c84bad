/** A new function: its files by name. */
export interface Template {
  /** What it is, for the list of templates. */
  readonly description: string;
  /** @param name of the function */
  files(name: string): Record<string, string | { copy: URL }>;
}

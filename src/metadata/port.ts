/** What a parameter or a column may be. Times are integer milliseconds, documents are JSON text. */
export type SqlValue = string | number | null | Uint8Array;

/** One statement of a transaction. Parameters are positional (`?`). */
export interface Step {
  sql: string;
  params?: readonly SqlValue[];
  /** How many rows it must change; else the whole transaction is rolled back and MetadataConflict{reason: otherwise} is thrown. */
  expect?: { changes: number; otherwise: string };
}

/** The metadata port. SQL is a portable subset: text keys, integer times, JSON text, `insert ... on conflict`, binary key order. */
export interface Metadata {
  /** The first row, or undefined. Sees every write whose promise has resolved. Throws TypeError on a wrong parameter count or type. */
  get<T>(sql: string, params?: readonly SqlValue[]): T | undefined;
  /** All rows; the caller bounds them with LIMIT. Throws TypeError on a wrong parameter count or type. */
  all<T>(sql: string, params?: readonly SqlValue[]): T[];
  /**
   * Runs the steps as one transaction, durable when the promise resolves; rows changed by each step are the result.
   * Rejects with MetadataConflict (nothing was written), TypeError (wrong parameters), or MetadataError (storage failed: whether it was
   * written is unknown).
   */
  write(steps: readonly Step[]): Promise<{ changes: number }[]>;
  /** Finishes the writes that were accepted, then closes. Later calls fail. */
  close(): Promise<void>;
}

/** A transaction was rolled back: a step changed another number of rows than expected, or a unique key exists (`unique`). */
export class MetadataConflict extends Error {
  readonly reason: string;

  constructor(reason: string, message?: string) {
    super(message ?? `The transaction was rolled back: ${reason}.`);
    this.name = 'MetadataConflict';
    this.reason = reason;
  }
}

/** The database cannot be opened, read or written. */
export class MetadataError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'MetadataError';
  }
}

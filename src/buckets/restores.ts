import type { ObjectHead } from './store.ts';

/** A copy for reading that an archived object has for some time. Epoch milliseconds. */
export interface Restore {
  /** From then on the object can be read. */
  readonly readyAt: number;
  /** From then on no longer. */
  readonly until: number;
}

export interface RestoreRequest {
  /** For how long the object can be read, milliseconds. */
  lastsMs: number;
  /** How long it takes until then, milliseconds. */
  takesMs: number;
}

/** Which archived objects can be read for now. It goes with the content: what replaces an object is not restored. */
export interface Restores {
  /** Undefined when the object was not restored, or no longer is. */
  find(head: ObjectHead): Restore | undefined;
  /** Begins to restore, or prolongs what is ready. @throws Fault RestoreAlreadyInProgress */
  restore(head: ObjectHead, request: RestoreRequest): Promise<'begun' | 'prolonged'>;
  /** Ends it early. @throws Fault ArchiveRestoreFileStale (there is none), ArchiveRestoreNotFinished (it is not ready yet) */
  end(head: ObjectHead): Promise<void>;
}

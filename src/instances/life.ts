export type InstanceState = 'starting' | 'initialising' | 'idle' | 'busy' | 'draining' | 'dead';

const transitions: Record<InstanceState, readonly InstanceState[]> = {
  // The process is being made.
  starting: ['initialising', 'draining', 'dead'],
  // It is connected; the handler is imported and the initializer runs.
  initialising: ['idle', 'draining', 'dead'],
  idle: ['busy', 'draining', 'dead'],
  busy: ['idle', 'draining', 'dead'],
  // It gets nothing more and ends.
  draining: ['dead'],
  dead: [],
};

/** Where one instance is in its life. */
export class Life {
  #state: InstanceState = 'starting';

  get state(): InstanceState {
    return this.#state;
  }

  /** @throws Error for a transition that the table does not name */
  to(next: InstanceState): void {
    if (!transitions[this.#state].includes(next)) throw new Error(`An instance cannot go from ${this.#state} to ${next}.`);
    this.#state = next;
  }
}

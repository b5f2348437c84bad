/** Runs a piece of work once for all callers that ask for the same key while it is under way; nothing is kept afterwards. */
export class SingleFlight<T> {
  readonly #flying = new Map<string, Promise<T>>();

  /** The result of `work`, or of the same key's work already under way. A failure is shared too, and the next call tries again. */
  run(key: string, work: () => Promise<T>): Promise<T> {
    const flying = this.#flying.get(key);
    if (flying) return flying;
    // An async call turns a synchronous throw into a rejection, and finally() runs only after the flight is entered below.
    const flight = (async () => work())().finally(() => this.#flying.delete(key));
    this.#flying.set(key, flight);
    return flight;
  }
}

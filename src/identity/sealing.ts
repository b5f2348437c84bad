import { type KeyRing, rotateSealingKey } from './keyfile.ts';
import { TokenSealer } from './token.ts';

/** The longest life of any session: that of the credentials in a function's environment, as the vendor documents it. */
export const longestSessionMs = 36 * 3_600_000;

/** A sealing key as it is shown: never the key itself. */
export interface ShownSealingKey {
  readonly id: string;
  readonly current: boolean;
  /** Epoch milliseconds until which an older key opens its tokens. */
  readonly until?: number;
}

/** The sealing keys of the key file, in use. */
export class Sealing {
  readonly sealer: TokenSealer;
  readonly #file: string;
  readonly #now: () => number;
  #ring: KeyRing;
  #rotating: Promise<unknown> = Promise.resolve();

  constructor(file: string, ring: KeyRing, now: () => number) {
    this.#file = file;
    this.#ring = ring;
    this.#now = now;
    this.sealer = new TokenSealer(ring.sealing);
  }

  keys(): ShownSealingKey[] {
    return this.#ring.sealing.map(({ id, until }, i) => ({ id, current: i === 0, ...(until === undefined ? {} : { until }) }));
  }

  /** One rotation after the other. @throws Fault LimitExceeded */
  rotate(dropOld: boolean): Promise<void> {
    const done = this.#rotating.then(async () => {
      this.#ring = await rotateSealingKey(this.#file, this.#ring, { dropOld, now: this.#now(), tokenMs: longestSessionMs });
      this.sealer.use(this.#ring.sealing);
    });
    this.#rotating = done.catch(() => undefined);
    return done;
  }
}

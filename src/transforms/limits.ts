import type { ObjectFcAccessPoint } from '../accesspoints/index.ts';
import { Fault } from '../faults/index.ts';
import { Quota, type QuotaLimits, type QuotaRefusal } from '../kit/index.ts';

/** A request that was let in. */
export interface Admitted {
  /** Counts bytes for the client. @returns milliseconds to wait before the next ones; left out where bytes are not limited */
  readonly spend: ((bytes: number) => number) | undefined;
  /** It is over; called once. */
  leave(): void;
}

/** Keeps each Object FC access point and each function within its share, so that a noisy one slows no other. */
export class Shares {
  readonly #points: Quota;
  readonly #functions: Quota;
  readonly #limitsBytes: boolean;

  constructor({ accessPoint = {}, function: each = {} }: { accessPoint?: QuotaLimits | undefined; function?: QuotaLimits | undefined }) {
    this.#points = new Quota(accessPoint);
    this.#functions = new Quota(each);
    this.#limitsBytes = Boolean(accessPoint.bytesPerSecond || each.bytesPerSecond);
  }

  /** Lets one request in, or refuses it at once. @throws Fault SlowDown for the access point, FunctionThrottled for the function */
  enter({ name, alias, limits }: ObjectFcAccessPoint, functionArn: string): Admitted {
    const ofPoint = this.#points.refusal(alias, limits);
    if (ofPoint) throw shed('SlowDown', `The Object FC access point ${name}`, ofPoint, 'transforms.accessPoint');
    const ofFunction = this.#functions.refusal(functionArn);
    if (ofFunction) throw shed('FunctionThrottled', `The function ${functionArn}`, ofFunction, 'transforms.function');
    this.#points.enter(alias, limits);
    this.#functions.enter(functionArn);
    const spend = (bytes: number) => Math.max(this.#points.spend(alias, bytes), this.#functions.spend(functionArn, bytes));
    return {
      spend: this.#limitsBytes || limits?.bytesPerSecond ? spend : undefined,
      leave: () => {
        this.#points.leave(alias);
        this.#functions.leave(functionArn);
      },
    };
  }
}

const words: Readonly<Record<keyof QuotaLimits, string>> = {
  inFlight: 'requests at work, which is its limit',
  requestsPerSecond: 'requests a second, which is its limit',
  bytesPerSecond: 'bytes a second, which is its limit, and still owes some',
};

function shed(code: 'SlowDown' | 'FunctionThrottled', who: string, { limit, value, retryAfter }: QuotaRefusal, setting: string): Fault {
  return new Fault(code, `${who} has ${value} ${words[limit]} (${setting}.${limit}). Try again after Retry-After.`, {
    headers: { 'Retry-After': String(retryAfter) },
  });
}

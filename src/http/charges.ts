import { Fault } from '../faults/index.ts';
import { Quota, type QuotaRefusal } from '../kit/index.ts';
import type { ListenerLimits } from './limits.ts';
import type { DoorContext } from './own-context.ts';

/** The one name under which all callers are counted. */
const everybody = 'account';

/** Counts what callers have at work and use, by access key and all together. */
export class Charges {
  readonly #limits: ListenerLimits;
  readonly #keys = new Map<string, number>();
  readonly #ofKey: Quota;
  readonly #ofAccount: Quota;
  readonly #hasQuotas: boolean;

  constructor(limits: ListenerLimits) {
    this.#limits = limits;
    this.#ofKey = new Quota(limits.key);
    this.#ofAccount = new Quota(limits.account);
    this.#hasQuotas = this.#ofKey.isSet || this.#ofAccount.isSet;
  }

  /** Counts a request against a key until it ends. @throws Fault SlowDown when the key, or the account, has its fill */
  enter(ctx: DoorContext, accessKeyId: string): void {
    const count = (this.#keys.get(accessKeyId) ?? 0) + 1;
    if (count > this.#limits.requestsPerKey) {
      throw new Fault(
        'SlowDown',
        `The access key has ${count - 1} requests at work already. Wait for answers, or raise http.requestsPerKey.`,
        { headers: { 'Retry-After': '1' } },
      );
    }
    if (this.#hasQuotas) this.#use(accessKeyId);
    this.#keys.set(accessKeyId, count);
    ctx.charged = accessKeyId;
  }

  /** The request is over. */
  leave(accessKeyId: string, ctx: DoorContext): void {
    const left = (this.#keys.get(accessKeyId) ?? 1) - 1;
    if (left > 0) this.#keys.set(accessKeyId, left);
    else this.#keys.delete(accessKeyId);
    if (!this.#hasQuotas) return;
    const bytes = ctx.bytesSent();
    this.#ofKey.spend(accessKeyId, bytes);
    this.#ofKey.leave(accessKeyId);
    this.#ofAccount.spend(everybody, bytes);
    this.#ofAccount.leave(everybody);
  }

  #use(accessKeyId: string): void {
    const ofKey = this.#ofKey.refusal(accessKeyId);
    if (ofKey) throw tooMuch('The access key', ofKey, 'http.key');
    const ofAccount = this.#ofAccount.refusal(everybody);
    if (ofAccount) throw tooMuch('The account', ofAccount, 'http.account');
    this.#ofKey.enter(accessKeyId);
    this.#ofAccount.enter(everybody);
  }
}

function tooMuch(who: string, { limit, value, retryAfter }: QuotaRefusal, setting: string): Fault {
  const message = `${who} is at its limit of ${value} (${setting}.${limit}). Try again after Retry-After.`;
  return new Fault('SlowDown', message, { headers: { 'Retry-After': String(retryAfter) } });
}

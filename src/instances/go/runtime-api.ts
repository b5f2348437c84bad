import { equalSecret, randomHex, type Signal, Turnover } from '../../kit/index.ts';
import { errorPayload, type Invocation } from '../invocation.ts';
import type { Explanation } from '../process/ending.ts';
import type { Reply, Transport } from '../program/transport.ts';

/** Bytes of randomness in an instance's secret. */
const secretBytes = 24;
/** Programs poll once, or once for each call at a time; more polls than this many are no poll loop any more. */
const pollLimit = 256;

/** The names of the headers are those of the vendor's Go SDK (fc/runtime_api_client.go). */
export interface RuntimeItem {
  headers: Record<string, string>;
  body: Buffer;
}

/** Where programs that ask for their calls (FC Runtime API 2020-11-11) find them: one line for each instance, found by its secret. */
export class RuntimeApi {
  readonly #lines = new Map<string, { secret: string; line: RuntimeLine }>();
  #address: string | undefined;

  /** @param address `host:port` under which programs of this machine reach the listener that serves this API */
  listen(address: string): void {
    this.#address = address;
  }

  /** `host:port`, or undefined while no listener serves it. */
  get address(): string | undefined {
    return this.#address;
  }

  /** Opens a line; its key is for FC_RUNTIME_API alone: `<address>/i/<key>`. */
  open(line: RuntimeLine): { key: string; close: () => void } {
    const id = randomHex(8);
    const secret = randomHex(secretBytes);
    this.#lines.set(id, { secret, line });
    return { key: `${id}${secret}`, close: () => this.#lines.delete(id) };
  }

  /** The line of a key; takes as long for a wrong one. */
  find(key: string): RuntimeLine | undefined {
    const known = this.#lines.get(key.slice(0, 16));
    return equalSecret(key.slice(16), known?.secret ?? 'unknown') ? known?.line : undefined;
  }
}

export interface RuntimeLineOptions {
  /** Headers of every item. */
  about: Record<string, string>;
  /** Wall clock, epoch milliseconds. */
  now: () => number;
  /** The request that caused the start; the initializer runs under its id. */
  requestId: string;
}

interface Item {
  id: string;
  headers: Record<string, string>;
  body: Buffer;
  resolve: (reply: Reply) => void;
}

const kinds = { invoke: '0', initializer: '1', preStop: '2' } as const;

/** The calls of one instance: given to its polls in order, answered by id. A poll waits until there is a call, so that the pool alone counts. */
export class RuntimeLine implements Transport {
  readonly #options: RuntimeLineOptions;
  readonly #items: Item[] = [];
  readonly #given = new Turnover<string, Item>();
  readonly #polls: ((item: RuntimeItem) => void)[] = [];
  #closed = false;
  #polled: () => void = () => {};
  readonly #firstPoll: Promise<void>;

  constructor(options: RuntimeLineOptions) {
    this.#options = options;
    this.#firstPoll = new Promise((resolve) => {
      this.#polled = resolve;
    });
  }

  async open(): Promise<undefined> {
    await this.#firstPoll;
  }

  silent(limitMs: number): Explanation {
    const message = `The program did not ask for an invocation within ${limitMs / 1000} seconds; its main function has to call fc.Start(handler) of github.com/aliyun/fc-runtime-go-sdk`;
    return { kind: 'initializer', message, payload: errorPayload(message, 'FunctionNotStarted') };
  }

  initialize(limitMs: number): Promise<Reply> {
    return this.#give(this.#options.requestId, kinds.initializer, limitMs, Buffer.alloc(0), {}).then((reply) =>
      'kind' in reply ? { ...reply, kind: 'initializer' } : reply,
    );
  }

  invoke(call: Invocation, limitMs: number): Promise<Reply> {
    const { accessKeyId, accessKeySecret, securityToken } = call.credentials;
    return this.#give(call.requestId, kinds.invoke, limitMs, call.event, {
      'x-fc-access-key-id': accessKeyId,
      'x-fc-access-key-secret': accessKeySecret,
      'x-fc-security-token': securityToken,
    });
  }

  preStop(id: string, limitMs: number): Promise<Reply> {
    return this.#give(id, kinds.preStop, limitMs, Buffer.alloc(0), {});
  }

  close(): void {
    this.#closed = true;
    this.#items.length = 0;
    this.#given.clear();
  }

  /**
   * The next call, as soon as there is one. Undefined when it has closed or holds too many polls.
   * @param signal the poll's own end: a call is never given to one that is gone
   */
  next(signal: Signal): Promise<RuntimeItem> | undefined {
    if (this.#closed || this.#polls.length >= pollLimit) return undefined;
    this.#polled();
    return new Promise((resolve) => {
      const poll = (item: RuntimeItem) => {
        signal.removeEventListener('abort', leave);
        resolve(item);
      };
      const leave = () => {
        const at = this.#polls.indexOf(poll);
        if (at >= 0) this.#polls.splice(at, 1);
      };
      signal.addEventListener('abort', leave, { once: true });
      this.#polls.push(poll);
      this.#match();
    });
  }

  /** Whether a call with this id waits for its answer. */
  expects(id: string): boolean {
    return this.#given.has(id);
  }

  /** The answer to a call. @returns false when nobody waits for it */
  answer(id: string, reply: Reply): boolean {
    const item = this.#given.get(id);
    if (!item) return false;
    this.#given.delete(id);
    item.resolve(reply);
    return true;
  }

  #give(id: string, type: string, limitMs: number, body: Buffer, more: Record<string, string>): Promise<Reply> {
    const { about, now } = this.#options;
    const headers = {
      ...about,
      ...more,
      'x-fc-request-id': id,
      'x-fc-function-type': type,
      // Without a deadline that it can read, the SDK never answers.
      'x-fc-function-deadline': String(Math.ceil(now() + limitMs)),
    };
    return new Promise((resolve) => {
      if (this.#closed) return;
      this.#items.push({ id, headers, body, resolve });
      this.#match();
    });
  }

  #match(): void {
    while (this.#items.length > 0 && this.#polls.length > 0) {
      const [item, poll] = [this.#items.shift() as Item, this.#polls.shift() as (item: RuntimeItem) => void];
      this.#given.set(item.id, item);
      poll({ headers: item.headers, body: item.body });
    }
  }
}

import { connect } from 'node:net';
import { monotonic, type Outgoing, openOutgoing, sleep } from '../../kit/index.ts';
import { errorPayload, type Invocation } from '../invocation.ts';
import type { Explanation } from '../process/ending.ts';
import type { Reply, Transport } from '../program/transport.ts';
import { listenerOf } from '../program/tree.ts';
import { type ContractOptions, HttpCalls } from './contract.ts';

/** How often the program's port is looked at, milliseconds. */
const lookMs = 10;
/** The port that the program should not listen on is looked at less often. */
const lookFixedMs = 100;
/** A lost connection mostly means an exit, which says more; it is waited for this long. Milliseconds. */
const exitMs = 300;
/** The worker's own timer ends a call; the request gives up later. */
const graceMs = 5_000;

export interface LocalOptions extends Pick<ContractOptions, 'fn' | 'region' | 'accountId' | 'credentials'> {
  /** The instance's own port. */
  port: () => number;
  /** The request that caused the start. */
  requestId: string;
  /** Its process and all that descend from it. */
  family: () => readonly number[];
  /** It listens on the port of its configuration instead: no second one can run beside it. */
  onFixedPort: (port: number) => void;
}

/** Calls to the HTTP server that a custom runtime starts on this machine. */
export class LocalTransport implements Transport {
  readonly #options: LocalOptions;
  readonly #closing = new AbortController();
  #outgoing: Outgoing | undefined;
  #calls: HttpCalls | undefined;
  #foreign: number | undefined;

  constructor(options: LocalOptions) {
    this.#options = options;
  }

  async open(): Promise<Explanation | undefined> {
    try {
      const port = await this.#findPort();
      const { fn, region, accountId, credentials } = this.#options;
      this.#outgoing = openOutgoing({ allow: [`127.0.0.1:${port}`] });
      const base = () => `http://127.0.0.1:${port}`;
      this.#calls = new HttpCalls({ fn, region, accountId, credentials, outgoing: this.#outgoing, base, again: true });
      return await this.#checkHealth(this.#calls);
    } catch {
      // Closed while it waited: the worker knows why.
      return new Promise(() => {});
    }
  }

  silent(limitMs: number): Explanation {
    const { port, fn } = this.#options;
    const taken = this.#foreign === undefined ? '' : ` Port ${this.#foreign} is in use by another program, which was left alone.`;
    return notStarted(
      `The function's HTTP server did not start within ${limitMs / 1000} seconds. Does it listen on 0.0.0.0:$FC_SERVER_PORT (${port()} for this instance, not ${fn.custom?.port ?? 9000})?${taken}`,
    );
  }

  initialize(limitMs: number): Promise<Reply> {
    return this.#ask((calls) => calls.initialize(this.#options.requestId, limitMs + graceMs)).then((reply) =>
      'kind' in reply ? { ...reply, kind: 'initializer' } : reply,
    );
  }

  invoke(call: Invocation, limitMs: number): Promise<Reply> {
    return this.#ask((calls) => calls.invoke(call, limitMs + graceMs, this.#closing.signal));
  }

  preStop(id: string, limitMs: number): Promise<Reply> {
    return this.#ask((calls) => calls.preStop(id, limitMs));
  }

  close(): void {
    this.#closing.abort();
    void this.#outgoing?.close();
  }

  async #ask(work: (calls: HttpCalls) => Promise<Reply>): Promise<Reply> {
    const calls = this.#calls;
    if (!calls) return new Promise(() => {});
    const reply = await work(calls);
    if ('kind' in reply && reply.kind === 'exited') await sleep(exitMs, this.#closing.signal).catch(() => {});
    return this.#closing.signal.aborted ? new Promise(() => {}) : reply;
  }

  /** Waits until the program listens. Only its own socket counts: whoever else has the port is never spoken to. */
  async #findPort(): Promise<number> {
    const { fn, family, onFixedPort } = this.#options;
    const port = this.#options.port();
    const { signal } = this.#closing;
    const fixed = fn.custom?.port ?? 9000;
    let lookedAt = monotonic();
    for (;;) {
      await sleep(lookMs, signal);
      if (await this.#isOwn(port)) return port;
      if (monotonic() - lookedAt < lookFixedMs) continue;
      lookedAt = monotonic();
      const who = listenerOf(fixed, family());
      if (who === 'own') {
        onFixedPort(fixed);
        return fixed;
      }
      this.#foreign = who === 'foreign' ? fixed : undefined;
    }
  }

  async #isOwn(port: number): Promise<boolean> {
    if (process.platform !== 'linux') return accepts(port);
    const who = listenerOf(port, this.#options.family());
    if (who === 'foreign') this.#foreign = port;
    return who === 'own';
  }

  async #checkHealth(calls: HttpCalls): Promise<Explanation | undefined> {
    const check = this.#options.fn.custom?.healthCheck;
    if (!check) return undefined;
    const { signal } = this.#closing;
    const path = check.path.startsWith('/') ? check.path : `/${check.path}`;
    let [good, bad] = [0, 0];
    await sleep(check.initialDelayMs, signal);
    for (;;) {
      const healthy = await calls.healthy(path, check.timeoutMs);
      [good, bad] = healthy ? [good + 1, 0] : [0, bad + 1];
      if (good >= check.successThreshold) return undefined;
      if (bad >= check.failureThreshold) {
        return notStarted(
          `The function's HTTP server is not healthy: GET ${path} failed ${bad} times in a row. It has to answer 200 within ${check.timeoutMs / 1000} seconds; healthCheckConfig says how often it is asked.`,
        );
      }
      await sleep(check.periodMs, signal);
    }
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const end = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
  });
}

function notStarted(message: string): Explanation {
  return { kind: 'initializer', message, payload: errorPayload(message, 'FunctionNotStarted') };
}

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';

/** What a function told the test, waiting for orders. */
export interface Report {
  event: {
    getObjectContext: { outputRoute: string; outputToken: string; inputOssUrl: string };
    userRequest: { url: string; headers: Record<string, string> };
    [field: string]: unknown;
  };
  credentials: { accessKeyId: string; accessKeySecret: string; securityToken: string };
  /** What the function saw itself, where it acted. */
  seen: unknown;
  /** Lets the function go on: it does what the order says. */
  release(order: Order): void;
}

export type Order = 'return' | 'raise' | 'exit' | 'hang' | 'hoard';

/** One call of a function that the test waits for. */
export interface Expected {
  /** The address that this one call is to report to. */
  url: string;
  /** The report; rejects after 15 s without one. */
  report: Promise<Report>;
}

/** A small HTTP server of the test that functions report to, so that a test can act while a function is in the middle of its work. */
export class Collector {
  readonly #server = createServer((request, response) => void this.#take(request, response));
  readonly #waiting = new Map<string, (report: Report) => void>();
  #calls = 0;

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return this;
  }

  /** Makes an address of its own for one call, so that reports are never mixed up. */
  expect(): Expected {
    const path = `/call-${++this.#calls}`;
    const report = new Promise<Report>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('the function did not report in 15 s')), 15_000);
      this.#waiting.set(path, (told) => {
        clearTimeout(timer);
        resolve(told);
      });
    });
    report.catch(() => {});
    return { url: this.#origin + path, report };
  }

  /** Whoever reports here is let go at once. */
  get open(): string {
    return `${this.#origin}/open`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  get #origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const told = (await json(request)) as Omit<Report, 'release'>;
    const release = (order: Order) => {
      response.setHeader('connection', 'close');
      response.end(order);
    };
    const waiting = this.#waiting.get(request.url ?? '');
    this.#waiting.delete(request.url ?? '');
    if (waiting) waiting({ ...told, release });
    else release('return');
  }
}

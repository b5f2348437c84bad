import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';

/** One run of the load generator: the same request again and again over keep-alive connections. */
export interface LoadPlan {
  host: string;
  port: number;
  /** The request as it goes on the wire, or several that take turns. */
  request: string | readonly string[];
  /** Bytes of a body that follows each request. */
  body?: number;
  connections: number;
  /** Ends after this many seconds, or after `requests` answers, whichever comes first. */
  seconds: number;
  requests?: number;
}

export interface LoadResult {
  requests: number;
  bytes: number;
  seconds: number;
  p50Us: number;
  p99Us: number;
  /** Answers that were not 200 or 204, and connections that broke. */
  failures: number;
}

/** Reads answers from one connection: Content-Length and chunked bodies, nothing else. */
class Answers {
  #head: Buffer = Buffer.alloc(0);
  #left = -1;
  #chunked = false;
  ok = true;
  bytes = 0;

  /** Takes bytes; true when an answer is complete. */
  take(data: Buffer): boolean {
    let rest = data;
    if (this.#left < 0 && !this.#chunked) {
      this.#head = this.#head.length === 0 ? rest : Buffer.concat([this.#head, rest]);
      const end = this.#head.indexOf('\r\n\r\n');
      if (end < 0) return false;
      const head = this.#head.toString('latin1', 0, end);
      rest = this.#head.subarray(end + 4);
      this.#head = Buffer.alloc(0);
      this.ok = head.startsWith('HTTP/1.1 20');
      const length = /\r\ncontent-length: *(\d+)/i.exec(head);
      if (length) this.#left = Number(length[1]);
      else if (head.startsWith('HTTP/1.1 204')) this.#left = 0;
      else this.#chunked = true;
    }
    this.bytes += rest.length;
    if (this.#chunked) {
      if (!rest.subarray(-7).includes('\r\n0\r\n\r\n') && !rest.subarray(-5).equals(Buffer.from('0\r\n\r\n'))) return false;
      this.#chunked = false;
      return true;
    }
    this.#left -= rest.length;
    if (this.#left > 0) return false;
    this.#left = -1;
    return true;
  }
}

interface State {
  done: number;
  failures: number;
  bytes: number;
  stop: boolean;
  sent: number;
}

function drive(plan: LoadPlan, latencies: number[], state: State): Promise<void> {
  const requests = typeof plan.request === 'string' ? [plan.request] : plan.request;
  const body = plan.body ? Buffer.alloc(plan.body, 'x') : undefined;
  return new Promise((resolve) => {
    const socket: Socket = connect({ host: plan.host, port: plan.port, noDelay: true });
    const answers = new Answers();
    let sent = 0;
    const send = () => {
      sent = performance.now();
      socket.cork();
      socket.write(requests[state.sent++ % requests.length] as string);
      if (body) socket.write(body);
      socket.uncork();
    };
    socket.on('connect', send);
    socket.on('data', (data) => {
      if (!answers.take(data)) return;
      latencies.push(performance.now() - sent);
      state.done += 1;
      if (!answers.ok) state.failures += 1;
      if (plan.requests !== undefined && state.done >= plan.requests) state.stop = true;
      if (state.stop) socket.end();
      else send();
    });
    socket.on('error', () => {
      state.failures += 1;
    });
    socket.on('close', () => {
      state.bytes += answers.bytes;
      resolve();
    });
  });
}

/** Runs the plan in this process. */
export async function load(plan: LoadPlan): Promise<LoadResult> {
  const latencies: number[] = [];
  const state: State = { done: 0, failures: 0, bytes: 0, stop: false, sent: 0 };
  const started = performance.now();
  const timer = setTimeout(() => {
    state.stop = true;
  }, plan.seconds * 1000);
  await Promise.all(Array.from({ length: plan.connections }, () => drive(plan, latencies, state)));
  clearTimeout(timer);
  const seconds = (performance.now() - started) / 1000;
  latencies.sort((a, b) => a - b);
  const at = (share: number) => Math.round((latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? 0) * 1000);
  return { requests: state.done, bytes: state.bytes, seconds, p50Us: at(0.5), p99Us: at(0.99), failures: state.failures };
}

if (process.argv[1] === import.meta.filename) {
  const result = await load(JSON.parse(await text(process.stdin)) as LoadPlan);
  process.stdout.write(`${JSON.stringify(result)}\n`);
}

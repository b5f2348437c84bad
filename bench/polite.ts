/** Clients that ask again and again, pause in between, and wait for once or twice Retry-After when they are shed, as SDKs do. Runs as a process of its own. */
import { Agent, request } from 'node:http';

export interface PolitePlan {
  url: string;
  headers: Record<string, string>;
  clients: number;
  seconds: number;
  /** Between an answer and the next request. */
  pauseMs: number;
}

export interface PoliteResult {
  answered: number;
  p50Us: number;
  p99Us: number;
  shed: number;
  /** Until a request was shed. */
  shedP99Us: number;
  /** Neither 200 nor 503 with Retry-After: broken connections too. */
  failures: number;
  /** Status of the last of those; 0 for a connection that broke. */
  odd: number;
}

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

function ask({ url, headers }: PolitePlan, agent: Agent): Promise<{ status: number; retryAfter: number; us: number }> {
  const begun = performance.now();
  return new Promise((resolve) => {
    const broken = () => resolve({ status: 0, retryAfter: 0, us: 0 });
    const call = request(url, { headers, agent }, (res) => {
      res.resume();
      res.on('close', broken);
      res.on('end', () => {
        resolve({
          status: res.statusCode ?? 0,
          retryAfter: Number(res.headers['retry-after'] ?? 0),
          us: (performance.now() - begun) * 1000,
        });
      });
    });
    call.on('error', broken);
    call.end();
  });
}

/** Runs the plan in this process. */
export async function polite(plan: PolitePlan): Promise<PoliteResult> {
  const agent = new Agent({ keepAlive: true, maxSockets: plan.clients });
  const end = performance.now() + plan.seconds * 1000;
  const [served, shed] = [[] as number[], [] as number[]];
  let [failures, odd] = [0, 0];
  const client = async () => {
    while (performance.now() < end) {
      const { status, retryAfter, us } = await ask(plan, agent);
      if (status === 200) served.push(us);
      else if (status === 503 && retryAfter > 0) shed.push(us);
      else {
        failures += 1;
        odd = status;
      }
      const pauseMs = status === 503 ? retryAfter * 1000 * (1 + Math.random()) : plan.pauseMs;
      if (pauseMs > 0) await wait(Math.min(pauseMs, Math.max(0, end - performance.now())));
    }
  };
  await Promise.all(Array.from({ length: plan.clients }, client));
  agent.destroy();
  const at = (values: number[], share: number) => {
    const sorted = values.sort((a, b) => a - b);
    return Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0);
  };
  return {
    answered: served.length,
    p50Us: at(served, 0.5),
    p99Us: at(served, 0.99),
    shed: shed.length,
    shedP99Us: at(shed, 0.99),
    failures,
    odd,
  };
}

if (process.argv[1] === import.meta.filename) {
  process.stdout.write(`${JSON.stringify(await polite(JSON.parse(process.argv[2] ?? '{}') as PolitePlan))}\n`);
}

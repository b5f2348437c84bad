import { Fault } from '../../faults/index.ts';
import type { RequestContext } from '../../http/index.ts';
import { every } from '../../kit/index.ts';
import type { InvocationFilter, InvocationStore, InvocationSummary } from '../../telemetry/index.ts';
import { type Answer, type Call, param, streamed } from './call.ts';

const usualLimit = 100;
const mostLimit = 1_000;
/** A silent stream shows that it lives, milliseconds. */
const beatMs = 15_000;
const lookMs = 1_000;
const relative = /^(\d{1,6})([smhd])$/;
const unitMs: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** @throws Fault InvalidRequest where no records are kept */
function storeOf({ rooms }: Call): InvocationStore {
  if (rooms.records) return rooms.records;
  throw new Fault('InvalidRequest', 'This server keeps no invocation records: its setting invocations.records is off.');
}

/** status, function, accessPoint and since of a query. @throws Fault InvalidArgument */
function filterOf(call: Call): InvocationFilter {
  const since = param(call, 'since');
  return {
    status: param(call, 'status'),
    function: param(call, 'function'),
    accessPoint: param(call, 'accessPoint'),
    ...(since === undefined ? {} : { since: timeOf(since, call.ctx.startedAt) }),
  };
}

/** A time as ISO 8601, or as that long ago: 30s, 10m, 2h, 7d. @throws Fault InvalidArgument */
function timeOf(text: string, now: number): number {
  const [, count, unit = ''] = relative.exec(text) ?? [];
  if (count !== undefined) return now - Number(count) * (unitMs[unit] ?? 0);
  const time = Date.parse(text);
  if (Number.isNaN(time))
    throw new Fault('InvalidArgument', 'since must be a time such as 2026-07-01T12:00:00Z, or an age such as 10m, 2h or 7d.');
  return time;
}

function shown({ at, ...rest }: InvocationSummary): object {
  return { ...rest, at: new Date(at).toISOString() };
}

/** ListInvocations: requests through Object FC access points, newest first, those that are being served in front. */
export async function listInvocations(call: Call): Promise<Answer> {
  const given = param(call, 'limit') ?? String(usualLimit);
  const limit = /^\d{1,4}$/.test(given) ? Number(given) : 0;
  if (limit < 1 || limit > mostLimit) throw new Fault('InvalidArgument', `limit must be 1 to ${mostLimit}.`);
  const next = param(call, 'next');
  if (next !== undefined && !/^\d{1,15}$/.test(next)) throw new Fault('InvalidArgument', 'next must be what the page before gave.');
  const page = await storeOf(call).list(filterOf(call), limit, next);
  return { ...page, invocations: page.invocations.map(shown) };
}

/** GetInvocation: the record of a request, by the id of its GetObject or of a WriteGetObjectResponse. @throws Fault NoSuchInvocation */
export async function getInvocation(call: Call): Promise<Answer> {
  const id = call.names[0] ?? '';
  const detail = await storeOf(call).get(id);
  if (detail) return shown(detail);
  throw new Fault(
    'NoSuchInvocation',
    'No record of this request is kept. Records are of requests that came through an Object FC access point and past its permissions, for as long as the settings below invocations say.',
  );
}

/**
 * StreamInvocations: each record as it is written, one JSON text a line, or as server-sent events where the client accepts those. A client that
 * is too slow is told how many it missed.
 * @throws Fault ServiceUnavailable when too many follow already
 */
export async function streamInvocations(call: Call): Promise<Answer> {
  const { ctx, rooms } = call;
  const filter = filterOf(call);
  const events = /text\/event-stream/.test(ctx.headers.accept ?? '');
  const stream = new Stream(ctx, events);
  const follower = storeOf(call).follow(filter, (summary) => stream.tell(shown(summary)));
  if (!follower) throw new Fault('ServiceUnavailable', 'Too many clients follow invocations already.', { headers: { 'Retry-After': '5' } });
  stream.open();
  await stream.over(() => rooms.draining?.() === true);
  follower.close();
  return streamed;
}

class Stream {
  readonly #ctx: RequestContext;
  readonly #events: boolean;
  #isOpen = false;
  #missed = 0;
  #isFull = false;

  constructor(ctx: RequestContext, events: boolean) {
    this.#ctx = ctx;
    this.#events = events;
  }

  open(): void {
    const type = this.#events ? 'text/event-stream' : 'application/x-ndjson';
    this.#ctx.res.writeHead(200, { 'x-request-id': this.#ctx.id, 'Cache-Control': 'no-store', 'Content-Type': type });
    this.#ctx.res.on('drain', () => {
      this.#isFull = false;
      if (this.#missed > 0) this.#write({ missed: this.#missed });
      this.#missed = 0;
    });
    this.#isOpen = true;
    this.#raw(this.#events ? ':\n\n' : '\n');
  }

  tell(value: object): void {
    if (this.#isFull || !this.#isOpen) this.#missed += 1;
    else this.#write(value);
  }

  #write(value: object): void {
    this.#raw(this.#events ? `data: ${JSON.stringify(value)}\n\n` : `${JSON.stringify(value)}\n`);
  }

  #raw(text: string): void {
    if (!this.#ctx.res.write(text)) this.#isFull = true;
  }

  /** Ends with the client, or with the server. */
  over(ending: () => boolean): Promise<void> {
    const { res } = this.#ctx;
    return new Promise((resolve) => {
      let silent = 0;
      const timer = every(lookMs, () => {
        if (ending()) res.end();
        silent += lookMs;
        if (silent < beatMs || this.#isFull || !this.#isOpen) return;
        silent = 0;
        this.#raw(this.#events ? ':\n\n' : '\n');
      });
      const close = () => {
        this.#isOpen = false;
        timer.cancel();
        resolve();
      };
      if (res.destroyed) close();
      else res.once('close', close);
    });
  }
}

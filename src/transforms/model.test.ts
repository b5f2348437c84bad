/**
 * The exchange against a model of it: head, body, end, crash, hang-up, deadline, silence and deploy in any order. What each client and each attempt to answer came
 * to must be what the model says. SLUICE_MODEL_SEED repeats a run; SLUICE_MODEL_RUNS says how many there are.
 */
import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { Fault } from '../faults/index.ts';
import { type Attempt, type Exchanged, openModel } from './model.fixture.ts';

const runs = Number(process.env.SLUICE_MODEL_RUNS ?? 10_000);
const seed = Number(process.env.SLUICE_MODEL_SEED ?? Date.now() % 1_000_000_007);
const timeoutMs = 900;
/** Odd, so that the deadline never falls together with another time: which of the two comes first would be anybody's guess. */
const startAllowanceMs = 103;
const deadlineMs = timeoutMs + startAllowanceMs;
const idleMs = 300;
/** What the exchange waits behind the end of a function. */
const graceMs = 50;

/** Numbers from 0 to below `below`, the same for the same seed. */
function chanceOf(start: number): (below: number) => number {
  let state = start >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

interface ModelAttempt {
  real: Attempt;
  status: number;
  length: number | undefined;
  sent: number;
  /** What the function must be told; 'any' where its own connection is broken for a client that left. */
  end: string | undefined;
  idleAt: number;
}

/** What should become of one GetObject, told in the plainest way. */
class Model {
  readonly real: Exchanged;
  readonly headOnly: boolean;
  readonly deadlineAt: number;
  outcome: string | undefined;
  status = 0;
  bytes = 0;
  attempt: ModelAttempt | undefined;
  readonly over: ModelAttempt[] = [];
  functionEnded: string | undefined;
  graceAt = Number.POSITIVE_INFINITY;
  isFunctionOver = false;
  isLate = false;

  constructor(real: Exchanged, headOnly: boolean, now: number) {
    this.real = real;
    this.headOnly = headOnly;
    this.deadlineAt = now + deadlineMs;
  }

  get bodiless(): boolean {
    return this.headOnly || this.attempt?.status === 304;
  }

  begin(real: Attempt, status: number, length: number | undefined, now: number): void {
    const attempt: ModelAttempt = { real, status, length, sent: 0, end: undefined, idleAt: now + idleMs };
    if (this.outcome === 'gone') {
      this.over.push(attempt);
      attempt.end = 'drained';
    } else if (this.outcome !== undefined || this.attempt) {
      this.over.push(attempt);
      attempt.end = 'AccessDenied';
    } else this.attempt = attempt;
  }

  body(bytes: number, now: number): void {
    const { attempt } = this;
    if (!attempt) return;
    attempt.sent += bytes;
    attempt.idleAt = now + idleMs;
    if (attempt.length !== undefined && attempt.sent > attempt.length) {
      this.broken('IncompleteBody');
      return;
    }
    if (this.bodiless) return;
    this.status = attempt.status;
    this.bytes += bytes;
  }

  end(): void {
    const { attempt } = this;
    if (!attempt) return;
    const { sent, length, status } = attempt;
    if (length !== undefined && sent !== length && !(this.bodiless && sent === 0)) {
      this.broken('IncompleteBody');
      return;
    }
    this.finish('ok');
    if (status >= 400 && (sent === 0 || this.headOnly)) this.outcome = status === 404 ? 'NoSuchKey' : 'InvalidRequest';
    else {
      this.status = status;
      this.outcome = 'whole';
    }
  }

  /** The attempt failed. Before the head another one may follow, unless there is nobody to make it. */
  broken(code: string): void {
    this.finish(code);
    if (this.status !== 0) this.outcome = 'reset';
    else if (this.isLate) this.outcome = 'FunctionTimeout';
    else this.failIfOver();
  }

  finish(end: string): void {
    const attempt = this.attempt as ModelAttempt;
    attempt.end = end;
    this.over.push(attempt);
    this.attempt = undefined;
  }

  failIfOver(): void {
    if (this.isFunctionOver && !this.attempt && this.outcome === undefined) this.outcome = this.functionEnded;
  }

  leave(): void {
    if (this.outcome !== undefined) return;
    this.outcome = 'gone';
    if (this.attempt) this.finish('drained');
  }

  /** The time at which something happens by itself next. */
  get next(): number {
    if (this.outcome !== undefined) return Number.POSITIVE_INFINITY;
    const deadline = this.isLate || this.status !== 0 ? Number.POSITIVE_INFINITY : this.deadlineAt;
    return Math.min(
      deadline,
      this.attempt?.idleAt ?? Number.POSITIVE_INFINITY,
      this.isFunctionOver ? Number.POSITIVE_INFINITY : this.graceAt,
    );
  }

  at(now: number): void {
    if (this.outcome !== undefined) return;
    if (now >= this.graceAt && !this.isFunctionOver) {
      this.isFunctionOver = true;
      this.failIfOver();
    }
    if (this.attempt && now >= this.attempt.idleAt) this.broken('RequestTimeout');
    if (this.outcome === undefined && now >= this.deadlineAt && this.status === 0 && !this.isLate) {
      this.isLate = true;
      if (this.attempt && this.attempt.sent > 0) return;
      if (this.attempt) this.finish('IncompleteBody');
      this.outcome = 'FunctionTimeout';
    }
  }

  check(): void {
    const { real } = this;
    const observed =
      real.settled === undefined
        ? undefined
        : real.settled !== 'served'
          ? real.settled
          : real.body.writableFinished
            ? 'whole'
            : this.outcome === 'gone'
              ? 'gone'
              : real.wasReset
                ? 'reset'
                : 'an end that is none';
    assert.equal(observed, this.outcome, 'what the client came to');
    if (this.outcome === 'whole') {
      assert.deepEqual(
        [real.status, real.body.bytes, real.wasReset],
        [this.status, this.bytes, false],
        'status, bytes and reset of a whole answer',
      );
    }
    if (this.outcome !== undefined && !['whole', 'reset', 'gone'].includes(this.outcome))
      assert.equal(real.status, 0, 'an error has no head before it');
    for (const { end, real: attempt } of this.over) {
      if (end !== 'drained') assert.equal(attempt.end, end, 'what the function was told');
    }
    if (this.attempt) assert.equal(this.attempt.real.end, undefined, 'an attempt under way has no end');
  }
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

test(`${runs} random exchanges end as their model says (seed ${seed})`, { timeout: 600_000 }, async () => {
  let time = 1_000_000;
  const clock = performance.now;
  // Not a mock of node:test, which would remember a million calls.
  performance.now = () => time;
  mock.timers.enable({ apis: ['setTimeout'] });
  const room = openModel({ startAllowanceMs, timeoutMs, idleMs });
  try {
    for (let run = 0; run < runs; run += 1) {
      const chance = chanceOf(seed + run);
      const story: string[] = [];
      try {
        await exchange(chance, story);
      } catch (error) {
        throw new Error(`SLUICE_MODEL_SEED=${seed + run} SLUICE_MODEL_RUNS=1: ${story.join(', ')}: ${(error as Error).message}`, {
          cause: error,
        });
      }
    }
  } finally {
    mock.timers.reset();
    performance.now = clock;
  }

  /** Lets time pass, event by event, so that each has its effect before the next. */
  async function pass(models: readonly Model[], ms: number): Promise<void> {
    const until = time + ms;
    for (;;) {
      const next = Math.min(until, ...models.map((model) => model.next));
      const step = next - time;
      time = next;
      mock.timers.tick(step);
      await turn();
      await turn();
      for (const model of models) model.at(time);
      if (time >= until) return;
    }
  }

  async function exchange(chance: (below: number) => number, story: string[]): Promise<void> {
    const models: Model[] = [];
    for (let count = 1 + chance(2); count > 0; count -= 1) {
      const headOnly = chance(5) === 0;
      story.push(headOnly ? 'HEAD' : 'GET');
      models.push(new Model(room.open(headOnly), headOnly, time));
      await turn();
    }
    for (let steps = 3 + chance(10); steps > 0; steps -= 1) {
      const which = chance(models.length);
      await act(models[which] as Model, models, chance, (word) => story.push(`${which}: ${word}`));
      await turn();
      await turn();
      for (const model of models) model.check();
    }
    for (const model of models) {
      if (model.functionEnded === undefined) endFunction(model, 0);
    }
    await turn();
    await pass(models, deadlineMs + idleMs + graceMs);
    for (const model of models) {
      // What a client that left never took ends with its function.
      for (const { body } of model.real.attempts) body.destroy();
    }
    await turn();
    await turn();
    for (const model of models) model.check();
    assert.equal(room.transforms.open, 0, 'nothing stays open');
  }

  async function act(
    model: Model,
    models: readonly Model[],
    chance: (below: number) => number,
    tell: (word: string) => void,
  ): Promise<void> {
    const { real } = model;
    const last = model.attempt ?? model.over.at(-1);
    switch (chance(12)) {
      case 0:
      case 1:
      case 2: {
        if (model.isFunctionOver) return;
        const status = [200, 200, 200, 206, 304, 404][chance(6)] as number;
        const length = chance(3) === 0 ? undefined : chance(4) * 500;
        const direct = chance(3) === 0;
        tell(`head ${status} ${length ?? 'chunked'}${direct ? ' direct' : ''}`);
        model.begin(real.answers({ status, length, direct }), status, length, time);
        return;
      }
      case 3:
      case 4:
      case 5: {
        const bytes = (1 + chance(2)) * 500;
        if (!last || last.real.body.writableEnded || last.real.body.destroyed) return;
        tell(`body ${bytes}`);
        last.real.body.write(Buffer.alloc(bytes));
        if (last === model.attempt) model.body(bytes, time);
        return;
      }
      case 6:
      case 7:
        if (!last || last.real.body.destroyed || last.real.body.writableEnded) return;
        tell('end');
        last.real.body.end();
        if (last === model.attempt) model.end();
        return;
      case 8:
        if (!last || last.real.body.destroyed || last.real.body.readableEnded) return;
        tell('break');
        last.real.body.destroy(new Error('broke'));
        if (last === model.attempt) model.broken('IncompleteBody');
        return;
      case 9:
        if (chance(2) === 0) {
          tell('hang-up');
          model.real.leaves();
          model.leave();
        } else {
          tell('deploy');
          room.deploy();
        }
        return;
      case 10:
        if (model.functionEnded !== undefined) return;
        tell('function ends');
        endFunction(model, chance(4));
        return;
      default: {
        const ms = [graceMs, idleMs - 10, idleMs + 10, deadlineMs][chance(4)] as number;
        tell(`${ms} ms`);
        await pass(models, ms);
      }
    }
  }

  function endFunction(model: Model, how: number): void {
    const failure = { errorType: 'UnhandledInvocationError', message: 'm' };
    const [code, end] = [
      ['FunctionResponseMissing', {}],
      ['FunctionInvocationError', { failure: { kind: 'exited', ...failure } }],
      ['FunctionTimeout', { failure: { kind: 'timeout', ...failure } }],
      ['FunctionThrottled', new Fault('ResourceThrottled')],
    ][how] as [string, Parameters<Exchanged['functionEnds']>[0]];
    model.functionEnded = code;
    model.graceAt = time + graceMs;
    model.real.functionEnds(end);
  }
});

import { EventEmitter } from 'node:events';
import { PassThrough } from 'node:stream';
import { Fault } from '../faults/index.ts';
import type { FunctionVersion } from '../functions/index.ts';
import type { Invocation, InvocationResult } from '../instances/index.ts';
import { createMetrics } from '../telemetry/index.ts';
import { caller, functionArn, objectFc, session, supporting } from './fixture.ts';
import { type ClientSink, openTransforms, type Transforms } from './index.ts';

/** A client in memory that takes what it is given at once. */
class Body extends EventEmitter<{ drain: []; finish: []; close: []; error: [] }> {
  bytes = 0;
  destroyed = false;
  writableFinished = false;
  readonly writableLength = 0;

  write(chunk: Buffer): boolean {
    if (this.destroyed) return false;
    this.bytes += chunk.length;
    return true;
  }

  end(): void {
    if (this.destroyed || this.writableFinished) return;
    this.writableFinished = true;
    this.emit('finish');
    this.emit('close');
  }

  leave(): void {
    if (this.destroyed || this.writableFinished) return;
    this.destroyed = true;
    this.emit('close');
  }
}

/** How one attempt to answer ended: 'ok', or the code of its refusal; undefined while it is under way. */
export interface Attempt {
  body: PassThrough;
  end: string | undefined;
}

/** One GetObject: its client, and the function that serves it, both in the hands of the test. */
export class Exchanged {
  readonly body = new Body();
  status = 0;
  wasReset = false;
  /** 'served' when the client's side is over without an error document, else the code of that. */
  settled: string | undefined;
  readonly attempts: Attempt[] = [];
  readonly #gone = new AbortController();
  readonly #transforms: Transforms;
  #call: Invocation | undefined;
  #end: ((result: Partial<InvocationResult> | Error) => void) | undefined;

  constructor(transforms: Transforms, headOnly: boolean, calls: { next?: Exchanged }) {
    this.#transforms = transforms;
    calls.next = this;
    const exchanged = this;
    const sink: ClientSink = {
      head: (status) => {
        this.status = status;
      },
      body: this.body,
      reset: () => {
        this.wasReset = true;
        this.body.leave();
      },
      get headSent() {
        return exchanged.status !== 0;
      },
    };
    transforms
      .getObject({
        ...{ objectFc, supporting, key: 'k.txt', headOnly, principal: caller, requestId: 'R', url: 'http://h/x/k.txt', headers: [], sink },
        signal: this.#gone.signal,
      })
      .then(
        () => {
          this.settled = 'served';
        },
        (error: unknown) => {
          this.settled = error instanceof Fault ? error.code : String(error);
        },
      );
  }

  /** The function is given the event. */
  given(call: Invocation): Promise<InvocationResult> {
    this.#call = call;
    const base = { payload: Buffer.alloc(0), instanceId: 'i', durationMs: 1, maxMemoryMb: 1, coldStart: false };
    return new Promise((resolve, reject) => {
      this.#end = (result) => (result instanceof Error ? reject(result) : resolve({ ...base, ...result }));
    });
  }

  functionEnds(result: Partial<InvocationResult> | Error): void {
    this.#end?.(result);
  }

  /** One attempt to answer, by WriteGetObjectResponse or over the instance's connection. */
  answers(how: { status: number; length: number | undefined; direct: boolean }): Attempt {
    const call = this.#call as Invocation;
    const body = new PassThrough();
    body.on('error', () => {});
    const attempt: Attempt = { body, end: undefined };
    this.attempts.push(attempt);
    const { outputRoute, outputToken } = JSON.parse(call.event.toString()).getObjectContext as { outputRoute: string; outputToken: string };
    const length = how.length === undefined ? {} : { contentLength: how.length };
    const taken = how.direct
      ? (call.answer as NonNullable<Invocation['answer']>)({
          status: how.status,
          headers: how.length === undefined ? {} : { 'content-length': String(how.length) },
          body,
        })
      : this.#transforms.answer({
          ...{ token: outputToken, route: outputRoute, status: String(how.status), forwarded: [], body, principal: session() },
          ...length,
        });
    taken.then(
      () => {
        attempt.end = 'ok';
      },
      (error: unknown) => {
        attempt.end = error instanceof Fault ? error.code : String(error);
      },
    );
    return attempt;
  }

  leaves(): void {
    this.body.leave();
    this.#gone.abort(new Error('the client is gone'));
  }
}

/** The room with its function in the test's hands, and deploys while it works. */
export function openModel(settings: { startAllowanceMs: number; timeoutMs: number; idleMs: number }) {
  const calls: { next?: Exchanged } = {};
  let revision = 0;
  const transforms = openTransforms({
    settings: { maxOpen: 100, startAllowanceMs: settings.startAllowanceMs, idleMs: settings.idleMs, bufferBytes: 65_536, spoolBytes: 0 },
    spoolFolder: '/nonexistent',
    outputRoute: () => 'http://127.0.0.1:1',
    resolveFunction: () => ({ arn: functionArn, name: 'f', revision: String(revision), timeoutMs: settings.timeoutMs }) as FunctionVersion,
    invoke: (_version, call) => (calls.next as Exchanged).given(call),
    presign: () => 'http://127.0.0.1:1/x?Signature=s',
    release: () => {},
    assume: () => ({ accessKeyId: 'STS.x', accessKeySecret: 's', securityToken: 't', expiresAt: 0 }),
    mayInvoke: () => true,
    metrics: createMetrics(),
  });
  return {
    transforms,
    open: (headOnly: boolean) => new Exchanged(transforms, headOnly, calls),
    deploy: () => {
      revision += 1;
    },
  };
}

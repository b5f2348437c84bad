import { FrameError, monotonic, type Timer, Turnover } from '../../kit/index.ts';
import { errorPayload, failureOf, type Invocation, type InvocationResult, limitCall } from '../invocation.ts';
import { AnswerBody, answerHead } from './direct-answer.ts';
import type { Explanation } from './ending.ts';
import { Inputs, type SendInput } from './inputs.ts';
import { logTail, type Output, type Passage } from './output.ts';
import { frame } from './wire.ts';

export interface CallsOptions {
  instanceId: string;
  memoryMb: number;
  output: Output;
  hearsOfLeaving: boolean;
  send: SendInput;
  /** Largest resident size of the instance so far, MB. */
  megabytes: () => number;
  /** An invocation is out of time: the instance is to end. */
  late: (requestId: string, limitMs: number) => void;
}

interface Running {
  readonly call: Invocation;
  readonly passage: Passage;
  readonly begun: number;
  readonly timer: Timer;
  readonly coldStart: boolean;
  readonly resolve: (result: InvocationResult) => void;
  /** Stops listening for the client. */
  readonly forget: (() => void) | undefined;
  readonly inputs: Inputs | undefined;
  /** `taken` resolves with why it was refused, if it was. */
  answer: { body: AnswerBody; taken: Promise<string | undefined> } | undefined;
}

/** The invocations that one instance works on, each told apart by its request id. */
export class Calls {
  readonly #options: CallsOptions;
  readonly #running = new Turnover<string, Running>();

  constructor(options: CallsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#running.size;
  }

  /** Sends the event; resolves with the end of the invocation, whatever it is. */
  begin(call: Invocation, limitMs: number, coldStart: boolean): Promise<InvocationResult> {
    const { output, send, late } = this.#options;
    const { requestId, credentials } = call;
    const wantsTail = call.logTail === true;
    return new Promise((resolve) => {
      if (this.#running.has(requestId)) {
        resolve(this.#refusal(requestId, coldStart));
        return;
      }
      const secrets = [credentials.accessKeySecret, credentials.securityToken].filter(Boolean);
      const passage = output.begin(requestId, wantsTail, secrets);
      const timer = limitCall(call, limitMs, () => late(requestId, limitMs));
      const forget = this.#tellLeaving(call);
      const hasInputs = call.inputs !== undefined || call.original !== undefined;
      const inputs = hasInputs ? new Inputs(call, (type, head, ...rest) => send(type, { id: requestId, ...head }, ...rest)) : undefined;
      this.#running.set(requestId, { call, passage, begun: monotonic(), timer, coldStart, resolve, forget, inputs, answer: undefined });
      send(frame.invoke, headOf(call), call.event);
    });
  }

  /** The host's result or error. @param explanation why it failed; without one it did not */
  answered(head: Record<string, unknown>, body: Buffer, explanation?: Explanation): void {
    const running = this.#find(head);
    this.#options.output.finish(running.passage, head.marked === true);
    this.#finish(running, explanation ?? { payload: body });
  }

  /** A frame of an answer that is given over this connection. @throws FrameError when it has no place there */
  answer(type: number, head: Record<string, unknown>, body: Buffer): void {
    const running = this.#find(head);
    if (type === frame.answer) {
      this.#open(running, head);
      return;
    }
    const { answer } = running;
    if (!answer) throw new FrameError('A part of an answer came before its head.');
    if (type === frame.chunk) answer.body.receive(body);
    else if (type === frame.end) answer.body.finish();
    else answer.body.break(String(head.message ?? 'the function broke its answer off').slice(0, 500));
  }

  /** What the host wants of an input. @throws FrameError where there is none */
  input(type: number, head: Record<string, unknown>): void {
    // It may learn later than we that an invocation is over.
    const inputs = this.#running.get(String(head.id))?.inputs;
    if (!inputs) return;
    if (type === frame.wanted) inputs.wanted(head);
    else if (type === frame.read) inputs.read(head);
    else inputs.dropped(head);
  }

  /** Ends one invocation from this side. */
  fail(requestId: string, explanation: Explanation): void {
    const running = this.#running.get(requestId);
    if (running) this.#finish(running, explanation);
  }

  /** Ends every invocation from this side. */
  failAll(explain: (durationMs: number) => Explanation): void {
    for (const running of [...this.#running.values()]) this.#finish(running, explain(monotonic() - running.begun));
  }

  #find(head: Record<string, unknown>): Running {
    const running = this.#running.get(String(head.id));
    if (!running) throw new FrameError('An answer without a question.');
    return running;
  }

  /** Tells the host when the client leaves before its answer has begun; from then on the answer's body tells it. */
  #tellLeaving({ requestId, signal, answer }: Invocation): (() => void) | undefined {
    if (!this.#options.hearsOfLeaving || !signal || !answer) return undefined;
    const tell = () => this.#options.send(frame.broken, { id: requestId, message: 'the client left' });
    signal.addEventListener('abort', tell, { once: true });
    return () => signal.removeEventListener('abort', tell);
  }

  #open(running: Running, head: Record<string, unknown>): void {
    if (running.answer) throw new FrameError('A second answer to one request.');
    const { send } = this.#options;
    const id = running.call.requestId;
    const stillRuns = () => this.#running.get(id) === running;
    const body = new AnswerBody(
      (bytes) => stillRuns() && send(frame.credit, { id, bytes }),
      () => stillRuns() && send(frame.broken, { id, message: 'nobody takes the answer any more' }),
    );
    const about = answerHead(head);
    const take = running.call.answer;
    const taken = take ? take({ ...about, body }) : Promise.reject(new Error('nobody waits for an answer'));
    const refuse = (error: unknown) => {
      body.destroy();
      return error instanceof Error ? error.message : String(error);
    };
    running.answer = { body, taken: taken.then(() => undefined, refuse) };
  }

  #finish(running: Running, end: Explanation | { payload: Buffer }): void {
    const { call, passage, begun, coldStart, resolve, answer, timer } = running;
    this.#running.delete(call.requestId);
    timer.cancel();
    running.forget?.();
    running.inputs?.close();
    const result: InvocationResult = {
      payload: end.payload,
      instanceId: this.#options.instanceId,
      durationMs: monotonic() - begun,
      maxMemoryMb: this.#options.megabytes(),
      coldStart,
    };
    if ('kind' in end) result.failure = failureOf(end.kind, end.message, end.handled);
    answer?.body.break('The function ended before its answer did.');
    const tail = passage.wantsTail ? this.#tail(passage, result) : undefined;
    if (!answer && !tail) resolve(result);
    else {
      void Promise.all([tail, answer?.taken]).then(([text, refusal]) => {
        // A host does not wait to hear whether its answer was good.
        if (refusal !== undefined && !result.failure) {
          result.failure = failureOf('raised', refusal);
          result.payload = errorPayload(refusal, 'AnswerRefused');
        }
        resolve(text === undefined ? result : { ...result, logTail: text });
      });
    }
  }

  async #tail(passage: Passage, { failure, durationMs, maxMemoryMb }: InvocationResult): Promise<string> {
    const { output, memoryMb } = this.#options;
    return logTail(passage, await output.tail(passage), {
      failed: failure !== undefined,
      handled: failure?.errorType === 'HandledInvocationError',
      durationMs,
      memoryMb,
      maxMemoryMb,
    });
  }

  #refusal(requestId: string, coldStart: boolean): InvocationResult {
    const message = `A request with the id ${requestId} already runs on this instance`;
    const failure = failureOf('raised', message);
    return { payload: errorPayload(message), failure, instanceId: this.#options.instanceId, durationMs: 0, maxMemoryMb: 0, coldStart };
  }
}

/** The head of an INVOKE frame. */
function headOf({ requestId, credentials, logTail: tail, answer, inputs, original, retryCount, tracing }: Invocation): object {
  const { accessKeyId: ak, accessKeySecret: sk, securityToken: token } = credentials;
  return {
    id: requestId,
    ak,
    sk,
    token,
    ...(tail ? { tail: true } : {}),
    ...(answer ? { answer: true } : {}),
    ...(inputs ? { inputs: inputs.length } : {}),
    ...(original ? { original: true } : {}),
    ...(retryCount ? { retry: retryCount } : {}),
    ...(tracing
      ? { tracing: { span_context: tracing.spanContext, span_baggages: tracing.spanBaggages, jaeger_endpoint: tracing.jaegerEndpoint } }
      : {}),
  };
}

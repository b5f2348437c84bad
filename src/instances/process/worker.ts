import { rm } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { Fault } from '../../faults/index.ts';
import { after, FrameReader, monotonic, type Timer } from '../../kit/index.ts';
import { type StartError, StartFailure, type StartHooks, type Worker } from '../engine.ts';
import { errorPayload, type FailureKind, failureOf, type Invocation, type InvocationResult, maxPayloadBytes } from '../invocation.ts';
import type { ConnectionKind } from './door.ts';
import { killGroup, processFacts } from './group.ts';
import { logTail, type Output, type Passage } from './output.ts';
import { frame, headRoom, pack, unpack } from './wire.ts';

/** How long a module may take to import, milliseconds. */
const importMs = 30_000;
/** How long the output of a dead instance may take to be read, milliseconds. */
const lastWordsMs = 500;

export interface WorkerOptions {
  id: string;
  requestId: string;
  memoryMb: number;
  initializerMs: number;
  goodUntil: number;
  uid: number | undefined;
  /** The instance's own folder, removed with it. */
  tmp: string;
  output: Output;
  hooks: StartHooks;
}

interface Running {
  call: Invocation;
  passage: Passage;
  begun: number;
  timer: Timer;
  coldStart: boolean;
  resolve: (result: InvocationResult) => void;
}

/** One process of our own hosts, over two connections: frames, and what it prints. */
export class HostWorker implements Worker {
  readonly instanceId: string;
  readonly goodUntil: number;
  readonly ready: Promise<void>;
  readonly gone: Promise<void>;
  readonly #options: WorkerOptions;
  readonly #reader = new FrameReader(maxPayloadBytes + headRoom);
  readonly #begun = monotonic();
  #frames: Socket | undefined;
  #hasOutput = false;
  #serves = false;
  #pid = 0;
  #usable = true;
  #exited = false;
  #kilobytes = 0;
  #running: Running | undefined;
  #starting: { passage: Passage; timer: Timer | undefined } | undefined;
  #isReady: () => void = () => {};
  #isUnready: (error: StartError) => void = () => {};
  #isGone: () => void = () => {};

  constructor(options: WorkerOptions) {
    this.#options = options;
    this.instanceId = options.id;
    this.goodUntil = options.goodUntil;
    this.ready = new Promise((resolve, reject) => {
      this.#isReady = resolve;
      this.#isUnready = reject;
    });
    this.ready.catch(() => {});
    this.gone = new Promise((resolve) => {
      this.#isGone = resolve;
    });
    const passage = options.output.begin(options.requestId, true, []);
    this.#starting = { passage, timer: undefined };
  }

  get usable(): boolean {
    return this.#usable;
  }

  /** The fork server named its process. */
  forked(pid: number): void {
    this.#pid = pid;
    if (this.#starting && !this.#serves) this.#starting.timer ??= after(importMs, () => this.#startLate('importing the handler', importMs));
    if (!this.#usable) killGroup(pid, this.#options.uid);
  }

  /** One of its two connections came in. */
  connected(kind: ConnectionKind, socket: Socket, rest: Buffer): void {
    if (kind === 'O') {
      this.#hasOutput = true;
      this.#options.output.attach(socket, rest);
    } else {
      this.#frames = socket;
      socket.on('data', (chunk: Buffer) => this.#read(chunk));
      socket.on('close', () => this.#lose());
      if (rest.length > 0) this.#read(rest);
    }
    if (this.#frames && this.#hasOutput) this.#options.hooks.initialising();
    if (this.#serves) this.#serving();
  }

  invoke(call: Invocation, timeoutMs: number, coldStart: boolean): Promise<InvocationResult> {
    const { accessKeyId, accessKeySecret, securityToken } = call.credentials;
    const wantsTail = call.logTail === true;
    return new Promise((resolve) => {
      const passage = this.#options.output.begin(call.requestId, wantsTail, [accessKeySecret, securityToken].filter(Boolean));
      const timer = after(timeoutMs, () => this.#late(timeoutMs));
      this.#running = { call, passage, begun: monotonic(), timer, coldStart, resolve };
      const head = { id: call.requestId, ak: accessKeyId, sk: accessKeySecret, token: securityToken, ...(wantsTail ? { tail: true } : {}) };
      this.#frames?.write(pack(frame.invoke, head, call.event));
      call.onStart?.(this.instanceId);
      if (!this.#usable || !this.#frames) this.#settleExit();
    });
  }

  kill(): void {
    this.#usable = false;
    // Without a process yet: whoever is about to make it looks at `usable` first.
    if (!this.#exited && this.#pid !== 0) killGroup(this.#pid, this.#options.uid);
  }

  /** It never came to be. */
  failed(fault: Fault): void {
    this.#isUnready(fault);
    void this.exited(0, fault.message);
  }

  /** Its process and all that it started are dead. */
  async exited(kilobytes: number, reason = ''): Promise<void> {
    if (this.#exited) return;
    this.#exited = true;
    this.#usable = false;
    this.#kilobytes = Math.max(this.#kilobytes, kilobytes);
    this.#options.hooks.lost();
    this.#frames?.destroy();
    const { output, tmp } = this.#options;
    const patience = after(lastWordsMs, () => output.close());
    if (!this.#hasOutput) output.close();
    this.#settleExit();
    if (this.#starting) {
      const message =
        reason === '' ? exitMessage(monotonic() - this.#begun, this.#megabytes) : `The instance could not be started: ${reason}`;
      if (reason === '') this.#failStart('exited', message, errorPayload(message));
      else this.#isUnready(new Fault('FunctionNotStarted', message));
      this.#starting?.timer?.cancel();
    }
    await output.done;
    patience.cancel();
    output.close();
    await rm(tmp, { recursive: true, force: true, maxRetries: 3 }).catch(() => {});
    this.#isGone();
  }

  get #megabytes(): number {
    return Math.ceil(this.#kilobytes / 1024);
  }

  #read(chunk: Buffer): void {
    try {
      for (const { type, payload } of this.#reader.push(chunk)) {
        if (type === frame.result || type === frame.error) this.#answered(type, payload);
        else if (type === frame.serving) this.#serving();
        else if (type === frame.initialising) this.#initialising();
      }
    } catch {
      // Not our host speaking any more: the function wrote into its connection.
      this.#frames?.destroy();
    }
  }

  #serving(): void {
    this.#serves = true;
    // What came over one connection may be read before the other one is accepted.
    if (!this.#starting || !this.#hasOutput) return;
    this.#starting.timer?.cancel();
    this.#options.output.finish(this.#starting.passage, false);
    this.#starting = undefined;
    this.#isReady();
  }

  #initialising(): void {
    if (!this.#starting) return;
    this.#starting.timer?.cancel();
    const { initializerMs } = this.#options;
    this.#starting.timer = after(initializerMs, () => this.#startLate('the initializer', initializerMs));
  }

  #answered(type: number, payload: Buffer): void {
    const { head, body } = unpack(payload);
    this.#kilobytes = Math.max(this.#kilobytes, Number(head.kb) || 0);
    if (this.#starting) {
      this.#failStart(head.phase === 'initializer' ? 'initializer' : 'raised', messageOf(body), body, true);
      return;
    }
    const running = this.#running;
    if (!running || head.id !== running.call.requestId) throw new Error('An answer without a question.');
    this.#options.output.finish(running.passage, head.marked === true);
    // Nobody knows what an exhausted instance still holds.
    if (head.memory === true) this.#usable = false;
    if (type === frame.result) this.#finish(body);
    else this.#finish(body, head.memory === true ? 'out-of-memory' : 'raised', messageOf(body));
  }

  #late(timeoutMs: number): void {
    if (!this.#running) return;
    this.#kilobytes = Math.max(this.#kilobytes, processFacts(this.#pid)?.peakKilobytes ?? 0);
    this.kill();
    const message = `Function timed out after ${Math.round(timeoutMs / 100) / 10} seconds`;
    this.#finish(errorPayload(message), 'timeout', message);
  }

  #startLate(what: string, limitMs: number): void {
    const message = `Function initialization timed out: ${what} took longer than ${limitMs / 1000} seconds`;
    this.#failStart('initializer', message, errorPayload(message));
  }

  #failStart(kind: FailureKind, message: string, payload: Buffer, told = false): void {
    const starting = this.#starting;
    if (!starting) return;
    this.#starting = undefined;
    starting.timer?.cancel();
    const details = { durationMs: monotonic() - this.#begun, maxMemoryMb: this.#megabytes };
    this.#usable = false;
    // A host that told what failed has marked the end of its output: once killed, what is still on its way would be lost.
    if (!told) this.kill();
    void this.#tail(starting.passage, true, details.durationMs).then((tail) => {
      this.kill();
      this.#isUnready(new StartFailure(failureOf(kind, message), Buffer.from(payload), { ...details, logTail: tail }));
    });
  }

  /** The connection is lost: the process has ended, or has closed what it must not close. */
  #lose(): void {
    this.#usable = false;
    this.#options.hooks.lost();
    if (!this.#exited && this.#pid !== 0) killGroup(this.#pid, this.#options.uid);
  }

  /** The invocation at hand ends with its process. */
  #settleExit(): void {
    const running = this.#running;
    if (!running || !this.#exited) return;
    const message = exitMessage(monotonic() - running.begun, this.#megabytes);
    this.#finish(errorPayload(message), 'exited', message);
  }

  #finish(payload: Buffer, kind?: FailureKind, message = ''): void {
    const running = this.#running;
    if (!running) return;
    this.#running = undefined;
    running.timer.cancel();
    const result: InvocationResult = {
      payload,
      instanceId: this.instanceId,
      durationMs: monotonic() - running.begun,
      maxMemoryMb: this.#megabytes,
      coldStart: running.coldStart,
    };
    if (kind) result.failure = failureOf(kind, message);
    if (!running.passage.wantsTail) {
      running.resolve(result);
      return;
    }
    void this.#tail(running.passage, kind !== undefined, result.durationMs).then((tail) => {
      result.logTail = tail;
      running.resolve(result);
    });
  }

  async #tail(passage: Passage, failed: boolean, durationMs: number): Promise<string> {
    const printed = await this.#options.output.tail(passage);
    return logTail(passage, printed, { failed, durationMs, memoryMb: this.#options.memoryMb, maxMemoryMb: this.#megabytes });
  }
}

function exitMessage(durationMs: number, memoryMb: number): string {
  return `Process exited unexpectedly before completing request (duration: ${Math.round(durationMs)}ms, maxMemoryUsage: ${memoryMb}MB)`;
}

/** errorMessage of the vendor's error JSON. */
function messageOf(body: Buffer): string {
  try {
    const { errorMessage } = JSON.parse(body.toString('utf8')) as { errorMessage?: unknown };
    return typeof errorMessage === 'string' ? errorMessage : '';
  } catch {
    return '';
  }
}

import type { Socket } from 'node:net';
import { Fault } from '../../faults/index.ts';
import { after, FrameReader, monotonic, randomHex, type Timer } from '../../kit/index.ts';
import { type StartError, StartFailure, type StartHooks, type Worker } from '../engine.ts';
import { errorPayload, failureOf, type Invocation, type InvocationResult, maxPayloadBytes } from '../invocation.ts';
import { removeFolder } from '../sandbox/removal.ts';
import { Calls } from './calls.ts';
import type { ConnectionKind } from './door.ts';
import { type Ending, type Explanation, explainExit, explainNeighbour, explainTimeout } from './ending.ts';
import { killGroup, processFacts } from './group.ts';
import { logTail, type Output, type Passage } from './output.ts';
import { frame, headRoom, pack, packHead, unpack } from './wire.ts';

/** How long a module may take to import, milliseconds. */
const importMs = 30_000;
/** How long what a dead instance sent and printed may take to be read, milliseconds. */
const lastWordsMs = 500;

export interface WorkerOptions {
  id: string;
  requestId: string;
  memoryMb: number;
  initializerMs: number;
  goodUntil: number;
  /** The function's own user, where the process is ended by its id. */
  uid: number | undefined;
  /** The instance's own folder, removed with it. */
  tmp: string;
  output: Output;
  hooks: StartHooks;
  /**
   * Ends the process with all that it started; may be called more than once, before there is a process, and after its end. Without it the process
   * that `forked` names is ended with its group.
   */
  kill?: (() => void) | undefined;
  /** It can tell a function that the client left, before it answers. */
  hearsOfLeaving?: boolean | undefined;
  /** A frame that only this kind of host sends. */
  told?: ((type: number, body: Buffer) => void) | undefined;
}

/** One process of our own hosts, over two connections: frames, and what it prints. */
export class HostWorker implements Worker {
  readonly instanceId: string;
  readonly goodUntil: number;
  readonly ready: Promise<void>;
  readonly gone: Promise<void>;
  readonly #options: WorkerOptions;
  readonly #calls: Calls;
  readonly #reader = new FrameReader(maxPayloadBytes + headRoom);
  readonly #begun = monotonic();
  #frames: Socket | undefined;
  #hasOutput = false;
  #gathers = false;
  #serves: { marked: boolean } | undefined;
  #pid = 0;
  #usable = true;
  #killed = false;
  #exited = false;
  /** All that it sent before it died is read. */
  #heard = false;
  #ending: Ending = {};
  #kilobytes = 0;
  #starting: { passage: Passage; timer: Timer | undefined } | undefined;
  #stopping: { passage: Passage; done: () => void } | undefined;
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
    this.#calls = new Calls({
      instanceId: options.id,
      memoryMb: options.memoryMb,
      output: options.output,
      hearsOfLeaving: options.hearsOfLeaving === true,
      send: (...parts) => this.#send(...parts),
      megabytes: () => this.#megabytes,
      late: (requestId, limitMs) => this.#late(requestId, limitMs),
    });
    this.#starting = { passage: options.output.begin(options.requestId, true, []), timer: undefined };
  }

  get usable(): boolean {
    return this.#usable;
  }

  /** The process exists, by this id where it may be ended by one. From here on the import of the handler is limited in time. */
  forked(pid: number): void {
    this.#pid = pid;
    if (this.#starting && !this.#serves) this.#starting.timer ??= after(importMs, () => this.#startLate('importing the handler', importMs));
    if (!this.#usable) this.#end();
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
    if (this.#serves) this.#serving(this.#serves);
  }

  invoke(call: Invocation, timeoutMs: number, coldStart: boolean): Promise<InvocationResult> {
    const result = this.#calls.begin(call, timeoutMs, coldStart);
    call.onStart?.(this.instanceId);
    if (!this.#usable || !this.#frames) this.#settleExit();
    return result;
  }

  /** @inheritdoc */
  preStop(timeoutMs: number): Promise<void> {
    if (!this.#usable || this.#starting || !this.#frames) return Promise.resolve();
    const id = `prestop-${randomHex(8)}`;
    const passage = this.#options.output.begin(id, false, []);
    return new Promise((resolve) => {
      const timer = after(timeoutMs, () => this.#stopped(false));
      const done = () => {
        timer.cancel();
        resolve();
      };
      this.#stopping = { passage, done };
      this.#send(frame.preStop, { timeoutMs, id });
    });
  }

  kill(): void {
    this.#usable = false;
    this.#end();
  }

  /** It never came to be. */
  failed(fault: Fault): void {
    this.#isUnready(fault);
    void this.exited(0, fault.message);
  }

  /**
   * Its process and all that it started are dead.
   * @param kilobytes its largest resident size, 0 when unknown
   * @param reason why it could not even begin; '' when it ran
   */
  async exited(kilobytes: number, reason = '', ending: Ending = {}): Promise<void> {
    if (this.#exited) return;
    this.#exited = true;
    this.#usable = false;
    this.#ending = ending;
    this.#kilobytes = Math.max(this.#kilobytes, kilobytes);
    this.#options.hooks.lost();
    await this.#hearOut();
    const { output, tmp } = this.#options;
    const patience = after(lastWordsMs, () => output.close());
    if (!this.#hasOutput) output.close();
    this.#settleExit();
    this.#stopped(false);
    if (this.#starting) {
      if (reason === '') this.#failStart(this.#explainExit(monotonic() - this.#begun));
      else this.#isUnready(new Fault('FunctionNotStarted', `The instance could not be started: ${reason}`));
      this.#starting?.timer?.cancel();
    }
    await output.done;
    patience.cancel();
    output.close();
    await removeFolder(tmp);
    this.#isGone();
  }

  /** The news of its end may come before what it sent is read, and an answer that is whole counts. */
  async #hearOut(): Promise<void> {
    const frames = this.#frames;
    if (frames && !frames.destroyed) {
      const patience = after(lastWordsMs, () => frames.destroy());
      await new Promise((resolve) => frames.once('close', resolve));
      patience.cancel();
    }
    this.#heard = true;
  }

  get #megabytes(): number {
    return Math.ceil(this.#kilobytes / 1024);
  }

  #send(type: number, head: object, body?: Buffer, written?: (error?: Error | null) => void): void {
    const frames = this.#frames;
    // A write to a dead process would close the connection before what it sent is read.
    if (!frames || frames.destroyed || this.#exited) {
      if (written) process.nextTick(written, new Error('The instance is gone.'));
      return;
    }
    // Frames of one turn leave in one write: a write costs more than all else that an invocation costs here.
    if (!this.#gathers) {
      this.#gathers = true;
      frames.cork();
      setImmediate(() => {
        this.#gathers = false;
        frames.uncork();
      });
    }
    if (written && body) {
      frames.write(packHead(type, head, body.length));
      frames.write(body, written);
    } else frames.write(pack(type, head, body));
  }

  #end(): void {
    if (this.#exited) return;
    const { kill, uid } = this.#options;
    this.#killed = true;
    if (kill) kill();
    // Without a process yet: whoever is about to make it looks at `usable` first.
    else if (this.#pid !== 0) killGroup(this.#pid, uid);
  }

  #read(chunk: Buffer): void {
    try {
      for (const { type, payload } of this.#reader.push(chunk)) {
        const { head, body } = unpack(payload);
        if (type === frame.result || type === frame.error) this.#answered(type, head, body);
        else if (type >= frame.answer && type <= frame.broken) this.#calls.answer(type, head, body);
        else if (type === frame.wanted || type === frame.read || type === frame.dropped) this.#calls.input(type, head);
        else if (type === frame.serving) this.#serving({ marked: head.marked === true });
        else if (type === frame.initialising) this.#initialising();
        else if (type === frame.stopped) this.#stopped(head.marked === true);
        else this.#options.told?.(type, body);
      }
    } catch {
      // Not our host speaking any more: the function wrote into its connection.
      this.#frames?.destroy();
    }
  }

  #serving(about: { marked: boolean }): void {
    this.#serves = about;
    // What came over one connection may be read before the other one is accepted.
    if (!this.#starting || !this.#hasOutput) return;
    this.#starting.timer?.cancel();
    this.#options.output.finish(this.#starting.passage, about.marked);
    this.#starting = undefined;
    this.#isReady();
  }

  #initialising(): void {
    if (!this.#starting) return;
    this.#starting.timer?.cancel();
    const { initializerMs } = this.#options;
    this.#starting.timer = after(initializerMs, () => this.#startLate('the initializer', initializerMs));
  }

  #stopped(marked: boolean): void {
    const stopping = this.#stopping;
    if (!stopping) return;
    this.#stopping = undefined;
    this.#options.output.finish(stopping.passage, marked);
    stopping.done();
  }

  #answered(type: number, head: Record<string, unknown>, body: Buffer): void {
    this.#kilobytes = Math.max(this.#kilobytes, Number(head.kb) || 0);
    if (this.#starting) {
      const kind = head.memory === true ? 'out-of-memory' : head.phase === 'initializer' ? 'initializer' : 'raised';
      this.#failStart({ kind, message: messageOf(body), payload: body }, true);
      return;
    }
    // Nobody knows what an exhausted instance still holds; one that says so is about to end.
    if (head.memory === true || head.ends === true) this.#usable = false;
    const kind = head.memory === true ? 'out-of-memory' : 'raised';
    if (type === frame.result) this.#calls.answered(head, body);
    else this.#calls.answered(head, body, { kind, message: messageOf(body), payload: body, handled: head.handled === true });
  }

  #late(requestId: string, limitMs: number): void {
    this.#kilobytes = Math.max(this.#kilobytes, processFacts(this.#pid)?.peakKilobytes ?? 0);
    this.kill();
    const explanation = explainTimeout(limitMs);
    this.#calls.fail(requestId, explanation);
    this.#calls.failAll(() => explainNeighbour(explanation.message));
  }

  #startLate(what: string, limitMs: number): void {
    const message = `Function initialization timed out: ${what} took longer than ${limitMs / 1000} seconds`;
    this.#failStart({ kind: 'initializer', message, payload: errorPayload(message) });
  }

  #failStart({ kind, message, payload }: Explanation, told = false): void {
    const starting = this.#starting;
    if (!starting) return;
    this.#starting = undefined;
    starting.timer?.cancel();
    const details = { durationMs: monotonic() - this.#begun, maxMemoryMb: this.#megabytes };
    this.#usable = false;
    // A host that told what failed has marked the end of its output: once killed, what is still on its way would be lost.
    if (!told) this.kill();
    const { output, memoryMb } = this.#options;
    void output.tail(starting.passage).then((printed) => {
      this.kill();
      const tail = logTail(starting.passage, printed, { failed: true, ...details, memoryMb });
      this.#isUnready(new StartFailure(failureOf(kind, message), Buffer.from(payload), { ...details, logTail: tail }));
    });
  }

  /** The connection is lost: the process has ended, or has closed what it must not close. */
  #lose(): void {
    this.#usable = false;
    this.#options.hooks.lost();
    // A process that ended by itself is not one that was ended.
    const killed = this.#killed;
    this.#end();
    this.#killed = killed;
  }

  /** The invocations at hand end with their process. */
  #settleExit(): void {
    if (this.#heard) this.#calls.failAll((durationMs) => this.#explainExit(durationMs));
  }

  #explainExit(durationMs: number): Explanation {
    const { memoryMb } = this.#options;
    return explainExit({ ending: this.#ending, durationMs, memoryMb, maxMemoryMb: this.#megabytes, ours: this.#killed });
  }
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

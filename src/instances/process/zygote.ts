import type { ChildProcess } from 'node:child_process';
import type { Duplex } from 'node:stream';
import { Fault } from '../../faults/index.ts';
import { after, FrameReader, type Timer } from '../../kit/index.ts';
import type { Launch, Launched, Sandbox } from '../sandbox/sandbox.ts';
import { killGroup } from './group.ts';
import { frame, headRoom, pack, unpack } from './wire.ts';

const readyMs = 20_000;
const shutdownMs = 3_000;
const noteLimit = 2_000;
/** How long an order may take. A fork server that was stopped, or that cannot keep up with what an instance starts, ends with its sandbox. */
const obeyMs = 5_000;
const endMs = 2_000;
const killSignal = 9;

export interface ZygoteOptions {
  interpreter: string;
  script: string;
  config: Record<string, unknown>;
  env: Record<string, string>;
  uid: number | undefined;
  sees: Pick<Launch, 'readable' | 'writable' | 'code' | 'layers' | 'tmp'>;
  limits: Launch['limits'];
}

/** How an instance ended, as far as is known. */
export interface ProcessEnd {
  code: number;
  signal: string | null;
  outOfMemory: boolean;
  /** Why the wall ended it, for the user. */
  breach?: string | undefined;
}

export interface ZygoteEvents {
  /** @param pid the server's id for its process; 0 when that is not known */
  forked(id: string, pid: number): void;
  exited(id: string, end: ProcessEnd, kilobytes: number, reason: string): void;
  /** The fork server ended; every instance that it had is dead. */
  gone(end: ProcessEnd): void;
}

/** The fork server refused a package: it has to be started again without it. */
export class Unfit extends Error {
  override readonly name = 'Unfit';
  readonly module: string;
  constructor(module: string, reason: string) {
    super(reason);
    this.module = module;
  }
}

/** One fork server process. */
export class Zygote {
  /** Rejects with Unfit, Fault FunctionNotStarted (it can never work) or Error. */
  readonly ready: Promise<{ preloaded: string[] }>;
  /** Resolves when the process has ended. */
  readonly ended: Promise<void>;
  readonly #launched: Launched;
  readonly #child: ChildProcess;
  readonly #control: Duplex;
  readonly #options: ZygoteOptions;
  readonly #events: ZygoteEvents;
  readonly #reader = new FrameReader(headRoom);
  readonly #patience: Timer;
  /** Orders that have not been carried out, by the instance they are for. */
  readonly #pending = new Map<string, Timer>();
  readonly #ending = new Set<string>();
  readonly #pids = new Map<string, number>();
  #note = '';
  #alive = true;
  #isReady = false;
  #opened: (about: { preloaded: string[] }) => void = () => {};
  #refused: (error: Error) => void = () => {};

  constructor(sandbox: Sandbox, options: ZygoteOptions, events: ZygoteEvents) {
    this.#options = options;
    this.#events = events;
    const { interpreter, script, env, uid, sees, limits } = options;
    this.#launched = sandbox.launch({
      program: interpreter,
      // -S: packages that the host happens to have must not mix with those of the function.
      args: ['-I', '-S', '-B', script],
      cwd: '/',
      env,
      uid,
      stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
      ...sees,
      limits,
    });
    this.#child = this.#launched.child;
    this.ready = new Promise((resolve, reject) => {
      this.#opened = resolve;
      this.#refused = reject;
    });
    this.ready.catch(() => {});
    this.ended = new Promise((resolve) => {
      const end = () => {
        this.#end();
        resolve();
      };
      this.#child.once('exit', end);
      this.#child.once('error', (error) => {
        this.#note ||= error.message;
        if (this.#child.pid === undefined) end();
      });
    });
    this.#child.stderr?.on('data', (chunk: Buffer) => {
      this.#note = (this.#note + chunk.toString('utf8')).slice(-noteLimit);
    });
    this.#control = this.#child.stdio[3] as Duplex;
    this.#control?.on('data', (chunk: Buffer) => this.#read(chunk));
    this.#control?.on('error', () => this.kill());
    this.#patience = after(readyMs, () => {
      this.#note ||= `it was not ready after ${readyMs / 1000} seconds`;
      this.kill();
    });
    this.#send(frame.config, options.config);
  }

  /** Whether it can still fork. */
  get alive(): boolean {
    return this.#alive;
  }

  fork(order: { id: string; [name: string]: unknown }): void {
    this.#await(order.id, obeyMs);
    this.#send(frame.fork, order);
  }

  /** Ends one instance with all that it started; if that takes long, the fork server with all of them. */
  end(id: string): void {
    if (!this.#alive || !(this.#pids.has(id) || this.#pending.has(id))) return;
    const pid = this.#pids.get(id) ?? 0;
    if (pid !== 0) killGroup(pid, this.#options.uid);
    if (this.#ending.has(id)) return;
    this.#ending.add(id);
    this.#await(id, endMs);
    this.#send(frame.halt, { id });
  }

  /** Other limits from now on, as instances come and go. */
  resize(limits: Parameters<Launched['resize']>[0]): void {
    this.#launched.resize(limits);
  }

  /** Asks it to end with everything it started, and makes sure that it does. */
  async shutdown(): Promise<void> {
    if (this.#isReady) this.#send(frame.shutdown, {});
    else this.kill();
    const patience = after(shutdownMs, () => this.kill());
    await this.ended;
    patience.cancel();
  }

  kill(): void {
    if (this.#alive) this.#launched.kill();
  }

  #await(id: string, ms: number): void {
    this.#pending.get(id)?.cancel();
    this.#pending.set(
      id,
      after(ms, () => this.kill()),
    );
  }

  #done(id: string): void {
    this.#pending.get(id)?.cancel();
    this.#pending.delete(id);
  }

  #send(type: number, head: object): void {
    if (this.#alive && this.#control?.writable) this.#control.write(pack(type, head));
  }

  #read(chunk: Buffer): void {
    try {
      for (const { type, payload } of this.#reader.push(chunk)) this.#obey(type, unpack(payload).head);
    } catch (error) {
      this.#note ||= (error as Error).message;
      this.kill();
    }
  }

  #obey(type: number, head: Record<string, unknown>): void {
    const id = String(head.id);
    if (type === frame.forked) this.#forked(id, Number(head.pid));
    else if (type === frame.exited) this.#exited(id, head);
    else if (type === frame.skip && head.fatal) this.#refused(new Fault('FunctionNotStarted', String(head.fatal)));
    else if (type === frame.skip) this.#refused(new Unfit(String(head.name), String(head.reason)));
    else if (type === frame.ready) {
      this.#patience.cancel();
      this.#isReady = true;
      this.#opened({ preloaded: (head.preloaded as string[]) ?? [] });
    }
  }

  #forked(id: string, inner: number): void {
    if (!this.#pending.has(id)) return;
    const pid = this.#launched.pidOf(inner) ?? 0;
    this.#pids.set(id, pid);
    if (this.#ending.has(id)) killGroup(pid, this.#options.uid);
    else this.#done(id);
    this.#events.forked(id, pid);
  }

  #exited(id: string, head: Record<string, unknown>): void {
    this.#done(id);
    this.#pids.delete(id);
    this.#ending.delete(id);
    this.#events.exited(id, this.#endOf(Number(head.status) || 0), Number(head.kb) || 0, String(head.reason));
  }

  /** @param status as wait(2) gives it */
  #endOf(status: number): ProcessEnd {
    const isKilled = (status & 0x7f) === killSignal;
    const { breach } = this.#launched;
    return { code: status >> 8, signal: isKilled ? 'SIGKILL' : null, outOfMemory: isKilled && this.#launched.outOfMemory(), breach };
  }

  #end(): void {
    if (!this.#alive) return;
    this.#alive = false;
    for (const timer of this.#pending.values()) timer.cancel();
    this.#patience.cancel();
    this.#control?.destroy();
    this.#child.stderr?.destroy();
    const detail = this.#note.trim().split('\n').at(-1) ?? '';
    this.#refused(new Error(`The fork server of ${this.#options.interpreter} ended before it was ready: ${detail}`));
    this.#events.gone(this.#endOf(killSignal));
  }
}

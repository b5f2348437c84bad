import type { ChildProcess } from 'node:child_process';
import type { Socket } from 'node:net';
import { sleep } from '../../kit/index.ts';
import type { SessionCredentials } from '../invocation.ts';
import type { Ending } from '../process/ending.ts';
import { frame, pack } from '../process/wire.ts';
import type { HostWorker } from '../process/worker.ts';
import { removeFolder } from '../sandbox/removal.ts';
import type { Launched } from '../sandbox/sandbox.ts';

/** What is kept of the output of packages that were loaded ahead, to be shown as that of the first start. Bytes. */
const earlyOutputLimit = 64 * 1024;
/** How long the output of a process that ended may take to be read, milliseconds. */
const lastWordsMs = 300;
const exhausted = 'JavaScript heap out of memory';

export interface WarmOptions {
  id: string;
  launched: Launched;
  /** The instance's own folder. */
  tmp: string;
  /** Those in its environment. */
  credentials: SessionCredentials;
  /** What it needs before it is an instance. */
  config: object;
  /** It has ended, before or after it became an instance. */
  onEnd: () => void;
}

/** A Node process that is, or waits to become, one instance. */
export class WarmProcess {
  readonly id: string;
  readonly tmp: string;
  readonly credentials: SessionCredentials;
  /** Resolves with true when it is warm, with false when it ended before. */
  readonly ready: Promise<boolean>;
  /** Resolves when the process has ended. */
  readonly ended: Promise<void>;
  readonly #options: WarmOptions;
  readonly #child: ChildProcess;
  readonly #frames: Socket;
  readonly #printed: Socket;
  #heldFrames: Buffer = Buffer.alloc(0);
  #heldOutput: Buffer = Buffer.alloc(0);
  #worker: HostWorker | undefined;
  #isReady = false;
  #alive = true;
  #outOfMemory = false;
  #failure = '';
  #settleReady: (warm: boolean) => void = () => {};

  constructor(options: WarmOptions) {
    this.#options = options;
    this.id = options.id;
    this.tmp = options.tmp;
    this.credentials = options.credentials;
    this.#child = options.launched.child;
    this.#printed = this.#child.stdout as Socket;
    this.#frames = this.#child.stdio[3] as Socket;
    this.ready = new Promise((resolve) => {
      this.#settleReady = resolve;
    });
    this.ended = new Promise((resolve) => {
      this.#child.once('exit', (code, signal) => {
        this.#end({ code, signal });
        resolve();
      });
      this.#child.once('error', (error) => {
        this.#failure ||= error.message;
        if (this.#child.pid === undefined) {
          this.#end({});
          resolve();
        }
      });
    });
    if (this.#child.pid === undefined) return;
    this.#frames.on('error', () => {});
    this.#printed.on('error', () => {});
    this.#frames.on('data', this.#holdFrames);
    this.#printed.on('data', this.#holdOutput);
    this.#frames.write(pack(frame.config, options.config));
  }

  get alive(): boolean {
    return this.#alive;
  }
  /** It has loaded all that it may load ahead. */
  get warm(): boolean {
    return this.#isReady;
  }

  /** Epoch milliseconds at which the credentials in its environment end. */
  get goodUntil(): number {
    return this.credentials.expiresAt ?? Number.POSITIVE_INFINITY;
  }

  /** Makes it the instance that `worker` speaks for. */
  begin(worker: HostWorker, order: object): void {
    this.#worker = worker;
    if (this.#child.pid === undefined) return;
    this.#frames.off('data', this.#holdFrames);
    this.#printed.off('data', this.#holdOutput);
    this.#printed.on('data', (chunk: Buffer) => {
      if (chunk.includes(exhausted)) this.#outOfMemory = true;
    });
    worker.forked(this.#child.pid);
    worker.connected('F', this.#frames, this.#heldFrames);
    worker.connected('O', this.#printed, this.#heldOutput);
    this.#heldFrames = Buffer.alloc(0);
    this.#heldOutput = Buffer.alloc(0);
    this.#frames.write(pack(frame.fork, order));
  }

  /** Ends it with all that it started. */
  kill(): void {
    this.#options.launched.kill();
  }

  readonly #holdFrames = (chunk: Buffer): void => {
    // All that can come now is READY; the worker that takes over does not mind it.
    if (this.#isReady) return;
    this.#heldFrames = Buffer.concat([this.#heldFrames, chunk]);
    if (this.#heldFrames[4] !== frame.ready) return;
    this.#isReady = true;
    this.#settleReady(true);
  };

  readonly #holdOutput = (chunk: Buffer): void => {
    if (this.#heldOutput.length < earlyOutputLimit) this.#heldOutput = Buffer.concat([this.#heldOutput, chunk]);
  };

  #end(ending: Ending): void {
    if (!this.#alive) return;
    this.#alive = false;
    this.#settleReady(false);
    // Whatever it started goes with it.
    this.#options.launched.kill();
    if (this.#worker) void this.#tell(this.#worker, ending);
    else {
      this.#frames?.destroy();
      this.#printed?.destroy();
      void removeFolder(this.tmp);
    }
    this.#options.onEnd();
  }

  async #tell(worker: HostWorker, ending: Ending): Promise<void> {
    // A Node without memory aborts, and says so in its last words; how it ended is often hidden by the wall that ends with it.
    if (!this.#outOfMemory && !this.#printed.readableEnded) {
      await Promise.race([new Promise((resolve) => this.#printed.once('end', resolve)), sleep(lastWordsMs)]);
    }
    const outOfMemory = this.#outOfMemory || this.#options.launched.outOfMemory();
    void worker.exited(0, this.#failure, { ...ending, ...(outOfMemory ? { outOfMemory } : {}) });
  }
}

import type { ChildProcess } from 'node:child_process';
import type { Socket } from 'node:net';
import type { SessionCredentials } from '../invocation.ts';
import type { Door } from '../process/door.ts';
import type { Ending } from '../process/ending.ts';
import { frame, pack } from '../process/wire.ts';
import type { HostWorker } from '../process/worker.ts';
import { removeFolder } from '../sandbox/removal.ts';
import type { Launched } from '../sandbox/sandbox.ts';

/** What is kept of what Java says before it is connected, bytes. */
const earlyOutputLimit = 16 * 1024;
const reasonLimit = 500;
/** What Java says around the cause. */
const commonplaces = /^(Picked up |Error: Could not create |Error: A fatal exception |Error occurred during initialization)/;
/** 128 and SIGKILL, as a shell or a wrapper reports it. */
const killedCode = 137;

export interface JvmOptions {
  id: string;
  /** What it greets the door with. */
  secret: string;
  door: Door;
  launched: Launched;
  /** The instance's own folder. */
  tmp: string;
  /** Those in its environment. */
  credentials: SessionCredentials;
  /** What stands behind the output of an invocation. */
  marker: string;
  /** What it is told on its standard input. */
  ticket: object;
  /** It has ended, before or after it became an instance. */
  onEnd: () => void;
}

/** A Java process that is, or waits to become, one instance. */
export class Jvm {
  readonly id: string;
  readonly tmp: string;
  readonly credentials: SessionCredentials;
  readonly marker: string;
  /** Resolves with true when it is warm, with false when it ended before. */
  readonly ready: Promise<boolean>;
  /** Resolves when the process has ended. */
  readonly ended: Promise<void>;
  readonly #options: JvmOptions;
  readonly #child: ChildProcess;
  readonly #printed: Socket;
  #frames: Socket | undefined;
  #heldFrames: Buffer = Buffer.alloc(0);
  #early: Buffer = Buffer.alloc(0);
  #worker: HostWorker | undefined;
  #order: object = {};
  #alive = true;
  #failure = '';
  #settleReady: (warm: boolean) => void = () => {};

  constructor(options: JvmOptions) {
    this.#options = options;
    this.id = options.id;
    this.tmp = options.tmp;
    this.credentials = options.credentials;
    this.marker = options.marker;
    this.#child = options.launched.child;
    this.#printed = this.#child.stdout as Socket;
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
    options.door.expect(options.id, options.secret, (_kind, socket, rest) => this.#connected(socket, rest), ['F']);
    this.#printed.on('error', () => {});
    this.#printed.on('data', this.#holdOutput);
    this.#child.stdin?.on('error', () => {});
    this.#child.stdin?.end(`${JSON.stringify(options.ticket)}\n`);
  }

  get alive(): boolean {
    return this.#alive;
  }

  /** Epoch milliseconds at which the credentials in its environment end. */
  get goodUntil(): number {
    return this.credentials.expiresAt ?? Number.POSITIVE_INFINITY;
  }

  /** Makes it the instance that `worker` speaks for. */
  begin(worker: HostWorker, order: object): void {
    this.#worker = worker;
    this.#order = order;
    if (this.#child.pid === undefined) return;
    worker.forked(this.#child.pid);
    worker.connected('O', this.#printed, this.#early);
    this.#handOver();
  }

  /** Ends it with all that it started. */
  kill(): void {
    this.#options.launched.kill();
  }

  #connected(socket: Socket, rest: Buffer): void {
    if (!this.#alive) {
      socket.destroy();
      return;
    }
    this.#frames = socket;
    socket.on('data', this.#holdFrames);
    if (rest.length > 0) this.#holdFrames(rest);
    this.#handOver();
  }

  #handOver(): void {
    if (!this.#worker || !this.#frames) return;
    this.#printed.off('data', this.#holdOutput);
    this.#frames.off('data', this.#holdFrames);
    this.#frames.write(pack(frame.config, this.#order));
    this.#worker.connected('F', this.#frames, this.#heldFrames);
    this.#heldFrames = Buffer.alloc(0);
  }

  readonly #holdFrames = (chunk: Buffer): void => {
    // All that can come now is READY; the worker that takes over does not mind it.
    this.#heldFrames = Buffer.concat([this.#heldFrames, chunk]);
    if (this.#heldFrames[4] === frame.ready) this.#settleReady(true);
  };

  readonly #holdOutput = (chunk: Buffer): void => {
    if (this.#early.length < earlyOutputLimit) this.#early = Buffer.concat([this.#early, chunk]);
  };

  #end(ending: Ending): void {
    if (!this.#alive) return;
    this.#alive = false;
    this.#options.door.forget(this.id);
    this.#settleReady(false);
    // Whatever it started goes with it.
    this.#options.launched.kill();
    if (this.#worker) this.#tell(this.#worker, ending);
    else {
      this.#frames?.destroy();
      this.#printed?.destroy();
      void removeFolder(this.tmp);
    }
    this.#options.onEnd();
  }

  #tell(worker: HostWorker, ending: Ending): void {
    const { breach } = this.#options.launched;
    const outOfMemory = this.#options.launched.outOfMemory();
    const wasEnded = outOfMemory || breach !== undefined || ending.signal || ending.code === killedCode;
    // A Java that does not get as far as the door has said why.
    const lines = this.#early
      .toString('utf8')
      .split('\n')
      .filter((line) => line !== '' && !commonplaces.test(line));
    const said = lines.join('; ').slice(0, reasonLimit) || `Java ended with code ${ending.code}`;
    void worker.exited(0, this.#failure || (this.#frames || wasEnded ? '' : said), { ...ending, outOfMemory, breach });
  }
}

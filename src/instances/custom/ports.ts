import { createServer } from 'node:net';
import { randomBuffer } from '../../kit/index.ts';

/** Below the ports that the kernel gives to connections of its own, so that none of them takes one away. */
const [first, count] = [20_000, 12_000];
const tries = 50;

/** Free TCP ports of this machine, each given to one instance at a time. */
export class Ports {
  readonly #taken = new Set<number>();

  /** @throws Error when none is free */
  async take(): Promise<number> {
    for (let attempt = 0; attempt < tries; attempt++) {
      const port = first + (randomBuffer(4).readUInt32LE() % count);
      if (this.#taken.has(port)) continue;
      this.#taken.add(port);
      if (await isFree(port)) return port;
      this.#taken.delete(port);
    }
    throw new Error('no free port was found');
  }

  give(port: number): void {
    this.#taken.delete(port);
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen({ port, host: '0.0.0.0', exclusive: true }, () => probe.close(() => resolve(true)));
  });
}

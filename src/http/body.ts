import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';

/** Lets the rest of a body run into nothing, whoever was reading it before. */
export function discard(req: IncomingMessage): void {
  req.removeAllListeners('readable');
  req.removeAllListeners('data');
  req.on('error', ignore);
  // Readable notices only in the next tick that its 'readable' listeners are gone.
  process.nextTick(() => req.resume());
}

/**
 * A body that its reader gives up is destroyed: by an early exit of `for await`, by a failed pipeline, or by hand. That must not
 * take down the connection, which still has to carry the answer: whoever waits for more gets an error, and the rest is thrown away.
 */
export function keepConnection(req: IncomingMessage, socket: Socket): void {
  const destroy = req.destroy;
  let givenUp = false;
  req.destroy = (error?: Error) => {
    if (socket.destroyed || req.complete || isReset(error)) return destroy.call(req, error);
    if (givenUp) return req;
    givenUp = true;
    failReader(req, error ?? new Error('the body was given up before its end'));
    discard(req);
    return req;
  };
}

function isReset(error: Error | undefined): boolean {
  return (error as NodeJS.ErrnoException | undefined)?.code === 'ECONNRESET';
}

/** Tells whoever reads the body that no more will come, while the connection still carries the answer. */
export function failReader(req: IncomingMessage, error: Error): void {
  if (req.listenerCount('error') > 0) req.emit('error', error);
}

function ignore(): void {}

import type { Socket } from 'node:net';
import { after } from '../kit/index.ts';
import { discard } from './body.ts';
import type { DoorContext } from './context.ts';
import { discardBytes, lingerMs } from './limits.ts';

/** An error answer of a dialect, ready to be sent. */
export interface Rendered {
  status: number;
  headers: Record<string, string>;
  body: string;
}

/** Sends a whole error answer; the connection stays open only if the rest of the request body is short. */
export function sendRendered(ctx: DoorContext, { status, headers, body }: Rendered): void {
  const { res } = ctx;
  const bytes = Buffer.from(body);
  if (!ctx.req.complete) leaveBody(ctx);
  res.writeHead(status, { ...headers, 'Content-Length': String(bytes.length) });
  res.end(ctx.method === 'HEAD' ? undefined : bytes);
}

/** Arranges for what the client still wants to send: a short rest is thrown away, else the connection ends after the answer. */
function leaveBody(ctx: DoorContext): void {
  const { 'content-length': length, 'transfer-encoding': coding } = ctx.headers;
  if (length === undefined && coding === undefined) return;
  if (ctx.waitsForContinue) {
    ctx.res.shouldKeepAlive = false;
    return;
  }
  if (ctx.bodyAsked) discard(ctx.req);
  if (Number(length) <= discardBytes) return;
  ctx.res.shouldKeepAlive = false;
  lingerOnClose(ctx.socket);
}

/**
 * Makes the closing of a connection gentle: our end first, then for a moment what the client still sends is thrown away.
 * Closing at once would answer those bytes with a reset, and the client would lose the answer that it has not read yet.
 */
function lingerOnClose(socket: Socket): void {
  socket.destroySoon = () => {
    socket.end();
    const timer = after(lingerMs, () => socket.destroy());
    socket.once('close', () => timer.cancel());
  };
}

/** Ends a connection so that the client cannot take the answer for a whole one. */
export function reset(socket: Socket): void {
  if (!socket.destroyed) socket.resetAndDestroy();
}

/** An answer to bytes that are not HTTP, below any dialect; the connection ends. */
export function refuseRaw(socket: Socket, status: string): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
  const timer = after(lingerMs, () => socket.destroy());
  socket.once('close', () => timer.cancel());
}

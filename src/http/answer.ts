import type { Socket } from 'node:net';
import { after } from '../kit/index.ts';
import { lingerMs } from './limits.ts';

/** An error answer of a dialect, ready to be sent. */
export interface Rendered {
  status: number;
  headers: Record<string, string>;
  body: string;
}

/** An answer to bytes that are not HTTP, below any dialect; the connection ends. */
export function refuseRaw(socket: Socket, status: string): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
  closeLater(socket);
}

/** For a moment what the client still sends is thrown away: a close at once would answer it with a reset, and the client would lose its answer. */
export function closeLater(socket: Socket): void {
  const timer = after(lingerMs, () => socket.destroy());
  socket.once('close', () => timer.cancel());
}

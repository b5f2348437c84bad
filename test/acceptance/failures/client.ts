import type { Socket } from 'node:net';
import { dial } from '../harness/http.ts';
import { pathOf, presignV1, queryOf, signHeaderV4 } from '../harness/sign.ts';
import type { Sluice } from '../harness/sluice.ts';
import type { ClientName, Outcome } from './table.ts';

/** Where a client asks, and how long the whole answer is. */
export interface Ask {
  alias: string;
  key: string;
  query: Record<string, string>;
  length: number;
}

const slowMs = 400;
/** How long a client waits before it leaves, so that some leave before the function answers and some after. */
const goneMs = 150;

/** One client of its kind over a plain socket: it sees every byte, and how the connection ended. */
export async function ask(sluice: Sluice, client: ClientName, { alias, key, query, length }: Ask): Promise<Outcome> {
  const socket = await dial(sluice.data);
  const method = client === 'HEAD' ? 'HEAD' : 'GET';
  const request = { method, bucket: alias, key, query };
  const { host } = new URL(sluice.data);
  const presigned = client === 'presigned';
  const path = presigned ? presignV1(request, sluice.key, Math.floor(Date.now() / 1000) + 600) : pathOf(request) + queryOf(query);
  const headers = presigned ? {} : signHeaderV4(request, sluice.key);
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(`${method} ${path} HTTP/${client === 'HTTP/1.0' ? '1.0' : '1.1'}\r\nHost: ${host}\r\n${lines.join('')}\r\n`);
  if (client === 'gone') {
    await new Promise((resolve) => setTimeout(resolve, goneMs));
    socket.destroy();
    return 'nothing';
  }
  if (client === 'slow') await pauseOf(socket);
  return outcomeOf(await readAll(socket, method), method, length);
}

async function pauseOf(socket: Socket): Promise<void> {
  socket.pause();
  await new Promise((resolve) => setTimeout(resolve, slowMs));
}

interface Ended {
  bytes: Buffer;
  /** How the connection ended: by us, because the answer was whole; by the server's clean end; by a reset. */
  how: 'whole' | 'end' | 'reset';
}

function readAll(socket: Socket, method: string): Promise<Ended> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let how: Ended['how'] = 'end';
    socket.on('data', (chunk) => {
      chunks.push(chunk as Buffer);
      if (!isWhole(Buffer.concat(chunks), method)) return;
      how = 'whole';
      socket.destroy();
    });
    socket.on('error', () => {
      how = 'reset';
    });
    socket.on('close', () => resolve({ bytes: Buffer.concat(chunks), how }));
    socket.resume();
  });
}

function partsOf(bytes: Buffer): { head: string; body: Buffer } | undefined {
  const end = bytes.indexOf('\r\n\r\n');
  return end < 0 ? undefined : { head: bytes.toString('latin1', 0, end), body: bytes.subarray(end + 4) };
}

function isWhole(bytes: Buffer, method: string): boolean {
  const parts = partsOf(bytes);
  if (!parts) return false;
  if (method === 'HEAD') return true;
  const length = /\r\ncontent-length: *(\d+)/i.exec(parts.head)?.[1];
  if (length !== undefined) return parts.body.length >= Number(length);
  return /\r\ntransfer-encoding: *chunked/i.test(parts.head) && parts.body.subarray(-7).equals(Buffer.from('\r\n0\r\n\r\n'));
}

function outcomeOf({ bytes, how }: Ended, method: string, wanted: number): Outcome {
  if (how === 'reset') return 'reset';
  const parts = partsOf(bytes);
  if (!parts) return 'an end without a head';
  const status = parts.head.slice(9, 12);
  const declared = /\r\ncontent-length: *(\d+)/i.exec(parts.head)?.[1];
  if (status !== '200') {
    const header = /\r\nx-oss-err: *(\S+)/i.exec(parts.head)?.[1];
    const text = header === undefined ? parts.body.toString() : Buffer.from(header, 'base64').toString();
    return `${status} ${/<Code>([^<]*)<\/Code>/.exec(text)?.[1] ?? 'without a code'}`;
  }
  if (method === 'HEAD') return Number(declared) === wanted ? '200' : `200 with the length ${declared}`;
  return parts.body.length === wanted ? '200' : `200 that ends cleanly after ${parts.body.length} bytes`;
}

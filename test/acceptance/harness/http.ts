import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

export interface Reply {
  status: number;
  headers: Record<string, string | undefined>;
  body: Buffer;
  /** <Code> of an OSS error document or `Code` of an FC one; empty when the body is neither. */
  code: string;
}

export interface Call {
  method?: string;
  /** Raw path with query, sent as it stands. */
  path: string;
  headers?: Record<string, string>;
  body?: Buffer | Readable;
}

/** Opens a request on a connection of its own, so that nothing is kept alive after it. */
export function openCall(origin: string, call: Call): ClientRequest {
  const { hostname, port } = new URL(origin);
  return httpRequest({
    hostname,
    port,
    method: call.method ?? 'GET',
    path: call.path,
    headers: { ...call.headers },
    agent: false,
    maxHeaderSize: 1 << 20,
  });
}

/** Sends a request and waits for its head. */
export function start(origin: string, call: Call): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request = openCall(origin, call);
    request.on('response', resolve);
    request.on('error', reject);
    if (call.body && !Buffer.isBuffer(call.body)) pipeline(call.body, request).catch(reject);
    else {
      if (call.body) request.setHeader('content-length', call.body.length);
      request.end(call.body);
    }
  });
}

/** Sends a request and reads the whole answer; rejects when the connection breaks before its end. */
export async function send(origin: string, call: Call): Promise<Reply> {
  const response = await start(origin, call);
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks);
  return {
    status: response.statusCode ?? 0,
    headers: response.headers as Reply['headers'],
    body,
    code: codeOf(body, response.headers['x-oss-err']),
  };
}

function codeOf(body: Buffer, header: string | string[] | undefined): string {
  const text =
    typeof header === 'string' && body.length === 0 ? Buffer.from(header, 'base64').toString() : body.subarray(0, 4096).toString();
  return /<Code>([^<]*)<\/Code>/.exec(text)?.[1] ?? /"Code":"([^"]*)"/.exec(text)?.[1] ?? '';
}

/** A plain socket to an origin, connected. */
export function dial(origin: string): Promise<Socket> {
  const { hostname, port } = new URL(origin);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => resolve(socket));
    socket.once('error', reject);
  });
}

/** Sends raw bytes and returns what the server answered until it closed or `ms` of silence passed. */
export async function sendRaw(origin: string, bytes: Buffer | string, ms = 2000): Promise<string> {
  const socket = await dial(origin);
  let answer = '';
  await new Promise<void>((resolve) => {
    socket.setTimeout(ms, resolve);
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1');
    });
    socket.on('close', () => resolve());
    socket.on('error', () => resolve());
    socket.write(bytes);
  });
  socket.destroy();
  return answer;
}

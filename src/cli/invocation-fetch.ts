import type { Asking } from './action.ts';
import type { Pairs } from './invocation-recording.ts';
import { readReply, Transport } from './transport.ts';

/** What came back for a request, whatever its status. */
export interface Fetched {
  readonly status: number;
  readonly requestId: string;
  readonly body: Buffer;
  /** The connection broke before the end. */
  readonly broken: boolean;
}

const presignedSeconds = 600;
const silenceMs = 15 * 60_000;

/** Asks through an alias as a client did: with its query and headers, signed anew in the URL. */
export async function fetchThrough(
  { store, connection }: Pick<Asking, 'store' | 'connection'>,
  asked: { alias: string; key: string; method: string; query: string; headers: Pairs },
): Promise<Fetched> {
  const method = asked.method === 'HEAD' ? 'HEAD' : 'GET';
  const query = Object.fromEntries(new URLSearchParams(asked.query));
  const headers = Object.fromEntries(asked.headers.map(([name, value]) => [name.toLowerCase(), value]));
  const url = new URL(store.presign({ method, bucket: asked.alias, key: asked.key, query, headers }, presignedSeconds));
  const transport = new Transport(connection.dataEndpoint, '--data-endpoint', connection.caFile);
  const reply = await transport.send({ method, path: url.pathname + url.search, headers: { ...headers, host: url.host }, silenceMs });
  const requestId = String(reply.headers['x-oss-request-id'] ?? '');
  try {
    return { status: reply.status, requestId, body: await readReply(reply), broken: false };
  } catch {
    return { status: reply.status, requestId, body: Buffer.alloc(0), broken: true };
  }
}

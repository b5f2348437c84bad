import assert from 'node:assert/strict';
import { send } from './http.ts';
import { type Key, signAcs3 } from './sign.ts';
import type { Sluice } from './sluice.ts';

/** One request of the admin API, signed by hand; fails unless it is answered 2xx. */
export async function admin(sluice: Sluice, how: string, body?: object, key: Key = sluice.key): Promise<Record<string, unknown>> {
  const [method, path] = how.split(' ') as [string, string];
  const bytes = Buffer.from(body === undefined ? '' : JSON.stringify(body));
  const full = `/admin/v1${path}`;
  const headers = signAcs3({ method, path: full, host: new URL(sluice.control).host, body: bytes }, key);
  const reply = await send(sluice.control, { method, path: full, headers, body: bytes });
  assert.ok(reply.status < 300, `${how}: ${reply.status} ${reply.body}`);
  return reply.body.length === 0 ? {} : (JSON.parse(reply.body.toString()) as Record<string, unknown>);
}

/** A user with these policies attached, and a key of his. */
export async function createUser(sluice: Sluice, name: string, ...policies: string[]): Promise<Key> {
  await admin(sluice, 'POST /users', { name });
  for (const policy of policies) await admin(sluice, `PUT /users/${name}/policies/${policy}`);
  const { id, secret } = await admin(sluice, 'POST /keys', { user: name });
  return { id: String(id), secret: String(secret) };
}

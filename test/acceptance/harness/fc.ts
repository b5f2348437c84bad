import assert from 'node:assert/strict';
import { type CodeFile, zip } from './deploy.ts';
import { type Reply, send } from './http.ts';
import { signAcs3 } from './sign.ts';
import type { Sluice } from './sluice.ts';

/** One call of the Function Compute API 3.0, signed by the tests' own hand. */
export function fcCall(
  sluice: Sluice,
  call: { method: string; path: string; body?: Buffer | string | object; headers?: Record<string, string> },
): Promise<Reply> {
  const { method, body = '' } = call;
  const path = `/2023-03-30${call.path}`;
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  const headers = { ...signAcs3({ method, path, host: new URL(sluice.control).host, body: bytes }, sluice.key), ...call.headers };
  return send(sluice.control, { method, path, headers, body: bytes });
}

/** What an invocation came back with. */
export interface Outcome {
  status: number;
  body: string;
  /** x-fc-error-type; undefined when the function did not fail. */
  errorType: string | undefined;
  instanceId: string | undefined;
  /** x-fc-log-result, decoded; empty unless it was asked for. */
  log: string;
  milliseconds: number;
}

/** InvokeFunction, on a connection of its own. */
export async function invokeFunction(sluice: Sluice, name: string, event = '', options: { tail?: boolean } = {}): Promise<Outcome> {
  const begun = performance.now();
  const reply = await fcCall(sluice, {
    method: 'POST',
    path: `/functions/${name}/invocations`,
    body: event,
    ...(options.tail ? { headers: { 'x-fc-log-type': 'Tail' } } : {}),
  });
  return {
    status: reply.status,
    body: reply.body.toString(),
    errorType: reply.headers['x-fc-error-type'],
    instanceId: reply.headers['x-fc-instance-id'],
    log: Buffer.from(reply.headers['x-fc-log-result'] ?? '', 'base64').toString(),
    milliseconds: performance.now() - begun,
  };
}

/** UpdateFunction with new code, new settings or both. */
export async function updateFunction(sluice: Sluice, name: string, change: { files?: CodeFile[]; settings?: object }): Promise<void> {
  const code = change.files ? { code: { zipFile: (await zip(change.files)).toString('base64') } } : {};
  const reply = await fcCall(sluice, { method: 'PUT', path: `/functions/${name}`, body: { ...change.settings, ...code } });
  assert.equal(reply.status, 200, reply.body.toString());
}

/** Keeps `target` instances of a function warm. */
export async function provision(sluice: Sluice, name: string, target: number): Promise<void> {
  const reply = await fcCall(sluice, { method: 'PUT', path: `/functions/${name}/provision-config`, body: { target } });
  assert.equal(reply.status, 200, reply.body.toString());
}

/** Limits the instances of a function. */
export async function reserve(sluice: Sluice, name: string, reservedConcurrency: number): Promise<void> {
  const reply = await fcCall(sluice, { method: 'PUT', path: `/functions/${name}/concurrency`, body: { reservedConcurrency } });
  assert.equal(reply.status, 200, reply.body.toString());
}

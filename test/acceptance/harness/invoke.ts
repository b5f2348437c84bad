import { createRequire } from 'node:module';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { fcClient } from './deploy.ts';
import type { Sluice } from './sluice.ts';

const fc = createRequire(import.meta.url)('@alicloud/fc20230330') as typeof import('@alicloud/fc20230330');

export interface Invoked {
  body: string;
  /** x-fc-error-type. */
  error: string | undefined;
  requestId: string;
  instanceId: string;
  /** The log tail. */
  log: string;
}

/** InvokeFunction of @alicloud/fc20230330 with the log tail. */
export async function invoke(sluice: Sluice, name: string, event: string): Promise<Invoked> {
  const request = new fc.InvokeFunctionRequest({ body: Readable.from(event === '' ? [] : [Buffer.from(event)]) });
  const headers = new fc.InvokeFunctionHeaders({ xFcLogType: 'Tail' });
  const reply = await fcClient(sluice).invokeFunctionWithOptions(name, request, headers, {} as never);
  const about = reply.headers ?? {};
  return {
    body: (await buffer(reply.body as Readable)).toString(),
    error: about['x-fc-error-type'],
    requestId: about['x-fc-request-id'] ?? '',
    instanceId: about['x-fc-instance-id'] ?? '',
    log: Buffer.from(about['x-fc-log-result'] ?? '', 'base64').toString(),
  };
}

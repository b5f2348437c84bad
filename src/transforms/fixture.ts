import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { AccessPoint, ObjectFcAccessPoint } from '../accesspoints/index.ts';
import { Fault, toFault } from '../faults/index.ts';
import type { FunctionVersion } from '../functions/index.ts';
import type { Principal } from '../identity/index.ts';
import type { Invocation, InvocationResult } from '../instances/index.ts';
import { createMetrics, type InvocationRecords } from '../telemetry/index.ts';
import { type FalseHeaders, openTransforms, type Transforms } from './index.ts';
import type { TransformSettings } from './port.ts';

export const functionArn = 'acs:fc:cn-qingdao:1234567890123456:functions/f';
export const objectFc = {
  name: 'fc-ap-01',
  alias: 'fc-ap-01-0-opapalias',
  arn: 'acs:oss:cn-qingdao:1234567890123456:accesspointforobjectprocess/fc-ap-01',
  status: 'enable',
  transformations: [
    { actions: ['GetObject'], functionArn, functionAssumeRoleArn: 'acs:ram::1234567890123456:role/r', customForwardHeaders: [] },
  ],
} as unknown as ObjectFcAccessPoint;
export const supporting = { name: 'ap-01', alias: 'ap-01-0-ossalias', arn: 'arn-ap' } as unknown as AccessPoint;
export const caller = { kind: 'Account', id: '1', arn: 'a', accountId: '1', accessKeyId: 'ak', policies: [] } as Principal;
export const session = (chain: string[] = [], fn = functionArn): Principal =>
  ({ ...caller, kind: 'AssumedRole', session: { function: fn, chain, roleName: 'r', name: 's', expiresAt: 0 } }) as Principal;

export interface Event {
  getObjectContext: { outputRoute: string; outputToken: string; inputOssUrl: string };
  userRequest: { method: string; url: string; headers: Record<string, string> };
}
export type Fn = (event: Event, call: Invocation) => Promise<Partial<InvocationResult>>;

/** The room behind real sockets: GET runs a transform, POST answers it. */
export class Bench {
  transforms!: Transforms;
  fn: Fn = async () => ({});
  principal: Principal = caller;
  answering: Principal = session();
  headOnly = false;
  readonly spool = mkdtempSync(join(tmpdir(), 'sluice-transforms-'));
  readonly server: Server = createServer({ highWaterMark: 65_536 }, (req, res) => void this.#serve(req, res));
  answers: number[] = [];
  falseHeaders: FalseHeaders[] = [];

  requestId = 'R1';

  async start(settings: Partial<TransformSettings> = {}, records?: InvocationRecords) {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    this.transforms = openTransforms({
      settings: { maxOpen: 10, startAllowanceMs: 0, idleMs: 2000, bufferBytes: 65_536, spoolBytes: 1_000_000, ...settings },
      spoolFolder: this.spool,
      outputRoute: () => this.url,
      resolveFunction: (arn) => {
        if (arn !== functionArn) throw new Fault('FunctionNotFound');
        return { arn, name: 'f', runtime: 'python3.10', timeoutMs: 5000 } as FunctionVersion;
      },
      invoke: async (_version, call) => ({
        payload: Buffer.alloc(0),
        instanceId: 'i-1',
        durationMs: 1,
        maxMemoryMb: 1,
        coldStart: false,
        ...(await this.fn(JSON.parse(call.event.toString()) as Event, call)),
      }),
      presign: ({ name, key }) => `${this.url}/${name}/${key}?Signature=s`,
      release: () => {},
      assume: () => ({ accessKeyId: 'STS.x', accessKeySecret: 's', securityToken: 't', expiresAt: 0 }),
      mayInvoke: (role) => role.endsWith('/r'),
      metrics: createMetrics(),
      records,
      onFalseHeaders: (found) => this.falseHeaders.push(found),
    });
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async #serve(req: IncomingMessage, res: ServerResponse): Promise<void> {
    try {
      if (req.method === 'POST') await this.#answer(req, res);
      else await this.#get(req, res);
    } catch (error) {
      const fault = toFault(error);
      if (res.headersSent) return void res.socket?.resetAndDestroy();
      res.writeHead(fault.status, { 'x-code': fault.code, ...fault.headers });
      res.end(fault.message);
    }
    if (req.method === 'POST') this.answers.push(res.statusCode);
  }

  async #answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const header = (name: string) => req.headers[name] as string | undefined;
    const length = header('content-length');
    await this.transforms.answer({
      token: header('x-oss-request-token'),
      route: header('x-oss-request-route'),
      status: header('x-oss-fwd-status'),
      forwarded: Object.entries(req.headers)
        .filter(([name]) => name.startsWith('x-oss-fwd-header-'))
        .map(([name, value]) => [name.slice('x-oss-fwd-header-'.length), String(value)]),
      contentLength: length === undefined ? undefined : Number(length),
      contentMd5: header('content-md5'),
      body: req,
      principal: this.answering,
    });
    res.writeHead(200, { 'Content-Length': 0 });
    res.end();
  }

  async #get(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const gone = new AbortController();
    res.on('close', () => {
      if (!res.writableFinished) gone.abort();
    });
    await this.transforms.getObject({
      objectFc,
      supporting,
      key: 'k.txt',
      headOnly: this.headOnly,
      principal: this.principal,
      requestId: this.requestId,
      url: `${this.url}/x/k.txt?w=1`,
      headers: Object.entries(req.headers).map(([name, value]) => [name, String(value)]),
      sink: {
        head: (status, headers) => void res.writeHead(status, headers.flat()),
        body: res,
        reset: () => void res.socket?.resetAndDestroy(),
        get headSent() {
          return res.headersSent;
        },
      },
      signal: gone.signal,
    });
  }

  /** WriteGetObjectResponse as an SDK would send it. */
  async write(
    event: Event,
    body: Buffer | Buffer[],
    headers: Record<string, string> = {},
  ): Promise<{ status: number; code?: string; text: string }> {
    const req = request(this.url, {
      method: 'POST',
      headers: {
        'x-oss-request-route': event.getObjectContext.outputRoute,
        'x-oss-request-token': event.getObjectContext.outputToken,
        'x-oss-fwd-status': '200',
        ...(Array.isArray(body) ? {} : { 'Content-Length': String(body.length) }),
        ...headers,
      },
    });
    const answered = once(req, 'response');
    answered.catch(() => {});
    for (const chunk of Array.isArray(body) ? body : [body]) {
      if (!req.write(chunk)) await Promise.race([once(req, 'drain'), answered]);
    }
    req.end();
    const [res] = (await answered) as [IncomingMessage];
    let text = '';
    for await (const chunk of res) text += chunk;
    return { status: res.statusCode ?? 0, code: res.headers['x-code'] as string | undefined, text };
  }

  /** WriteGetObjectResponse whose body comes as it is made; the status of the reply. */
  async stream(event: Event, body: Readable): Promise<number> {
    const { outputRoute, outputToken } = event.getObjectContext;
    const headers = { 'x-oss-request-route': outputRoute, 'x-oss-request-token': outputToken, 'x-oss-fwd-status': '200' };
    const req = request(this.url, { method: 'POST', headers });
    const answered = once(req, 'response');
    body.pipe(req);
    const [res] = (await answered) as [IncomingMessage];
    res.resume();
    return res.statusCode ?? 0;
  }

  /** Resolves when no exchange is open. */
  async settled(): Promise<void> {
    while (this.transforms.open > 0) await new Promise((resolve) => setImmediate(resolve));
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    rmSync(this.spool, { recursive: true });
  }
}

import { open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { Fault, renderFcError } from '../../faults/index.ts';
import { nameIn } from '../../functions/index.ts';
import type { Dialect, RequestContext } from '../../http/index.ts';
import { Nonces } from '../../identity/index.ts';
import { BodyBudget, BodyPool } from './body.ts';
import type { Answer, Call, FcRooms } from './call.ts';
import { download, downloadPath } from './downloads.ts';
import { authenticate, authorize } from './guard.ts';
import type { Operation } from './operation.ts';
import { matchOperation } from './router.ts';

/** The REST API of Function Compute 3.0 (version 2023-03-30), and that of 2.0 (2021-04-06, 2016-08-15), over these rooms. */
export function createFcDialect(rooms: FcRooms): Dialect {
  return new FcDialect(rooms);
}

class FcDialect implements Dialect {
  readonly name = 'fc';
  readonly #rooms: FcRooms;
  readonly #nonces = new Nonces();
  readonly #bodies = new BodyPool();

  constructor(rooms: FcRooms) {
    this.#rooms = rooms;
  }

  async handle(ctx: RequestContext): Promise<void> {
    if (ctx.path === downloadPath) {
      ctx.operation = 'DownloadPackage';
      return sendFile(ctx, download(ctx, this.#rooms));
    }
    const { api, operation, params } = matchOperation(ctx.method, ctx.path);
    ctx.operation = operation.name;
    const { principal, bodySha256 } = authenticate(ctx, api, this.#rooms, this.#nonces);
    ctx.charge(principal.accessKeyId);
    ctx.audited = {
      actor: principal.arn,
      accessKeyId: principal.accessKeyId,
      resource: ctx.path,
      changes: operation.changes ?? ctx.method !== 'GET',
    };
    const named = namedIn(ctx, params);
    if (operation.resource !== 'input') authorize(this.#rooms, principal, operation, authorised(operation, named, params));
    if (!operation.run) throw new Fault('NotImplemented', `Sluice does not carry out ${operation.name}.`);
    // What is asked of a function or version is asked of its service first.
    if (named.service && operation.resource !== 'input') this.#rooms.functions.services.get(named.service);
    const budget = new BodyBudget(this.#bodies);
    const call: Call = { ctx, rooms: this.#rooms, api, operation, principal, params, ...named, bodySha256, budget };
    try {
      send(ctx, await operation.run(call));
    } finally {
      budget.release();
    }
  }

  fault(ctx: RequestContext, fault: Fault): { status: number; headers: Record<string, string>; body: string } {
    return {
      status: fault.status,
      headers: { ...fault.headers, 'Content-Type': 'application/json', 'x-fc-request-id': ctx.id },
      body: renderFcError(/^\/20(16-08-15|21-04-06)\//.test(ctx.path) ? withOldNames(fault) : fault, ctx.id),
    };
  }
}

/** Function, service and qualifier of a request; 2.0 writes `SERVICE.QUALIFIER` in the path, or the qualifier in the query. @throws Fault InvalidArgument */
function namedIn(ctx: RequestContext, params: Readonly<Record<string, string>>): Pick<Call, 'name' | 'service' | 'qualifier'> {
  const asked = ctx.query.find((entry) => entry.name === 'qualifier')?.value;
  const [, service = '', inPath] = /^([^.]*)(?:\.(.*))?$/s.exec(params.service ?? '') ?? [];
  if (inPath && asked && inPath !== asked) throw new Fault('InvalidArgument', 'qualifier: the path names another than the query');
  const name = params.function === undefined ? (params.name ?? '') : nameIn(service, params.function);
  return { name, service, qualifier: inPath || asked };
}

/** The name that the permission is asked for. */
function authorised(
  { resource }: Operation,
  { name, service }: Pick<Call, 'name' | 'service'>,
  params: Readonly<Record<string, string>>,
): string {
  if (resource === 'service') return service;
  if (resource === 'collection') return service ? nameIn(service, '*') : '*';
  return resource === 'services' ? '*' : name || (params.layer ?? '*');
}

/** The APIs of 2.0 name code and message otherwise; the classic SDKs read these. */
function withOldNames(fault: Fault): Fault {
  const { code, message, status, headers, extra } = fault;
  return new Fault(code, message, { status, headers, extra: { ...extra, ErrorCode: code, ErrorMessage: message } });
}

function send(ctx: RequestContext, { status, headers, body }: Answer): void {
  const bytes = body === undefined || Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body));
  ctx.res.writeHead(status, {
    'x-fc-request-id': ctx.id,
    ...(bytes === body ? {} : { 'Content-Type': 'application/json' }),
    ...headers,
    ...(bytes ? { 'Content-Length': String(bytes.length) } : {}),
  });
  ctx.res.end(bytes);
}

/** Sends a file; a reader who goes away ends it. */
async function sendFile(ctx: RequestContext, { status, headers, file }: Answer): Promise<void> {
  if (!file) throw new Error('There is no file to send.');
  const handle = await open(file.path).catch((cause: unknown) => {
    throw new Fault('InvalidCodePackage', 'The package is lost; update the function with its code again.', { cause, status: 404 });
  });
  try {
    const { size } = await handle.stat();
    ctx.res.writeHead(status, { 'x-fc-request-id': ctx.id, ...headers, 'Content-Length': String(size) });
    if (ctx.method === 'HEAD') ctx.res.end();
    else await pour(handle.createReadStream({ autoClose: false }), ctx);
  } finally {
    await handle.close();
  }
}

/** Resolves when the client has all, or left. */
function pour(source: Readable, { res }: RequestContext): Promise<void> {
  return new Promise((resolve, reject) => {
    source.on('data', (chunk: Buffer) => {
      if (!res.write(chunk)) source.pause();
    });
    source.on('end', () => res.end());
    source.on('error', reject);
    res.on('drain', () => source.resume());
    res.on('close', () => {
      source.destroy();
      resolve();
    });
  });
}

import { Fault, renderFcError } from '../../faults/index.ts';
import type { Dialect, RequestContext } from '../../http/index.ts';
import { BodyBudget, BodyPool } from './body.ts';
import type { Answer, Call, FcRooms } from './call.ts';
import { authenticate, authorize } from './guard.ts';
import { Nonces } from './nonces.ts';
import { matchOperation } from './operations.ts';

/** The REST API of Function Compute 3.0 (version 2023-03-30) over these rooms. */
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
    const { operation, name } = matchOperation(ctx.method, ctx.path);
    ctx.operation = operation.name;
    const { principal, bodySha256 } = authenticate(ctx, this.#rooms, this.#nonces);
    if (operation.resource !== 'input') authorize(this.#rooms, principal, operation, name || '*');
    if (!operation.run) throw new Fault('NotImplemented', `Sluice does not carry out ${operation.name}.`);
    const budget = new BodyBudget(this.#bodies);
    const call: Call = { ctx, rooms: this.#rooms, operation, principal, name, bodySha256, budget };
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
      body: renderFcError(fault, ctx.id),
    };
  }
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

import { createHash } from 'node:crypto';
import { Fault, renderFcError } from '../../faults/index.ts';
import type { Dialect, RequestContext } from '../../http/index.ts';
import { type RequestContext as Conditions, Nonces, type Principal } from '../../identity/index.ts';
import { readAll } from '../../kit/index.ts';
import { acs3Caller } from '../../signing/index.ts';
import { type ApiRooms, param, streamed } from './call.ts';
import type { Operation } from './operation.ts';
import { matchOperation, prefix } from './operations.ts';

const bodyBytes = 64 * 1024;

/** The admin API: JSON below /admin/v1, signed with ACS3-HMAC-SHA256, authorised by RAM actions. */
export function createApiDialect(rooms: ApiRooms): Dialect {
  const nonces = new Nonces();
  return {
    name: 'admin',
    handle: (ctx) => handle(ctx, rooms, nonces),
    fault: (ctx, fault) => ({
      status: fault.status,
      headers: { ...fault.headers, 'Content-Type': 'application/json', 'x-request-id': ctx.id, 'Cache-Control': 'no-store' },
      body: renderFcError(fault, ctx.id),
    }),
  };
}

/** Whether a path belongs to the admin API. */
export function isApiPath(path: string): boolean {
  return path === prefix || path.startsWith(`${prefix}/`);
}

async function handle(ctx: RequestContext, rooms: ApiRooms, nonces: Nonces): Promise<void> {
  const { operation, names } = matchOperation(ctx.method, ctx.path);
  ctx.operation = operation.name;
  ctx.audited.changes = operation.changes;
  const { principal, bodySha256 } = authenticate(ctx, rooms, nonces);
  // What is made or looked for is named in the body or the query, and both are signed; the body is read before it is asked for permission.
  const body = await readJson(ctx, bodySha256);
  authorize(ctx, rooms, operation, principal, { names, body });
  send(ctx, await operation.run({ ctx, rooms, operation, principal, names, body }));
}

/** @throws Fault AccessDenied without a signature, and for a bad key, signature, date or repeated nonce the fault that names it */
function authenticate(ctx: RequestContext, { identity }: ApiRooms, nonces: Nonces): { principal: Principal; bodySha256: string } {
  const caller = acs3Caller(ctx, (id, token) => identity.credential(id, token), ctx.startedAt);
  if (!caller) throw new Fault('AccessDenied', 'The request is not signed. Use ACS3-HMAC-SHA256, as the command line does.');
  nonces.accept(caller.accessKeyId, caller.nonce, caller.date, ctx.startedAt);
  const { principal } = caller.key;
  ctx.audited.actor = principal.arn;
  ctx.audited.accessKeyId = caller.accessKeyId;
  ctx.charge(caller.accessKeyId);
  return { principal, bodySha256: caller.bodySha256 };
}

/** @throws Fault EntityTooLarge, InvalidDigest, MalformedJSON */
async function readJson(ctx: RequestContext, sha256: string): Promise<unknown> {
  const tooLarge = () => new Fault('EntityTooLarge', `The body may have at most ${bodyBytes} bytes.`);
  if (Number(ctx.headers['content-length'] ?? 0) > bodyBytes) throw tooLarge();
  const bytes = await readAll(ctx.body(), bodyBytes, tooLarge);
  if (createHash('sha256').update(bytes).digest('hex') !== sha256) {
    throw new Fault('InvalidDigest', 'x-acs-content-sha256 is not the SHA-256 of the body that arrived.');
  }
  if (bytes.length === 0) return undefined;
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new Fault('MalformedJSON', undefined, { cause });
  }
}

/** What a request names, in its path and its body. */
interface Names {
  readonly names: readonly string[];
  readonly body: unknown;
}

/** @throws Fault AccessDenied */
function authorize(ctx: RequestContext, rooms: ApiRooms, operation: Operation, principal: Principal, named: Names): void {
  const resources = resourcesOf(ctx, rooms, operation, named);
  ctx.audited.resource = resources.join(' ');
  const context = contextOf(ctx);
  for (const resource of resources) rooms.identity.authorize({ principal, action: operation.action, resource, context });
}

/** All that the caller needs the action on: also the name that a user gets, and the policy that is attached. */
function resourcesOf(ctx: RequestContext, { identity, region, records }: ApiRooms, operation: Operation, { names, body }: Names): string[] {
  const { resource } = operation;
  const arn = (rest: string, account = identity.accountId) => `acs:ram::${account}:${rest}`;
  const inBody = (field: string) => {
    const value = body !== null && typeof body === 'object' ? (body as Record<string, unknown>)[field] : undefined;
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  if (resource === 'account') return [arn('*')];
  if (resource === 'function') return [`acs:fc:${region}:${identity.accountId}:functions/${names[0]}`];
  if (resource === 'invocation') {
    // A record belongs to the function that it is of.
    const name = names[0] === undefined ? param({ ctx }, 'function') : records?.functionOf(names[0]);
    return [`acs:fc:${region}:${identity.accountId}:functions/${name || '*'}`];
  }
  if (resource === 'key') {
    // Keys belong to users, and RAM knows no other resource for them. A key that is not there could be anyone's.
    const owner = names[0] === undefined ? undefined : identity.keys.get(names[0])?.owner;
    const user = names[0] === undefined ? (inBody('user') ?? param({ ctx }, 'user')) : owner && identity.users.byId(owner)?.name;
    return [arn(`user/${user || '*'}`)];
  }
  const first = arn(`${resource}/${names[0] ?? inBody('name') ?? '*'}`);
  const newName = inBody('newName');
  if (newName !== undefined) return [first, arn(`${resource}/${newName}`)];
  if (names[1] === undefined) return [first];
  const isSystem = identity.policies.get(names[1])?.type === 'System';
  return [first, arn(`policy/${names[1]}`, isSystem ? 'system' : undefined)];
}

function contextOf(ctx: RequestContext): Conditions {
  return {
    'acs:SourceIp': ctx.remoteAddress.replace(/^::ffff:/, ''),
    'acs:SecureTransport': ctx.encrypted,
    'acs:UserAgent': ctx.headers['user-agent'],
  };
}

function send(ctx: RequestContext, answer: object | undefined): void {
  if (answer === streamed) return;
  const common = { 'x-request-id': ctx.id, 'Cache-Control': 'no-store' };
  if (answer === undefined) {
    ctx.res.writeHead(204, common);
    ctx.res.end();
    return;
  }
  const bytes = Buffer.from(JSON.stringify(answer));
  ctx.res.writeHead(200, { ...common, 'Content-Type': 'application/json', 'Content-Length': String(bytes.length) });
  ctx.res.end(bytes);
}

import type { Resolved } from '../../accesspoints/index.ts';
import { Fault } from '../../faults/index.ts';
import type { RequestContext } from '../../http/index.ts';
import type { Principal, RequestContext as RequestConditions } from '../../identity/index.ts';
import { checkOssTime, readOssClaim, verifyOss } from '../../signing/index.ts';
import { type Access, decideAccess, isOwner, type Side, type Verdict } from './access.ts';
import type { Call, OssRooms } from './call.ts';
import type { Permission } from './operation.ts';
import { recordRead } from './recorded.ts';
import type { Candidate } from './resolution.ts';
import { askAcl, hasPolicies, isBlocked, ossArn, pointKeys, sidesOf, takesFrom } from './sides.ts';
import { hasConditions } from './statements.ts';

/** Who signed a request, and which reading of it. */
export interface Caller {
  readonly principal: Principal;
  readonly presigned: boolean;
  readonly signed: boolean;
  readonly candidate: Candidate;
}

/** What of a request must be inside its signature. */
export interface SignedParts {
  readonly selectors: readonly string[];
  readonly allowUnsignedSelector: boolean;
}

/**
 * Says who makes a request, and which of the candidates it means. An unknown key costs the same work as a wrong secret.
 * @throws Fault for a malformed claim, a stale or expired one, a bad key, or a signature that fits no candidate
 */
export function authenticate(ctx: RequestContext, rooms: OssRooms, candidates: readonly Candidate[], parts: SignedParts): Caller {
  const first = candidates[0] as Candidate;
  const claim = readOssClaim(ctx);
  if (!claim) return { principal: rooms.identity.anonymous, presigned: false, signed: false, candidate: first };
  checkOssTime(claim, ctx, ctx.startedAt);
  const credential = rooms.identity.credential(claim.accessKeyId, claim.securityToken);
  if ('fault' in credential) {
    try {
      verifyOss(claim, ctx, credential.secret, candidates, parts);
    } catch {
      // The result does not matter: the key itself is refused.
    }
    throw credential.fault;
  }
  const index = verifyOss(claim, ctx, credential.secret, candidates, parts);
  const presigned = claim.place === 'query';
  return { principal: credential.principal, presigned, signed: true, candidate: candidates[index] ?? first };
}

/** The refusal of a request without a signature, which tells nothing of what is there. */
export function unsigned(): Fault {
  return new Fault('AccessDenied', 'Anonymous access is not allowed. Sign the request.');
}

/** Refuses what no anonymous caller may do, whatever ACL and policies say. @throws Fault InvalidRequest, AccessDenied */
export function admitAnonymous({ ctx, operation, resolved }: Call): void {
  if (ctx.query.some(({ name }) => name.startsWith('response-'))) {
    throw new Fault('InvalidRequest', 'An anonymous request may not set response-* parameters. Sign the request.');
  }
  const closed = resolved?.kind === 'object-fc' && !resolved.objectFc.allowAnonymous;
  if (operation.anonymous && resolved !== undefined && !closed) return;
  ctx.note.denied = closed ? 'anonymous-access' : 'nothing';
  throw unsigned();
}

/** A session that serves one waiting GetObject ends with it. @throws Fault AccessDenied */
export function checkSession(call: Call): void {
  const { principal, operation, rooms } = call;
  if (principal.session === undefined || operation.name === 'WriteGetObjectResponse') return;
  const { function: reader, exchange } = principal.session;
  if (reader !== undefined) recordRead(call, principal.session);
  if (exchange === undefined) return;
  if (!rooms.transforms.isOpen(exchange)) {
    throw new Fault('AccessDenied', 'The request that this session served has ended. Read inputOssUrl while the function runs.');
  }
}

/**
 * Checks once, from the operation's own row, that the caller may do it on what the request names, and what its headers ask for besides.
 * @throws Fault AccessDenied
 */
export function authorize(call: Call): void {
  const { operation, resolved, ctx, name } = call;
  if (!takesFrom(resolved, ctx.remoteAddress)) {
    ctx.note.denied = 'network-origin';
    throw new Fault('AccessDenied', `The access point behind ${name} takes requests from private networks only (NetworkOrigin vpc).`);
  }
  const { resource, action } = operation;
  if (resource === 'keys') return;
  if (resource === 'bucket' || resource === 'object') {
    const key = resource === 'object' ? call.key : undefined;
    allow(call, action, key, operation.acl);
    if (operation.also) {
      for (const { header, parameter, action: more } of operation.also) {
        const value = header === undefined ? call.param(parameter) : call.header(header);
        if (value === undefined) continue;
        // What an ACL opens it opens in every version.
        if (parameter !== undefined) allow(call, more, key, operation.acl);
        else if (value !== 'default') allow(call, more, key, undefined);
      }
    }
  } else {
    const { principal } = call;
    const context = asksForContext(principal, []) ? contextOf(call) : nothingKnown;
    const request = { principal, action, resource: plainResource(call), context };
    const { allowed, policy, statement } = call.rooms.identity.decide(request);
    if (allowed) return;
    ctx.note.denied = policy === undefined ? 'nothing' : `${policy}, statement ${statement}`;
    call.rooms.identity.authorize(request);
  }
}

/** Checks the operation's action on one key of the bucket, or one version of it. @throws Fault AccessDenied */
export function authorizeKey(call: Call, key: string, version?: string): void {
  const { action, acl } = call.operation;
  allow(call, action, key, acl);
  if (version !== undefined) allow(call, `${action}Version`, key, acl);
}

/**
 * Checks that the caller may read what a copy is made of, by the name that it is asked for; its conditions know that name's access point.
 * @throws Fault AccessDenied
 */
export function authorizeSource(
  call: Call,
  source: { name: string; key: string; resolved: Resolved | undefined; version?: string | undefined },
): void {
  const { name, key, resolved, version } = source;
  if (!takesFrom(resolved, call.ctx.remoteAddress)) {
    call.ctx.note.denied = 'network-origin';
    throw new Fault('AccessDenied', `The access point behind ${name} takes requests from private networks only (NetworkOrigin vpc).`);
  }
  allow(call, 'oss:GetObject', key, 'READ', { name, resolved, version });
  if (version !== undefined) allow(call, 'oss:GetObjectVersion', key, 'READ', { name, resolved, version });
}

/** Checks that the caller may write what an operation makes besides. @throws Fault AccessDenied */
export function authorizeTarget(call: Call, { name, key, resolved }: { name: string; key: string; resolved: Resolved | undefined }): void {
  if (!takesFrom(resolved, call.ctx.remoteAddress)) {
    call.ctx.note.denied = 'network-origin';
    throw new Fault('AccessDenied', `The access point behind ${name} takes requests from private networks only (NetworkOrigin vpc).`);
  }
  allow(call, 'oss:PutObject', key, 'WRITE', { name, resolved, version: undefined });
}

/** The point is named where the operation will look for it, and nowhere else. */
function plainResource(call: Call): string {
  const { parameter } = call.operation;
  switch (call.operation.resource) {
    case 'access-point':
      return ossArn(
        call.rooms,
        `accesspoint/${(parameter === undefined ? call.header('x-oss-access-point-name') : call.param(parameter)) ?? ''}`,
      );
    case 'object-fc':
      return ossArn(call.rooms, `accesspointforobjectprocess/${call.header('x-oss-access-point-for-object-process-name') ?? ''}`);
    case 'service':
      return ossArn(call.rooms, '*');
    default:
      return '*';
  }
}

/** The name that something is asked for by, which is mostly that of the request. */
interface Asked {
  readonly name: string;
  readonly resolved: Resolved | undefined;
  readonly version: string | undefined;
}

/** @throws Fault AccessDenied */
function allow(call: Call, action: string, key: string | undefined, permission: Permission | undefined, asked?: Asked): void {
  const { rooms, principal, operation } = call;
  const { name, resolved } = asked ?? call;
  // Most requests: nothing hangs on the names that could keep the account from them.
  if (isOwner(rooms.identity, principal) && (operation.ownersAlways || !hasPolicies(rooms, resolved))) {
    rooms.identity.used(principal, action);
    return;
  }
  const sides = sidesOf(rooms, resolved, name, key);
  const version = key === undefined ? undefined : asked ? asked.version : call.param('versionId');
  const access: Access = {
    principal,
    action,
    sides,
    name,
    key,
    version,
    context: asksForContext(principal, sides) ? contextOf(call, resolved) : nothingKnown,
    blocked: isBlocked(rooms, resolved),
    acl: () => askAcl(rooms, resolved, key, permission, version),
    allowAnonymous: resolved?.kind === 'object-fc' && resolved.objectFc.allowAnonymous,
  };
  const verdict = decideAccess(rooms.identity, access);
  if (verdict.allowed) return;
  call.ctx.note.denied = inLog(verdict);
  throw new Fault('AccessDenied', principal.kind === 'Anonymous' ? forStrangers(verdict) : refusal(access, verdict));
}

const nothingKnown: RequestConditions = Object.freeze({});

/** Whether any statement that may speak has a condition; else what is known of the request need not be gathered. */
function asksForContext({ policies, session }: Principal, sides: readonly Side[]): boolean {
  if (policies.some(hasConditions) || (session?.policy && hasConditions(session.policy))) return true;
  return sides.some((side) => side.policies.some(({ document }) => hasConditions(document)));
}

/** Condition keys that are known of every request (Alibaba OSS user guide, "Bucket policy", Condition). */
function contextOf(call: Call, resolved = call.resolved): RequestConditions {
  const { ctx, principal } = call;
  return {
    ...pointKeys(resolved),
    'acs:SourceIp': ctx.remoteAddress.replace(/^::ffff:/, ''),
    'acs:SecureTransport': ctx.encrypted,
    'acs:UserAgent': ctx.headers['user-agent'],
    'acs:AccessId': principal.accessKeyId === '' ? undefined : principal.accessKeyId,
    'oss:Prefix': call.param('prefix'),
    'oss:Delimiter': call.param('delimiter'),
    'oss:x-oss-acl': call.header('x-oss-acl'),
    'oss:x-oss-object-acl': call.header('x-oss-object-acl'),
  };
}

/** What decided, in few words and by name. */
function inLog({ source, policy, statement }: Verdict): string {
  return policy === undefined ? source : `${source}: ${policy}${statement === undefined ? '' : `, statement ${statement}`}`;
}

/** The account's own people may know which policy of the account it was. */
function refusal({ principal, action }: Access, { resource, source, reason, policy, statement }: Verdict): string {
  const start = `${principal.arn} is not allowed to ${action} on ${resource}`;
  if (reason === 'explicit-deny') return `${start}: statement ${statement} of ${policy} denies it (explicit deny).`;
  if (source === 'session' && policy !== undefined) return `${start}: ${policy} does not allow it (implicit deny).`;
  if (source === 'session') return `${start}: this session may only read the one object that it was issued for.`;
  if (source === 'public-access-block') return `${start}: only a public grant would allow it, and public access is blocked.`;
  return `${start}: no statement allows it (implicit deny). Grant the action in a policy of the caller or of the resource.`;
}

/** A caller without a name learns which side refused, and nothing of what it holds. */
function forStrangers({ source, reason }: Verdict): string {
  if (source === 'public-access-block') return 'Public access is blocked. Sign the request.';
  if (reason === 'explicit-deny') return `Access denied by ${source.replaceAll('-', ' ')}.`;
  if (source === 'bucket-acl') return 'You have no right to access this object because of bucket acl.';
  if (source === 'object-acl') return 'You have no right to access this object because of object acl.';
  return unsigned().message;
}

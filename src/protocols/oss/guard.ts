import type { AccessPoint, Resolved } from '../../accesspoints/index.ts';
import { Fault } from '../../faults/index.ts';
import type { RequestContext } from '../../http/index.ts';
import type { NamedPolicy, Principal } from '../../identity/index.ts';
import { checkOssTime, readOssClaim, verifyOss } from '../../signing/index.ts';
import type { Call, OssRooms } from './call.ts';
import type { Candidate } from './resolution.ts';

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

/** Refuses what no anonymous caller may do; today that is everything. @throws Fault InvalidRequest, AccessDenied */
export function refuseAnonymous(ctx: RequestContext): never {
  if (ctx.query.some(({ name }) => name.startsWith('response-'))) {
    throw new Fault('InvalidRequest', 'An anonymous request may not set response-* parameters. Sign the request.');
  }
  throw new Fault('AccessDenied', 'Anonymous access is not allowed. Sign the request.');
}

/** A session that serves one waiting GetObject ends with it. @throws Fault AccessDenied */
export function checkSession({ principal, operation, rooms }: Call): void {
  const exchange = principal.session?.exchange;
  if (exchange === undefined || operation.name === 'WriteGetObjectResponse') return;
  if (!rooms.transforms.isOpen(exchange)) {
    throw new Fault('AccessDenied', 'The request that this session served has ended. Read inputOssUrl while the function runs.');
  }
}

/**
 * Checks once, from the operation's own row, that the caller may do it on what the request names.
 * @throws Fault AccessDenied
 */
export function authorize(call: Call): void {
  const { resolved, operation } = call;
  if (operation.resource === 'keys') return;
  if (operation.resource === 'object' && resolved?.kind === 'object-fc') {
    authorizeTransform(call, resolved);
  } else if (operation.resource === 'object') {
    authorizeName(call, call.key);
  } else if (operation.resource === 'bucket' && resolved?.kind === 'access-point') {
    authorizeName(call, undefined);
  } else {
    allow(call, plainResource(call));
  }
}

/** Checks the operation's action on one key of the bucket. @throws Fault AccessDenied */
export function authorizeKey(call: Call, key: string): void {
  authorizeName(call, key);
}

function arn({ rooms }: Call, rest: string): string {
  return `acs:oss:${rooms.region}:${rooms.identity.accountId}:${rest}`;
}

function plainResource(call: Call): string {
  switch (call.operation.resource) {
    case 'any':
      return '*';
    case 'service':
      return arn(call, '*');
    case 'access-point':
      return arn(call, `accesspoint/${call.header('x-oss-access-point-name') ?? ''}`);
    case 'object-fc':
      return arn(call, `accesspointforobjectprocess/${call.header('x-oss-access-point-for-object-process-name') ?? ''}`);
    default:
      return arn(call, call.name);
  }
}

function allow(call: Call, resource: string, policies?: readonly NamedPolicy[], key?: string): void {
  call.rooms.identity.authorize(question(call, resource, policies, key));
}

function question(call: Call, resource: string, policies: readonly NamedPolicy[] | undefined, key: string | undefined) {
  return {
    principal: call.principal,
    action: call.operation.action,
    resource,
    policies,
    name: call.name,
    key,
    version: key === undefined ? undefined : call.param('versionId'),
    context: call.principal.policies.length > 0 || policies?.length ? contextOf(call) : undefined,
  };
}

/** Condition keys that are known of every request (Alibaba RAM reference, "Conditions"). */
function contextOf({ ctx }: Call): Record<string, string | boolean | undefined> {
  const param = (name: string) => ctx.query.find((each) => each.name === name)?.value;
  return {
    'acs:SourceIp': ctx.remoteAddress.replace(/^::ffff:/, ''),
    'acs:SecureTransport': 'encrypted' in ctx.req.socket,
    'acs:UserAgent': ctx.headers['user-agent'],
    'oss:Prefix': param('prefix'),
    'oss:Delimiter': param('delimiter'),
  };
}

/** A bucket or one of its keys, by the bucket's name or through an access point. */
function authorizeName(call: Call, key: string | undefined): void {
  const { resolved } = call;
  if (resolved?.kind === 'access-point') authorizeThrough(call, resolved.accessPoint, key);
  else allow(call, arn(call, keyed(call.name, key)), undefined, key);
}

/** Through an access point a grant on the point or on its bucket will do, and a Deny on either holds. */
function authorizeThrough(call: Call, accessPoint: AccessPoint, key: string | undefined): void {
  const viaPoint = question(call, pointArn(accessPoint.arn, key), accessPoint.policies, key);
  const viaBucket = question(call, arn(call, keyed(accessPoint.bucket, key)), undefined, key);
  const decisions = [viaPoint, viaBucket].map((each) => call.rooms.identity.decide(each));
  const refused = decisions.findIndex(({ reason }) => reason === 'explicit-deny' || reason === 'outside-session');
  if (refused >= 0) call.rooms.identity.authorize(refused === 0 ? viaPoint : viaBucket);
  if (!decisions.some(({ allowed }) => allowed)) call.rooms.identity.authorize(viaPoint);
}

/** The caller needs the action on the Object FC access point and on its supporting access point. */
function authorizeTransform(call: Call, { objectFc, supporting }: Extract<Resolved, { kind: 'object-fc' }>): void {
  allow(call, pointArn(objectFc.arn, call.key), objectFc.policies, call.key);
  allow(call, pointArn(supporting.arn, call.key), supporting.policies, call.key);
}

function keyed(bucket: string, key: string | undefined): string {
  return key === undefined ? bucket : `${bucket}/${key}`;
}

function pointArn(pointArnText: string, key: string | undefined): string {
  return key === undefined ? pointArnText : `${pointArnText}/object/${key}`;
}

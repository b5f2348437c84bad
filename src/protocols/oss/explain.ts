import type { Resolved } from '../../accesspoints/index.ts';
import { Fault } from '../../faults/index.ts';
import type { Identity, Principal, RequestContext } from '../../identity/index.ts';
import { type Access, decideAccess, explainSides, isOwner, type Verdict } from './access.ts';
import type { OssRooms } from './call.ts';
import { askAcl, isBlocked, ossArn, pointKeys, type SideRooms, sidesOf } from './sides.ts';
import { operations } from './table.ts';

/** Resources of operations that look at what hangs on a bucket and on the points before it. */
const inBucket = new Set(['bucket', 'object', 'keys']);

/** What the explanation reads. */
export type ExplainRooms = Pick<OssRooms, 'region' | 'store' | 'accesspoints'> & {
  readonly identity: Pick<Identity, 'accountId' | 'explain'>;
};

/** May he, and why. */
export interface OssQuestion {
  readonly principal: Principal;
  /** E.g. `oss:GetObject`; case does not matter. */
  readonly action: string;
  /**
   * `acs:oss:<region>:<uid>:` and `<bucket>`, `<bucket>/<key>`, `accesspoint/<name>`, `accesspoint/<name>/object/<key>`, the same with
   * `accesspointforobjectprocess`, an alias in the place of the bucket, or `*`. Without the prefix it means this account.
   */
  readonly resource: string;
  /** Values of condition keys, e.g. `acs:SourceIp`; those that are missing are unknown and fail closed. */
  readonly context?: RequestContext;
}

/** The verdict, what decided it, and what each name on the way says by itself, outermost first. */
export interface OssExplanation extends Verdict {
  readonly sides: readonly Verdict[];
  /** Whether public access is blocked on the way. */
  readonly blocked: boolean;
}

/**
 * Answers `policy explain` for OSS, as the guard would decide the request, over all sources: RAM and session policies, bucket, access point and
 * Object FC policies, ACLs and the block on public access. Reads records, counts as no use of a key, changes nothing.
 * @throws Fault InvalidArgument for a resource that is no OSS resource of the account
 */
export function explainOss(rooms: ExplainRooms): (question: OssQuestion) => OssExplanation {
  // explain() is decide() without counting as a use of the key.
  const identity = { accountId: rooms.identity.accountId, decide: rooms.identity.explain.bind(rooms.identity) };
  return (question) => {
    const { principal, action, context = {} } = question;
    const rest = withoutPrefix(rooms, question.resource);
    const asks = (named: string) => named.toLowerCase() === action.toLowerCase();
    const row = operations.find(
      (operation) => asks(operation.action) || operation.also?.some((more) => more.parameter && asks(more.action)),
    );
    if (rest === '*' || (row && !inBucket.has(row.resource))) {
      // Nothing but the caller's own policies speaks of these.
      const resource = row?.resource === 'any' ? '*' : ossArn(rooms, rest);
      const whole: Access = { ...plain(question), sides: [{ kind: 'bucket', resource, policies: [] }] };
      return { ...decideAccess(identity, whole), sides: explainSides(identity, whole), blocked: false };
    }
    const { resolved, name, key } = targetOf(rooms, rest);
    const { ownersAlways = false, acl, anonymous } = row ?? {};
    const access: Access = {
      ...plain(question),
      ...{ name, key },
      sides: sidesOf(rooms, resolved, name, key).map((side) =>
        ownersAlways && isOwner(identity, principal) ? { ...side, policies: [] } : side,
      ),
      context: { ...pointKeys(resolved), ...context },
      blocked: isBlocked(rooms, resolved),
      acl: () => askAcl(rooms, resolved, key, acl),
      allowAnonymous: resolved?.kind === 'object-fc' && resolved.objectFc.allowAnonymous,
    };
    const sides = explainSides(identity, access);
    const closed = resolved?.kind === 'object-fc' && !resolved.objectFc.allowAnonymous;
    if (principal.kind === 'Anonymous' && (!anonymous || resolved === undefined || closed)) {
      const source = closed ? 'anonymous-access' : 'nothing';
      const resource = sides[0]?.resource ?? question.resource;
      return { allowed: false, reason: 'implicit-deny', source, resource, sides, blocked: access.blocked };
    }
    return { ...decideAccess(identity, access), sides, blocked: access.blocked };
  };
}

function plain({ principal, action, context = {} }: OssQuestion): Omit<Access, 'sides'> {
  return { principal, action, context, blocked: false, acl: () => undefined, allowAnonymous: false };
}

interface Target {
  readonly resolved: Resolved | undefined;
  readonly name: string;
  readonly key: string | undefined;
}

/** What a resource stands for. @throws Fault InvalidArgument, NoSuchAccessPoint, NoSuchAccessPointForObjectProcess */
function targetOf({ accesspoints }: Pick<ExplainRooms, 'accesspoints'>, rest: string): Target {
  const [first = '', second = ''] = rest.split('/', 2);
  if (first !== 'accesspoint' && first !== 'accesspointforobjectprocess') {
    const key = rest.length > first.length ? rest.slice(first.length + 1) : undefined;
    return { resolved: accesspoints.resolve(first), name: first, key };
  }
  const behind = `${first}/${second}/object/`;
  if (!rest.startsWith(behind) && rest !== `${first}/${second}`) throw malformed(rest);
  const alias = first === 'accesspoint' ? accesspoints.get(undefined, second).alias : accesspoints.getObjectFc(undefined, second).alias;
  const key = rest.startsWith(behind) ? rest.slice(behind.length) : undefined;
  return { resolved: accesspoints.resolve(alias), name: alias, key };
}

function withoutPrefix({ region, identity }: SideRooms, resource: string): string {
  if (!resource.startsWith('acs:')) return resource;
  const [, service, where, account, ...rest] = resource.split(':');
  const here = where === '*' || where === '' || where === region;
  const fits = service === 'oss' && here && (account === '*' || account === identity.accountId);
  if (!fits || rest.length === 0 || rest[0] === '') throw malformed(resource);
  return rest.join(':');
}

function malformed(resource: string): Fault {
  return new Fault('InvalidArgument', 'The resource must be acs:oss:<region>:<account>:<bucket>/<key>, or one of an access point.', {
    extra: { ArgumentName: 'resource', ArgumentValue: resource.slice(0, 1_024) },
  });
}

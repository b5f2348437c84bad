import { Fault } from '../../faults/index.ts';
import type { RequestContext } from '../../http/index.ts';
import type { AssumeRoleRequest, Identity, Principal } from '../../identity/index.ts';
import type { XmlValue } from '../../kit/index.ts';
import type { StsCall } from './request.ts';

export type StsRooms = { readonly identity: Pick<Identity, 'accountId' | 'credential' | 'assumeRole' | 'role' | 'used'> };

/** One operation of the API, as data. */
export interface Operation {
  readonly name: string;
  /** RAM action; GetCallerIdentity needs none, everyone may ask who he is. */
  readonly action: string | undefined;
  /** It gives something out, and so is in the audit log. */
  readonly changes: boolean;
  readonly run: (call: StsCall, ctx: RequestContext, rooms: StsRooms) => Record<string, XmlValue>;
}

/** The closed table of operations. */
export const operations: readonly Operation[] = [
  { name: 'AssumeRole', action: 'sts:AssumeRole', changes: true, run: assumeRole },
  { name: 'GetCallerIdentity', action: undefined, changes: false, run: getCallerIdentity },
];

/** The version of the API that the SDKs name. */
const version = '2015-04-01';

/** @throws Fault InvalidAction.NotFound, InvalidVersion */
export function operationOf({ action, version: given }: Pick<StsCall, 'action' | 'version'>): Operation {
  const found = operations.find(({ name }) => name === action);
  if (!found) {
    const names = operations.map(({ name }) => name).join(', ');
    throw new Fault('InvalidAction.NotFound', `Specified api is not found, please check your url and method. Sluice carries out ${names}.`);
  }
  if (given !== version) throw new Fault('InvalidVersion', `Specified parameter Version is not valid; it must be ${version}.`);
  return found;
}

function needed({ params }: StsCall, name: string): string {
  const value = params.get(name);
  if (!value)
    throw new Fault('MissingParameter', `The input parameter "${name}" that is mandatory for processing this request is not supplied.`);
  return value;
}

function durationOf({ params }: StsCall): number | undefined {
  const text = params.get('DurationSeconds');
  if (text === undefined || text === '') return undefined;
  return /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
}

/** AssumeRole (Alibaba STS API reference, version 2015-04-01). */
function assumeRole(call: StsCall, ctx: RequestContext, { identity }: StsRooms): Record<string, XmlValue> {
  const { principal, params } = call;
  const roleArn = needed(call, 'RoleArn');
  ctx.audited.resource = roleArn.slice(0, 256);
  const sessionName = needed(call, 'RoleSessionName');
  const [durationSeconds, policy, externalId] = [durationOf(call), params.get('Policy'), params.get('ExternalId')];
  const request: AssumeRoleRequest = {
    ...{ roleArn, sessionName },
    ...(durationSeconds === undefined ? {} : { durationSeconds }),
    ...(policy === undefined ? {} : { policy }),
    ...(externalId === undefined ? {} : { externalId }),
    context: {
      'acs:SourceIp': ctx.remoteAddress.replace(/^::ffff:/, ''),
      'acs:SecureTransport': ctx.encrypted,
      'acs:UserAgent': ctx.headers['user-agent'],
    },
  };
  const { credentials, role } = identity.assumeRole(principal, request);
  return {
    RequestId: ctx.id,
    AssumedRoleUser: { AssumedRoleId: `${role.id}:${sessionName}`, Arn: `${role.arn}/${sessionName}` },
    Credentials: {
      SecurityToken: credentials.securityToken,
      AccessKeyId: credentials.accessKeyId,
      AccessKeySecret: credentials.accessKeySecret,
      Expiration: `${new Date(credentials.expiresAt).toISOString().slice(0, 19)}Z`,
    },
  };
}

/** GetCallerIdentity (Alibaba STS API reference, version 2015-04-01). */
function getCallerIdentity({ principal }: StsCall, ctx: RequestContext, { identity }: StsRooms): Record<string, XmlValue> {
  identity.used(principal, 'sts:GetCallerIdentity');
  return { AccountId: identity.accountId, Arn: principal.arn, RequestId: ctx.id, ...kindOf(principal, identity) };
}

function kindOf(principal: Principal, identity: Pick<Identity, 'role'>): Record<string, XmlValue> {
  const { session } = principal;
  if (!session) {
    const type = principal.kind === 'Account' ? 'Account' : 'RAMUser';
    return { IdentityType: type, PrincipalId: principal.id, UserId: principal.id };
  }
  const id = identity.role(session.roleName)?.id ?? '';
  return { IdentityType: 'AssumedRoleUser', PrincipalId: `${id}:${session.name}`, RoleId: id };
}

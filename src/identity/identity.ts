import { randomInt } from 'node:crypto';
import { Fault } from '../faults/index.ts';
import { now as wallClock } from '../kit/index.ts';
import type { Metadata } from '../metadata/index.ts';
import { type AccessKey, AccessKeys } from './accesskey.ts';
import { type AccessRequest, authorize, type Decision, decide } from './authorization.ts';
import { Facts } from './condition.ts';
import { firstApplying, type Question, splitArn } from './evaluation.ts';
import { openKeyFile, type RootKey } from './keyfile.ts';
import type { Credential, Principal, RefusedCredential, SessionClaims, SessionCredentials } from './principal.ts';
import { defaultRoleSteps, type Role, Roles } from './role.ts';
import { randomBase62 } from './secrets.ts';
import { Sessions, sessionPrincipal, temporaryPrefix } from './session.ts';
import { TokenSealer } from './token.ts';

export interface IdentityOptions {
  readonly metadata: Metadata;
  /** Digits; made at first start when left out. A data folder keeps the account it was first opened with. */
  readonly accountId?: string;
  /** The account's own key; else the one in `keyFile`, made at first start. */
  readonly rootKey?: RootKey;
  /** Where the sealing key and a made root key are kept, mode 0600. */
  readonly keyFile: string;
  /** Epoch milliseconds; the wall clock when left out. */
  readonly now?: () => number;
}

export interface AssumeOptions {
  /** 1 to 64 characters of letters, digits and `.@_-`. */
  readonly sessionName: string;
  readonly ttlMs: number;
  readonly claims?: SessionClaims;
  /** Kept in memory instead of sealed: ten times cheaper, ends with release() or the process. For sessions that serve one request. */
  readonly lent?: boolean;
  /** The service that assumes the role, e.g. fc.aliyuncs.com; the role's trust policy must name it. Not checked when left out. */
  readonly service?: string;
}

export interface Identity {
  readonly accountId: string;
  readonly anonymous: Principal;
  /**
   * Whose key this is. Never throws for a bad key: the caller verifies against the dummy secret, which costs the same, and then
   * throws `fault` (InvalidAccessKeyId, InvalidSecurityToken, SecurityTokenExpired, UserDisable). An empty token counts as none.
   */
  credential(accessKeyId: string, securityToken: string | undefined): Credential | RefusedCredential;
  role(nameOrArn: string): Role | undefined;
  /** Writes a role; its sessions have the new policies at their next request. */
  putRole(role: { name: string; trust: Role['trust']; policies: Role['policies'] }): Promise<Role>;
  /** Writes an access key, new or changed. */
  putAccessKey(key: AccessKey): Promise<void>;
  /**
   * A session of a role, sealed into its token. The token is shorter than 1,000 characters unless the claims are long (a key of
   * 1,023 bytes makes it about 2,000).
   * @throws Fault EntityNotExist.Role, AccessDenied when the trust policy does not name the service, InvalidArgument
   */
  assume(roleNameOrArn: string, options: AssumeOptions): SessionCredentials;
  /** @throws Fault AccessDenied naming principal, action, resource and the statement that decided; explicit Deny comes first */
  authorize(request: AccessRequest): void;
  /** The same decision as a value, with the statement that made it. */
  decide(request: AccessRequest): Decision;
  /** Ends a lent session at once, by its security token. */
  release(securityToken: string): void;
  /** Whether the role's own policies allow an action, e.g. fc:InvokeFunction for FunctionAssumeRoleArn. */
  roleAllows(roleNameOrArn: string, action: string, resource: string): boolean;
}

/**
 * Opens the account of a data folder: its id, root key, sealing key, roles and access keys; makes at first start what is not given.
 * @throws Error when the key file is damaged or the folder belongs to another account
 */
export async function openIdentity(options: IdentityOptions): Promise<Identity & { rootKey: RootKey & { made: boolean } }> {
  const now = options.now ?? wallClock;
  if (options.rootKey) checkRootKey(options.rootKey);
  const accountId = await openAccount(options.metadata, options.accountId, now());
  const ring = await openKeyFile(options.keyFile, options.rootKey === undefined);
  const rootKey = options.rootKey ?? (ring.rootKey as RootKey);
  const rooms = {
    roles: new Roles(options.metadata, accountId),
    keys: new AccessKeys(options.metadata),
    sessions: new Sessions(new TokenSealer(ring.sealing)),
  };
  return Object.assign(new OpenIdentity(accountId, rootKey, rooms, now), { rootKey: { ...rootKey, made: ring.made } });
}

function checkRootKey({ id, secret }: RootKey): void {
  if (!/^[A-Za-z0-9_-]{3,128}$/.test(id)) throw new Error('The access key id must be 3 to 128 letters, digits, "_" or "-".');
  if (secret.length < 8) throw new Error('The access key secret must have at least 8 characters.');
}

/** The account id and, in the same transaction at first start, the default roles: a role that is deleted later stays deleted. */
async function openAccount(metadata: Metadata, given: string | undefined, now: number): Promise<string> {
  if (given !== undefined && !/^\d{1,20}$/.test(given)) throw new Error('The account id must be 1 to 20 digits.');
  const stored = metadata.get<{ value: string }>('select value from settings where name = ?', ['account-id'])?.value;
  if (stored !== undefined) {
    if (given === undefined || given === stored) return stored;
    throw new Error(`The data folder belongs to account ${stored}, not ${given}. Leave the account id out, or use another folder.`);
  }
  const accountId = given ?? `${randomInt(1, 10)}${String(randomInt(0, 1e12)).padStart(12, '0')}${randomInt(100, 1000)}`;
  await metadata.write([
    { sql: 'insert into settings (name, value) values (?, ?)', params: ['account-id', accountId] },
    ...defaultRoleSteps(accountId, now),
  ]);
  return accountId;
}

interface Rooms {
  readonly roles: Roles;
  readonly keys: AccessKeys;
  readonly sessions: Sessions;
}

class OpenIdentity implements Identity {
  readonly accountId: string;
  readonly anonymous: Principal = Object.freeze({
    kind: 'Anonymous',
    accountId: '',
    id: 'anonymous',
    arn: 'anonymous',
    accessKeyId: '',
    policies: [],
  });
  readonly #root: Credential & { id: string };
  readonly #roles: Roles;
  readonly #keys: AccessKeys;
  readonly #sessions: Sessions;
  readonly #now: () => number;
  /** Fits no signature: nobody knows it, and it is new at every start. */
  readonly #dummy = randomBase62(40);

  constructor(accountId: string, rootKey: RootKey, rooms: Rooms, now: () => number) {
    this.accountId = accountId;
    this.#root = { id: rootKey.id, secret: rootKey.secret, principal: accountPrincipal(accountId, rootKey.id) };
    this.#roles = rooms.roles;
    this.#keys = rooms.keys;
    this.#sessions = rooms.sessions;
    this.#now = now;
  }

  credential(accessKeyId: string, securityToken: string | undefined): Credential | RefusedCredential {
    if (securityToken) return this.#sessionCredential(accessKeyId, securityToken);
    if (accessKeyId === this.#root.id) return this.#root;
    // A temporary key without its token exists in no record; the vendor says InvalidAccessKeyId as well.
    const key = accessKeyId.startsWith(temporaryPrefix) ? undefined : this.#keys.get(accessKeyId);
    if (!key) return this.#refused(new Fault('InvalidAccessKeyId'));
    if (key.status !== 'Active') return this.#refused(new Fault('UserDisable'));
    const own = key.owner === this.accountId;
    return { secret: key.secret, principal: own ? accountPrincipal(this.accountId, key.id) : userPrincipal(this.accountId, key) };
  }

  #sessionCredential(accessKeyId: string, securityToken: string): Credential | RefusedCredential {
    const session = this.#sessions.open(securityToken);
    if (session?.accessKeyId !== accessKeyId) return this.#refused(new Fault('InvalidSecurityToken'));
    if (session.expiresAt <= this.#now()) return this.#refused(new Fault('SecurityTokenExpired'));
    const role = this.#roles.get(session.roleName);
    if (!role) return this.#refused(new Fault('InvalidSecurityToken', `The role ${session.roleName} of this session no longer exists.`));
    return { secret: session.secret, principal: sessionPrincipal(session, role, this.accountId) };
  }

  #refused(fault: Fault): RefusedCredential {
    return { fault, secret: this.#dummy };
  }

  role(nameOrArn: string): Role | undefined {
    return this.#roles.get(nameOrArn);
  }

  putRole({ name, trust, policies }: Pick<Role, 'name' | 'trust' | 'policies'>): Promise<Role> {
    if (!/^[A-Za-z0-9._-]{1,64}$/.test(name)) {
      throw new Fault('InvalidArgument', 'RoleName must be 1 to 64 letters, digits, ".", "_" or "-".');
    }
    return this.#roles.put({ name, trust, policies, createdAt: this.#roles.get(name)?.createdAt ?? this.#now() });
  }

  putAccessKey(key: AccessKey): Promise<void> {
    if (key.id.startsWith(temporaryPrefix) || key.id === this.#root.id) {
      throw new Fault('InvalidArgument', `The access key id ${key.id} is reserved.`);
    }
    return this.#keys.put(key);
  }

  assume(roleNameOrArn: string, { sessionName, ttlMs, claims = {}, service, lent = false }: AssumeOptions): SessionCredentials {
    const role = this.#roles.get(roleNameOrArn);
    if (!role) throw new Fault('EntityNotExist.Role', `The role ${roleNameOrArn} does not exist in account ${this.accountId}.`);
    if (!/^[A-Za-z0-9.@_-]{1,64}$/.test(sessionName)) {
      throw new Fault('InvalidArgument', 'RoleSessionName must be 1 to 64 letters, digits, ".", "@", "_" or "-".');
    }
    if (!(ttlMs > 0)) throw new Fault('InvalidArgument', 'DurationSeconds must be greater than 0.');
    if (service !== undefined && !this.#trusts(role, service)) {
      throw new Fault('AccessDenied', `The trust policy of ${role.arn} does not allow ${service} to assume the role.`);
    }
    const expiresAt = Math.floor(this.#now() + ttlMs);
    return lent
      ? this.#sessions.lend(role.name, sessionName, expiresAt, claims)
      : this.#sessions.mint(role.name, sessionName, expiresAt, claims);
  }

  release(securityToken: string): void {
    this.#sessions.release(securityToken);
  }

  #trusts(role: Role, service: string): boolean {
    const question: Question = {
      action: 'sts:assumerole',
      resource: splitArn(role.arn),
      principalId: `service:${service}`,
      principalArn: '',
      facts: new Facts({}, this.#now),
    };
    return firstApplying(role.trust, 'Deny', question, true) === 0 && firstApplying(role.trust, 'Allow', question, true) > 0;
  }

  authorize(request: AccessRequest): void {
    authorize(request, this.accountId, this.#now);
  }

  decide(request: AccessRequest): Decision {
    return decide(request, this.accountId, this.#now);
  }

  roleAllows(roleNameOrArn: string, action: string, resource: string): boolean {
    const role = this.#roles.get(roleNameOrArn);
    if (!role) return false;
    const policies = role.policies.map((policy) => policy.document);
    const principal: Principal = {
      kind: 'AssumedRole',
      accountId: this.accountId,
      id: role.name,
      arn: role.arn,
      accessKeyId: '',
      policies,
    };
    return this.decide({ principal, action, resource }).allowed;
  }
}

function accountPrincipal(accountId: string, accessKeyId: string): Principal {
  return Object.freeze({ kind: 'Account', accountId, id: accountId, arn: `acs:ram::${accountId}:root`, accessKeyId, policies: [] });
}

/** Policies of RAM users are not kept yet, so a user may only do what resource policies allow. */
function userPrincipal(accountId: string, { owner, id }: AccessKey): Principal {
  return { kind: 'RAMUser', accountId, id: owner, arn: `acs:ram::${accountId}:user/${owner}`, accessKeyId: id, policies: [] };
}

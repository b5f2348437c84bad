import { Fault, type FaultCode } from '../faults/index.ts';
import { Lru, now as wallClock } from '../kit/index.ts';
import { type AccessKey, AccessKeys } from './accesskey.ts';
import { type Account, openAccount } from './account.ts';
import { type AssumedRole, type AssumeRoleRequest, assumeRole } from './assume-role.ts';
import { type AccessRequest, authorize, type Decision, decide, type Explanation, explain } from './authorization.ts';
import { Facts } from './condition.ts';
import { KeyUses } from './key-use.ts';
import { openKeyFile, type RootKey } from './keyfile.ts';
import { ManagedPolicies } from './managed-policy.ts';
import type { AssumeOptions, Identity, IdentityOptions, Named } from './port.ts';
import type { Credential, Principal, RefusedCredential, SessionCredentials } from './principal.ts';
import { type Role, Roles } from './role.ts';
import { longestSessionMs, Sealing, type ShownSealingKey } from './sealing.ts';
import { randomBase62 } from './secrets.ts';
import { type OpenedSession, Sessions, sessionPrincipal, temporaryPrefix } from './session.ts';
import { trusts } from './trust.ts';
import { type User, Users } from './user.ts';

/**
 * Opens the account of a data folder: its id, root key, sealing keys, users, roles, policies and access keys; makes at first start what is
 * not given.
 * @throws Error when the key file is damaged or the folder belongs to another account
 */
export async function openIdentity(options: IdentityOptions): Promise<Identity & { rootKey: RootKey & { made: boolean } }> {
  const now = options.now ?? wallClock;
  if (options.rootKey) checkRootKey(options.rootKey);
  const account = await openAccount(options.metadata, options.accountId, now);
  const ring = await openKeyFile(options.keyFile, options.rootKey === undefined);
  const rootKey = options.rootKey ?? (ring.rootKey as RootKey);
  const uses = new KeyUses(options.metadata, options.onProblem ?? (() => undefined));
  const sealing = new Sealing(options.keyFile, ring, now);
  return Object.assign(new OpenIdentity(account, rootKey, uses, sealing), { rootKey: { ...rootKey, made: ring.made } });
}

function checkRootKey({ id, secret }: RootKey): void {
  if (!/^[A-Za-z0-9_-]{3,128}$/.test(id)) throw new Error('The access key id must be 3 to 128 letters, digits, "_" or "-".');
  if (secret.length < 8) throw new Error('The access key secret must have at least 8 characters.');
}

/** What is known of an access key id since the account was at `revision`: whose it is, or why it is refused. */
interface AskedKey {
  readonly revision: number;
  readonly credential?: Credential;
  readonly refusal: FaultCode;
}

/** Access key ids, known and unknown alike, that are remembered. */
const remembered = 4_096;

class OpenIdentity implements Identity {
  readonly accountId: string;
  readonly anonymous: Principal = Object.freeze({
    ...{ kind: 'Anonymous', accountId: '', id: 'anonymous', arn: 'anonymous', accessKeyId: '' },
    policies: [],
  } as const);
  readonly users: Users;
  readonly keys: AccessKeys;
  readonly roles: Roles;
  readonly policies: ManagedPolicies;
  readonly #account: Account;
  readonly #root: Credential & { id: string };
  readonly #uses: KeyUses;
  readonly #sealing: Sealing;
  readonly #sessions: Sessions;
  readonly #asked = new Lru<AskedKey>({ maxWeight: remembered });
  /** Fits no signature: nobody knows it, and it is new at every start. */
  readonly #dummy = randomBase62(40);

  constructor(account: Account, rootKey: RootKey, uses: KeyUses, sealing: Sealing) {
    this.accountId = account.id;
    this.#account = account;
    this.#root = { id: rootKey.id, secret: rootKey.secret, principal: accountPrincipal(account.id, rootKey.id) };
    this.#uses = uses;
    this.#sealing = sealing;
    this.#sessions = new Sessions(sealing.sealer);
    this.users = new Users(account);
    this.keys = new AccessKeys(account, uses);
    this.policies = new ManagedPolicies(account);
    this.roles = new Roles(account, this.policies);
  }

  get rootKeyId(): string {
    return this.#root.id;
  }

  credential(accessKeyId: string, securityToken: string | undefined): Credential | RefusedCredential {
    if (securityToken) return this.#sessionCredential(accessKeyId, securityToken);
    if (accessKeyId === this.#root.id) return this.#root;
    let asked = this.#asked.get(accessKeyId);
    if (asked?.revision !== this.#account.revision) {
      asked = this.#ask(accessKeyId);
      this.#asked.set(accessKeyId, asked);
    }
    return asked.credential ?? this.#refused(new Fault(asked.refusal));
  }

  #ask(accessKeyId: string): AskedKey {
    const { revision } = this.#account;
    // A temporary key without its token exists in no record; the vendor says InvalidAccessKeyId as well.
    const key = accessKeyId.startsWith(temporaryPrefix) ? undefined : this.keys.get(accessKeyId);
    if (!key) return { revision, refusal: 'InvalidAccessKeyId' };
    const user = key.owner === this.accountId ? undefined : this.users.byId(key.owner);
    if (!user && key.owner !== this.accountId) return { revision, refusal: 'InvalidAccessKeyId' };
    if (key.status !== 'Active' || user?.status === 'Inactive') return { revision, refusal: 'UserDisable' };
    const principal = user ? this.#userPrincipal(user, key.id) : accountPrincipal(this.accountId, key.id);
    return { revision, refusal: 'UserDisable', credential: { secret: key.secret, principal } };
  }

  #sessionCredential(accessKeyId: string, securityToken: string): Credential | RefusedCredential {
    const session = this.#sessions.open(securityToken);
    if (session?.accessKeyId !== accessKeyId) return this.#refused(new Fault('InvalidSecurityToken'));
    if (session.expiresAt <= this.#account.now()) return this.#refused(new Fault('SecurityTokenExpired'));
    const { revision } = this.#account;
    if (session.ready?.revision === revision) return session.ready.credential;
    const role = this.roles.get(session.roleName);
    if (!role || (session.roleId !== '' && session.roleId !== role.id)) {
      return this.#refused(new Fault('InvalidSecurityToken', `The role ${session.roleName} of this session no longer exists.`));
    }
    const ended = this.#endedIssuer(session);
    if (ended) return this.#refused(new Fault('InvalidSecurityToken', `The ${ended} that opened this session was deleted or disabled.`));
    const credential = { secret: session.secret, principal: sessionPrincipal(session, role, this.accountId) };
    session.ready = { revision, credential };
    return credential;
  }

  /** The kind of the first issuer of a session that is no longer there. */
  #endedIssuer({ issuers = [] }: OpenedSession): string | undefined {
    const ended = issuers.find((issuer) => {
      const [kind, name = '', id] = issuer.split(':');
      return kind === 'user' ? this.users.byId(name)?.status !== 'Active' : this.roles.get(name)?.id !== id;
    });
    return ended?.split(':')[0];
  }

  #refused(fault: Fault): RefusedCredential {
    return { fault, secret: this.#dummy };
  }

  role(nameOrArn: string): Role | undefined {
    return this.roles.get(nameOrArn);
  }

  putRole(role: Pick<Role, 'name' | 'trust' | 'policies'>): Promise<Role> {
    return this.roles.put(role);
  }

  putAccessKey(key: AccessKey): Promise<void> {
    if (key.id.startsWith(temporaryPrefix) || key.id === this.#root.id) {
      throw new Fault('InvalidArgument', `The access key id ${key.id} is reserved.`);
    }
    return this.keys.put(key);
  }

  assume(roleNameOrArn: string, { sessionName, ttlMs, claims = {}, service, lent = false }: AssumeOptions): SessionCredentials {
    const role = this.roles.need(roleNameOrArn);
    if (!/^[A-Za-z0-9.@_-]{1,64}$/.test(sessionName)) {
      throw new Fault('InvalidArgument', 'RoleSessionName must be 1 to 64 letters, digits, ".", "@", "_" or "-".');
    }
    if (!(ttlMs > 0 && ttlMs <= longestSessionMs))
      throw new Fault('InvalidArgument', 'A session must last more than 0 and at most 36 hours.');
    if (service !== undefined && !trusts(role, { service }, new Facts({}, this.#account.now))) {
      throw new Fault('AccessDenied', `The trust policy of ${role.arn} does not allow ${service} to assume the role.`);
    }
    const expiresAt = Math.floor(this.#account.now() + ttlMs);
    const seed = { roleName: role.name, roleId: role.id, name: sessionName, expiresAt, claims };
    return lent ? this.#sessions.lend(seed) : this.#sessions.mint(seed);
  }

  assumeRole(caller: Principal, request: AssumeRoleRequest): AssumedRole {
    this.used(caller, 'sts:AssumeRole');
    return assumeRole({ account: this.#account, roles: this.roles, sessions: this.#sessions }, caller, request);
  }

  release(securityToken: string): void {
    this.#sessions.release(securityToken);
  }

  authorize(request: AccessRequest): void {
    this.used(request.principal, request.action);
    authorize(request, this.accountId, this.#account.now);
  }

  decide(request: AccessRequest): Decision {
    this.used(request.principal, request.action);
    return decide(request, this.accountId, this.#account.now);
  }

  explain(request: AccessRequest): Explanation {
    return explain(request, this.accountId, this.#account.now);
  }

  used({ accessKeyId, session }: Principal, action: string): void {
    if (session === undefined && accessKeyId !== '') this.#uses.note(accessKeyId, action, this.#account.now());
  }

  principal(named: Named): Principal {
    switch (named.kind) {
      case 'anonymous':
        return this.anonymous;
      case 'account':
        return accountPrincipal(this.accountId, '');
      case 'user':
        return this.#userPrincipal(this.users.need(named.name), '');
      case 'key':
        return this.#keyPrincipal(named.name);
      default:
        return this.#rolePrincipal(this.roles.need(named.name));
    }
  }

  #keyPrincipal(id: string): Principal {
    if (id === this.#root.id) return accountPrincipal(this.accountId, '');
    const { owner } = this.keys.need(id);
    if (owner === this.accountId) return accountPrincipal(this.accountId, '');
    const user = this.users.byId(owner);
    if (!user) throw new Fault('EntityNotExist.User');
    return this.#userPrincipal(user, '');
  }

  /** A session of the role, as it would be named. */
  #rolePrincipal(role: Role): Principal {
    const seed = { roleName: role.name, roleId: role.id, name: 'explain', expiresAt: this.#account.now(), claims: {} };
    return sessionPrincipal({ ...seed, accessKeyId: '', secret: '' }, role, this.accountId);
  }

  #userPrincipal({ id, name, arn }: User, accessKeyId: string): Principal {
    const attached = this.policies.documents({ kind: 'user', id });
    return {
      ...{ kind: 'RAMUser', accountId: this.accountId, id, arn, accessKeyId },
      policies: attached.map(({ document }) => document),
      policyNames: attached.map((policy) => policy.name),
      holder: `user ${name}`,
    };
  }

  roleAllows(roleNameOrArn: string, action: string, resource: string): boolean {
    const role = this.roles.get(roleNameOrArn);
    if (!role) return false;
    const policies = role.policies.map((policy) => policy.document);
    const principal: Principal = {
      ...{ kind: 'AssumedRole', accountId: this.accountId, id: role.name, arn: role.arn, accessKeyId: '' },
      policies,
    };
    return decide({ principal, action, resource }, this.accountId, this.#account.now).allowed;
  }

  sealingKeys(): ShownSealingKey[] {
    return this.#sealing.keys();
  }

  async rotateSealingKey({ dropOld = false }: { dropOld?: boolean } = {}): Promise<ShownSealingKey[]> {
    await this.#sealing.rotate(dropOld);
    this.#sessions.forget();
    return this.#sealing.keys();
  }

  close(): Promise<void> {
    return this.#uses.close();
  }
}

function accountPrincipal(accountId: string, accessKeyId: string): Principal {
  return Object.freeze({ kind: 'Account', accountId, id: accountId, arn: `acs:ram::${accountId}:root`, accessKeyId, policies: [] });
}

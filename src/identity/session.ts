import { Lru, randomToken, Turnover } from '../kit/index.ts';
import type { Credential, Issuer, Principal, Session, SessionClaims, SessionCredentials } from './principal.ts';
import type { Role } from './role.ts';
import { randomBase62 } from './secrets.ts';
import type { TokenSealer } from './token.ts';

/** Prefix of every temporary access key id, by which SDKs know that a security token belongs to it. */
export const temporaryPrefix = 'STS.';

/** What a session is made of. */
export interface SessionSeed {
  readonly roleName: string;
  /** Of the role as it was then: another role that takes its name later gives the session nothing. */
  readonly roleId: string;
  readonly name: string;
  /** Epoch milliseconds. */
  readonly expiresAt: number;
  readonly claims: SessionClaims;
  /** None for the sessions of functions, which the server itself opens. */
  readonly issuers?: readonly Issuer[];
}

/** What a token says; enough to verify and authorize a request without the database. */
export interface OpenedSession extends SessionSeed {
  readonly accessKeyId: string;
  readonly secret: string;
  /** The credential as made when the account was at `revision`; made anew when anything has changed since. */
  ready?: { readonly revision: number; readonly credential: Credential };
}

/** The sealed form, positions instead of names to keep the token short. */
type Sealed = [
  accessKeyId: string,
  secret: string,
  roleName: string,
  name: string,
  expiresAt: number,
  claims: SessionClaims,
  roleId?: string,
  issuers?: readonly Issuer[],
];

/** Makes and opens sealed sessions. Opened tokens are remembered, the most recently used ones only. */
export class Sessions {
  readonly #sealer: TokenSealer;
  readonly #opened: Lru<OpenedSession>;
  readonly #lent = new Turnover<string, OpenedSession>();

  constructor(sealer: TokenSealer, remembered = 4_096) {
    this.#sealer = sealer;
    this.#opened = new Lru({ maxWeight: remembered });
  }

  /** A new session; key id, secret and claims are bound together inside the token. */
  mint({ roleName, roleId, name, expiresAt, claims, issuers }: SessionSeed): SessionCredentials {
    const accessKeyId = temporaryPrefix + randomBase62(25);
    const accessKeySecret = randomBase62(44);
    const sealed: Sealed = [accessKeyId, accessKeySecret, roleName, name, expiresAt, claims, roleId];
    if (issuers && issuers.length > 0) sealed.push(issuers);
    return { accessKeyId, accessKeySecret, securityToken: this.#sealer.seal(JSON.stringify(sealed)), expiresAt };
  }

  /** A new session that lives in this process alone, until it is released: its token says nothing and cannot be opened elsewhere. */
  lend(seed: SessionSeed): SessionCredentials {
    const accessKeyId = temporaryPrefix + randomToken(18);
    const secret = randomToken(30);
    const securityToken = randomToken(48);
    this.#lent.set(securityToken, { accessKeyId, secret, ...seed });
    return { accessKeyId, accessKeySecret: secret, securityToken, expiresAt: seed.expiresAt };
  }

  /** Ends a lent session; harmless for any other token. */
  release(token: string): void {
    this.#lent.delete(token);
  }

  /** Opens every token anew from now on: the sealing keys have changed. */
  forget(): void {
    this.#opened.clear();
  }

  /** The session of a token, expired or not; undefined for a token that is not ours, damaged, changed or released. */
  open(token: string): OpenedSession | undefined {
    const known = this.#lent.get(token) ?? this.#opened.get(token);
    if (known) return known;
    const text = this.#sealer.open(token);
    if (text === undefined) return undefined;
    const [accessKeyId, secret, roleName, name, expiresAt, claims, roleId = '', issuers = []] = JSON.parse(text) as Sealed;
    const session: OpenedSession = { accessKeyId, secret, roleName, roleId, name, expiresAt, claims, issuers };
    this.#opened.set(token, session);
    return session;
  }
}

/** The principal of a session, with the role's policies as they are now. */
export function sessionPrincipal(session: OpenedSession, role: Role, accountId: string): Principal {
  const { name, expiresAt, issuers } = session;
  const shown: Session = { ...session.claims, roleName: role.name, name, expiresAt, ...(issuers?.length ? { issuers } : {}) };
  const lower = role.name.toLowerCase();
  return {
    kind: 'AssumedRole',
    accountId,
    id: `${lower}:${session.name}`,
    arn: `acs:ram::${accountId}:assumed-role/${lower}/${session.name}`,
    accessKeyId: session.accessKeyId,
    policies: role.policies.map((policy) => policy.document),
    policyNames: role.policies.map((policy) => policy.name),
    holder: `role ${role.name}`,
    session: shown,
  };
}

import { z } from 'zod';
import { Fault } from '../../faults/index.ts';
import type { Explanation, Named, Principal } from '../../identity/index.ts';
import type { Answer, Call } from './call.ts';
import { input } from './input.ts';

/** A decision as it is told to people; whoever decides may add to it. */
export type Explained = Partial<Omit<Explanation, 'allowed' | 'reason'>> & {
  readonly allowed: boolean;
  readonly reason: string;
  /** What kind of thing decided, e.g. bucket-policy or object-acl. */
  readonly source?: string;
  /** ARN of the name that decided. */
  readonly resource?: string;
  /** What each name on the way says by itself, outermost first. */
  readonly sides?: readonly object[];
};

const explainInput = z.strictObject({
  /** user:<name>, role:<name>, key:<id>, account or anonymous; a bare name is that of a user, role or key, in this order. */
  as: z.string(),
  action: z.string().regex(/^[a-z]+:\w+$/i, 'must read <service>:<Operation>, as in oss:GetObject'),
  resource: z.string().regex(/^(\*|acs:[^:]*:[^:]*:[^:]*:.+)$/, 'must read acs:<service>:<region>:<account>:<resource>'),
  context: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.array(z.string())])).optional(),
});

/** Somebody with a prefix, or whoever has that name. @throws Fault EntityNotExist.User, .Role, .User.AccessKey, InvalidArgument */
function principalOf({ rooms }: Call, as: string): Principal {
  const { identity } = rooms;
  if (as === 'anonymous' || as === 'account') return identity.principal({ kind: as });
  const at = as.indexOf(':');
  const [kind, name] = at < 0 ? ['', as] : [as.slice(0, at), as.slice(at + 1)];
  if (kind === 'user' || kind === 'role' || kind === 'key') return identity.principal({ kind, name } satisfies Named);
  if (at >= 0) throw new Fault('InvalidArgument', 'as must read user:<name>, role:<name>, key:<id>, account or anonymous.');
  if (identity.users.get(name)) return identity.principal({ kind: 'user', name });
  if (identity.role(name)) return identity.principal({ kind: 'role', name });
  return identity.principal({ kind: 'key', name });
}

/** ExplainPolicy: whether somebody may do something, and which statement says so. Nothing is done. */
export function explainPolicy(call: Call): Answer {
  const { identity } = call.rooms;
  const { as, action, resource: given, context = {} } = input(call, explainInput);
  const principal = principalOf(call, as);
  // Region and account may be left open, as they mostly are in policies.
  const resource = given
    .replace(/^(acs:[^:]*:[^:]*:)\*(?=:)/, `$1${identity.accountId}`)
    .replace(/^(acs:[^:]*:)\*(?=:)/, `$1${call.rooms.region}`);
  const question = { principal, action, resource, context };
  const explained: Explained = call.rooms.explain?.(question) ?? identity.explain(question);
  const looked = explained.lookedAt ?? identity.explain(question).lookedAt;
  return { principal: principal.arn, action, asked: resource, ...explained, lookedAt: looked };
}

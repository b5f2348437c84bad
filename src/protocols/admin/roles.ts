import { z } from 'zod';
import { Fault } from '../../faults/index.ts';
import type { Role } from '../../identity/index.ts';
import type { Answer, Call } from './call.ts';
import { input, pageQuery, policyText, time } from './input.ts';

const updateInput = z.strictObject({
  trust: policyText.optional(),
  description: z.string().optional(),
  maxSessionSeconds: z.number().optional(),
});
const createInput = updateInput.extend({ name: z.string(), trust: policyText });

function shown({ policies: _all, inline, createdAt, ...rest }: Role): object {
  return { ...rest, createdAt: time(createdAt), inlinePolicies: inline.map(({ name }) => name) };
}

/** CreateRole. */
export async function createRole(call: Call): Promise<Answer> {
  const { name, ...rest } = input(call, createInput);
  return shown(await call.rooms.identity.roles.create(name, rest));
}

/** GetRole, with its policies. */
export function getRole({ rooms, names }: Call): Answer {
  const { roles, policies } = rooms.identity;
  const role = roles.need(names[0] as string);
  const attached = policies.of({ kind: 'role', id: role.name.toLowerCase() }).map(({ policy, type }) => ({ name: policy, type }));
  return { ...shown(role), policies: [...role.inline.map(({ name, document }) => ({ name, type: 'Inline', document })), ...attached] };
}

/** ListRoles. */
export function listRoles(call: Call): Answer {
  const { items, next } = call.rooms.identity.roles.list(pageQuery(call));
  return { roles: items.map(shown), next };
}

/** UpdateRole. */
export async function updateRole(call: Call): Promise<Answer> {
  const change = input(call, updateInput);
  if (Object.keys(change).length === 0) throw new Fault('InvalidArgument', 'Give trust, description or maxSessionSeconds.');
  return shown(await call.rooms.identity.roles.update(call.names[0] as string, change));
}

/** DeleteRole. */
export async function deleteRole({ rooms, names }: Call): Promise<Answer> {
  await rooms.identity.roles.remove(names[0] as string);
  return undefined;
}

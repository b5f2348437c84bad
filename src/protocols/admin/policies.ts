import { z } from 'zod';
import { Fault } from '../../faults/index.ts';
import type { Holder, ManagedPolicy } from '../../identity/index.ts';
import { type Answer, type Call, param } from './call.ts';
import { input, pageQuery, policyText, time } from './input.ts';

const createInput = z.strictObject({ name: z.string(), document: policyText, description: z.string().optional() });
const updateInput = z.strictObject({ document: policyText.optional(), description: z.string().optional() });

function shown({ createdAt, updatedAt, ...rest }: ManagedPolicy): object {
  return rest.type === 'System' ? rest : { ...rest, createdAt: time(createdAt), updatedAt: time(updatedAt) };
}

function brief(policy: ManagedPolicy): object {
  const { document: _document, ...rest } = shown(policy) as Record<string, unknown>;
  return rest;
}

/** CreatePolicy. */
export async function createPolicy(call: Call): Promise<Answer> {
  const { name, document, description } = input(call, createInput);
  return shown(await call.rooms.identity.policies.create(name, document, description));
}

/** GetPolicy, with its document and whom it is attached to. */
export function getPolicy({ rooms, names }: Call): Answer {
  const { policies } = rooms.identity;
  const policy = policies.need(names[0] as string);
  const attachedTo = policies.holders(policy.name).map((holder) => ({ ...holder, attachedAt: time(holder.attachedAt) }));
  return { ...shown(policy), attachedTo };
}

/** ListPolicies: the account's own (Custom), or System. */
export function listPolicies(call: Call): Answer {
  const type = param(call, 'type') ?? 'Custom';
  if (type !== 'Custom' && type !== 'System') throw new Fault('InvalidArgument', 'type must be Custom or System.');
  const { items, next } = call.rooms.identity.policies.list({ type, ...pageQuery(call) });
  return { policies: items.map(brief), next };
}

/** UpdatePolicy: another document from the next request on. */
export async function updatePolicy(call: Call): Promise<Answer> {
  const change = input(call, updateInput);
  if (Object.keys(change).length === 0) throw new Fault('InvalidArgument', 'Give document or description.');
  return shown(await call.rooms.identity.policies.update(call.names[0] as string, change));
}

/** DeletePolicy. */
export async function deletePolicy({ rooms, names }: Call): Promise<Answer> {
  await rooms.identity.policies.remove(names[0] as string);
  return undefined;
}

/** The user or role in the path. @throws Fault EntityNotExist.User, EntityNotExist.Role */
function holderOf({ rooms, names, operation }: Call): Holder {
  const name = names[0] as string;
  if (operation.resource === 'user') return { kind: 'user', id: rooms.identity.users.need(name).id };
  return { kind: 'role', id: rooms.identity.roles.need(name).name.toLowerCase() };
}

/** AttachPolicyToUser, AttachPolicyToRole. */
export async function attachPolicy(call: Call): Promise<Answer> {
  await call.rooms.identity.policies.attach(call.names[1] as string, holderOf(call));
  return undefined;
}

/** DetachPolicyFromUser, DetachPolicyFromRole; an inline policy of a role goes for good. */
export async function detachPolicy(call: Call): Promise<Answer> {
  const { policies, roles } = call.rooms.identity;
  const [holder, policy] = call.names as [string, string];
  const wanted = policy.toLowerCase();
  const isInline = call.operation.resource === 'role' && roles.need(holder).inline.some(({ name }) => name.toLowerCase() === wanted);
  if (isInline) await roles.removeInline(holder, policy);
  else await policies.detach(policy, holderOf(call));
  return undefined;
}

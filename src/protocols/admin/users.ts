import { z } from 'zod';
import { Fault } from '../../faults/index.ts';
import type { User } from '../../identity/index.ts';
import type { Answer, Call } from './call.ts';
import { input, pageQuery, time } from './input.ts';

const createInput = z.strictObject({ name: z.string(), displayName: z.string().optional(), comment: z.string().optional() });
const updateInput = z.strictObject({
  newName: z.string().optional(),
  displayName: z.string().optional(),
  comment: z.string().optional(),
  status: z.enum(['Active', 'Inactive']).optional(),
});

function shown(user: User): object {
  return { ...user, createdAt: time(user.createdAt), updatedAt: time(user.updatedAt) };
}

/** CreateUser. */
export async function createUser(call: Call): Promise<Answer> {
  const { name, ...rest } = input(call, createInput);
  return shown(await call.rooms.identity.users.create(name, rest));
}

/** GetUser, with his keys and policies. */
export function getUser({ rooms, names }: Call): Answer {
  const { users, keys, policies } = rooms.identity;
  const user = users.need(names[0] as string);
  return {
    ...shown(user),
    keys: keys.of(user.id).map((key) => ({ id: key.id, status: key.status })),
    policies: policies.of({ kind: 'user', id: user.id }).map(({ policy, type }) => ({ name: policy, type })),
  };
}

/** ListUsers. */
export function listUsers(call: Call): Answer {
  const { items, next } = call.rooms.identity.users.list(pageQuery(call));
  return { users: items.map(shown), next };
}

/** UpdateUser; its status disables and enables all his keys at once. */
export async function updateUser(call: Call): Promise<Answer> {
  const change = input(call, updateInput);
  if (Object.keys(change).length === 0) throw new Fault('InvalidArgument', 'Give newName, displayName, comment or status.');
  return shown(await call.rooms.identity.users.update(call.names[0] as string, change));
}

/** DeleteUser. */
export async function deleteUser({ rooms, names }: Call): Promise<Answer> {
  await rooms.identity.users.remove(names[0] as string);
  return undefined;
}

import { z } from 'zod';
import { Fault } from '../../faults/index.ts';
import type { AccessKey, Identity, ShownKey } from '../../identity/index.ts';
import { type Answer, type Call, param } from './call.ts';
import { input, time } from './input.ts';

const createInput = z.strictObject({ user: z.string().optional() });
const updateInput = z.strictObject({ status: z.enum(['Active', 'Inactive']) });
const rotateInput = z.strictObject({ disableOld: z.boolean().optional() });

/** The name of the user that a key belongs to; undefined for the account's own. */
function userOf(identity: Identity, owner: string): string | undefined {
  return owner === identity.accountId ? undefined : identity.users.byId(owner)?.name;
}

function shown(identity: Identity, key: ShownKey): object {
  const { id, owner, status, createdAt, lastUsed } = key;
  return {
    ...{ id, status, user: userOf(identity, owner), createdAt: time(createdAt) },
    ...(lastUsed ? { lastUsed: { at: time(lastUsed.at), service: lastUsed.service } } : {}),
  };
}

/** A new key; the only answer that holds a secret. */
function made(identity: Identity, key: AccessKey): object {
  return { ...shown(identity, key), secret: key.secret };
}

/** Keys of the account itself are no RAM user's to touch: they may do everything, and no policy can take it from them. */
function checkOwner({ principal, rooms }: Call, owner: string): void {
  if (owner === rooms.identity.accountId && principal.kind !== 'Account') {
    throw new Fault('AccessDenied', 'Only the account itself may manage its own keys. Name a user.');
  }
}

function found(call: Call): ShownKey {
  const { identity } = call.rooms;
  const id = call.names[0] as string;
  if (id === identity.rootKeyId) {
    throw new Fault(
      'InvalidArgument',
      `${id} is the root key of the server. It is changed by the settings accessKeyId and accessKeySecret.`,
    );
  }
  const key = identity.keys.need(id);
  checkOwner(call, key.owner);
  return key;
}

/** CreateAccessKey, of a user or of the account itself. */
export async function createKey(call: Call): Promise<Answer> {
  const { identity } = call.rooms;
  const { user } = input(call, createInput);
  const owner = user === undefined ? identity.accountId : identity.users.need(user).id;
  checkOwner(call, owner);
  return made(identity, await identity.keys.create(owner));
}

/** GetAccessKey, with its last use. */
export function getKey(call: Call): Answer {
  return shown(call.rooms.identity, found(call));
}

/** ListAccessKeys: of one user, or of all. */
export function listKeys(call: Call): Answer {
  const { identity } = call.rooms;
  const user = param(call, 'user');
  const all = user === undefined ? identity.keys.all() : identity.keys.of(identity.users.need(user).id);
  const root = { id: identity.rootKeyId, status: 'Active', root: true };
  return { keys: [...(user === undefined ? [root] : []), ...all.map((key) => shown(identity, key))] };
}

/** UpdateAccessKey: disables or enables. */
export async function updateKey(call: Call): Promise<Answer> {
  const { identity } = call.rooms;
  const { status } = input(call, updateInput);
  return shown(identity, await identity.keys.setStatus(found(call).id, status));
}

/** RotateAccessKey: a second key for the same owner. */
export async function rotateKey(call: Call): Promise<Answer> {
  const { identity } = call.rooms;
  const { disableOld = false } = input(call, rotateInput);
  return made(identity, await identity.keys.rotate(found(call).id, { disableOld }));
}

/** DeleteAccessKey. */
export async function deleteKey(call: Call): Promise<Answer> {
  await call.rooms.identity.keys.remove(found(call).id);
  return undefined;
}

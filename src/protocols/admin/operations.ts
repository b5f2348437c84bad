import { Fault } from '../../faults/index.ts';
import { explainPolicy } from './explain.ts';
import { getInvocation, listInvocations, streamInvocations } from './invocations.ts';
import { createKey, deleteKey, getKey, listKeys, rotateKey, updateKey } from './keys.ts';
import { listFunctionLogs } from './logs.ts';
import type { Operation, ResourceKind } from './operation.ts';
import { attachPolicy, createPolicy, deletePolicy, detachPolicy, getPolicy, listPolicies, updatePolicy } from './policies.ts';
import { createRole, deleteRole, getRole, listRoles, updateRole } from './roles.ts';
import { listSealingKeys, rotateSealingKey } from './sealing.ts';
import { createUser, deleteUser, getUser, listUsers, updateUser } from './users.ts';

/** Every path of the API starts with its version. */
export const prefix = '/admin/v1';

type Run = Operation['run'];

function row(name: string, how: string, action: string, resource: ResourceKind, run: Run): Operation {
  const [method, path] = how.split(' ') as [Operation['method'], string];
  return { name, method, path, action, resource, changes: method !== 'GET' && name !== 'ExplainPolicy', run };
}

/** The closed table of operations. Actions are those of RAM where RAM has the operation. */
export const operations: readonly Operation[] = [
  row('CreateUser', 'POST /users', 'ram:CreateUser', 'user', createUser),
  row('GetUser', 'GET /users/{user}', 'ram:GetUser', 'user', getUser),
  row('ListUsers', 'GET /users', 'ram:ListUsers', 'user', listUsers),
  row('UpdateUser', 'PATCH /users/{user}', 'ram:UpdateUser', 'user', updateUser),
  row('DeleteUser', 'DELETE /users/{user}', 'ram:DeleteUser', 'user', deleteUser),
  row('CreateAccessKey', 'POST /keys', 'ram:CreateAccessKey', 'key', createKey),
  row('GetAccessKey', 'GET /keys/{key}', 'ram:GetAccessKeyLastUsed', 'key', getKey),
  row('ListAccessKeys', 'GET /keys', 'ram:ListAccessKeys', 'key', listKeys),
  row('UpdateAccessKey', 'PATCH /keys/{key}', 'ram:UpdateAccessKey', 'key', updateKey),
  row('RotateAccessKey', 'POST /keys/{key}/rotate', 'ram:CreateAccessKey', 'key', rotateKey),
  row('DeleteAccessKey', 'DELETE /keys/{key}', 'ram:DeleteAccessKey', 'key', deleteKey),
  row('CreateRole', 'POST /roles', 'ram:CreateRole', 'role', createRole),
  row('GetRole', 'GET /roles/{role}', 'ram:GetRole', 'role', getRole),
  row('ListRoles', 'GET /roles', 'ram:ListRoles', 'role', listRoles),
  row('UpdateRole', 'PATCH /roles/{role}', 'ram:UpdateRole', 'role', updateRole),
  row('DeleteRole', 'DELETE /roles/{role}', 'ram:DeleteRole', 'role', deleteRole),
  row('CreatePolicy', 'POST /policies', 'ram:CreatePolicy', 'policy', createPolicy),
  row('GetPolicy', 'GET /policies/{policy}', 'ram:GetPolicy', 'policy', getPolicy),
  row('ListPolicies', 'GET /policies', 'ram:ListPolicies', 'policy', listPolicies),
  row('UpdatePolicy', 'PUT /policies/{policy}', 'ram:UpdatePolicy', 'policy', updatePolicy),
  row('DeletePolicy', 'DELETE /policies/{policy}', 'ram:DeletePolicy', 'policy', deletePolicy),
  row('AttachPolicyToUser', 'PUT /users/{user}/policies/{policy}', 'ram:AttachPolicyToUser', 'user', attachPolicy),
  row('DetachPolicyFromUser', 'DELETE /users/{user}/policies/{policy}', 'ram:DetachPolicyFromUser', 'user', detachPolicy),
  row('AttachPolicyToRole', 'PUT /roles/{role}/policies/{policy}', 'ram:AttachPolicyToRole', 'role', attachPolicy),
  row('DetachPolicyFromRole', 'DELETE /roles/{role}/policies/{policy}', 'ram:DetachPolicyFromRole', 'role', detachPolicy),
  row('ExplainPolicy', 'POST /explain', 'ram:ExplainPolicy', 'account', explainPolicy),
  row('ListFunctionLogs', 'GET /functions/{function}/logs', 'fc:ListFunctionLogs', 'function', listFunctionLogs),
  row('ListInvocations', 'GET /invocations', 'fc:ListInvocations', 'invocation', listInvocations),
  // In front of the row that takes any id.
  row('StreamInvocations', 'GET /invocations/stream', 'fc:ListInvocations', 'invocation', streamInvocations),
  row('GetInvocation', 'GET /invocations/{invocation}', 'fc:GetInvocation', 'invocation', getInvocation),
  row('ListSealingKeys', 'GET /sealing-keys', 'ram:ListSealingKeys', 'account', listSealingKeys),
  row('RotateSealingKey', 'POST /sealing-keys/rotate', 'ram:RotateSealingKey', 'account', rotateSealingKey),
];

const routes = operations.map((operation) => ({ operation, segments: operation.path.slice(1).split('/') }));

function fits(segments: readonly string[], given: readonly string[]): boolean {
  return (
    segments.length === given.length && segments.every((segment, i) => (segment.startsWith('{') ? given[i] !== '' : segment === given[i]))
  );
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch (cause) {
    throw new Fault('InvalidURI', 'The path holds a malformed percent-encoding.', { cause });
  }
}

/**
 * Finds the operation of a request.
 * @param path raw, percent-encoded, with the prefix
 * @throws Fault PathNotSupported, MethodNotAllowed, InvalidURI
 */
export function matchOperation(method: string, path: string): { operation: Operation; names: string[] } {
  const given = path
    .slice(prefix.length + 1)
    .split('/')
    .map(decoded);
  const fitting = routes.filter(({ segments }) => fits(segments, given));
  if (fitting.length === 0) throw new Fault('PathNotSupported', `There is no such path in the admin API below ${prefix}.`);
  const found = fitting.find(({ operation }) => operation.method === method);
  if (!found) {
    const allow = fitting.map(({ operation }) => operation.method).join(', ');
    throw new Fault('MethodNotAllowed', `This path takes ${allow}.`, { headers: { Allow: allow } });
  }
  return { operation: found.operation, names: given.filter((_, i) => found.segments[i]?.startsWith('{')) };
}

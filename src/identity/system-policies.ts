import type { PolicyDocument } from './policy.ts';

/** A policy that is part of the program: it can be attached, and neither changed nor deleted. */
export interface SystemPolicy {
  readonly name: string;
  readonly description: string;
  readonly document: PolicyDocument;
}

function allow(...actions: string[]): PolicyDocument {
  return Object.freeze<PolicyDocument>({ Version: '1', Statement: [{ Effect: 'Allow', Action: actions, Resource: '*' }] });
}

/** The vendor's system policies for what Sluice carries out, by their names in RAM (Alibaba RAM console, "System policies"). */
export const systemPolicies: readonly SystemPolicy[] = [
  { name: 'AdministratorAccess', description: 'Everything.', document: allow('*') },
  { name: 'AliyunOSSFullAccess', description: 'Everything in OSS.', document: allow('oss:*') },
  { name: 'AliyunOSSReadOnlyAccess', description: 'Reading in OSS.', document: allow('oss:Get*', 'oss:List*') },
  { name: 'AliyunFCFullAccess', description: 'Everything in Function Compute.', document: allow('fc:*', 'ram:PassRole') },
  { name: 'AliyunFCReadOnlyAccess', description: 'Reading in Function Compute.', document: allow('fc:Get*', 'fc:List*') },
  { name: 'AliyunFCInvocationAccess', description: 'Calling functions.', document: allow('fc:InvokeFunction') },
  { name: 'AliyunSTSAssumeRoleAccess', description: 'Assuming roles that trust the caller.', document: allow('sts:AssumeRole') },
  { name: 'AliyunRAMFullAccess', description: 'Managing users, keys, roles and policies.', document: allow('ram:*') },
  {
    name: 'AliyunRAMReadOnlyAccess',
    description: 'Reading users, keys, roles and policies.',
    document: allow('ram:Get*', 'ram:List*'),
  },
];

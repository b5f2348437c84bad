import type { Step } from '../metadata/index.ts';
import type { PolicyDocument } from './policy.ts';

/** The steps that make the vendor's service roles for Function Compute and Object FC access points, where they do not exist yet. */
export function defaultRoleSteps(accountId: string, createdAt: number): Step[] {
  return [
    serviceRole(accountId, createdAt, 'AliyunFCDefaultRole', 'fc.aliyuncs.com', [
      'oss:WriteGetObjectResponse',
      'oss:GetObject',
      'oss:GetObjectVersion',
      'fc:InvokeFunction',
    ]),
    serviceRole(accountId, createdAt, 'AliyunOSSObjectFCForOSSDefaultRole', 'oss.aliyuncs.com', ['fc:InvokeFunction']),
  ];
}

function serviceRole(accountId: string, createdAt: number, name: string, service: string, actions: readonly string[]): Step {
  const trust: PolicyDocument = {
    Version: '1',
    Statement: [{ Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { Service: [service] } }],
  };
  const document: PolicyDocument = { Version: '1', Statement: [{ Effect: 'Allow', Action: actions, Resource: '*' }] };
  return {
    sql: 'insert into roles (name, arn, trust, policies, created_at) values (?, ?, ?, ?, ?) on conflict (name) do nothing',
    params: [
      name.toLowerCase(),
      roleArn(accountId, name),
      JSON.stringify(trust),
      JSON.stringify([{ name: `${name}Policy`, document }]),
      createdAt,
    ],
  };
}

export function roleArn(accountId: string, name: string): string {
  return `acs:ram::${accountId}:role/${name}`;
}

import { Command } from 'commander';
import { asks, given, part } from './action.ts';
import { readDocument } from './document.ts';
import { CliFailure } from './failure.ts';
import { printFields, printLine, printTable } from './output.ts';

interface Role {
  id: string;
  name: string;
  arn: string;
  description: string;
  maxSessionSeconds: number;
  createdAt: string;
  trust: object;
  inlinePolicies: string[];
  policies?: { name: string; type: string }[];
}

type Options = Readonly<Record<string, unknown>>;

function show(role: Role): void {
  printFields([
    ['name', role.name],
    ['id', role.id],
    ['arn', role.arn],
    ['description', role.description],
    ['longest session', `${role.maxSessionSeconds} s`],
    ['created', role.createdAt],
    ['policies', role.policies?.map(({ name, type }) => (type === 'Inline' ? `${name} (inline)` : name)).join(', ')],
    ['trust', JSON.stringify(role.trust)],
  ]);
}

/** The trust policy that --trust or --trust-service stands for. */
async function trustOf({ trust, trustService }: Options): Promise<string | undefined> {
  if (trust !== undefined && trustService !== undefined) throw new CliFailure(2, 'Give --trust or --trust-service, not both.');
  if (trust !== undefined) return readDocument(trust as string);
  if (trustService === undefined) return undefined;
  const statement = { Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { Service: trustService } };
  return JSON.stringify({ Version: '1', Statement: [statement] });
}

function settings(options: Options): Record<string, unknown> {
  const { maxSession } = options;
  if (maxSession !== undefined && !/^\d{1,6}$/.test(String(maxSession)))
    throw new CliFailure(2, '--max-session must be seconds, 3600 to 43200.');
  return { ...given(options, 'description'), ...(maxSession === undefined ? {} : { maxSessionSeconds: Number(maxSession) }) };
}

function withSettings(command: Command): Command {
  return command
    .option('--trust <file>', 'trust policy, JSON; - for standard input')
    .option('--trust-service <name...>', 'let these services assume the role, e.g. fc.aliyuncs.com')
    .option('--description <text>', 'description')
    .option('--max-session <seconds>', 'longest session, 3600 to 43200');
}

/** `sluice role`: roles. */
export function roleNoun(): Command {
  const noun = new Command('role').description('roles that users, services and functions assume').exitOverride();
  asks<Role>(
    withSettings(noun.command('create <name>').description('make a role; it needs a trust policy')),
    async ({ client, options }, name) => {
      const trust = await trustOf(options);
      if (trust === undefined) throw new CliFailure(2, 'Give --trust <file> or --trust-service <name>: who may assume the role.');
      return client.admin('POST', '/roles', { body: { name, trust, ...settings(options) } });
    },
    show,
  );
  asks<Role>(
    noun.command('get <name>').description('show a role with its trust and policies'),
    ({ client }, name = '') => client.admin('GET', `/roles/${part(name)}`),
    show,
  );
  asks<Role[]>(
    noun.command('list').description('list roles').option('--prefix <text>', 'only names that begin so'),
    ({ client, options }) => client.adminList('/roles', 'roles', { prefix: options.prefix as string | undefined }),
    (roles) =>
      printTable(
        ['name', 'longest session', 'created', 'description'],
        roles.map((role) => [role.name, role.maxSessionSeconds, role.createdAt, role.description]),
      ),
  );
  asks<Role>(
    withSettings(noun.command('update <name>').description('change the trust or the settings of a role')),
    async ({ client, options }, name = '') => {
      const trust = await trustOf(options);
      return client.admin('PATCH', `/roles/${part(name)}`, { body: { ...(trust === undefined ? {} : { trust }), ...settings(options) } });
    },
    show,
  );
  asks(
    noun.command('delete <name>').description('delete a role that has no policies; its sessions end at once'),
    ({ client }, name = '') => client.admin('DELETE', `/roles/${part(name)}`),
    () => printLine('The role is deleted.'),
  );
  asks(
    noun.command('attach <name> <policy>').description('give a role the permissions of a policy'),
    ({ client }, name = '', policy = '') => client.admin('PUT', `/roles/${part(name)}/policies/${part(policy)}`),
    () => printLine('The policy is attached.'),
  );
  asks(
    noun.command('detach <name> <policy>').description('take the permissions of a policy from a role'),
    ({ client }, name = '', policy = '') => client.admin('DELETE', `/roles/${part(name)}/policies/${part(policy)}`),
    () => printLine('The policy is detached.'),
  );
  return noun;
}

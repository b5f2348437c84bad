import { Command } from 'commander';
import { asks, given, part } from './action.ts';
import { readDocument } from './document.ts';
import { CliFailure } from './failure.ts';
import { printFields, printLine, printTable } from './output.ts';

interface Policy {
  name: string;
  type: string;
  description: string;
  document?: object;
  updatedAt?: string;
  attachedTo?: { kind: string; name: string }[];
}

interface Explained {
  principal: string;
  action: string;
  asked: string;
  allowed: boolean;
  reason: string;
  source?: string;
  resource?: string;
  policy?: string;
  statement?: number;
  sid?: string;
  attachedTo?: string;
  sides?: { allowed: boolean; source: string; resource: string; policy?: string; statement?: number }[];
  lookedAt: { policy: string; attachedTo?: string; kind: string; statements: number }[];
}

function show(policy: Policy): void {
  printFields([
    ['name', policy.name],
    ['type', policy.type],
    ['description', policy.description],
    ['updated', policy.updatedAt],
    ['attached to', policy.attachedTo?.map(({ kind, name }) => `${kind} ${name}`).join(', ')],
  ]);
  if (policy.document) printLine(JSON.stringify(policy.document, undefined, 2));
}

const reasons: Record<string, string> = {
  account: 'the account owns everything',
  allow: 'a statement allows it',
  'explicit-deny': 'a statement denies it (explicit deny)',
  'implicit-deny': 'no statement allows it (implicit deny)',
  'outside-session': 'the session is for one object only',
};

function showExplained(answer: Explained): void {
  const { policy, statement, sid, attachedTo } = answer;
  printLine(`${answer.allowed ? 'Allowed' : 'Denied'}: ${reasons[answer.reason] ?? answer.reason}.`);
  printFields([
    ['who', answer.principal],
    ['action', answer.action],
    ['resource', answer.asked],
    ['decided by', policy ?? answer.source],
    ['attached to', attachedTo],
    ['decided on', answer.resource],
    ['statement', statement === undefined ? undefined : sid === undefined ? statement : `${statement} (${sid})`],
  ]);
  if (answer.sides && answer.sides.length > 0) {
    printLine('');
    printTable(
      ['on the way', 'by itself', 'because of', 'statement'],
      answer.sides.map((side) => [side.resource, side.allowed ? 'allowed' : 'denied', side.policy ?? side.source, side.statement ?? '']),
    );
  }
  if (answer.lookedAt.length === 0) return;
  printLine('');
  printTable(
    ['looked at', 'kind', 'attached to', 'statements'],
    answer.lookedAt.map((each) => [each.policy, each.kind, each.attachedTo ?? '', each.statements]),
  );
}

/** `key=value` pairs; a key that comes twice has several values. */
function contextOf(pairs: readonly string[]): Record<string, string | string[]> {
  const context: Record<string, string | string[]> = {};
  for (const pair of pairs) {
    const at = pair.indexOf('=');
    if (at < 1) throw new CliFailure(2, `--context ${pair}: must read key=value, as in acs:SourceIp=10.0.0.1.`);
    const [key, value] = [pair.slice(0, at), pair.slice(at + 1)];
    const old = context[key];
    context[key] = old === undefined ? value : [...(Array.isArray(old) ? old : [old]), value];
  }
  return context;
}

/** `sluice policy`: policies, and why something is allowed or not. */
export function policyNoun(): Command {
  const noun = new Command('policy').description('policies for users and roles').exitOverride();
  asks<Policy>(
    noun
      .command('create <name>')
      .description('make a policy; attach it with "sluice user attach" or "sluice role attach"')
      .requiredOption('--document <file>', 'the policy, JSON; - for standard input')
      .option('--description <text>', 'description'),
    async ({ client, options }, name) => {
      const document = await readDocument(options.document as string);
      return client.admin('POST', '/policies', { body: { name, document, ...given(options, 'description') } });
    },
    show,
  );
  asks<Policy>(
    noun.command('get <name>').description('show a policy and what it is attached to'),
    ({ client }, name = '') => client.admin('GET', `/policies/${part(name)}`),
    show,
  );
  asks<Policy[]>(
    noun
      .command('list')
      .description('list policies of the account')
      .option('--system', 'the system policies instead')
      .option('--prefix <text>', 'only names that begin so'),
    ({ client, options }) =>
      client.adminList('/policies', 'policies', {
        type: options.system ? 'System' : undefined,
        prefix: options.prefix as string | undefined,
      }),
    (policies) =>
      printTable(
        ['name', 'type', 'updated', 'description'],
        policies.map((policy) => [policy.name, policy.type, policy.updatedAt, policy.description]),
      ),
  );
  asks<Policy>(
    noun
      .command('update <name>')
      .description('change a policy; it counts from the next request on')
      .option('--document <file>', 'the policy, JSON; - for standard input')
      .option('--description <text>', 'description'),
    async ({ client, options }, name = '') => {
      const document = options.document === undefined ? {} : { document: await readDocument(options.document as string) };
      return client.admin('PUT', `/policies/${part(name)}`, { body: { ...document, ...given(options, 'description') } });
    },
    show,
  );
  asks(
    noun.command('delete <name>').description('delete a policy that is attached to nothing'),
    ({ client }, name = '') => client.admin('DELETE', `/policies/${part(name)}`),
    () => printLine('The policy is deleted.'),
  );
  asks<Explained>(
    noun
      .command('explain')
      .description('say whether somebody may do something, and which statement decides; nothing is done')
      .requiredOption('--as <who>', 'user:<name>, role:<name>, key:<id>, account or anonymous; or a bare name')
      .requiredOption('--action <action>', 'e.g. oss:GetObject')
      .requiredOption('--resource <arn>', 'e.g. acs:oss:*:*:bucket/key')
      .option('--context <key=value...>', 'what is known of the request, e.g. acs:SourceIp=10.0.0.1'),
    ({ client, options }) => {
      const { as, action, resource } = options;
      const context = contextOf((options.context ?? []) as string[]);
      return client.admin('POST', '/explain', { body: { as, action, resource, context } });
    },
    showExplained,
  );
  return noun;
}

import { Command } from 'commander';
import { asks, given, part } from './action.ts';
import { printFields, printLine, printTable } from './output.ts';

interface User {
  id: string;
  name: string;
  arn: string;
  displayName: string;
  comment: string;
  status: string;
  createdAt: string;
  keys?: { id: string; status: string }[];
  policies?: { name: string; type: string }[];
}

function show(user: User): void {
  printFields([
    ['name', user.name],
    ['id', user.id],
    ['arn', user.arn],
    ['status', user.status],
    ['display name', user.displayName],
    ['comment', user.comment],
    ['created', user.createdAt],
    ['keys', user.keys?.map(({ id, status }) => (status === 'Active' ? id : `${id} (${status.toLowerCase()})`)).join(', ')],
    ['policies', user.policies?.map(({ name }) => name).join(', ')],
  ]);
}

/** `sluice user`: RAM users. */
export function userNoun(): Command {
  const noun = new Command('user').description('RAM users').exitOverride();
  asks<User>(
    noun
      .command('create <name>')
      .description('make a user; give it a key with "sluice key create --user"')
      .option('--display-name <text>', 'name to show')
      .option('--comment <text>', 'comment'),
    ({ client, options }, name) => client.admin('POST', '/users', { body: { name, ...given(options, 'displayName', 'comment') } }),
    show,
  );
  asks<User>(
    noun.command('get <name>').description('show a user with keys and policies'),
    ({ client }, name = '') => client.admin('GET', `/users/${part(name)}`),
    show,
  );
  asks<User[]>(
    noun.command('list').description('list users').option('--prefix <text>', 'only names that begin so'),
    ({ client, options }) => client.adminList('/users', 'users', { prefix: options.prefix as string | undefined }),
    (users) =>
      printTable(
        ['name', 'id', 'status', 'display name', 'created'],
        users.map((user) => [user.name, user.id, user.status, user.displayName, user.createdAt]),
      ),
  );
  asks<User>(
    noun
      .command('update <name>')
      .description('rename a user, or change what is said of it')
      .option('--new-name <name>', 'new name; keys and policies stay')
      .option('--display-name <text>', 'name to show')
      .option('--comment <text>', 'comment'),
    ({ client, options }, name = '') =>
      client.admin('PATCH', `/users/${part(name)}`, { body: given(options, 'newName', 'displayName', 'comment') }),
    show,
  );
  for (const [verb, status, what] of [
    ['disable', 'Inactive', 'refuse all keys and sessions of a user from now on'],
    ['enable', 'Active', 'take keys and sessions of a user again'],
  ] as const) {
    asks<User>(
      noun.command(`${verb} <name>`).description(what),
      ({ client }, name = '') => client.admin('PATCH', `/users/${part(name)}`, { body: { status } }),
      (user) => printLine(`The user ${user.name} is ${status === 'Active' ? 'enabled' : 'disabled'}.`),
    );
  }
  asks(
    noun.command('delete <name>').description('delete a user that has no keys and no policies'),
    ({ client }, name = '') => client.admin('DELETE', `/users/${part(name)}`),
    () => printLine('The user is deleted.'),
  );
  asks(
    noun.command('attach <name> <policy>').description('give a user the permissions of a policy'),
    ({ client }, name = '', policy = '') => client.admin('PUT', `/users/${part(name)}/policies/${part(policy)}`),
    () => printLine('The policy is attached.'),
  );
  asks(
    noun.command('detach <name> <policy>').description('take the permissions of a policy from a user'),
    ({ client }, name = '', policy = '') => client.admin('DELETE', `/users/${part(name)}/policies/${part(policy)}`),
    () => printLine('The policy is detached.'),
  );
  return noun;
}

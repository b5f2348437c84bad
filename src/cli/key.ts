import { Command } from 'commander';
import { asks, part } from './action.ts';
import { CliFailure } from './failure.ts';
import { printFields, printLine, printTable } from './output.ts';

interface Key {
  id: string;
  status: string;
  user?: string;
  root?: boolean;
  createdAt?: string;
  secret?: string;
  lastUsed?: { at: string; service: string };
}

function ownerOf({ user, root }: Key): string {
  return user ?? (root ? '(account, root key)' : '(account)');
}

function show(key: Key): void {
  printFields([
    ['access key id', key.id],
    ['access key secret', key.secret && `${key.secret}   (shown this once)`],
    ['user', ownerOf(key)],
    ['status', key.status],
    ['created', key.createdAt],
    ['last used', key.secret ? undefined : key.lastUsed ? `${key.lastUsed.at} for ${key.lastUsed.service}` : 'never'],
  ]);
}

/** `sluice key`: access keys. */
export function keyNoun(): Command {
  const noun = new Command('key').description('access keys of users').exitOverride();
  asks<Key>(
    noun
      .command('create')
      .description('make a key and show its secret, this once; a user may have two')
      .option('--user <name>', 'whose key it is')
      .option('--account', 'a key of the account itself, which may do everything'),
    ({ client, options }) => {
      if ((options.user === undefined) === (options.account === undefined)) throw new CliFailure(2, 'Give --user <name>, or --account.');
      return client.admin('POST', '/keys', { body: options.user === undefined ? {} : { user: options.user } });
    },
    show,
  );
  asks<Key>(
    noun.command('get <id>').description('show a key and its last use'),
    ({ client }, id = '') => client.admin('GET', `/keys/${part(id)}`),
    show,
  );
  asks<Key[]>(
    noun.command('list').description('list keys, without secrets').option('--user <name>', 'of one user only'),
    ({ client, options }) => client.adminList('/keys', 'keys', { user: options.user as string | undefined }),
    (keys) =>
      printTable(
        ['access key id', 'user', 'status', 'created', 'last used', 'for'],
        keys.map((key) => [key.id, ownerOf(key), key.status, key.createdAt, key.lastUsed?.at ?? '', key.lastUsed?.service ?? '']),
      ),
  );
  for (const [verb, status, what] of [
    ['disable', 'Inactive', 'refuse a key from the next request on'],
    ['enable', 'Active', 'take a key again'],
  ] as const) {
    asks<Key>(
      noun.command(`${verb} <id>`).description(what),
      ({ client }, id = '') => client.admin('PATCH', `/keys/${part(id)}`, { body: { status } }),
      (key) => printLine(`The key ${key.id} is ${status === 'Active' ? 'enabled' : 'disabled'}.`),
    );
  }
  asks<Key>(
    noun
      .command('rotate <id>')
      .description('make the next key for the user of a key; the old one works on until it is disabled')
      .option('--disable-old', 'disable the old key in the same step'),
    ({ client, options }, id = '') =>
      client.admin('POST', `/keys/${part(id)}/rotate`, { body: { disableOld: options.disableOld === true } }),
    show,
  );
  asks(
    noun.command('delete <id>').description('delete a key for good'),
    ({ client }, id = '') => client.admin('DELETE', `/keys/${part(id)}`),
    () => printLine('The key is deleted.'),
  );
  return noun;
}

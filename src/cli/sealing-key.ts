import { Command } from 'commander';
import { asks } from './action.ts';
import { printTable } from './output.ts';

interface Keys {
  keys: { id: string; current: boolean; until?: string }[];
}

function show({ keys }: Keys): void {
  printTable(
    ['id', 'seals', 'opens until'],
    keys.map(({ id, current, until }) => [id, current ? 'yes' : 'no', until ?? '']),
  );
}

/** `sluice sealing-key`: the keys that seal session tokens. */
export function sealingKeyNoun(): Command {
  const noun = new Command('sealing-key').description('keys that seal the tokens of sessions').exitOverride();
  asks<Keys>(noun.command('list').description('list them by id'), ({ client }) => client.admin('GET', '/sealing-keys'), show);
  asks<Keys>(
    noun
      .command('rotate')
      .description('seal with a new key from now on; sessions that are open stay')
      .option('--drop-old', 'end every sealed session at once'),
    ({ client, options }) => client.admin('POST', '/sealing-keys/rotate', { body: { dropOld: options.dropOld === true } }),
    show,
  );
  return noun;
}

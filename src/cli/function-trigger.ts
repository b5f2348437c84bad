import type { Command } from 'commander';
import { asks, given, part } from './action.ts';
import { readDocument } from './document.ts';
import { printFields, printLine, printTable } from './output.ts';

interface Trigger {
  readonly triggerName: string;
  readonly triggerType: string;
  readonly qualifier: string;
  /** JSON. */
  readonly triggerConfig: string;
  readonly description: string;
  readonly invocationRole?: string;
  readonly sourceArn?: string;
  readonly lastModifiedTime: string;
}

function show(trigger: Trigger): void {
  printFields([
    ...([
      ['name', trigger.triggerName],
      ['type', trigger.triggerType],
      ['qualifier', trigger.qualifier],
      ['source', trigger.sourceArn],
      ['role', trigger.invocationRole],
    ] as const),
    ...([
      ['config', trigger.triggerConfig],
      ['description', trigger.description],
      ['changed', trigger.lastModifiedTime],
    ] as const),
  ]);
}

/** Adds `trigger create|get|list|delete`: records, which fire nothing. */
export function triggerVerbs(noun: Command): void {
  const trigger = noun.command('trigger').description('triggers of a function: records that are kept and fire nothing').exitOverride();
  const at = (name: string, which = '') => `/functions/${part(name)}/triggers${which === '' ? '' : `/${part(which)}`}`;
  asks<Trigger>(
    trigger
      .command('create <name> <trigger> <config>')
      .description('keep a trigger; the configuration is a JSON file, or - for standard input')
      .requiredOption('--type <type>', 'timer, oss, http, ...')
      .option('--qualifier <name>', 'version or alias that it is meant for')
      .option('--description <text>', 'description'),
    async ({ client, options }, name = '', triggerName = '', config = '-') => {
      const body = { triggerName, triggerType: options.type, triggerConfig: await readDocument(config) };
      return client.fc('POST', at(name), { body: { ...body, ...given(options, 'qualifier', 'description') } });
    },
    show,
  );
  asks<Trigger>(
    trigger.command('get <name> <trigger>').description('show a trigger'),
    ({ client }, name = '', which = '') => client.fc('GET', at(name, which)),
    show,
  );
  asks<Trigger[]>(
    trigger.command('list <name>').description('list the triggers of a function'),
    ({ client }, name = '') => client.fcList(at(name), 'triggers'),
    (triggers) =>
      printTable(
        ['trigger', 'type', 'qualifier', 'description'],
        triggers.map((each) => [each.triggerName, each.triggerType, each.qualifier, each.description]),
      ),
  );
  asks<unknown>(
    trigger.command('delete <name> <trigger>').description('delete a trigger'),
    async ({ client }, name = '', which = '') => {
      await client.fc('DELETE', at(name, which));
    },
    () => printLine('The trigger is deleted.'),
  );
}

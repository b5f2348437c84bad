import type { Command } from 'commander';
import { asks, given, part } from './action.ts';
import { CliFailure } from './failure.ts';
import { printFields, printLine, printTable } from './output.ts';

interface Version {
  readonly versionId: string;
  readonly description: string;
  readonly createdTime: string;
}

/** Adds `versions`, `publish` and `unpublish`. */
export function versionVerbs(noun: Command): void {
  asks<Version[]>(
    noun.command('versions <name>').description('list the published versions of a function'),
    ({ client }, name = '') => client.fcList(`/functions/${part(name)}/versions`, 'versions'),
    (versions) =>
      printTable(
        ['version', 'created', 'description'],
        versions.map((version) => [version.versionId, version.createdTime, version.description]),
      ),
  );
  asks<Version>(
    noun
      .command('publish <name>')
      .description('keep settings and code as they are now under the next number')
      .option('--description <text>', 'description'),
    ({ client, options }, name = '') => client.fc('POST', `/functions/${part(name)}/versions`, { body: given(options, 'description') }),
    ({ versionId }) => printLine(`Version ${versionId} is published.`),
  );
  asks<unknown>(
    noun.command('unpublish <name> <version>').description('delete a published version that no alias names'),
    async ({ client }, name = '', version = '') => {
      await client.fc('DELETE', `/functions/${part(name)}/versions/${part(version)}`);
    },
    () => printLine('The version is deleted.'),
  );
}

interface Alias {
  readonly aliasName: string;
  readonly versionId: string;
  readonly description: string;
  readonly additionalVersionWeight?: Readonly<Record<string, number>>;
  readonly lastModifiedTime: string;
}

/** `VERSION=SHARE` as the API takes it. @throws CliFailure */
function weightOf(text: unknown): Record<string, unknown> {
  if (text === undefined) return {};
  const [, version = '', share = ''] = /^(\w{1,20})=(0(?:\.\d{1,4})?|1)$/.exec(String(text)) ?? [];
  if (version === '') throw new CliFailure(2, '--also: write VERSION=SHARE, such as 3=0.1; a share of 0 ends it.');
  return { additionalVersionWeight: Number(share) === 0 ? {} : { [version]: Number(share) } };
}

function weights({ additionalVersionWeight = {} }: Alias): string {
  return Object.entries(additionalVersionWeight)
    .map(([version, share]) => `${version}=${share}`)
    .join(', ');
}

function show(alias: Alias): void {
  printFields([
    ...([
      ['name', alias.aliasName],
      ['version', alias.versionId],
      ['also', weights(alias)],
    ] as const),
    ...([
      ['description', alias.description],
      ['changed', alias.lastModifiedTime],
    ] as const),
  ]);
}

/** Adds `alias create|get|list|update|delete`. */
export function aliasVerbs(noun: Command): void {
  const alias = noun.command('alias').description('names that stand for a version of a function').exitOverride();
  const at = (name: string, which = '') => `/functions/${part(name)}/aliases${which === '' ? '' : `/${part(which)}`}`;
  const withSettings = (command: Command) =>
    command
      .option('--also <version=share>', 'give another version this share of the calls, 0 to 1')
      .option('--description <text>', 'description');
  asks<Alias>(
    withSettings(
      alias.command('create <name> <alias> <version>').description('make an alias of a function; the version is a number or LATEST'),
    ),
    ({ client, options }, name = '', aliasName = '', versionId = '') =>
      client.fc('POST', at(name), { body: { aliasName, versionId, ...weightOf(options.also), ...given(options, 'description') } }),
    show,
  );
  asks<Alias>(
    alias.command('get <name> <alias>').description('show an alias'),
    ({ client }, name = '', which = '') => client.fc('GET', at(name, which)),
    show,
  );
  asks<Alias[]>(
    alias.command('list <name>').description('list the aliases of a function'),
    ({ client }, name = '') => client.fcList(at(name), 'aliases'),
    (aliases) =>
      printTable(
        ['alias', 'version', 'also', 'description'],
        aliases.map((each) => [each.aliasName, each.versionId, weights(each), each.description]),
      ),
  );
  asks<Alias>(
    withSettings(alias.command('update <name> <alias> [version]').description('let an alias stand for another version')),
    ({ client, options }, name = '', which = '', versionId) => {
      const version = versionId === undefined ? {} : { versionId };
      return client.fc('PUT', at(name, which), { body: { ...version, ...weightOf(options.also), ...given(options, 'description') } });
    },
    show,
  );
  asks<unknown>(
    alias.command('delete <name> <alias>').description('delete an alias'),
    async ({ client }, name = '', which = '') => {
      await client.fc('DELETE', at(name, which));
    },
    () => printLine('The alias is deleted.'),
  );
}

import { Command } from 'commander';
import { asks, given, part } from './action.ts';
import { CliFailure } from './failure.ts';
import { codeOf, packageOf } from './function-deploy.ts';
import { bytesText, printFields, printLine, printTable } from './output.ts';

interface Layer {
  readonly layerName: string;
  readonly version: number;
  readonly layerVersionArn: string;
  readonly description: string;
  readonly compatibleRuntime: readonly string[];
  readonly codeSize: number;
  readonly codeChecksum: string;
  readonly createTime: string;
}

function show(layer: Layer): void {
  printFields([
    ...([
      ['name', layer.layerName],
      ['version', layer.version],
      ['arn', layer.layerVersionArn],
      ['description', layer.description],
    ] as const),
    ...([
      ['runtimes', layer.compatibleRuntime.join(', ')],
      ['code', `${bytesText(layer.codeSize)}, CRC-64 ${layer.codeChecksum}`],
      ['created', layer.createTime],
    ] as const),
  ]);
}

function printLayers(layers: readonly Layer[]): void {
  printTable(
    ['layer', 'version', 'code', 'created', 'arn'],
    layers.map((each) => [each.layerName, each.version, bytesText(each.codeSize), each.createTime, each.layerVersionArn]),
  );
}

function versionOf(text: string): string {
  if (!/^\d{1,9}$/.test(text)) throw new CliFailure(2, `${text} is no version of a layer; "sluice layer versions <name>" lists them.`);
  return text;
}

/** `sluice layer`: packages that several functions share. */
export function layerNoun(): Command {
  const noun = new Command('layer').description('layers: packages that functions have below /opt').exitOverride();
  const at = (name: string, version?: string) => `/layers/${part(name)}/versions${version === undefined ? '' : `/${versionOf(version)}`}`;
  asks<Layer>(
    noun
      .command('publish <name> <source>')
      .description('make the next version of a layer from a folder, laid out as /opt is to be, or a ZIP')
      .option('--runtime <name...>', 'runtimes that it is for; any when left out')
      .option('--description <text>', 'description'),
    async (asking, name = '', source = '') => {
      const code = await codeOf(asking, await packageOf(source));
      const { runtime, ...rest } = given(asking.options, 'runtime', 'description');
      const body = { code, ...rest, ...(runtime === undefined ? {} : { compatibleRuntime: runtime }) };
      return asking.client.fc('POST', at(name), { body, silenceMs: 0 });
    },
    show,
  );
  asks<Layer>(
    noun.command('get <name> <version>').description('show a version of a layer'),
    ({ client }, name = '', version = '') => client.fc('GET', at(name, version)),
    show,
  );
  asks<Layer[]>(
    noun.command('list').description('list layers, the newest version of each').option('--prefix <text>', 'only names that begin so'),
    ({ client, options }) => client.fcList('/layers', 'layers', { prefix: options.prefix as string | undefined }),
    printLayers,
  );
  asks<Layer[]>(
    noun.command('versions <name>').description('list the versions of a layer, newest first'),
    async ({ client }, name = '') => {
      const all: Layer[] = [];
      let startVersion: string | undefined;
      do {
        const page: { layers: Layer[]; nextVersion?: number } = await client.fc('GET', at(name), { query: { limit: '100', startVersion } });
        all.push(...page.layers);
        startVersion = page.nextVersion === undefined ? undefined : String(page.nextVersion);
      } while (startVersion !== undefined);
      return all;
    },
    printLayers,
  );
  asks<unknown>(
    noun.command('delete <name> <version>').description('delete a version of a layer; functions that have it keep it'),
    async ({ client }, name = '', version = '') => {
      await client.fc('DELETE', at(name, version));
    },
    () => printLine('The version is deleted.'),
  );
  return noun;
}

import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { ConfigError, settingsReference } from '../config.ts';
import { serve } from './serve.ts';

/** The version that package.json states. */
export function version(): string {
  const manifest = new URL('../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version;
}

function printReference(json: boolean): void {
  const reference = settingsReference();
  if (json) {
    process.stdout.write(`${JSON.stringify(reference, undefined, 2)}\n`);
    return;
  }
  for (const setting of reference) {
    const fallback = setting.default === undefined ? '' : ` (default ${JSON.stringify(setting.default)})`;
    process.stdout.write(
      `${setting.path}\n  ${setting.description}${fallback}\n  ${setting.flag}  ${setting.environment}  ${setting.type}\n`,
    );
  }
}

function serveCommand(onExit: (code: number) => void): Command {
  const command = new Command('serve').description('start the server');
  command.option('--config <file>', 'YAML file of settings');
  command.option('--ready-json', 'print one JSON line with the listeners when the server is ready');
  const reference = settingsReference();
  for (const setting of reference) command.option(`${setting.flag} <value>`, setting.description);
  command.action(async (given: Record<string, unknown>) => {
    const flags: Record<string, unknown> = {};
    for (const setting of reference) {
      // Commander turns --control-port into controlPort.
      const name = setting.flag.slice(2).replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
      if (given[name] !== undefined) flags[setting.path] = given[name];
    }
    onExit(await serve({ file: given.config as string | undefined, flags, readyJson: given.readyJson === true }));
  });
  return command;
}

/**
 * Runs one command line.
 * @returns the exit code: 0 done, 1 it failed, 2 the command line or the settings are wrong
 */
export async function runCli(words: string[]): Promise<number> {
  let code = 0;
  const program = new Command('sluice')
    .description('An object store and gateway that runs your functions on GetObject.')
    .version(version());
  program.exitOverride().showSuggestionAfterError();
  program.addCommand(
    serveCommand((exit) => {
      code = exit;
    }).exitOverride(),
  );
  const config = new Command('config').description('settings of the server').exitOverride();
  config
    .command('reference')
    .description('print every setting with its default, flag and environment name')
    .option('--json', 'as JSON')
    .exitOverride()
    .action((options: { json?: boolean }) => printReference(options.json === true));
  program.addCommand(config);
  try {
    if (words.length === 0) {
      program.outputHelp();
      return 2;
    }
    await program.parseAsync(words, { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (error instanceof ConfigError) {
      process.stderr.write(`sluice: ${error.message}\nRun "sluice config reference" for all settings.\n`);
      return 2;
    }
    throw error;
  }
}

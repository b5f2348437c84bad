import { Command } from 'commander';
import { settingsReference } from '../config.ts';

/** `sluice serve`. @param onExit told the exit code when the server has ended */
export function serveCommand(onExit: (code: number) => void): Command {
  const command = new Command('serve').description('start the server').exitOverride();
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
    const { serve } = await import('./serve.ts');
    onExit(await serve({ file: given.config as string | undefined, flags, readyJson: given.readyJson === true }));
  });
  return command;
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

/** `sluice config`. */
export function configNoun(): Command {
  const config = new Command('config').description('settings of the server').exitOverride();
  config
    .command('reference')
    .description('print every setting with its default, flag and environment name')
    .option('--json', 'as JSON')
    .exitOverride()
    .action((options: { json?: boolean }) => printReference(options.json === true));
  return config;
}

import { once } from 'node:events';
import { setFlagsFromString } from 'node:v8';
import { ConfigError, loadSettings } from '../config.ts';
import { DataFolderError } from '../data-folder.ts';
import { StartError } from '../doors.ts';
import { openServer, type RunningServer } from '../main.ts';

export interface ServeOptions {
  file?: string;
  flags: Record<string, unknown>;
  readyJson: boolean;
}

function banner(server: RunningServer): string {
  const { addresses, settings, rootKey } = server;
  const lines = [
    'Sluice is ready.',
    `  OSS endpoint       ${addresses.data}   region ${settings.region}`,
    `  control endpoint   ${addresses.control}   Function Compute API, /health/ready, /metrics`,
    `  functions reach    ${addresses.functions}`,
    `  account            ${server.accountId}`,
    `  data folder        ${server.dataFolder}`,
    ...server.notes.map((note) => `  note               ${note}`),
  ];
  if (rootKey.made) {
    lines.push(`  access key id      ${rootKey.id}`, `  access key secret  ${rootKey.secret}   (shown this once; kept in the data folder)`);
  } else {
    lines.push(`  access key id      ${rootKey.id}`);
  }
  return `${lines.join('\n')}\n`;
}

/**
 * `sluice serve`: starts the server, says where it is, and runs until SIGTERM or SIGINT; a second signal stops at once.
 * @returns the exit code: 0 after a clean stop, 1 when it could not start
 * @throws ConfigError for unusable settings
 */
export async function serve(options: ServeOptions): Promise<number> {
  // Chunks of bodies live outside V8's heap and die young: a small young generation is what lets them go before they pile up.
  setFlagsFromString('--scavenger-max-new-space-capacity-mb=4');
  const settings = loadSettings({ file: options.file, flags: options.flags });
  let server: RunningServer;
  try {
    server = await openServer(settings);
  } catch (error) {
    if (error instanceof DataFolderError || error instanceof StartError || error instanceof ConfigError) {
      process.stderr.write(`sluice: ${error.message}\n`);
      return 1;
    }
    throw error;
  }
  if (options.readyJson) process.stdout.write(`${JSON.stringify({ event: 'ready', ...server.addresses })}\n`);
  else process.stdout.write(banner(server));
  const stopped = new AbortController();
  const signals = ['SIGTERM', 'SIGINT'] as const;
  await Promise.race(signals.map((signal) => once(process, signal, { signal: stopped.signal })));
  stopped.abort();
  for (const signal of signals) process.once(signal, () => process.exit(130));
  await server.stop();
  return 0;
}

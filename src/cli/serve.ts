import { ConfigError, loadSettings } from '../config.ts';
import { DataFolderError } from '../data-folder.ts';
import { StartError } from '../doors.ts';
import { openServer, type RunningServer } from '../main.ts';
import { keepYoungGeneration } from './young.ts';

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

/** Waits for SIGTERM or SIGINT; another one after it ends the process at once. */
function stopSignal(): { readonly already: boolean; readonly signal: Promise<void> } {
  const signals = ['SIGTERM', 'SIGINT'] as const;
  const told = { already: false, signal: Promise.resolve() };
  told.signal = new Promise((resolve) => {
    const first = () => {
      told.already = true;
      for (const signal of signals) process.off(signal, first).once(signal, () => process.exit(130));
      resolve();
    };
    for (const signal of signals) process.once(signal, first);
  });
  return told;
}

/**
 * `sluice serve`: starts the server, says where it is, and runs until SIGTERM or SIGINT; a second signal stops at once.
 * @returns the exit code: 0 after a clean stop, 1 when it could not start
 * @throws ConfigError for unusable settings
 */
export async function serve(options: ServeOptions): Promise<number> {
  const settings = loadSettings({ file: options.file, flags: options.flags });
  // From here on: a server that is told to stop while it starts closes again what it has opened.
  const told = stopSignal();
  keepYoungGeneration();
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
  if (!told.already) {
    if (options.readyJson) process.stdout.write(`${JSON.stringify({ event: 'ready', ...server.addresses })}\n`);
    else process.stdout.write(banner(server));
  }
  await told.signal;
  await server.stop();
  return 0;
}

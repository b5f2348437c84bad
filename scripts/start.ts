// the server with a first demo: objects, functions in four languages, links to click (takes the flags of sluice serve)
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { ConfigError, loadSettings, type Settings, settingsReference } from '../src/config.ts';
import { type PythonTools, prepareDemoPython } from './demo/python.ts';
import { endRunning } from './toolchain/command.ts';
import { cache, root } from './toolchain/folder.ts';

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** The settings that the server will have, so that its data folder, region and key are known here. */
function readFlags(words: string[]): Settings {
  const reference = settingsReference();
  const names = ['config', ...reference.map(({ flag }) => flag.slice(2))];
  const options = Object.fromEntries(names.map((name) => [name, { type: 'string' as const }]));
  const { values } = parseArgs({ args: words, options });
  const flags = Object.fromEntries(reference.map(({ path, flag }) => [path, values[flag.slice(2)]]));
  return loadSettings({ ...(values.config === undefined ? {} : { file: values.config as string }), flags });
}

async function preparePython(): Promise<PythonTools | { missing: string }> {
  try {
    return await prepareDemoPython(() => say('Preparing Python for the demo: Pillow and oss2 go into .cache/ (only the first time) ...'));
  } catch (error) {
    return { missing: error instanceof Error ? error.message : String(error) };
  }
}

/** What the server is told beyond the flags; the user's own settings come first. */
function environment(settings: Settings, logFile: string, python: PythonTools | undefined): NodeJS.ProcessEnv {
  const { interpreter = python?.interpreter, packages = python?.packages } = settings.python;
  return {
    SLUICE_LOG_FILE: logFile,
    ...(interpreter === undefined ? {} : { SLUICE_PYTHON_INTERPRETER: interpreter }),
    ...(packages === undefined ? {} : { SLUICE_PYTHON_PACKAGES: packages }),
    NODE_COMPILE_CACHE: join(cache, 'compile'),
    ...process.env,
  };
}

/** The server in a process group of its own: Ctrl C reaches this script alone, which then stops it once. */
function startServer(words: string[], env: NodeJS.ProcessEnv): ChildProcess {
  const command = [join(root, 'bin', 'sluice'), 'serve', '--ready-json', ...words];
  return spawn(process.execPath, command, { env, stdio: ['ignore', 'pipe', 'inherit'], detached: true });
}

/** The addresses that the server prints when it is ready, or undefined when it ended before. */
async function waitUntilReady(server: ChildProcess): Promise<{ data: string; control: string } | undefined> {
  for await (const line of createInterface({ input: server.stdout as NodeJS.ReadableStream })) {
    if (line.startsWith('{')) return JSON.parse(line) as { data: string; control: string };
    say(line);
  }
  return undefined;
}

/** The root key: the user's own, or the one that the server made and keeps in the data folder. */
function rootKey(settings: Settings): { id: string; secret: string; own: boolean } {
  const { accessKeyId: id, accessKeySecret: secret } = settings;
  if (id !== undefined && secret !== undefined) return { id, secret, own: false };
  const { rootKey: made } = JSON.parse(readFileSync(join(settings.data, 'keys.json'), 'utf8')) as {
    rootKey: { id: string; secret: string };
  };
  return { ...made, own: true };
}

/** Has Ctrl C and its like end the server and whatever is being built, once. Returns whether that has happened. */
function stopOnSignals(server: ChildProcess): () => boolean {
  let stopping = false;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (!stopping) say('Stopping ...');
      stopping = true;
      endRunning();
      server.kill('SIGTERM');
    });
  }
  process.on('exit', () => server.kill('SIGKILL'));
  return () => stopping;
}

async function main(): Promise<number> {
  enableCompileCache(join(cache, 'compile'));
  const words = process.argv.slice(2);
  const settings = readFlags(words);
  const logFile = resolve(settings.logFile ?? `${settings.data.replace(/\/+$/, '')}.log`);
  const found = await preparePython();
  const python = 'missing' in found ? undefined : found;
  const server = startServer(words, environment(settings, logFile, python));
  const ended = once(server, 'exit');
  const stopping = stopOnSignals(server);
  // The rest of the demo is loaded, and what needs it is built, while the server starts.
  const demo = await import('./demo/demo.ts');
  const onBuild = (what: string) => say(`Building the function in ${what} (only the first time) ...`);
  const packages = demo.packAll({ python: found, onBuild });
  const addresses = await waitUntilReady(server);
  if (addresses === undefined) endRunning();
  else if (!stopping()) {
    const { id, secret, own } = rootKey(settings);
    const { region } = settings;
    const access = { data: addresses.data, control: addresses.control, region, accessKeyId: id, accessKeySecret: secret };
    const text = await demo.present({ access, packages, python, ownKey: own, logFile, dataFolder: resolve(settings.data) });
    if (!stopping()) say(text);
  }
  const [code] = (await ended) as [number | null];
  return code ?? (stopping() ? 130 : 1);
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof ConfigError) && (error as NodeJS.ErrnoException).code?.startsWith('ERR_PARSE_ARGS') !== true) throw error;
  process.stderr.write(`${(error as Error).message}\nRun "bin/sluice config reference" for all settings.\n`);
  process.exitCode = 2;
}

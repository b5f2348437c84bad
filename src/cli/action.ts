import type { Command } from 'commander';
import { Client } from './client.ts';
import { type Connection, type ConnectionOptions, connectionOf } from './config.ts';
import { printJson } from './output.ts';
import { Store } from './store.ts';

/** What the action of a command gets beside its arguments. */
export interface Asking {
  readonly connection: Connection;
  /** The control listener: administration and functions. */
  readonly client: Client;
  /** The data listener: OSS. */
  readonly store: Store;
  readonly options: Readonly<Record<string, unknown>>;
}

/** Both sides of the server that these options lead to. */
export async function askingOf(options: Readonly<Record<string, unknown>>): Promise<Asking> {
  const connection = await connectionOf(options as ConnectionOptions);
  let client: Client | undefined;
  let store: Store | undefined;
  return {
    ...{ connection, options },
    get client() {
      client ??= new Client(connection);
      return client;
    },
    get store() {
      store ??= new Store(connection);
      return store;
    },
  };
}

/** Gives a command the options by which it reaches a server. */
export function reaches(command: Command): Command {
  return command
    .option('--endpoint <url>', 'control endpoint of the server (SLUICE_ENDPOINT; default http://127.0.0.1:9001)')
    .option('--data-endpoint <url>', 'OSS endpoint of the server (SLUICE_DATA_ENDPOINT; default http://127.0.0.1:9000)')
    .option('--region <id>', 'region of the server (SLUICE_REGION; default cn-qingdao)')
    .option('--profile <name>', 'profile to take endpoints and key from (SLUICE_PROFILE)')
    .option('--ca-file <file>', 'certificate authority to trust, PEM (SLUICE_CA_FILE)')
    .option('--json', 'print the answer as JSON');
}

/**
 * Gives a command the options by which it reaches a server, and its action.
 * @param ask sends the requests and returns what they answered
 * @param print shows the answer to people; with --json it is printed as it came
 */
export function asks<T>(
  command: Command,
  ask: (asking: Asking, ...words: string[]) => Promise<T>,
  print: (answer: T, ...words: string[]) => void,
): Command {
  return reaches(command).action(async (...given: unknown[]) => {
    // Commander hands over the arguments, then the options, then the command.
    const options = given.at(-2) as Record<string, unknown>;
    const words = given.slice(0, -2) as string[];
    const answer = await ask(await askingOf(options), ...words);
    if (options.json === true) printJson(answer);
    else print(answer, ...words);
  });
}

/** A part of a path. */
export function part(text: string): string {
  return encodeURIComponent(text);
}

/** Those options that were given, under these names. */
export function given(options: Readonly<Record<string, unknown>>, ...names: string[]): Record<string, unknown> {
  return Object.fromEntries(names.filter((name) => options[name] !== undefined).map((name) => [name, options[name]]));
}

/** For an option that may be given more than once. */
export function collect(value: string, all: string[] = []): string[] {
  return [...all, value];
}

import { banner } from './banner.ts';
import { type Access, Client } from './client.ts';
import { packExample } from './code.ts';
import type { PythonTools } from './python.ts';
import { setUpAccessPoint, setUpFunction, setUpObjects } from './setup.ts';

const functions = ['thumbnail', 'red-png'];

export interface DemoOptions {
  access: Access;
  /** Without it the functions are left out. */
  python: PythonTools | undefined;
  /** Whether the server made the key itself; else the user knows the secret. */
  ownKey: boolean;
  logFile: string;
  dataFolder: string;
}

/** Sets the demo up on a running server, where it is not set up yet, and returns what to tell the user. */
export async function present({ access, python, ...rest }: DemoOptions): Promise<string> {
  const client = new Client(access);
  let aliases: Record<string, string> = {};
  let trouble = '';
  try {
    await setUpObjects(client);
    const accountId = await setUpAccessPoint(client);
    if (python) {
      const bind = async (name: string) => [name, await setUpFunction(client, name, accountId, await packExample(name, python))] as const;
      aliases = Object.fromEntries(await Promise.all(functions.map(bind)));
    }
  } catch (error) {
    trouble = `The server runs, but the demo could not be set up: ${error instanceof Error ? error.message : error}\n`;
  }
  return trouble + banner({ client, aliases, ...rest });
}

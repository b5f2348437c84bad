import { banner, type Link } from './banner.ts';
import { type Access, Client } from './client.ts';
import { type Package, type Packing, packageOf } from './code.ts';
import { type DemoFunction, functions } from './functions.ts';
import type { PythonTools } from './python.ts';
import { setUpAccessPoint, setUpFunction, setUpObjects } from './setup.ts';

/** What became of the package of each function: what it is, or why there is none. */
export type Packages = ReadonlyMap<DemoFunction, Promise<Package | Error>>;

export interface DemoOptions {
  access: Access;
  packages: Packages;
  python: PythonTools | undefined;
  /** Whether the server made the key itself; else the user knows the secret. */
  ownKey: boolean;
  logFile: string;
  dataFolder: string;
}

/** Begins to pack, and where need be to build, the functions of the demo; needs no server. */
export function packAll(packing: Packing): Packages {
  return new Map(functions.map((fn) => [fn, packageOf(fn, packing).catch((error: unknown) => asError(error))]));
}

/** Sets the demo up on a running server, where it is not set up yet, and returns what to tell the user. */
export async function present({ access, packages, ...rest }: DemoOptions): Promise<string> {
  const client = new Client(access);
  const links: Link[] = [];
  const missing: string[] = [];
  let trouble: string | undefined;
  try {
    await setUpObjects(client);
    const accountId = await setUpAccessPoint(client);
    const bind = async ([fn, packing]: [DemoFunction, Promise<Package | Error>]): Promise<Link | string> => {
      try {
        const code = await packing;
        if (code instanceof Error) throw code;
        return { fn, alias: await setUpFunction(client, fn, accountId, code) };
      } catch (error) {
        return `${fn.name} (${fn.language}): ${inOneLine(error)}`;
      }
    };
    for (const outcome of await Promise.all([...packages].map(bind))) {
      if (typeof outcome === 'string') missing.push(outcome);
      else links.push(outcome);
    }
  } catch (error) {
    trouble = `The server runs, but the demo could not be set up: ${inOneLine(error)}`;
  }
  return banner({ client, links, missing, trouble, ...rest });
}

/** First line of an error and, where there is one, the last that says ERROR. */
export function inOneLine(error: unknown): string {
  const lines = asError(error).message.split('\n');
  const cause = lines.findLast((line) => /error/i.test(line));
  return cause !== undefined && cause !== lines[0] ? `${lines[0]} ${cause.trim()}` : (lines[0] ?? '');
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../toolchain/folder.ts';
import type { Client } from './client.ts';
import { type DemoFunction, objects } from './functions.ts';
import type { PythonTools } from './python.ts';
import { bucket } from './setup.ts';
import { cliLines, curlLines, keyLines, sdkLines } from './snippets.ts';

const day = 86_400;

/** A function that is ready, and the name under which it answers. */
export interface Link {
  fn: DemoFunction;
  alias: string;
}

export interface Demo {
  client: Client;
  links: readonly Link[];
  /** What was left out, and why: a line each. */
  missing: readonly string[];
  /** Why there is no demo at all. */
  trouble: string | undefined;
  python: PythonTools | undefined;
  /** Whether the server made the key itself; else the user knows the secret. */
  ownKey: boolean;
  logFile: string;
  dataFolder: string;
}

/** What the demo says when it is ready: where things are, URLs to click, lines to paste. */
export function banner(demo: Demo): string {
  const { client, links, missing, trouble, logFile, dataFolder } = demo;
  const { access } = client;
  return [
    '',
    'Sluice is ready.',
    '',
    `  OSS endpoint      ${access.data}   region ${access.region}`,
    `  control endpoint  ${access.control}`,
    `  data folder       ${dataFolder}`,
    `  log               ${logFile}`,
    '',
    ...(trouble === undefined ? linkLines(client, links) : [trouble, '']),
    ...(missing.length > 0 ? [...missing.map((line) => `Left out: ${line}`), ''] : []),
    ...pasteLines(demo),
    'Ctrl C stops it.',
    '',
  ].join('\n');
}

/** For each object a link to it as it is, and one to what each function makes of it. */
function linkLines(client: Client, links: readonly Link[]): string[] {
  const lines = ['Click (signed, valid for a day):', ''];
  for (const key of Object.keys(objects)) {
    lines.push(`  ${key}`, '    as it is', `      ${client.presign(bucket, key, day)}`);
    for (const { fn, alias } of links.filter(({ fn: { object } }) => object === key)) {
      lines.push(`    ${fn.name} (${fn.language}): ${fn.gives}`, `      ${client.presign(alias, key, day, fn.query)}`);
    }
    lines.push('');
  }
  return lines;
}

function pasteLines({ client, links, python, ownKey }: Demo): string[] {
  const link = links.find(({ fn: { name } }) => name === 'thumbnail') ?? links.find(({ fn: { name } }) => name === 'redact');
  if (link === undefined) return [];
  const { access } = client;
  const url = client.presign(link.alias, link.fn.object, day, link.fn.query);
  const secret = ownKey ? access.accessKeySecret : '<the one that you set>';
  return [...curlLines(link, url), ...keyLines(access, secret), ...cliLines(link), ...sdkLines(access, link, python, interpreterOfNode())];
}

/** The Node that npm brought along, or the one of the PATH. */
function interpreterOfNode(): string {
  return existsSync(join(root, 'node_modules', '.bin', 'node')) ? 'node_modules/.bin/node' : 'node';
}

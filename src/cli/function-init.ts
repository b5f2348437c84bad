import { access, copyFile, mkdir, readdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { CliFailure } from './failure.ts';
import { go } from './templates/go.ts';
import { java } from './templates/java.ts';
import { node } from './templates/node.ts';
import { python } from './templates/python.ts';
import type { Template } from './templates/template.ts';
import { web } from './templates/web.ts';

/** By the names that `--template` takes. */
export const templates: Readonly<Record<string, Template>> = { node: web, 'node-vendor': node, python, java, go };

/** The name of a function from that of a folder. */
export function functionNameOf(folder: string): string {
  const name = basename(resolve(folder))
    .replace(/[^A-Za-z0-9_-]+/g, '-')
    .replace(/^[^A-Za-z_]+/, '')
    .slice(0, 64);
  return name === '' ? 'transform' : name;
}

/** Writes a new function into a folder that is empty or not there. @returns the names of its files @throws CliFailure */
export async function initFunction(folder: string, kind: string, name = functionNameOf(folder)): Promise<string[]> {
  const template = Object.hasOwn(templates, kind) ? templates[kind] : undefined;
  if (!template) throw new CliFailure(2, `There is no template ${kind}; there are ${Object.keys(templates).join(', ')}.`);
  if (!/^[A-Za-z_][A-Za-z0-9_-]{0,63}$/.test(name)) {
    throw new CliFailure(2, `${name} is no name of a function: 1 to 64 letters, digits, _ or -, and a letter or _ first.`);
  }
  await mkdir(folder, { recursive: true });
  if ((await readdir(folder)).length > 0)
    throw new CliFailure(2, `${folder} is not empty.`, { next: 'Name a folder that is not there yet.' });
  const files = template.files(name);
  for (const [path, content] of Object.entries(files)) {
    const target = join(folder, path);
    await mkdir(dirname(target), { recursive: true });
    if (typeof content === 'string') await writeFile(target, content);
    else if (
      await access(content.copy).then(
        () => true,
        () => false,
      )
    )
      await copyFile(content.copy, target);
  }
  return Object.keys(files);
}

import { writeFile } from 'node:fs/promises';
import { basename, relative, resolve } from 'node:path';
import type { Command } from 'commander';
import { askingOf, reaches } from './action.ts';
import { CliFailure } from './failure.ts';
import { interruptible } from './interrupt.ts';
import { type Difference, differences } from './invocation-compare.ts';
import { type Code, contentOf, deployedCode, folderOf, Offline, type Replayed } from './invocation-offline.ts';
import { type Answer, type Recording, readRecording } from './invocation-recording.ts';
import { printJson, printLine, shown } from './output.ts';

type Options = Readonly<Record<string, unknown>>;

interface Result {
  readonly file: string;
  readonly same: boolean;
  readonly differences: readonly Difference[];
  readonly status: number;
  readonly code?: string | undefined;
  readonly rules: Replayed['detail']['rules'];
  readonly lines: readonly string[];
}

/** What is run: the code that was named, that of a test, or that of the function as it is deployed. */
async function codeOf(recording: Recording, file: string, options: Options): Promise<Code> {
  const settings = Object.fromEntries(
    ['runtime', 'handler'].filter((name) => options[name] !== undefined).map((name) => [name, options[name]]),
  );
  if (options.code !== undefined) return { path: String(options.code), settings };
  if (recording.code !== undefined) return { path: resolve(folderOf(file), recording.code), settings };
  const name = (options.function as string | undefined) ?? recording.function.name;
  const deployed = await deployedCode(await askingOf(options), name);
  return { ...deployed, settings: { ...deployed.settings, ...settings } };
}

async function bodyOf(answer: Answer, folder: string): Promise<Buffer | undefined> {
  const { body } = answer;
  return body && (body.base64 !== undefined || body.file !== undefined) ? contentOf(body, folder) : undefined;
}

async function replay(file: string, options: Options, signal: AbortSignal): Promise<Result> {
  const recording = await readRecording(file);
  if (options.saveTest !== undefined && options.code === undefined && recording.code === undefined) {
    throw new CliFailure(2, 'A test needs code that it can find: name it with --code.');
  }
  const code = await codeOf(recording, file, options);
  const offline = await Offline.open(recording);
  const abort = () => void offline.close();
  signal.addEventListener('abort', abort, { once: true });
  try {
    signal.throwIfAborted();
    const replayed = await offline.run(recording, code, folderOf(file));
    const { answer, detail } = replayed;
    const [before, after] = await Promise.all([bodyOf(recording.answer, folderOf(file)), bodyOf(answer, folderOf(file))]);
    const found = differences(recording.answer, answer, { ...(before ? { before } : {}), ...(after ? { after } : {}) });
    if (options.saveTest !== undefined) await saveTest(String(options.saveTest), recording, code, answer, after);
    return {
      file,
      same: found.length === 0,
      differences: found,
      status: answer.status,
      code: answer.code,
      rules: detail.rules,
      lines: detail.lines,
    };
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  } finally {
    signal.removeEventListener('abort', abort);
    await offline.close();
    if (code.temporary !== undefined) await removeFolder(code.temporary);
  }
}

async function removeFolder(folder: string): Promise<void> {
  const { rm } = await import('node:fs/promises');
  await rm(folder, { recursive: true, force: true });
}

/** Writes what came now as what must come: NAME.json and, beside it, NAME.body with the bytes. */
async function saveTest(name: string, recording: Recording, code: Code, answer: Answer, body: Buffer | undefined): Promise<void> {
  const plain = name.replace(/\.json$/, '');
  const sha = answer.body && {
    length: answer.body.length,
    sha256: answer.body.sha256,
    ...(body ? { file: basename(`${plain}.body`) } : {}),
  };
  const { event: _event, ...kept } = recording;
  const test: Recording = {
    ...kept,
    code: relative(folderOf(plain), resolve(code.path)),
    answer: { ...answer, ...(sha ? { body: sha } : {}) },
  };
  if (body) await writeFile(`${plain}.body`, body);
  await writeFile(`${plain}.json`, `${JSON.stringify(test, undefined, 2)}\n`);
}

function show({ file, same, differences: found, status, code, rules, lines }: Result, isCheck: boolean): void {
  if (isCheck && same) {
    printLine(`ok       ${shown(file)}`);
    return;
  }
  printLine(`${same ? 'same' : 'differs '} ${shown(file)}: ${status}${code === undefined ? '' : ` ${code}`}`);
  for (const { what, name, recorded, now } of found) {
    printLine(`  ${what}${name === undefined ? '' : ` ${shown(name)}`}`);
    printLine(`    recorded  ${shown(recorded)}`);
    printLine(`    now       ${shown(now)}`);
  }
  if (same) return;
  for (const { rule, fix } of rules) printLine(`  ${shown(rule)}\n    ${shown(fix)}`);
  for (const line of lines.slice(-10)) printLine(`  | ${shown(line)}`);
}

/** `sluice invocation replay`. */
export function replayVerb(noun: Command): void {
  reaches(
    noun
      .command('replay <files...>')
      .description('run recordings against code as it is now, in a server of its own, and show what differs')
      .option('--code <path>', 'folder, ZIP or JAR of the function; the code of the deployed function when left out')
      .option('--function <name>', 'deployed function to take the code of; the recorded one when left out')
      .option('--runtime <name>', 'another runtime than the recorded one')
      .option('--handler <handler>', 'another handler than the recorded one')
      .option('--check', 'fail when anything differs; for tests')
      .option('--save-test <file>', 'write a test that wants what came now: FILE.json and FILE.body; needs --code'),
  ).action(async (files: string[], options: Record<string, unknown>) => {
    if (options.saveTest !== undefined && files.length > 1) throw new CliFailure(2, '--save-test takes one recording.');
    const results: Result[] = [];
    await interruptible(async (signal) => {
      for (const file of files) {
        const result = await replay(file, options, signal);
        results.push(result);
        if (options.json !== true) show(result, options.check === true);
      }
    });
    if (options.json === true) printJson(results);
    const differing = results.filter(({ same }) => !same).length;
    if (options.check === true && differing > 0) throw new CliFailure(1, `${differing} of ${results.length} differ.`);
  });
}

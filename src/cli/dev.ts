import { readFile } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { Command } from 'commander';
import { monotonic } from '../kit/index.ts';
import { createAccessPoint, getAccessPoint } from './access-point.ts';
import { type Asking, askingOf, collect, reaches } from './action.ts';
import { CliFailure } from './failure.ts';
import { deployOptions, showDeployed } from './function.ts';
import { deploy, type FunctionInfo, planOf } from './function-deploy.ts';
import { interruptible } from './interrupt.ts';
import { listPages } from './listing.ts';
import { followLogs, printLog, readLogs } from './logs.ts';
import { createObjectFc, getObjectFc, roleArnOf, setFunction, usualRole } from './object-fc.ts';
import { queryOf } from './object-get.ts';
import { printLine, shown, tell } from './output.ts';
import { typeOf } from './place.ts';
import { SourceWatch } from './source-watch.ts';
import type { Store } from './store.ts';
import { readReply } from './transport.ts';

/** What makes the result of a function visible. */
interface Stage {
  readonly bucket: string;
  readonly key: string;
  readonly alias: string;
}

const urlSeconds = 24 * 3600;
/** What builds write, and nobody edits. */
const ignored = ['.git', 'node_modules', '__pycache__', '.venv', 'build', 'target', 'dist'];
const previewLines = 5;
const previewLetters = 400;

async function unlessThere<T>(code: string, get: () => Promise<T>, create: () => Promise<T>): Promise<{ value: T; made: boolean }> {
  try {
    return { value: await get(), made: false };
  } catch (error) {
    if (!(error instanceof CliFailure) || error.answer?.code !== code) throw error;
    return { value: await create(), made: true };
  }
}

async function sample(store: Store, bucket: string, options: Readonly<Record<string, unknown>>): Promise<string> {
  if (options.file !== undefined) {
    const key = basename(String(options.file));
    const body = await readFile(String(options.file));
    await store.text({ method: 'PUT', bucket, key, headers: { 'content-type': typeOf(key) }, body });
    return key;
  }
  if (options.object !== undefined) return String(options.object);
  for await (const { objects } of listPages(store, bucket, '')) {
    const [first] = objects;
    if (first) return first.key;
  }
  const key = 'hello.txt';
  await store.text({ method: 'PUT', bucket, key, headers: { 'content-type': 'text/plain' }, body: 'hello, world\n' });
  return key;
}

/** Bucket, object, access point and Object FC access point, made where they are missing. */
async function prepare({ store, options }: Asking, fn: FunctionInfo): Promise<Stage> {
  const bucket = String(options.bucket);
  const made = (is: boolean) => (is ? ' (made)' : '');
  const there = await unlessThere(
    'NoSuchBucket',
    () => store.text({ method: 'GET', bucket, query: { bucketInfo: '' } }),
    () => store.text({ method: 'PUT', bucket }),
  );
  printLine(`bucket                  ${bucket}${made(there.made)}`);
  const key = await sample(store, bucket, options);
  printLine(`object                  ${shown(key)}`);
  const name = bucket.slice(0, 19).replace(/-+$/, '');
  const point = await unlessThere(
    'NoSuchAccessPoint',
    () => getAccessPoint(store, bucket, name),
    () => createAccessPoint(store, bucket, name),
  );
  printLine(`access point            ${name}${made(point.made)}`);
  const fcName = `dev-${fn.functionName.toLowerCase().replaceAll('_', '-').slice(0, 59)}`.replace(/-+$/, '');
  const processing = { functionArn: fn.functionArn, roleArn: roleArnOf(usualRole, fn.functionArn), features: [], forwardHeaders: [] };
  const objectFc = await unlessThere(
    'NoSuchAccessPointForObjectProcess',
    () => getObjectFc(store, bucket, fcName),
    () => createObjectFc(store, bucket, fcName, { accessPoint: name, processing }),
  );
  if (!objectFc.made) await setFunction(store, bucket, fcName, fn.functionArn);
  printLine(`Object FC access point  ${fcName}${made(objectFc.made)}`);
  return { bucket, key, alias: objectFc.value.alias };
}

/** Gets the object through the function, and says what came. */
async function tryIt({ store, options }: Asking, { alias, key }: Stage, signal: AbortSignal): Promise<void> {
  const begun = monotonic();
  try {
    const reply = await store.request({ method: 'GET', bucket: alias, key, query: queryOf(options), signal });
    const body = await readReply(reply);
    const type = reply.headers['content-type'] ?? 'no type';
    printLine(`${reply.status}, ${shown(type)}, ${body.length} bytes in ${Math.round(monotonic() - begun)} ms`);
    if (/^text\/|json|xml/.test(type)) printLine(previewOf(body.toString()));
  } catch (error) {
    if (signal.aborted || !(error instanceof Error)) throw error;
    const request = error instanceof CliFailure && error.answer ? ` (request ${error.answer.requestId})` : '';
    printLine(`It does not work yet: ${shown(error.message)}${request}`);
  }
}

function previewOf(text: string): string {
  const lines = text.slice(0, previewLetters).trimEnd().split('\n');
  const more = lines.length > previewLines || text.length > previewLetters;
  return [...lines.slice(0, previewLines), ...(more ? ['...'] : [])].map((line) => `  | ${shown(line)}`).join('\n');
}

/** Prints the function's lines as they come, its own requests' and those of the browser. */
async function tail({ client }: Asking, name: string, after: number, signal: AbortSignal): Promise<void> {
  try {
    await followLogs(client, name, { after, signal, print: printLog });
  } catch (error) {
    if (!signal.aborted) tell(`The log cannot be followed: ${error instanceof Error ? error.message : error}`);
  }
}

async function develop(asking: Asking, folder: string, signal: AbortSignal): Promise<void> {
  const plan = await planOf(folder, asking.options, asking.client);
  if (plan.folder === undefined) throw new CliFailure(2, `${folder} is no folder.`, { next: 'sluice function init <folder>' });
  const after = await newestLine(asking, plan.name);
  const deployed = await deploy(asking, plan);
  showDeployed(deployed);
  const stage = await prepare(asking, deployed.function);
  const url = asking.store.presign({ method: 'GET', bucket: stage.alias, key: stage.key, query: queryOf(asking.options) }, urlSeconds);
  printLine(`\n${url}\n`);
  void tail(asking, plan.name, after, signal);
  await tryIt(asking, stage, signal);
  const again = async () => {
    try {
      showDeployed(await deploy(asking, await planOf(folder, asking.options, asking.client)));
      await tryIt(asking, stage, signal);
    } catch (error) {
      if (signal.aborted) return;
      const next = error instanceof CliFailure && error.next ? `\n${error.next}` : '';
      tell(`Not deployed: ${error instanceof Error ? error.message : error}${next}`);
    }
  };
  const source = await new SourceWatch(resolve(folder), new Set(ignored), again).open();
  tell('Save a file to deploy it again; Ctrl C ends.');
  // Ctrl C may have come while the folder was opened.
  if (!signal.aborted) await new Promise<void>((done) => signal.addEventListener('abort', () => done(), { once: true }));
  source.close();
  tell(`\nThe function ${plan.name}, the bucket ${stage.bucket} and the access points stay.`);
}

/** Lines from before do not matter. A server without logs gives none later either. */
async function newestLine({ client }: Asking, name: string): Promise<number> {
  return (await readLogs(client, name, Number.MAX_SAFE_INTEGER).catch(() => ({ newest: 0 }))).newest;
}

/** `sluice dev`. */
export function devCommand(): Command {
  const command = new Command('dev')
    .description('deploy a function whenever its folder is saved, and show what it answers')
    .argument('<folder>', 'folder of the function, as "sluice function init" writes it')
    .exitOverride();
  return reaches(
    deployOptions(command)
      .option('--bucket <name>', 'bucket to read from; made when it is missing', 'sluice-dev')
      .option('--object <key>', 'object to show; the first of the bucket when left out')
      .option('--file <file>', 'file to put into the bucket and to show')
      .option('--query <name=value>', 'query parameter for the function; may be repeated', collect),
  ).action(async (folder: string, options: Record<string, unknown>) => {
    const asking = await askingOf(options);
    await interruptible(async (signal) => develop(asking, folder, signal));
  });
}

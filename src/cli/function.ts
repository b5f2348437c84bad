import { Command } from 'commander';
import { type Asking, askingOf, asks, collect, part, reaches } from './action.ts';
import { CliFailure } from './failure.ts';
import { type Deployed, deploy, type FunctionInfo, planOf } from './function-deploy.ts';
import { initFunction, templates } from './function-init.ts';
import { triggerVerbs } from './function-trigger.ts';
import { aliasVerbs, versionVerbs } from './function-version.ts';
import { interruptible } from './interrupt.ts';
import { invoke, showInvoked } from './invoke.ts';
import { followLogs, type LogLine, printLog, readLogs } from './logs.ts';
import { bytesText, printFields, printJson, printLine, printTable } from './output.ts';

function show(fn: FunctionInfo): void {
  printFields([
    ...([
      ['name', fn.functionName],
      ['arn', fn.functionArn],
      ['description', fn.description],
      ['runtime', fn.runtime],
    ] as const),
    ...([
      ['handler', fn.handler],
      ['timeout', `${fn.timeout} s`],
      ['memory', `${fn.memorySize} MB`],
      ['role', fn.role],
    ] as const),
    ...([
      ['at once', fn.instanceConcurrency],
      ['layers', fn.layers?.map(({ arn }) => arn).join(', ')],
    ] as const),
    ['environment', Object.keys(fn.environmentVariables ?? {}).join(', ')],
    ['code', `${bytesText(fn.codeSize)}, CRC-64 ${fn.codeChecksum}`],
    ...([
      ['created', fn.createdTime],
      ['changed', fn.lastModifiedTime],
    ] as const),
  ]);
}

/** The options with which a function is deployed, here and in `sluice dev`. */
export function deployOptions(command: Command): Command {
  return command
    .option('--name <name>', 'name of the function; that in sluice.yaml or of the folder when left out')
    .option('--runtime <name>', 'python3.10, nodejs24, java11, go1, custom.debian12, ...')
    .option('--handler <handler>', 'what is called, such as index.handler')
    .option('--timeout <seconds>', 'how long it may take (60 for a new function)')
    .option('--memory <mb>', 'memory, a multiple of 64')
    .option('--concurrency <number>', 'requests that one instance serves at once')
    .option('--role <name>', 'name or ARN of the role that it acts as')
    .option('--env <name=value>', 'environment variable, besides those in sluice.yaml; may be repeated', collect)
    .option('--layer <arn>', 'layer version; may be repeated, in order', collect)
    .option('--description <text>', 'description')
    .option('--no-build', 'leave out the build command of sluice.yaml');
}

/** Says what a deployment did. */
export function showDeployed({ function: fn, created, codeSent, changed }: Deployed): void {
  const code = codeSent ? `${bytesText(fn.codeSize)} of code sent` : 'the code was there already';
  printLine(`${fn.functionName} is ${created ? 'made' : changed ? 'updated' : 'as it was'}; ${code}.`);
  printLine(fn.functionArn);
}

function initVerb(noun: Command): void {
  const kinds = Object.entries(templates).map(([name, { description }]) => `  ${name.padEnd(12)} ${description}`);
  noun
    .command('init <folder>')
    .description('write a new function into a folder of its own')
    .option('--template <name>', Object.keys(templates).join(', '), 'node')
    .option('--name <name>', 'name of the function; that of the folder when left out')
    .option('--json', 'print the answer as JSON')
    .addHelpText('after', `\nTemplates:\n${kinds.join('\n')}`)
    .action(async (folder: string, { template, name, json }: { template: string; name?: string; json?: boolean }) => {
      const files = await initFunction(folder, template, name);
      if (json) return printJson({ folder, template, files });
      printLine(`${folder} has ${files.join(', ')}.`);
      printLine(`Next: sluice dev ${folder}, or sluice function deploy ${folder}`);
    });
}

function deployVerb(noun: Command): void {
  asks<Deployed & { version?: string }>(
    deployOptions(noun.command('deploy <source>').description('make or update a function from a folder, a ZIP or a JAR')).option(
      '--publish',
      'publish a version of it',
    ),
    async (asking, source = '') => {
      const deployed = await deploy(asking, await planOf(source, asking.options, asking.client));
      if (asking.options.publish !== true) return deployed;
      const path = `/functions/${part(deployed.function.functionName)}/versions`;
      const { versionId } = await asking.client.fc<{ versionId: string }>('POST', path, { body: {} });
      return { ...deployed, version: versionId };
    },
    (deployed) => {
      showDeployed(deployed);
      if (deployed.version !== undefined) printLine(`Version ${deployed.version} is published.`);
    },
  );
}

function invokeVerb(noun: Command): void {
  reaches(
    noun
      .command('invoke <name>')
      .description('run a function with an event; its result goes to standard output, what it printed to standard error')
      .option('--event <text>', 'the event')
      .option('--file <file>', 'the event from a file, or - for standard input')
      .option('--qualifier <name>', 'version or alias')
      .option('--async', 'only keep the event; it is run later'),
  ).action(async (name: string, options: Record<string, unknown>) => {
    const invoked = await invoke(await askingOf(options), name);
    if (options.json !== true) return showInvoked(invoked);
    const { payload, ...rest } = invoked;
    printJson({ ...rest, payload: payload.toString() });
    if (invoked.errorType !== undefined)
      throw new CliFailure(1, 'The function failed.', { answer: { code: invoked.errorType, requestId: invoked.requestId } });
  });
}

async function logs({ client, options }: Asking, name: string): Promise<void> {
  const requestId = options.request as string | undefined;
  const print = options.json === true ? (line: LogLine) => printLine(JSON.stringify(line)) : printLog;
  // Ctrl C is how following ends, from the first line on.
  if (options.follow === true) return interruptible((signal) => followLogs(client, name, { after: 0, requestId, signal, print }));
  let newest = 0;
  for (let more = true; more; ) {
    const page = await readLogs(client, name, newest, requestId);
    for (const line of page.lines) print(line);
    ({ newest, more } = page);
  }
}

/** `sluice function`: functions. */
export function functionNoun(): Command {
  const noun = new Command('function').description('functions: write, deploy, invoke').exitOverride();
  initVerb(noun);
  deployVerb(noun);
  invokeVerb(noun);
  reaches(
    noun
      .command('logs <name>')
      .description(
        'print what a function printed lately; the server keeps the last lines of all functions in memory, and those of a request in its record',
      )
      .option('-f, --follow', 'go on printing until Ctrl C')
      .option('--request <id>', 'of one request only'),
  ).action(async (name: string, options: Record<string, unknown>) => logs(await askingOf(options), name));
  asks<FunctionInfo[]>(
    noun.command('list').description('list functions').option('--prefix <text>', 'only names that begin so'),
    ({ client, options }) => client.fcList('/functions', 'functions', { prefix: options.prefix as string | undefined }),
    (functions) =>
      printTable(
        ['name', 'runtime', 'handler', 'timeout', 'memory', 'code', 'changed'],
        functions.map((fn) => [
          ...[fn.functionName, fn.runtime, fn.handler, `${fn.timeout} s`, `${fn.memorySize} MB`],
          ...[bytesText(fn.codeSize), fn.lastModifiedTime],
        ]),
      ),
  );
  asks<FunctionInfo>(
    noun.command('get <name>').description('show a function').option('--qualifier <name>', 'version or alias'),
    ({ client, options }, name = '') =>
      client.fc('GET', `/functions/${part(name)}`, { query: { qualifier: options.qualifier as string | undefined } }),
    show,
  );
  versionVerbs(noun);
  aliasVerbs(noun);
  triggerVerbs(noun);
  asks<unknown>(
    noun.command('delete <name>').description('delete a function with its versions'),
    async ({ client }, name = '') => {
      await client.fc('DELETE', `/functions/${part(name)}`);
    },
    () => printLine('The function is deleted.'),
  );
  return noun;
}

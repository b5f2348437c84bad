import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { CliFailure } from './failure.ts';
import { LostConnection } from './transport.ts';

interface Noun {
  readonly name: string;
  readonly description: string;
  /** Its module is loaded when it is called, or when all of them are asked for. */
  readonly load: (onExit: (code: number) => void) => Promise<Command>;
}

function noun(name: string, description: string, load: Noun['load']): Noun {
  return { name, description, load };
}

/** In the order of the help; each in a file of its own. */
const nouns: readonly Noun[] = [
  noun('serve', 'start the server', async (onExit) => (await import('./serve-command.ts')).serveCommand(onExit)),
  noun('dev', 'deploy a function whenever its folder is saved, and show what it answers', async () =>
    (await import('./dev.ts')).devCommand(),
  ),
  noun('deploy', 'deploy the functions of an s.yaml', async () => (await import('./serverless/command.ts')).deployCommand()),
  noun('bucket', 'buckets, their ACLs and policies', async () => (await import('./bucket.ts')).bucketNoun()),
  noun('object', 'objects: put, get, list, delete', async () => (await import('./object.ts')).objectNoun()),
  noun('access-point', 'access points of buckets', async () => (await import('./access-point.ts')).accessPointNoun()),
  noun('object-fc', 'Object FC access points: names under which a function answers', async () =>
    (await import('./object-fc.ts')).objectFcNoun(),
  ),
  noun('function', 'functions: write, deploy, invoke', async () => (await import('./function.ts')).functionNoun()),
  noun('layer', 'layers: packages that functions share', async () => (await import('./layer.ts')).layerNoun()),
  noun('invocation', 'records of requests through Object FC access points: why they failed, and how to replay them', async () =>
    (await import('./invocation.ts')).invocationNoun(),
  ),
  noun('user', 'RAM users', async () => (await import('./user.ts')).userNoun()),
  noun('key', 'access keys of users', async () => (await import('./key.ts')).keyNoun()),
  noun('role', 'roles that users, services and functions assume', async () => (await import('./role.ts')).roleNoun()),
  noun('policy', 'policies, and why a request is allowed or denied', async () => (await import('./policy.ts')).policyNoun()),
  noun('sealing-key', 'keys that seal the tokens of sessions', async () => (await import('./sealing-key.ts')).sealingKeyNoun()),
  noun('profile', 'endpoints and keys that commands use, kept in a file of yours', async () =>
    (await import('./profile.ts')).profileNoun(),
  ),
  noun('data', 'check, repair, back up and restore a data folder', async (onExit) => (await import('./data.ts')).dataNoun(onExit)),
  noun('config', 'settings of the server', async () => (await import('./serve-command.ts')).configNoun()),
  noun('completion', 'completion for bash, zsh and fish', async () => {
    const { completionCommand } = await import('./completion.ts');
    return completionCommand(() => Promise.all(nouns.filter(({ name }) => name !== 'completion').map(({ load }) => load(() => {}))));
  }),
];

/** The version that package.json states. */
export function version(): string {
  const manifest = new URL('../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version;
}

/** The program with the noun that is called; the others stand there by name, for the help and for suggestions. */
async function programFor(words: readonly string[], onExit: (code: number) => void): Promise<Command> {
  const program = new Command('sluice')
    .description('An object store and gateway that runs your functions on GetObject.')
    .version(version());
  program.exitOverride().showSuggestionAfterError();
  const called = words[0] === 'help' ? words[1] : words[0];
  for (const { name, description, load } of nouns) {
    if (name === called) program.addCommand(wrapping(await load(onExit)));
    else program.command(name).description(description);
  }
  return program;
}

/** Lets help wrap its lines on narrow terminals, too. */
function wrapping(command: Command): Command {
  command.configureHelp({ minWidthToWrap: 20 });
  for (const each of command.commands) wrapping(each);
  return command;
}

/**
 * Runs one command line.
 * @returns the exit code: 0 done, 1 it was refused or failed, 2 the command line or the settings are wrong, 3 the server cannot be reached,
 * 130 interrupted
 */
export async function runCli(words: string[]): Promise<number> {
  let code = 0;
  try {
    const program = await programFor(words, (exit) => {
      code = exit;
    });
    if (words.length === 0) {
      program.outputHelp();
      return 2;
    }
    await program.parseAsync(words, { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    return told(error, words.includes('--json'));
  }
}

/** Says what went wrong. @returns the exit code @throws what is a fault of the program */
async function told(error: unknown, json: boolean): Promise<number> {
  const failure = failureOf(error);
  if (failure) {
    const { message, next, answer, exitCode } = failure;
    if (json) process.stderr.write(`${JSON.stringify({ error: { message, ...answer, next } })}\n`);
    else process.stderr.write(`sluice: ${message}${answer ? ` (request ${answer.requestId})` : ''}\n${next ? `${next}\n` : ''}`);
    return exitCode;
  }
  const { ConfigError } = await import('../config.ts');
  if (!(error instanceof ConfigError)) throw error;
  process.stderr.write(`sluice: ${error.message}\nRun "sluice config reference" for all settings.\n`);
  return 2;
}

function failureOf(error: unknown): CliFailure | undefined {
  if (error instanceof CliFailure) return error;
  if (error instanceof LostConnection)
    return new CliFailure(3, `${error.message}.`, { next: 'Try again; the log of the server may say more.' });
  // A file or folder that the system refuses.
  const { syscall, code } = error as NodeJS.ErrnoException;
  return typeof syscall === 'string' && typeof code === 'string' ? new CliFailure(2, (error as Error).message) : undefined;
}

import { createInterface } from 'node:readline';
import { Command } from 'commander';
import { readAll } from '../kit/index.ts';
import { fromEnvironment, type Profile, profilePath, readProfiles, writeProfiles } from './config.ts';
import { CliFailure } from './failure.ts';
import { printJson, printLine, printTable } from './output.ts';

/** The secret: from SLUICE_ACCESS_KEY_SECRET, else asked for, else from standard input. Never from the command line, which others can see. */
async function readSecret(): Promise<string> {
  const given = fromEnvironment('SLUICE_ACCESS_KEY_SECRET');
  if (given !== undefined) return given;
  if (!process.stdin.isTTY) return (await readAll(process.stdin, 1_024)).toString().trim();
  // Whatever is typed when the question is there is not shown.
  const lines = createInterface({ input: process.stdin, terminal: true, output: undefined });
  process.stderr.write('Access key secret (not shown): ');
  return new Promise((resolve, reject) => {
    // Ctrl C and Ctrl D close it, too; what was resolved before stays.
    lines.once('close', () => {
      process.stderr.write('\n');
      reject(new CliFailure(130, 'Interrupted.'));
    });
    lines.once('line', (line) => {
      resolve(line.trim());
      lines.close();
    });
  });
}

async function set(name: string, options: Record<string, unknown>): Promise<void> {
  if (!/^[A-Za-z0-9._-]{1,64}$/.test(name))
    throw new CliFailure(2, 'The name of a profile must be 1 to 64 letters, digits, ".", "_" or "-".');
  const file = await readProfiles();
  const old: Profile = (Object.hasOwn(file.profiles, name) ? file.profiles[name] : undefined) ?? {};
  const { endpoint, dataEndpoint, region, caFile, accessKeyId } = options as Profile;
  const key = accessKeyId === undefined ? {} : { accessKeyId, accessKeySecret: await readSecret() };
  if (key.accessKeySecret === '') throw new CliFailure(2, 'The access key secret is empty.');
  const profile: Profile = {
    ...{ ...old, ...(endpoint && { endpoint }), ...(dataEndpoint && { dataEndpoint }), ...(region && { region }) },
    ...{ ...(caFile && { caFile }), ...key },
  };
  await writeProfiles({
    current: options.use === true || file.current === undefined ? name : file.current,
    profiles: { ...file.profiles, [name]: profile },
  });
  printLine(`The profile ${name} is kept in ${profilePath()}.`);
}

async function list(json: boolean): Promise<void> {
  const { current, profiles } = await readProfiles();
  const shown = Object.entries(profiles).map(([name, { endpoint, dataEndpoint, region, accessKeyId, caFile }]) => ({
    ...{ name, current: name === current, endpoint, dataEndpoint, region, accessKeyId, caFile },
  }));
  if (json) printJson({ profiles: shown });
  else
    printTable(
      ['name', 'current', 'endpoint', 'data endpoint', 'access key id'],
      shown.map((each) => [each.name, each.current ? 'yes' : '', each.endpoint, each.dataEndpoint, each.accessKeyId]),
    );
}

async function change(name: string, how: 'use' | 'delete'): Promise<void> {
  const file = await readProfiles();
  if (!Object.hasOwn(file.profiles, name)) throw new CliFailure(1, `There is no profile ${name}.`, { next: 'sluice profile list' });
  if (how === 'use') {
    await writeProfiles({ ...file, current: name });
    printLine(`The profile ${name} is used from now on.`);
    return;
  }
  const { [name]: _gone, ...profiles } = file.profiles;
  await writeProfiles({ ...(file.current === undefined || file.current === name ? {} : { current: file.current }), profiles });
  printLine(`The profile ${name} is deleted.`);
}

/** `sluice profile`: endpoints and keys that commands use. */
export function profileNoun(): Command {
  const noun = new Command('profile').description('endpoints and keys that commands use, kept in a file of yours').exitOverride();
  noun
    .command('set <name>')
    .description('make or change a profile; the secret comes from SLUICE_ACCESS_KEY_SECRET or is asked for')
    .option('--endpoint <url>', 'control endpoint')
    .option('--data-endpoint <url>', 'OSS endpoint')
    .option('--region <id>', 'region of the server')
    .option('--access-key-id <id>', 'access key id')
    .option('--ca-file <file>', 'certificate authority to trust, PEM')
    .option('--use', 'use it from now on')
    .action(set);
  noun
    .command('list')
    .description('list profiles, without secrets')
    .option('--json', 'as JSON')
    .action((options: { json?: boolean }) => list(options.json === true));
  noun
    .command('use <name>')
    .description('use a profile where none is named')
    .action((name: string) => change(name, 'use'));
  noun
    .command('delete <name>')
    .description('delete a profile')
    .action((name: string) => change(name, 'delete'));
  return noun;
}

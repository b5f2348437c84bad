import { existsSync } from 'node:fs';
import { Command } from 'commander';
import { type Asking, asks } from '../action.ts';
import { fromEnvironment } from '../config.ts';
import { printLine, tell } from '../output.ts';
import { type Applied, applyPlan } from './deploy.ts';
import { readPlans } from './read.ts';
import { Source } from './source.ts';

/** `AccountID` is asked for only where the file wants it. */
async function accountId(source: Source, { client }: Asking): Promise<string | undefined> {
  const given = fromEnvironment('AccountID');
  if (given !== undefined || !JSON.stringify(source.value).includes('config(')) return given;
  const { arn } = await client.admin<{ arn: string }>('GET', '/roles/AliyunFCDefaultRole');
  return arn.split(':')[3];
}

async function deployFile(asking: Asking, wanted: readonly string[]): Promise<Applied[]> {
  const { options, connection } = asking;
  const source = await Source.open(
    (options.file as string | undefined) ?? (existsSync('s.yml') && !existsSync('s.yaml') ? 's.yml' : 's.yaml'),
  );
  const account = await accountId(source, asking);
  // Secrets of the profile are not for the file.
  const configured: Record<string, string | undefined> = {
    AccountID: account,
    AccessKeyID: connection.accessKeyId,
    region: connection.region,
  };
  const config = (name: string) => (Object.hasOwn(configured, name) ? configured[name] : undefined);
  const plans = readPlans(source, wanted, { env: fromEnvironment, config });
  for (const note of source.notes) tell(note);
  const done: Applied[] = [];
  for (const plan of plans) {
    const applied = await applyPlan(asking, source, plan, { actions: options.actions !== false });
    done.push(applied);
    if (options.json !== true) show(applied);
  }
  return done;
}

function show({ resource, function: name, created, codeSent, kept }: Applied): void {
  const records = kept.length > 0 ? `; kept: ${kept.join(', ')}` : '';
  printLine(`${resource}: ${name} is ${created ? 'made' : 'up to date'}; ${codeSent ? 'code sent' : 'no code had to be sent'}${records}.`);
}

/** `sluice deploy`: what an s.yaml of Serverless Devs describes. */
export function deployCommand(): Command {
  const command = new Command('deploy')
    .description('deploy the functions of an s.yaml (Serverless Devs, edition 3.0.0 and the layout of 2.0)')
    .argument('[resource...]', 'ids of resources in it; all when left out')
    .option('-f, --file <file>', 's.yaml when left out')
    .option('--no-actions', 'leave out the commands of pre-deploy and post-deploy')
    .exitOverride();
  return asks<Applied[]>(
    command,
    (asking, ...words) => deployFile(asking, words.flat()),
    () => {},
  );
}

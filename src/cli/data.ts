import { Command } from 'commander';
import type { Problem, Repair, Report } from '../data.ts';
import { CliFailure } from './failure.ts';
import { bytesText, printJson, printLine, printTable, shown, tell } from './output.ts';

interface Options {
  readonly config?: string;
  readonly data?: string;
  readonly keyFile?: string;
  readonly json?: boolean;
  readonly quick?: boolean;
  readonly backup?: string;
  readonly dryRun?: boolean;
  readonly link?: boolean;
  readonly verifyAll?: boolean;
}

type Where = { data: string; encryption: { keyFile?: string | undefined } };

/** The settings that say where the data is: from the file, the environment and the flags, as the server has them. */
async function whereOf({ config, data, keyFile }: Options): Promise<Where> {
  const { loadSettings } = await import('../config.ts');
  const settings = loadSettings({ ...(config === undefined ? {} : { file: config }), flags: { data, 'encryption.keyFile': keyFile } });
  return { data: settings.data, encryption: settings.encryption };
}

/** Says now and then how far it is, to people who watch. */
function progress(json: boolean | undefined): (blobs: number, bytes: number) => void {
  const tty = process.stderr.isTTY && !json;
  return (blobs, bytes) => {
    if (tty && blobs % 256 === 0) process.stderr.write(`\r${blobs} blobs, ${bytesText(bytes)}\x1b[K`);
  };
}

function endProgress(json: boolean | undefined): void {
  if (process.stderr.isTTY && !json) process.stderr.write('\r\x1b[K');
}

/** Runs one of the functions of data.ts. @throws CliFailure */
async function run<T>(options: Options, work: (data: typeof import('../data.ts'), where: Where) => Promise<T>): Promise<T> {
  const data = await import('../data.ts');
  try {
    return await work(data, await whereOf(options));
  } catch (error) {
    if (error instanceof data.DataError) throw new CliFailure(2, error.message);
    throw error;
  } finally {
    endProgress(options.json);
  }
}

function nameOf({ bucket, key, id }: Problem): string {
  const name = bucket === undefined ? '' : key === undefined ? bucket : `${bucket}/${key}`;
  return id === undefined ? name : name === '' ? id : `${name} (${id})`;
}

function summary({ objects, versions, uploads, blobs, bytes }: Report): string {
  return `${objects} objects, ${versions} older versions, ${uploads} unfinished uploads in ${blobs} blobs; ${bytesText(bytes)} read and compared`;
}

function showReport(report: Report & { running: boolean }): void {
  if (report.problems.length > 0) {
    printTable(
      ['problem', 'of', 'blob', ''],
      report.problems.map((problem) => [problem.kind, nameOf(problem), problem.blob, problem.detail]),
    );
  }
  tell(summary(report));
  if (report.waiting > 0)
    tell(`${report.waiting} blobs wait to be removed${report.running ? '' : ', which the next start of the server does'}`);
  tell(report.problems.length === 0 ? 'Nothing is wrong.' : `${report.problems.length} problems.`);
}

function showRepair({ found, outcomes }: Repair, dryRun: boolean): void {
  for (const { problem, done, how } of outcomes) {
    printLine(shown(`${done.padEnd(11)}  ${problem.kind}  ${nameOf(problem)}  ${problem.blob ?? ''}  ${problem.detail}: ${how}`));
  }
  tell(summary(found));
  if (dryRun) tell('Nothing was changed (--dry-run).');
}

function common(command: Command): Command {
  return command
    .exitOverride()
    .option('--data <folder>', 'data folder (SLUICE_DATA; default ./sluice-data)')
    .option('--key-file <file>', 'file of the encryption keys (SLUICE_ENCRYPTION_KEY_FILE; in the data folder when left out)')
    .option('--config <file>', 'YAML file of settings, as that of serve')
    .option('--json', 'print the outcome as JSON');
}

/** `sluice data`: works on the data folder itself, not through a server. @param onExit told 1 when something is wrong or stays wrong */
export function dataNoun(onExit: (code: number) => void): Command {
  const noun = new Command('data').description('check, repair, back up and restore a data folder').exitOverride();
  common(noun.command('check').description('compare records with bytes; a server may be running'))
    .option('--quick', 'look at files and sizes only, do not read them')
    .action(async (options: Options) => {
      const report = await run(options, (data, where) =>
        data.check(where, { quick: options.quick === true, onProgress: progress(options.json) }),
      );
      if (options.json) printJson(report);
      else showReport(report);
      onExit(report.problems.length === 0 ? 0 : 1);
    });
  common(noun.command('repair').description('mend what can be mended; the server must not be running'))
    .option('--backup <folder>', 'a backup to mend from')
    .option('--dry-run', 'say what would be done and do nothing')
    .action(async (options: Options) => {
      const { backup, dryRun = false, json } = options;
      const repair = await run(options, (data, where) => data.repair(where, { backup, dryRun, onProgress: progress(json) }));
      if (json) printJson(repair);
      else showRepair(repair, dryRun);
      onExit(repair.outcomes.some(({ done }) => dryRun || done === 'left' || done === 'quarantined') ? 1 : 0);
    });
  common(noun.command('backup').description('copy all data as it is now; a server may be running'))
    .argument('<folder>', 'new, or holding an older backup, which becomes this one')
    .option('--link', 'hard links instead of copies: quick, on the same file system, but no second copy of the bytes')
    .option('--verify-all', 'read again what an older backup has, too')
    .action(async (folder: string, options: Options) => {
      const { link = false, verifyAll = false, json } = options;
      const report = await run(options, (data, where) => data.backup(where, folder, { link, verifyAll, onProgress: progress(json) }));
      if (json) printJson(report);
      else {
        for (const line of report.damaged) printLine(shown(`damaged  ${line}`));
        const { blobs, bytes, added, removed, verified } = report;
        tell(`${blobs} blobs (${bytesText(bytes)}) in ${folder}: ${added} added, ${removed} removed, ${verified} verified`);
      }
      onExit(report.damaged.length === 0 ? 0 : 1);
    });
  common(noun.command('restore').description('make a new data folder of a backup'))
    .argument('<folder>', 'what "sluice data backup" made')
    .action(async (folder: string, options: Options) => {
      const report = await run(options, (data, where) => data.restoreBackup(folder, where, { onProgress: progress(options.json) }));
      if (options.json) printJson(report);
      else {
        for (const line of report.damaged) printLine(shown(`damaged  ${line}`));
        tell(`${report.blobs} blobs (${bytesText(report.bytes)}) restored and verified`);
      }
      onExit(report.damaged.length === 0 ? 0 : 1);
    });
  return noun;
}

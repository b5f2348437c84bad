import { Command } from 'commander';
import { writeXml } from '../kit/index.ts';
import { askingOf, asks, collect, reaches } from './action.ts';
import { CliFailure } from './failure.ts';
import { type Listed, listPages } from './listing.ts';
import { getFolder, getOne, queryOf, showGot } from './object-get.ts';
import { type Moved, putFolder, putOne } from './object-put.ts';
import { uploadsVerb } from './object-uploads.ts';
import { bytesText, printFields, printJson, printLine, shown, tell } from './output.ts';
import { objectOf, placeOf } from './place.ts';
import { md5, type Store } from './store.ts';
import type { Stored } from './upload.ts';

const deleteAtOnce = 1_000;

function isMoved(answer: object): answer is Moved {
  return 'objects' in answer;
}

function showMoved(verb: string, moved: Moved): void {
  for (const { name, why } of moved.skipped) tell(`left out: ${shown(name)} (${why})`);
  const unchanged = moved.unchanged > 0 ? `, ${moved.unchanged} were there already` : '';
  printLine(`${moved.objects} objects ${verb}, ${bytesText(moved.bytes)}${unchanged}.`);
}

function putVerb(noun: Command): void {
  asks<Stored | Moved>(
    noun
      .command('put <source> <target>')
      .description('put a file, a folder (--recursive) or standard input (-); the target is BUCKET/KEY, or BUCKET/FOLDER/')
      .option('-r, --recursive', 'all files of a folder')
      .option('--update', 'with --recursive: leave out what is there with the same bytes')
      .option('--content-type <type>', 'media type; by the name of the file when left out')
      .option('--meta <name=value>', 'user metadata; may be repeated', collect)
      .option('--cache-control <value>', 'Cache-Control of the object')
      .option('--acl <acl>', 'private, public-read, public-read-write or default')
      .option('--storage-class <class>', 'Standard, IA, Archive, ColdArchive or DeepColdArchive')
      .option('--no-clobber', 'refuse to replace an object')
      .option('--no-resume', 'send a large file from its beginning, also where an earlier attempt broke off'),
    ({ store, options }, source = '', target = '') =>
      options.recursive === true ? putFolder(store, source, target, options) : putOne(store, source, target, options),
    (answer) => {
      if (isMoved(answer)) showMoved('put', answer);
      else printLine(`${answer.bucket}/${shown(answer.key)}: ${answer.bytes} bytes, ETag ${answer.etag}, checksum right.`);
    },
  );
}

function getVerb(noun: Command): void {
  reaches(
    noun
      .command('get <source> [target]')
      .description('get an object into a file, a folder or standard output (-); BUCKET may be an alias of an access point')
      .option('-r, --recursive', 'all objects whose keys begin with FOLDER/')
      .option('--update', 'with --recursive: leave out files that are there with the same bytes')
      .option('--query <name=value>', 'query parameter for the function behind an alias; may be repeated', collect),
  ).action(async (source: string, target: string | undefined, options: Record<string, unknown>) => {
    const { store } = await askingOf(options);
    if (options.recursive === true) {
      const moved = await getFolder(store, source, target ?? '.', options);
      if (options.json === true) printJson(moved);
      else showMoved('got', moved);
      return;
    }
    const got = await getOne(store, source, target, options);
    if (options.json !== true) showGot(got);
    else if (got.file !== '-') printJson(got);
  });
}

async function list(store: Store, where: string, options: Readonly<Record<string, unknown>>): Promise<void> {
  const { bucket, key } = placeOf(where);
  const delimiter = options.recursive === true ? '' : '/';
  const all: (Listed | { prefix: string })[] = [];
  let objects = 0;
  let bytes = 0;
  for await (const page of listPages(store, bucket, key, delimiter)) {
    const rows = [
      ...page.prefixes.map((prefix) => ({ prefix, sort: prefix })),
      ...page.objects.map((each) => ({ ...each, sort: each.key })),
    ];
    for (const { sort, ...row } of rows.sort((a, b) => (a.sort < b.sort ? -1 : 1))) {
      if (options.json === true) all.push(row);
      else if ('prefix' in row) printLine(`${'folder'.padStart(14)}  ${' '.repeat(20)}  ${shown(row.prefix)}`);
      else printLine(`${String(row.size).padStart(14)}  ${row.modified.replace('.000Z', 'Z')}  ${shown(row.key)}`);
    }
    objects += page.objects.length;
    bytes += page.objects.reduce((sum, { size }) => sum + size, 0);
  }
  if (options.json === true) printJson(all);
  else tell(`${objects} objects, ${bytesText(bytes)}.`);
}

async function removeAll(store: Store, bucket: string, prefix: string): Promise<number> {
  let removed = 0;
  // The next page is asked for anew: what was listed before is gone.
  for (;;) {
    const keys: string[] = [];
    for await (const page of listPages(store, bucket, prefix)) {
      keys.push(...page.objects.map((each) => each.key));
      if (keys.length >= deleteAtOnce) break;
    }
    if (keys.length === 0) return removed;
    const body = writeXml('Delete', { Quiet: true, Object: keys.map((key) => ({ Key: key })) });
    const headers = { 'content-type': 'application/xml', 'content-md5': md5(body) };
    await store.text({ method: 'POST', bucket, query: { delete: '' }, headers, body });
    removed += keys.length;
  }
}

function deleteVerb(noun: Command): void {
  asks<{ deleted: number }>(
    noun
      .command('delete <object...>')
      .description('delete objects; with --recursive all whose keys begin with what is given')
      .option('-r, --recursive', 'all objects below BUCKET/PREFIX')
      .option('--yes', 'all objects of a bucket may go'),
    async ({ store, options }, ...words) => {
      const targets = words.flat();
      const places = targets.map((target) => (options.recursive === true ? placeOf(target) : objectOf(target)));
      const whole = places.find(({ key }) => key === '');
      if (whole && options.yes !== true) {
        throw new CliFailure(2, `This would delete every object of ${whole.bucket}.`, { next: 'Add --yes if that is what you want.' });
      }
      let deleted = 0;
      for (const { bucket, key } of places) {
        if (options.recursive === true) deleted += await removeAll(store, bucket, key);
        else {
          await store.text({ method: 'DELETE', bucket, key });
          deleted += 1;
        }
      }
      return { deleted };
    },
    ({ deleted }) => printLine(`${deleted} ${deleted === 1 ? 'object is' : 'objects are'} deleted.`),
  );
}

function headVerb(noun: Command): void {
  asks<Record<string, string>>(
    noun
      .command('head <object>')
      .description('show size, type, checksums and metadata of an object')
      .option('--query <name=value>', 'query parameter for the function behind an alias; may be repeated', collect),
    async ({ store, options }, object = '') => {
      const { headers } = await store.text({ method: 'HEAD', ...objectOf(object), query: queryOf(options) });
      const aside = new Set(['date', 'connection', 'server', 'x-oss-request-id', 'x-oss-server-time', 'keep-alive']);
      // Values are bytes on the wire; people write UTF-8.
      const text = (value: unknown) => Buffer.from(String(value), 'latin1').toString();
      return Object.fromEntries(Object.entries(headers).flatMap(([name, value]) => (aside.has(name) ? [] : [[name, text(value)]])));
    },
    (headers) => printFields(Object.entries(headers)),
  );
}

function presignVerb(noun: Command): void {
  asks<{ url: string; method: string; expires: number }>(
    noun
      .command('presign <object>')
      .description('print a URL (V4) with which anybody can get the object, or put it')
      .option('--expires <seconds>', 'how long it is valid, to 604800', '3600')
      .option('--method <method>', 'GET, HEAD, PUT or DELETE', 'GET')
      .option('--content-type <type>', 'Content-Type that must come with a PUT; without it there may be none')
      .option('--query <name=value>', 'further query parameter, such as one for a function; may be repeated', collect),
    async ({ store, options }, object = '') => {
      const expires = Number(options.expires);
      const method = String(options.method).toUpperCase();
      const headers = { 'content-type': options.contentType as string | undefined };
      if (!Number.isInteger(expires) || expires < 1 || expires > 604_800) throw new CliFailure(2, '--expires must be 1 to 604800 seconds.');
      if (method !== 'GET' && method !== 'HEAD' && method !== 'PUT' && method !== 'DELETE')
        throw new CliFailure(2, '--method must be GET, HEAD, PUT or DELETE.');
      return { url: store.presign({ method, ...objectOf(object), query: queryOf(options), headers }, expires), method, expires };
    },
    ({ url }) => printLine(url),
  );
}

/** `sluice object`: objects. */
export function objectNoun(): Command {
  const noun = new Command('object').description('objects: put, get, list, delete').exitOverride();
  putVerb(noun);
  getVerb(noun);
  reaches(
    noun
      .command('list <where>')
      .description('list the objects of a bucket below BUCKET/PREFIX, up to the next slash')
      .option('-r, --recursive', 'every key, however deep'),
  ).action(async (where: string, options: Record<string, unknown>) => list((await askingOf(options)).store, where, options));
  deleteVerb(noun);
  headVerb(noun);
  presignVerb(noun);
  uploadsVerb(noun);
  return noun;
}

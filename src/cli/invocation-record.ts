import { writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { type Asking, askingOf, reaches } from './action.ts';
import { CliFailure } from './failure.ts';
import { filterQuery, filters, getInvocation, type Told, type ToldDetail } from './invocation.ts';
import { fetchThrough } from './invocation-fetch.ts';
import { answerOf, bytesOf, type Recording, recordingOf } from './invocation-recording.ts';
import { writtenRecord } from './invocation-wait.ts';
import { bytesText, printJson, printLine, shown, tell } from './output.ts';
import { readReply } from './transport.ts';

const usualLimit = 32 * 1024 * 1024;

/** The request that is meant: by its id, or the newest that fits. */
async function meant(asking: Asking, id: string | undefined): Promise<ToldDetail> {
  if (id !== undefined) return getInvocation(asking, id);
  const query = { ...filterQuery(asking.options), limit: '20' };
  const { invocations } = await asking.client.admin<{ invocations: Told[] }>('GET', '/invocations', { query });
  const newest = invocations.find(({ outcome }) => outcome !== 'running');
  if (!newest) throw new CliFailure(1, 'No request fits.', { next: 'sluice invocation list' });
  return getInvocation(asking, newest.id);
}

/** The object as it is now. @throws CliFailure when it is larger than the limit */
async function sourceOf({ store }: Asking, { bucket, key, request }: ToldDetail, limit: number): Promise<Recording['source']> {
  const query = { versionId: request.versionId };
  try {
    const reply = await store.request({ method: 'GET', bucket, key, query });
    const length = Number(reply.headers['content-length'] ?? 0);
    if (length > limit) {
      reply.body.destroy();
      throw new CliFailure(1, `The object has ${bytesText(length)}, more than a recording holds.`, { next: `--limit ${length}` });
    }
    const body = await readReply(reply, limit);
    const kept = Object.entries(reply.headers).filter(([name]) =>
      /^(content-(type|disposition|encoding|language)|cache-control|expires|x-oss-meta-.+)$/.test(name),
    );
    return {
      headers: Object.fromEntries(kept.map(([name, value]) => [name, String(value)])),
      etag: String(reply.headers.etag ?? '').replaceAll('"', ''),
      body: bytesOf(body),
    };
  } catch (error) {
    if (error instanceof CliFailure && error.answer?.code === 'NoSuchKey') return undefined;
    throw error;
  }
}

function warn(detail: ToldDetail, { source, answer, request }: Recording): void {
  const before = detail.source?.etag;
  if (before !== undefined && source && before.toLowerCase() !== source.etag.toLowerCase()) {
    tell('The object has changed since that request; the recording has it as it is now.');
  }
  if (!source) tell('The object does not exist now; the replay will do without.');
  if (answer.code === undefined && answer.body?.sha256 === undefined) {
    tell(
      'The bytes of that answer were not kept. --again asks anew and keeps them; the setting invocations.bodyBytes keeps them from the start.',
    );
  }
  if (JSON.stringify(request).includes('***'))
    tell('Values that are secret by their name are not in the recording; put them into the file where the replay needs them.');
}

async function record(asking: Asking, id: string | undefined): Promise<{ file: string; recording: Recording }> {
  const { options, connection } = asking;
  const limit = options.limit === undefined ? usualLimit : Number(options.limit);
  if (!Number.isSafeInteger(limit) || limit < 0) throw new CliFailure(2, '--limit must be a number of bytes.');
  let detail = await meant(asking, id);
  let answer = answerOf(detail);
  if (detail.brief && options.again !== true) {
    throw new CliFailure(
      1,
      `The record of ${detail.id} was kept in brief, without its headers. Take another one, or ask anew with --again.`,
    );
  }
  if (options.again === true) {
    const { request, alias, key } = detail;
    const mark = request.url.indexOf('?');
    const draft = recordingOf(detail, { source: undefined, answer, region: connection.region });
    const fetched = await fetchThrough(asking, { ...draft.request, alias, key, query: mark < 0 ? '' : request.url.slice(mark + 1) });
    detail = await writtenRecord(asking, fetched.requestId);
    answer = answerOf(detail);
    if (answer.body && !fetched.broken) answer = { ...answer, body: bytesOf(fetched.body) };
  }
  const source = await sourceOf(asking, detail, limit);
  const recording = recordingOf(detail, { source, answer, region: connection.region });
  warn(detail, recording);
  const file = (options.out as string | undefined) ?? `invocation-${recording.id}.json`;
  await writeFile(file, `${JSON.stringify(recording, undefined, 2)}\n`, { mode: 0o600, flag: options.force === true ? 'w' : 'wx' });
  return { file, recording };
}

/** `sluice invocation record`. */
export function recordVerb(noun: Command): void {
  reaches(
    filters(
      noun
        .command('record [request-id]')
        .description(
          'keep a request as one file that can be replayed: request, event, object and answer; the newest that fits when no id is given',
        ),
    )
      .option('--out <file>', 'file to write; invocation-<id>.json when left out')
      .option('--force', 'replace a file that is there')
      .option('--limit <bytes>', 'largest object that is kept; 32 MiB when left out')
      .option('--again', 'make the request once more with your key, and keep what is answered now'),
  ).action(async (id: string | undefined, options: Record<string, unknown>) => {
    const { file, recording } = await record(await askingOf(options), id);
    if (options.json === true) return printJson({ file, id: recording.id });
    printLine(`${shown(file)} holds request ${recording.id} with its object and answer. It is as secret as they are.`);
  });
}

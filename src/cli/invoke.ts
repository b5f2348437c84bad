import { readFile } from 'node:fs/promises';
import { readAll } from '../kit/index.ts';
import { type Asking, part } from './action.ts';
import { CliFailure } from './failure.ts';
import { tell } from './output.ts';

const eventBytes = 32 * 1024 * 1024;

/** What an invocation came back with. */
export interface Invoked {
  readonly requestId: string;
  /** Of an asynchronous one. */
  readonly taskId?: string;
  readonly payload: Buffer;
  readonly errorType?: string;
  /** The last lines that the function printed. */
  readonly log: string;
  readonly durationMs?: number;
  readonly memoryMb?: number;
}

async function eventOf({ event, file }: Readonly<Record<string, unknown>>): Promise<Buffer> {
  if (event !== undefined && file !== undefined) throw new CliFailure(2, 'Give --event or --file, not both.');
  if (event !== undefined) return Buffer.from(String(event));
  if (file === undefined) return Buffer.alloc(0);
  if (file === '-') return readAll(process.stdin, eventBytes, () => new CliFailure(2, 'An event may have at most 32 MiB.'));
  return readFile(String(file));
}

/** InvokeFunction with the tail of its log. */
export async function invoke({ client, options }: Asking, name: string): Promise<Invoked> {
  const asynchronous = options.async === true;
  const { headers, body } = await client.fcRaw('POST', `/functions/${part(name)}/invocations`, {
    query: { qualifier: options.qualifier as string | undefined },
    body: await eventOf(options),
    headers: asynchronous ? { 'x-fc-invocation-type': 'Async' } : { 'x-fc-log-type': 'Tail' },
    silenceMs: 0,
  });
  const text = (field: string) => (headers[field] === undefined ? undefined : String(headers[field]));
  const [errorType, taskId] = [text('x-fc-error-type'), text('x-fc-async-task-id')];
  const [duration, memory] = [text('x-fc-invocation-duration'), text('x-fc-max-memory-usage')];
  return {
    ...{ requestId: text('x-fc-request-id') ?? '', payload: body, log: Buffer.from(text('x-fc-log-result') ?? '', 'base64').toString() },
    ...{ ...(errorType ? { errorType } : {}), ...(taskId && asynchronous ? { taskId } : {}) },
    ...{ ...(duration ? { durationMs: Number(duration) } : {}), ...(memory ? { memoryMb: Number(memory) } : {}) },
  };
}

/** The result on standard output, what accompanies it on standard error. @throws CliFailure 1 when the function failed */
export function showInvoked({ payload, log, errorType, requestId, durationMs, memoryMb, taskId }: Invoked): void {
  // Terminal controls in what a function printed are its author's; this is his own terminal.
  if (log !== '') process.stderr.write(log.endsWith('\n') ? log : `${log}\n`);
  if (taskId !== undefined) {
    tell(`The event is kept: task ${taskId}, request ${requestId}.`);
    return;
  }
  if (errorType !== undefined) throw failed(payload, errorType, requestId);
  process.stdout.write(payload);
  if (process.stdout.isTTY) process.stdout.write('\n');
  tell(`request ${requestId}, ${durationMs} ms, ${memoryMb} MB`);
}

function failed(payload: Buffer, errorType: string, requestId: string): CliFailure {
  let said: { errorMessage?: unknown; errorType?: unknown; stackTrace?: unknown } = {};
  try {
    said = JSON.parse(payload.toString()) as typeof said;
  } catch {
    // Not every failure is told as JSON.
  }
  const lines = Array.isArray(said.stackTrace) ? said.stackTrace.map((line) => `  ${String(line).trim()}`) : [];
  // JavaScript's stacks begin with the message.
  const trace = lines.filter((line) => !line.endsWith(String(said.errorMessage))).join('\n');
  const what =
    said.errorMessage === undefined ? payload.toString() : `${String(said.errorType ?? errorType)}: ${String(said.errorMessage)}`;
  return new CliFailure(1, `The function failed. ${what}`, {
    ...(trace === '' ? {} : { next: trace }),
    answer: { code: errorType, requestId },
  });
}

import type { ToldDetail } from './invocation.ts';
import { bytesText, printFields, printLine, shown } from './output.ts';

/** How a request ended, in few words. */
export function outcomeOf({ outcome, status }: Pick<ToldDetail, 'outcome' | 'status'>): string {
  if (outcome === 'answered') return String(status);
  if (outcome === 'failed' || outcome === 'timed-out') return `${status}, broken off`;
  return outcome === 'abandoned' ? 'client left' : outcome === 'running' ? 'running' : `${status} ${outcome}`;
}

const barLetters = 40;
const phaseNames: Readonly<Record<string, string>> = { firstByte: 'first byte' };

function heading(text: string): void {
  printLine(`\n${text}`);
}

function phases({ phases, totalMs }: ToldDetail): void {
  const whole = Math.max(totalMs, ...Object.values(phases).map(([, to]) => to), 0.01);
  heading('Phases');
  for (const [name, [from, to]] of Object.entries(phases)) {
    const begin = Math.min(barLetters - 1, Math.floor((from / whole) * barLetters));
    const length = Math.max(1, Math.min(barLetters - begin, Math.round(((to - from) / whole) * barLetters)));
    const bar = `${' '.repeat(begin)}${'='.repeat(length)}`.padEnd(barLetters);
    printLine(`  ${(phaseNames[name] ?? name).padEnd(10)} |${bar}| ${(to - from).toFixed(1)} ms`);
  }
}

function rules({ rules }: ToldDetail): void {
  for (const { rule, fix, evidence } of rules) {
    printLine(`\n${shown(rule)}`);
    printLine(`  seen   ${shown(evidence)}`);
    printLine(`  mend   ${shown(fix)}`);
  }
}

function reads({ reads, leftOut }: ToldDetail): void {
  if (reads.length === 0) return;
  heading('Reads of the function');
  for (const { operation, resource, range, status, bytes, ms, complete, code } of reads) {
    const what = `${status}${code === undefined ? '' : ` ${code}`}, ${bytesText(bytes)} in ${ms.toFixed(1)} ms${complete ? '' : ', broken off'}`;
    printLine(`  ${operation} ${shown(resource)}${range === undefined ? '' : ` ${shown(range)}`}: ${what}`);
  }
  if (leftOut.reads > 0) printLine(`  and ${leftOut.reads} more`);
}

function headers(title: string, pairs: readonly (readonly [string, string])[]): void {
  printLine(`    ${title}`);
  for (const [name, value] of pairs) printLine(`      ${shown(name)}: ${shown(value)}`);
}

function attempts({ attempts, leftOut }: ToldDetail, withHeaders: boolean): void {
  if (attempts.length === 0) return;
  heading('Attempts to answer');
  for (const attempt of attempts) {
    const id = attempt.requestId === '' ? 'over its own connection' : `request ${attempt.requestId}`;
    const end = attempt.outcome === 'refused' ? `refused: ${attempt.code}: ${shown(attempt.message)}` : attempt.outcome;
    printLine(`  status ${shown(attempt.status)}, ${bytesText(attempt.bytes)}, ${end} (${id})`);
    for (const { header, reason, sent } of attempt.changed) {
      printLine(`    ${shown(header)} ${sent === undefined ? 'left out' : `became ${shown(sent)}`}: ${shown(reason)}`);
    }
    if (!withHeaders) continue;
    headers('received', attempt.received);
    if (attempt.forwarded) headers('the client got', attempt.forwarded.headers);
  }
  if (leftOut.attempts > 0) printLine(`  and ${leftOut.attempts} more`);
}

/** Shows a record to people. */
export function showInvocation(detail: ToldDetail, more: { headers: boolean; event: boolean }): void {
  const { called, instance, caller, request, leftOut } = detail;
  printFields([
    ...([
      ['outcome', `${outcomeOf(detail)} after ${detail.totalMs.toFixed(1)} ms`],
      ['request', detail.id],
      ['received', detail.at],
      ['asked', `${request.method} ${request.url}`],
    ] as const),
    ...([
      ['by', `${caller.arn || 'anonymous'}${caller.accessKeyId === '' ? '' : ` (key ${caller.accessKeyId})`}`],
      ['access point', `${detail.accessPoint} (${detail.alias})`],
      ['object', `${detail.bucket}/${detail.key}`],
      ['function', called && `${called.name}, ${called.runtime}, ${called.handler}, version ${called.versionId || called.qualifier}`],
    ] as const),
    ...([
      ['instance', instance && `${instance.id}${instance.cold ? ', started for it' : ''}`],
      ['failure', instance?.failure && `${instance.failure.kind}: ${instance.failure.message}`],
      ['error', detail.code && `${detail.code}: ${detail.message}`],
    ] as const),
  ]);
  rules(detail);
  phases(detail);
  reads(detail);
  attempts(detail, more.headers);
  if (detail.brief)
    printLine('\nKept in brief, without headers and event: more requests were answered in that second than invocations.detailedPerSecond.');
  if (detail.lines.length > 0) {
    heading('The function printed');
    for (const line of detail.lines) printLine(`  ${shown(line)}`);
    if (leftOut.lines > 0) printLine(`  (${leftOut.lines} lines are left out before the last ones)`);
  }
  if (more.event && !detail.brief)
    printLine(`\nEvent\n${detail.event === undefined ? 'none: it was given to no instance' : JSON.stringify(detail.event, undefined, 2)}`);
}

// reference pages of docs/reference, written from the error table and the settings schema (--check only compares)
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { settingsReference } from '../src/config.ts';
import { faultTable } from '../src/faults/index.ts';
import { fc2Operations, fcOperations } from '../src/protocols/fc/index.ts';
import { type ListedOperation, listOperations } from '../src/protocols/oss/index.ts';
import { createMetrics } from '../src/telemetry/index.ts';
import { RecordMetrics } from '../src/telemetry/records/durations.ts';

const root = resolve(import.meta.dirname, '..');
const origin = 'This page is written by `./run docs`; change the source and run it again.';

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('<', '&lt;');
}

/** A Markdown table in the house's format: columns as wide as their widest cell. */
function table(head: string[], rows: string[][]): string {
  const all = [head, ...rows].map((row) => row.map(cell));
  const widths = head.map((_, column) => Math.max(3, ...all.map((row) => row[column]?.length ?? 0)));
  const line = (row: string[]) => `| ${row.map((text, column) => text.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  const [first = [], ...rest] = all;
  return [line(first), line(widths.map((width) => '-'.repeat(width))), ...rest.map(line)].join('\n');
}

function errorsPage(): string {
  const rows = Object.entries(faultTable).map(([code, row]) => [`\`${code}\``, String(row.status), row.ec, row.message]);
  return `# Errors

${origin} Source: \`src/faults/table.ts\`.

The data listener answers errors as OSS XML: \`Code\`, \`Message\`, \`RequestId\`, \`HostId\`, further elements of the error at hand, and \`EC\`. The control
listener answers JSON: \`Code\`, \`Message\`, \`RequestId\`. A more precise message often takes the place of the one below. ECs that begin with \`0099\` are
Sluice's own. What to do about errors of transformed requests is told in [Object FC access points](../object-fc.md#when-it-goes-wrong).

${table(['code', 'status', 'EC', 'message'], rows)}
`;
}

function settingsPage(): string {
  const rows = settingsReference().map(({ path, description, environment, flag, type, default: fallback }) => {
    const shown = fallback === undefined || (Array.isArray(fallback) && fallback.length === 0) ? '' : `\`${fallback}\``;
    return [`\`${path}\``, description, shown, type, `\`${flag}\``, `\`${environment}\``];
  });
  return `# Settings

${origin} Source: \`src/config.ts\`. \`sluice config reference\` prints the same.

A setting comes from the YAML file named by \`--config\`, from the environment, or from a flag; of these the later one wins. All faults are reported at once.

${table(['setting', 'what it is', 'default', 'type', 'flag', 'environment'], rows)}
`;
}

function fcOperationsPage(): string {
  const rowsOf = (operations: typeof fcOperations, carriedOut: boolean) =>
    [...operations]
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .filter(({ run }) => (run !== undefined) === carriedOut)
      .map(({ name, method, path, action, versions }) => [
        ...[`\`${name}\``, `\`${method} ${path}\``, `\`${action}\``],
        versions ? versions.join(', ') : '',
      ]);
  const rows = (carriedOut: boolean) => rowsOf(fcOperations, carriedOut).map((row) => row.slice(0, 3));
  const older = ['operation', 'request, below `/2021-04-06` and `/2016-08-15`', 'action in policies', 'only in'];
  const head = ['operation', 'request, below `/2023-03-30`', 'action in policies'];
  return `# Operations of the Function Compute API

${origin} Source: \`src/protocols/fc/operations.ts\`. What differs from the vendor is told in [Function Compute API](../fc-api.md).

## Carried out

${table(head, rows(true))}

## Known, and refused with NotImplemented

${table(head, rows(false))}

## Function Compute 2.0

Source: \`src/protocols/fc/fc2/operations.ts\`.

${table(older, rowsOf(fc2Operations, true))}

Known, and refused with NotImplemented:

${table(older, rowsOf(fc2Operations, false))}
`;
}

function ossOperationsPage(): string {
  const { carriedOut, refused } = listOperations();
  const sorted = (list: ListedOperation[]) => [...list].sort((a, b) => (a.name < b.name ? -1 : 1));
  const code = (texts: readonly string[]) => texts.map((text) => `\`${text}\``).join(' ');
  const request = ({ level, method, selectedBy }: ListedOperation) => [`${level}`, code([method]), code(selectedBy)];
  const done = sorted(carriedOut).map((each) => {
    return [`\`${each.name}\``, ...request(each), code(each.actions), each.throughAccessPoint ? 'yes' : ''];
  });
  const not = sorted(refused).map((each) => [`\`${each.name}\``, ...request(each)]);
  const head = ['operation', 'of', 'method', 'selected by'];
  return `# Operations of OSS

${origin} Source: \`src/protocols/oss/table.ts\` and \`src/protocols/oss/subresources.ts\`. What each does, and what differs from the vendor, is told in
[The store](../oss-api.md).

## Carried out

The last column says what works through the alias of an access point. Through an Object FC access point there are GetObject, HeadObject and GetObjectMeta.

${table([...head, 'action in policies', 'access point'], done)}

## Known, and refused with NotImplemented

${table(head, not)}
`;
}

/** What prom-client and the server's own metrics have in common. */
interface Documented {
  name: string;
  help: string;
  /** Those of prom-client are told by their class. */
  type?: string;
  labelNames?: string[];
  constructor: { name: string };
}

function metricsPage(): string {
  const { registry } = createMetrics();
  // These need the records, and join the same registry when the server opens them.
  new RecordMetrics(registry, () => undefined);
  const all = registry.getMetricsAsArray() as unknown as Documented[];
  const rows = [...all]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map((metric) => {
      const labels = (metric.labelNames ?? []).map((label) => `\`${label}\``).join(', ');
      return [`\`${metric.name}\``, metric.type ?? metric.constructor.name.toLowerCase(), labels, metric.help];
    });
  return `# Metrics

${origin} Source: \`src/telemetry/metrics.ts\` and its neighbours.

\`GET /metrics\` on the control listener gives them as Prometheus text, without a key, to requests from the same machine. Labels are closed sets: names of buckets, keys and users never appear.
A histogram has the series \`_bucket\`, \`_sum\` and \`_count\`. What to look at first is told in [Running a server](../operate.md#health-metrics-log).

${table(['metric', 'kind', 'labels', 'what it is'], rows)}
`;
}

/** The generated pages by their path under the repository's root. */
export function referencePages(): Map<string, string> {
  return new Map([
    ['docs/reference/errors.md', errorsPage()],
    ['docs/reference/settings.md', settingsPage()],
    ['docs/reference/fc-operations.md', fcOperationsPage()],
    ['docs/reference/oss-operations.md', ossOperationsPage()],
    ['docs/reference/metrics.md', metricsPage()],
  ]);
}

/** Names of generated pages that differ from what is on disk. */
export function stalePages(): string[] {
  return [...referencePages()]
    .filter(([path, text]) => !existsSync(join(root, path)) || readFileSync(join(root, path), 'utf8') !== text)
    .map(([path]) => path);
}

if (import.meta.main) {
  const stale = stalePages();
  if (!process.argv.includes('--check')) {
    for (const path of stale) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), referencePages().get(path) ?? '');
      process.stdout.write(`wrote ${path}\n`);
    }
  } else if (stale.length > 0) {
    process.stdout.write(`Not up to date: ${stale.join(', ')}. Run ./run docs.\n`);
    process.exitCode = 1;
  }
}

import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';

/** One line of the report: our value against a reference of the same run, and whether the gate held. */
export interface Row {
  name: string;
  ours: string;
  reference: string;
  ratio: number | undefined;
  gate: string;
  held: boolean | undefined;
}

/** Compares two figures; without a reference the row says `not measured` and no gate is judged. */
export function compare(options: {
  name: string;
  ours: number | undefined;
  reference: number | undefined;
  unit: string;
  most?: number;
  least?: number;
  referenceName: string;
}): Row {
  const { name, ours, reference, unit, most, least, referenceName } = options;
  const show = (value: number | undefined) =>
    value === undefined ? 'not measured' : `${value < 100 ? value.toFixed(2) : Math.round(value)} ${unit}`;
  const ratio = ours === undefined || reference === undefined || reference === 0 ? undefined : ours / reference;
  const gate = most !== undefined ? `<= ${most}` : least !== undefined ? `>= ${least}` : '';
  const held = ratio === undefined || gate === '' ? undefined : most !== undefined ? ratio <= most : ratio >= (least as number);
  return { name, ours: show(ours), reference: `${show(reference)} (${referenceName})`, ratio, gate, held };
}

/** Prints the rows as a Markdown table and writes them, with the machine, to bench/results/. */
export function publish(rows: Row[], rounds: number): void {
  const line = (cells: string[]) => `| ${cells.join(' | ')} |`;
  const table = [
    line(['figure', 'Sluice', 'reference', 'ratio', 'gate', '']),
    line(['---', '---', '---', '---', '---', '---']),
    ...rows.map((row) =>
      line([
        row.name,
        row.ours,
        row.reference,
        row.ratio === undefined ? 'not measured' : row.ratio.toFixed(2),
        row.gate,
        row.held === undefined ? '' : row.held ? 'held' : 'MISSED',
      ]),
    ),
  ];
  const machine = `${cpus().length} cores, ${cpus()[0]?.model.trim()}, Node ${process.version}; medians of ${rounds} interleaved rounds`;
  const text = `# Benchmark\n\n${machine}\n\n${table.join('\n')}\n`;
  process.stdout.write(`\n${text}\n`);
  const folder = join(import.meta.dirname, 'results');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'latest.md'), text);
}

/** Prints a value as JSON, for scripts. */
export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value ?? {}, undefined, 2)}\n`);
}

/** Prints lines for people. */
export function printLine(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** What a terminal could take for a command is shown as a question mark. */
export function shown(value: unknown): string {
  return String(value ?? '').replace(/[\x00-\x1f\x7f-\x9f]/g, '?');
}

const wide =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;
const mark = /\p{Mn}/u;

/** Columns that a text takes on a terminal. */
export function widthOf(text: string): number {
  if (/^[\x20-\x7e]*$/.test(text)) return text.length;
  let width = 0;
  for (const letter of text) width += mark.test(letter) ? 0 : wide.test(letter) ? 2 : 1;
  return width;
}

const units = ['B', 'KB', 'MB', 'GB', 'TB'];

/** Bytes for people: 999 B, 1.2 KB, 27 MB (powers of 1024). */
export function bytesText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** Prints to standard error what accompanies an answer. */
export function tell(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** Prints rows under headings, in columns as wide as they need to be. */
export function printTable(headings: readonly string[], rows: readonly (readonly unknown[])[]): void {
  const cells = [headings.map((text) => text.toUpperCase()), ...rows.map((row) => row.map(shown))];
  const widths = headings.map((_, i) => cells.reduce((most, row) => Math.max(most, widthOf(row[i] ?? '')), 0));
  for (const row of cells)
    printLine(
      row
        .map((text, i) => (i === row.length - 1 ? text : text + ' '.repeat((widths[i] ?? 0) - widthOf(text))))
        .join('  ')
        .trimEnd(),
    );
}

/** Prints names and values, one a line; what is undefined is left out. */
export function printFields(fields: readonly (readonly [name: string, value: unknown])[]): void {
  const given = fields.filter(([, value]) => value !== undefined && value !== '');
  const width = Math.max(...given.map(([name]) => name.length));
  for (const [name, value] of given) printLine(`${name.padEnd(width)}  ${shown(value)}`);
}

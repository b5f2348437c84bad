/** Text that JSON writes as it is. */
const plain = /^[ !#-[\]-~]*$/;

/** JSON of a text. */
export function quoted(text: string): string {
  return plain.test(text) ? `"${text}"` : JSON.stringify(text);
}

/** Milliseconds with two digits behind the point. */
export function rounded(ms: number): number {
  return Math.round(ms * 100) / 100;
}

/** A hundred texts: what stands behind the point. */
const hundredths = Array.from({ length: 100 }, (_, i) => (i === 0 ? '' : `.${String(i).padStart(2, '0').replace(/0$/, '')}`));

/** JSON of milliseconds with two digits behind the point: what rounded() gives, for a fraction of what a number with a fraction costs as text. */
export function roundedText(ms: number): string {
  const all = Math.round(ms * 100);
  if (!(all >= 0 && all < 2 ** 30)) return String(rounded(ms));
  const behind = all % 100;
  return `${(all - behind) / 100}${hundredths[behind]}`;
}

import type { HeaderPairs } from './port.ts';

const secretName = /signature|token|credential|secret|access-?key|password|api-?key|authorization|cookie/i;
const valueLetters = 1_024;
const mostHeaders = 100;

/** Header names repeat from request to request: most verdicts are known. */
const verdicts = new Map<string, boolean>();
const mostVerdicts = 1_024;
const longestName = 64;

/** Whether a header or parameter of this name may hold a secret. */
export function isSecretName(name: string): boolean {
  let verdict = verdicts.get(name);
  if (verdict === undefined) {
    verdict = secretName.test(name);
    if (verdicts.size < mostVerdicts && name.length <= longestName) verdicts.set(name, verdict);
  }
  return verdict;
}

/** Headers with secret values masked and long ones cut; at most 100. */
export function masked(headers: HeaderPairs): [string, string][] {
  const shown: [string, string][] = [];
  for (const [name, value] of headers) {
    if (shown.length === mostHeaders) break;
    shown.push([name, isSecretName(name) ? '***' : shortened(value)]);
  }
  return shown;
}

/** The same of names and values in turn. */
export function maskedRaw(raw: readonly string[]): [string, string][] {
  const shown: [string, string][] = [];
  for (let i = 0; i + 1 < raw.length && shown.length < mostHeaders; i += 2) {
    const name = raw[i] as string;
    shown.push([name, isSecretName(name) ? '***' : shortened(raw[i + 1] as string)]);
  }
  return shown;
}

/** A URL, or a part of one, with secret values of its query masked. */
export function maskedQuery(url: string): string {
  const mark = url.indexOf('?');
  if (mark < 0) return url;
  const params = url
    .slice(mark + 1)
    .split('&')
    .map((param) => {
      const equals = param.indexOf('=');
      return equals > 0 && isSecretName(param.slice(0, equals)) ? `${param.slice(0, equals)}=***` : param;
    });
  return `${url.slice(0, mark)}?${params.join('&')}`;
}

/** What of a request is secret by its name: a function may print it. */
export function secretValues({ headers, url }: { readonly headers: HeaderPairs; readonly url: string }): string[] {
  const values: string[] = [];
  for (const header of headers) if (isSecretName(header[0])) values.push(header[1]);
  const mark = url.indexOf('?');
  if (mark < 0) return values;
  for (const param of url.slice(mark + 1).split('&')) {
    const equals = param.indexOf('=');
    if (equals <= 0 || !isSecretName(param.slice(0, equals))) continue;
    const value = param.slice(equals + 1);
    values.push(value);
    if (!value.includes('%')) continue;
    try {
      values.push(decodeURIComponent(value));
    } catch {
      // Nobody can print what cannot be decoded.
    }
  }
  return values;
}

function shortened(value: string): string {
  return value.length > valueLetters ? `${value.slice(0, valueLetters)}…` : value;
}

/** Shorter words could be part of anything. */
const shortestSecret = 8;

/** Whether any of the secrets is in a text. */
export function tells(secrets: readonly string[], text: string): boolean {
  for (const secret of secrets) if (secret.length >= shortestSecret && text.includes(secret)) return true;
  return false;
}

/** A text with secrets cut out, wherever they are. */
export function without(secrets: readonly string[], text: string): string {
  let clean = text;
  for (const secret of secrets) if (secret.length >= shortestSecret && clean.includes(secret)) clean = clean.replaceAll(secret, '***');
  return clean;
}

import { Fault } from '../../faults/index.ts';
import { invalid } from './headers.ts';

/** The parameters of one operation on a picture: `w_100,h_50`, or values without a name as in `rotate,90`. Each is taken once. */
export class Parameters {
  readonly operation: string;
  readonly #values = new Map<string, string>();

  /** @param text what stands between two slashes: the operation's name and its parameters @throws Fault InvalidArgument */
  constructor(text: string) {
    const [name = '', ...rest] = text.split(',');
    this.operation = name;
    for (const part of rest) {
      if (part === '') continue;
      const at = part.indexOf('_');
      const key = at < 0 ? '' : part.slice(0, at);
      if (this.#values.has(key)) throw this.refused(key, part, 'is there twice');
      this.#values.set(key, at < 0 ? part : part.slice(at + 1));
    }
  }

  /** A whole number within these bounds; `key` is '' for a value without a name. @throws Fault InvalidArgument */
  number(key: string, least: number, most: number): number | undefined {
    const text = this.#take(key);
    if (text === undefined) return undefined;
    const value = /^-?\d{1,6}$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= least && value <= most)) throw this.refused(key, text, `must be a whole number from ${least} to ${most}`);
    return value;
  }

  /** One of these values. @throws Fault InvalidArgument */
  choice<T extends string>(key: string, values: readonly T[]): T | undefined {
    const text = this.#take(key);
    if (text === undefined) return undefined;
    if (!values.includes(text as T)) throw this.refused(key, text, `must be one of ${values.join(', ')}`);
    return text as T;
  }

  /** 0 or 1. @throws Fault InvalidArgument */
  flag(key: string): boolean | undefined {
    const text = this.choice(key, ['0', '1']);
    return text === undefined ? undefined : text === '1';
  }

  /** A colour as RRGGBB. @throws Fault InvalidArgument */
  color(key: string): string | undefined {
    const text = this.#take(key);
    if (text !== undefined && !/^[0-9A-Fa-f]{6}$/.test(text)) throw this.refused(key, text, 'must be a colour of six hexadecimal digits');
    return text;
  }

  /** A text in URL-safe Base64 (RFC 4648, 5). @throws Fault BadRequest */
  text(key: string): string | undefined {
    const value = this.#take(key);
    if (value === undefined) return undefined;
    const bare = value.replace(/={1,2}$/, '');
    const bytes = Buffer.from(bare, 'base64url');
    const isBase64 = /^[\w-]+$/.test(bare) && bytes.toString('base64url') === bare;
    if (!isBase64 || Buffer.from(bytes.toString('utf8')).compare(bytes) !== 0)
      throw new Fault('BadRequest', 'Input is not base64 decoding.');
    return bytes.toString('utf8');
  }

  /** The value that must be there. @throws Fault MissingArgument */
  require<T>(value: T | undefined, what: string): T {
    if (value !== undefined) return value;
    throw new Fault('MissingArgument', `image/${this.operation} needs ${what}.`, { extra: { ArgumentName: what } });
  }

  /** Nothing may be left: a parameter that is not carried out is not passed over. @throws Fault InvalidArgument */
  finish(): void {
    for (const [key, value] of this.#values) throw this.refused(key, value, 'is not known');
  }

  /** The fault for a parameter. */
  refused(key: string, value: string, why: string): Fault {
    const what = key === '' ? 'the value' : `the parameter ${key}`;
    return invalid(key === '' ? this.operation : key, value.slice(0, 100), `image/${this.operation}: ${what} ${why}.`);
  }

  #take(key: string): string | undefined {
    const value = this.#values.get(key);
    this.#values.delete(key);
    return value;
  }
}

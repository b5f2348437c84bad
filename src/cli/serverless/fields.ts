import { isMapping, type Path, type Source } from './source.ts';

/** Reads the fields of one mapping; what has the wrong type becomes a fault with its line, and undefined. */
export class Fields {
  readonly source: Source;
  readonly path: Path;
  readonly #values: Record<string, unknown>;
  readonly #read = new Set<string>();

  constructor(source: Source, path: Path, value: unknown) {
    this.source = source;
    this.path = path;
    if (value !== undefined && value !== null && !isMapping(value)) source.fault(path, 'must be a mapping');
    this.#values = isMapping(value) ? value : {};
  }

  raw(name: string): unknown {
    this.#read.add(name);
    const value = this.#values[name];
    return value === null ? undefined : value;
  }

  text(name: string): string | undefined {
    const value = this.raw(name);
    if (typeof value === 'number') return String(value);
    return this.#wants(name, value, typeof value === 'string', 'a text') as string | undefined;
  }

  /** A text that must be there. */
  needed(name: string): string {
    const value = this.text(name);
    if (value === undefined && this.raw(name) === undefined) this.source.fault([...this.path, name], 'is missing');
    return value ?? '';
  }

  /** A number, also where a variable gave it as a text. */
  number(name: string): number | undefined {
    const value = this.raw(name);
    const number = typeof value === 'string' && /^\d{1,9}(\.\d{1,4})?$/.test(value) ? Number(value) : value;
    return this.#wants(name, number, typeof number === 'number', 'a number') as number | undefined;
  }

  flag(name: string): boolean | undefined {
    const value = this.raw(name);
    const flag = value === 'true' ? true : value === 'false' ? false : value;
    return this.#wants(name, flag, typeof flag === 'boolean', 'true or false') as boolean | undefined;
  }

  mapping(name: string): Record<string, unknown> | undefined {
    const value = this.raw(name);
    return this.#wants(name, value, isMapping(value), 'a mapping') as Record<string, unknown> | undefined;
  }

  list(name: string): readonly unknown[] {
    const value = this.raw(name);
    return (this.#wants(name, value, Array.isArray(value), 'a list') as readonly unknown[] | undefined) ?? [];
  }

  /** Names and texts; numbers and booleans become texts, as environment variables are. */
  texts(name: string): Record<string, string> | undefined {
    const given = this.mapping(name);
    if (given === undefined) return undefined;
    const entries = Object.entries(given).filter(([key, value]) => {
      const fine = ['string', 'number', 'boolean'].includes(typeof value);
      if (!fine) this.source.fault([...this.path, name, key], 'must be a text');
      return fine;
    });
    return Object.fromEntries(entries.map(([key, value]) => [key, String(value)]));
  }

  within(name: string): Fields {
    return new Fields(this.source, [...this.path, name], this.raw(name));
  }

  /** The items of a list of mappings. */
  items(name: string): Fields[] {
    return this.list(name).map((value, i) => new Fields(this.source, [...this.path, name, i], value));
  }

  /** What was given and not asked for is told. */
  rest(why = 'is not carried out, and left out'): void {
    for (const name of Object.keys(this.#values)) if (!this.#read.has(name)) this.source.note([...this.path, name], why);
  }

  #wants(name: string, value: unknown, fine: boolean, what: string): unknown {
    if (value === undefined || fine) return value;
    // A variable without a value is a fault already.
    if (typeof value !== 'string' || !value.includes('${')) this.source.fault([...this.path, name], `must be ${what}`);
    return undefined;
  }
}

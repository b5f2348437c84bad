import { isMapping, type Path, type Source } from './source.ts';

/** What the file may ask for that is not in it. */
export interface Lookups {
  /** A variable of the environment. */
  readonly env: (name: string) => string | undefined;
  /** `${config('AccountID')}` and the like. */
  readonly config: (name: string) => string | undefined;
}

/** Nothing was found; the fault is told already. */
const missing = Symbol('missing');

/**
 * The values of a file with their variables: `${env('X', 'else')}`, `${vars.x}`, `${config('AccountID')}`, `${resources.a.props.x}` (`services` in the layout
 * of 2.0) and `${this.props.x}`, with or without quotes. A text that is one variable has its value's type; inside a text it is written into it.
 */
export class Variables {
  readonly #source: Source;
  readonly #lookups: Lookups;
  /** Paths that are being resolved, to see a circle. */
  readonly #open: string[] = [];

  constructor(source: Source, lookups: Lookups) {
    this.#source = source;
    this.#lookups = lookups;
  }

  /** The value at a path; undefined where there is none. What is wrong becomes a fault of the source. */
  at(path: Path): unknown {
    let value: unknown = this.#source.value;
    for (const step of path) value = isMapping(value) || Array.isArray(value) ? own(value, step) : undefined;
    return this.#resolve(value, path);
  }

  #resolve(value: unknown, path: Path): unknown {
    if (typeof value === 'string') return this.#text(value, path);
    if (Array.isArray(value)) return value.map((each, i) => this.#resolve(each, [...path, i]));
    if (!isMapping(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, this.#resolve(each, [...path, name])]));
  }

  #text(text: string, path: Path): unknown {
    const parts = text.split(/(\$\{[^{}]*\})/);
    if (parts.length === 1) return text;
    const values = parts.map((part) =>
      part.startsWith('${') && part.endsWith('}') ? this.#variable(part.slice(2, -1).trim(), path) : part,
    );
    // Its fault is told; the text stands for a value, so that nothing else is missed.
    if (values.includes(missing)) return text;
    const given = values.filter((value) => value !== '');
    if (given.length === 1) return given[0];
    const texts = values.map((value) => (value !== null && typeof value === 'object' ? undefined : String(value)));
    if (!texts.includes(undefined)) return texts.join('');
    this.#source.fault(path, 'a list or a mapping cannot be written into a text');
    return text;
  }

  #variable(expression: string, path: Path): unknown {
    const { name, args } = callOf(expression);
    if (name === 'env' && args) return this.#given('the environment', this.#lookups.env, args, path);
    if (name === 'config' && args) return this.#given('the configuration', this.#lookups.config, args, path);
    const target = args ? undefined : this.#target(expression.split('.'), path);
    if (target === undefined) {
      this.#source.fault(path, `\${${expression}} is not understood; there are env, vars, config, resources and this`);
      return missing;
    }
    const key = target.join('.');
    if (this.#open.includes(key)) {
      this.#source.fault(path, `\${${expression}} refers to itself`);
      return missing;
    }
    this.#open.push(key);
    const value = this.at(target);
    this.#open.pop();
    if (value !== undefined) return value;
    this.#source.fault(path, `there is no ${key}`);
    return missing;
  }

  #given(where: string, lookup: Lookups['env'], [name = '', fallback]: readonly string[], path: Path): unknown {
    const value = lookup(name) ?? fallback;
    if (value !== undefined) return value;
    this.#source.fault(path, `${where} has no ${name}`);
    return missing;
  }

  #target([first = '', ...rest]: readonly string[], path: Path): Path | undefined {
    if (rest.length === 0) return undefined;
    if (first === 'vars' || first === 'resources' || first === 'services') return [first, ...rest];
    return first === 'this' ? [...path.slice(0, 2), ...rest] : undefined;
  }
}

function own(value: Record<string, unknown> | unknown[], step: string | number): unknown {
  return Object.hasOwn(value, step) ? (value as Record<string | number, unknown>)[step] : undefined;
}

/** `name('a', "b", c)`, or no call at all. */
function callOf(expression: string): { name: string; args?: string[] } {
  const at = expression.indexOf('(');
  if (at < 0 || !expression.endsWith(')')) return { name: expression };
  const args = expression.slice(at + 1, -1).split(',');
  return { name: expression.slice(0, at).trim(), args: args.map((arg) => unquoted(arg.trim())) };
}

function unquoted(text: string): string {
  const quote = text[0];
  return text.length > 1 && (quote === "'" || quote === '"') && text.endsWith(quote) ? text.slice(1, -1) : text;
}

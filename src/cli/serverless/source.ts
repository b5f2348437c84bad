import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Document, LineCounter } from 'yaml';
import { CliFailure } from '../failure.ts';

/** Keys and indexes from the top of the file. */
export type Path = readonly (string | number)[];

/** A path as people write it: resources.a.props.triggers[0].triggerName. */
export function pathText(path: Path): string {
  return path.map((step, i) => (typeof step === 'number' ? `[${step}]` : `${i > 0 ? '.' : ''}${step}`)).join('');
}

/** A YAML file, where each of its values is written, and what is wrong with it. */
export class Source {
  readonly path: string;
  readonly folder: string;
  readonly value: Record<string, unknown>;
  /** What is read and not carried out, for people. */
  readonly notes: string[] = [];
  readonly #faults: string[] = [];
  readonly #document: Document;
  readonly #lines: LineCounter;

  private constructor(path: string, document: Document, lines: LineCounter, value: Record<string, unknown>) {
    this.path = path;
    this.folder = dirname(path);
    this.#document = document;
    this.#lines = lines;
    this.value = value;
  }

  /** @throws CliFailure 2 when it cannot be read or is no YAML mapping */
  static async open(path: string): Promise<Source> {
    const text = await readFile(path, 'utf8').catch((error: Error) => {
      throw new CliFailure(2, `${path} cannot be read: ${error.message}`, {
        next: 'Name the file with --file, or run this in its folder.',
      });
    });
    const { LineCounter, parseDocument } = await import('yaml');
    const lines = new LineCounter();
    const document = parseDocument(text, { lineCounter: lines, merge: true });
    const [error] = document.errors;
    if (error) throw new CliFailure(2, `${path} is no YAML: ${error.message}`);
    let value: unknown;
    try {
      value = document.toJS();
    } catch (cause) {
      throw new CliFailure(2, `${path} is no YAML: ${cause instanceof Error ? cause.message : cause}`);
    }
    if (!isMapping(value)) throw new CliFailure(2, `${path} must be a mapping, as s.yaml is.`);
    return new Source(path, document, lines, value);
  }

  /** The line on which a value, or what would hold it, is written; from 1. */
  lineOf(path: Path): number {
    for (let length = path.length; length >= 0; length--) {
      const node = this.#document.getIn(path.slice(0, length), true) as { range?: [number, number, number] | null } | undefined;
      if (node?.range) return this.#lines.linePos(node.range[0]).line;
    }
    return 1;
  }

  /** Whether something is written at a path. */
  has(path: Path): boolean {
    return this.#document.getIn(path, true) !== undefined;
  }

  /** `s.yaml:12: resources.a.props.timeout: ` and what is told of it. */
  told(path: Path, message: string): string {
    return `${this.path}:${this.lineOf(path)}: ${pathText(path)}: ${message}`;
  }

  fault(path: Path, message: string): void {
    this.#faults.push(this.told(path, message));
  }

  note(path: Path, message: string): void {
    this.notes.push(this.told(path, message));
  }

  /** @throws CliFailure 2 that has every fault found so far */
  check(): void {
    if (this.#faults.length === 0) return;
    throw new CliFailure(2, [`${this.path} is not understood.`, ...this.#faults].join('\n'));
  }
}

export function isMapping(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

const mostNames = 3_000;
const className = /^[\p{L}_$][\p{L}\p{N}_$.]{0,300}$/u;

/**
 * Names of the library classes that instances of a revision loaded: a warm process reads these ahead, without running anything of them. The
 * handler's own package is left to the instance.
 */
export class LibraryClasses {
  readonly #names = new Set<string>();
  readonly #own: string;

  constructor(handler: string) {
    this.#own = packageOf(handler.split('::')[0] as string);
  }

  get names(): string[] {
    return [...this.#names];
  }

  /** @param text names, one a line; the word of user code */
  add(text: string): void {
    for (const name of text.split('\n')) {
      if (this.#names.size >= mostNames) return;
      if (className.test(name) && packageOf(name) !== this.#own) this.#names.add(name);
    }
  }
}

function packageOf(name: string): string {
  return name.slice(0, Math.max(0, name.lastIndexOf('.')));
}

/** Lines that are kept from the beginning, and from the end. */
const firstLines = 300;
const lastLines = 50;
const lineLetters = 4_096;

/** What a function printed for one request: the first lines and the last ones. */
export class PrintedLines {
  #first: string[] | undefined;
  #last: string[] | undefined;
  /** Lines between them that are not kept. */
  leftOut = 0;

  get isEmpty(): boolean {
    return this.#first === undefined;
  }

  add(text: string): void {
    const line = text.length > lineLetters ? `${text.slice(0, lineLetters)}…` : text;
    this.#first ??= [];
    if (this.#first.length < firstLines) {
      this.#first.push(line);
      return;
    }
    this.#last ??= [];
    if (this.#last.push(line) <= lastLines) return;
    this.#last.shift();
    this.leftOut += 1;
  }

  all(): readonly string[] {
    if (!this.#first) return [];
    return this.#last ? [...this.#first, ...this.#last] : this.#first;
  }
}

import { every, monotonic, type Timer } from '../kit/index.ts';
import { bytesText, shown, widthOf } from './output.ts';

/** What a moving line needs of standard error. */
export interface Terminal {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

const drawMs = 150;
/** The rate is that of the last seconds. */
const windowMs = 4_000;

interface Line {
  readonly name: string;
  readonly done: number;
  /** Undefined when nobody knows. */
  readonly total?: number | undefined;
  /** Bytes a second; undefined before it is known. */
  readonly rate?: number | undefined;
  readonly columns: number;
}

/** One line that says how far it is, as wide as the terminal lets it be: name, bar, per cent, bytes, rate, time left. What does not fit goes in that order. */
export function progressLine({ name, done, total, rate, columns }: Line): string {
  const share = total === undefined || total === 0 ? undefined : Math.min(1, done / total);
  const left = share === undefined || !rate || total === undefined ? undefined : timeText((total - done) / rate);
  const percent = share === undefined ? '' : `${String(Math.floor(share * 100)).padStart(3)}%`;
  const bytes = total === undefined ? bytesText(done) : `${bytesText(done)} of ${bytesText(total)}`;
  const figures = [percent, bytes, rate === undefined ? '' : `${bytesText(rate)}/s`, left === undefined ? '' : `${left} left`];
  const tail = figures.filter((text) => text !== '').join('  ');
  const room = columns - 1 - widthOf(tail);
  if (room < 10) return cut(tail, columns - 1);
  const label = cut(shown(name), Math.min(30, room - 2));
  const barRoom = room - widthOf(label) - 4;
  if (share === undefined || barRoom < 10) return `${label}  ${tail}`;
  const width = Math.min(barRoom - 2, 30);
  const full = Math.floor(share * width);
  return `${label}  [${'#'.repeat(full)}${' '.repeat(width - full)}]  ${tail}`;
}

/** Cuts a text to a width, and says so. */
function cut(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  let kept = '';
  for (const letter of text) {
    if (widthOf(kept + letter) > width - 2) break;
    kept += letter;
  }
  return `${kept}..`;
}

/** Seconds as m:ss or h:mm:ss. */
export function timeText(seconds: number): string {
  const whole = Math.ceil(seconds);
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (value: number) => String(value).padStart(2, '0');
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** How far a transfer is: a line that moves on a terminal, nothing in a pipe. */
export class Progress {
  readonly #name: string;
  readonly #out: Terminal | undefined;
  readonly #timer: Timer | undefined;
  readonly #begun = monotonic();
  readonly #samples: { at: number; done: number }[] = [];
  #done = 0;
  #moved = 0;
  #total: number | undefined;
  #drawn = false;

  /** @param total bytes, when known */
  constructor(name: string, total: number | undefined, out: Terminal = process.stderr) {
    this.#name = name;
    this.#total = total;
    this.#out = out.isTTY ? out : undefined;
    if (this.#out) this.#timer = every(drawMs, () => this.#draw());
  }

  /** Bytes were moved; negative ones have to be moved again. */
  add(bytes: number): void {
    this.#done += bytes;
    this.#moved += Math.max(0, bytes);
  }

  /** Bytes that were there before. */
  skip(bytes: number): void {
    this.#done += bytes;
  }

  set total(total: number | undefined) {
    this.#total = total;
  }

  /** Takes the line away. @returns what was moved, for people */
  end(): string {
    this.#timer?.cancel();
    if (this.#drawn) this.#out?.write('\r\x1b[K');
    const seconds = (monotonic() - this.#begun) / 1000;
    return `${bytesText(this.#moved)} in ${seconds.toFixed(1)} s${seconds > 0.05 ? `, ${bytesText(this.#moved / seconds)}/s` : ''}`;
  }

  #draw(): void {
    const at = monotonic();
    this.#samples.push({ at, done: this.#moved });
    while (this.#samples.length > 2 && at - (this.#samples[0]?.at ?? at) > windowMs) this.#samples.shift();
    const first = this.#samples[0];
    const span = first ? at - first.at : 0;
    const rate = first && span > 500 ? ((this.#moved - first.done) * 1000) / span : undefined;
    const line = { name: this.#name, done: this.#done, total: this.#total, rate, columns: this.#out?.columns ?? 80 };
    this.#out?.write(`\r${progressLine(line)}\x1b[K`);
    this.#drawn = true;
  }
}

/** Where the parts of a form begin and end (RFC 2046 section 5.1.1): at most so many characters. */
const boundaryCharacters = 70;
const boundaryForm = /^[0-9A-Za-z'()+_,\-./:=? ]*[0-9A-Za-z'()+_,\-./:=?]$/;
const lineEnd = Buffer.from('\r\n');
const headEnd = Buffer.from('\r\n\r\n');
const dashes = Buffer.from('--');
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A form that is not well-formed, or larger than the limits; the message says where. */
export class FormError extends Error {
  override readonly name = 'FormError';
  readonly reason: 'malformed' | 'too-long';
  constructor(reason: 'malformed' | 'too-long', message: string) {
    super(message);
    this.reason = reason;
  }
}

/** What a part of a form says of itself. */
export interface FormPart {
  readonly name: string;
  /** As the client sent it, perhaps with a path. */
  readonly filename?: string;
  readonly contentType?: string;
}

export interface FormLimits {
  /** Most bytes of the head of one part. */
  headBytes: number;
  /** Most bytes of all heads and values together, that of a streamed part excepted. */
  totalBytes: number;
}

/** A header value `first; name=value; name="value"`, names in lower case. Of a name that comes twice the first counts. */
export function readParameters(text: string): { first: string; parameters: Map<string, string> } {
  const parameters = new Map<string, string>();
  let at = text.indexOf(';');
  const first = (at < 0 ? text : text.slice(0, at)).trim().toLowerCase();
  while (at >= 0 && at < text.length) {
    const equals = text.indexOf('=', at);
    if (equals < 0) break;
    const name = text
      .slice(at + 1, equals)
      .trim()
      .toLowerCase();
    const { value, end } = readValue(text, equals + 1);
    if (!parameters.has(name)) parameters.set(name, value);
    at = text.indexOf(';', end);
  }
  return { first, parameters };
}

/** A token or a quoted string. A backslash escapes a quote only: browsers of old send paths of Windows as they are. */
function readValue(text: string, from: number): { value: string; end: number } {
  let at = from;
  while (text[at] === ' ') at += 1;
  if (text[at] !== '"') {
    const semicolon = text.indexOf(';', at);
    const end = semicolon < 0 ? text.length : semicolon;
    return { value: text.slice(at, end).trim(), end };
  }
  let value = '';
  for (at += 1; at < text.length && text[at] !== '"'; at += 1) {
    if (text[at] === '\\' && text[at + 1] === '"') at += 1;
    value += text[at];
  }
  return { value, end: at + 1 };
}

/** The boundary of a multipart/form-data request. @throws FormError malformed, also for any other Content-Type */
export function boundaryOf(contentType: string | undefined): string {
  const { first, parameters } = readParameters(contentType ?? '');
  if (first !== 'multipart/form-data') throw new FormError('malformed', 'The Content-Type is not multipart/form-data.');
  const boundary = parameters.get('boundary') ?? '';
  if (boundary.length > boundaryCharacters || !boundaryForm.test(boundary))
    throw new FormError('malformed', 'The Content-Type has no boundary of 1 to 70 allowed characters.');
  return boundary;
}

/**
 * Reads multipart/form-data (RFC 7578) part by part as it comes. Nothing is held but the head or value at hand and, of a body that is streamed, the
 * bytes that may begin a delimiter. Parts are read in order: next(), then text() or body(), or neither to pass the part over.
 */
export class FormReader {
  readonly #source: AsyncIterator<Buffer>;
  readonly #delimiter: Buffer;
  readonly #limits: FormLimits;
  /** Bytes that came in and were not used. The first delimiter may stand at the very beginning, without a line end. */
  #held: Buffer = lineEnd;
  #at: 'head' | 'body' | 'end' = 'body';
  #total = 0;

  constructor(source: AsyncIterable<Buffer>, boundary: string, limits: FormLimits) {
    this.#source = source[Symbol.asyncIterator]();
    this.#delimiter = Buffer.from(`\r\n--${boundary}`, 'latin1');
    this.#limits = limits;
  }

  /** The next part, or undefined behind the last; then all of the source was read. @throws FormError */
  async next(): Promise<FormPart | undefined> {
    if (this.#at === 'end') return undefined;
    // Before the first part this is what stands in front of it, which nobody sends.
    if (this.#at === 'body') for await (const piece of this.body()) this.#count(piece.length);
    const line = await this.#upTo(lineEnd, dashes);
    if (line === undefined) return this.#finish();
    if (/[^ \t]/.test(line)) throw new FormError('malformed', 'Something else than a line end follows a delimiter.');
    return this.#readHead();
  }

  /** The value of the part at hand, in UTF-8. @throws FormError */
  async text(): Promise<string> {
    const pieces: Buffer[] = [];
    for await (const piece of this.body()) {
      this.#count(piece.length);
      pieces.push(piece);
    }
    try {
      return utf8.decode(Buffer.concat(pieces));
    } catch {
      throw new FormError('malformed', 'A field is not UTF-8.');
    }
  }

  /** The bytes of the part at hand, of any number. @throws FormError when the form ends before the part does */
  async *body(): AsyncGenerator<Buffer> {
    const delimiter = this.#delimiter;
    for (;;) {
      const at = this.#held.indexOf(delimiter);
      // What may be the beginning of a delimiter is kept until more is known.
      const sure = at >= 0 ? at : this.#held.length - delimiter.length + 1;
      const piece = this.#held.subarray(0, Math.max(0, sure));
      if (at >= 0) {
        this.#held = this.#held.subarray(at + delimiter.length);
        this.#at = 'head';
      } else if (sure > 0) this.#held = this.#held.subarray(sure);
      if (piece.length > 0) yield piece;
      if (at >= 0) return;
      await this.#more();
    }
  }

  /** Ends the reading before the form ends; what is still to come is the business of whoever opened the source. */
  async close(): Promise<void> {
    if (this.#at !== 'end') await this.#source.return?.();
    this.#at = 'end';
  }

  async #more(): Promise<void> {
    const { done, value } = await this.#source.next();
    if (done) throw new FormError('malformed', 'It ends before its closing delimiter.');
    this.#held = this.#held.length === 0 ? value : Buffer.concat([this.#held, value]);
  }

  /** Text up to an ending, which is dropped; undefined when it begins with the other one. */
  async #upTo(ending: Buffer, instead?: Buffer): Promise<string | undefined> {
    for (;;) {
      if (instead && this.#held.length >= instead.length && this.#held.subarray(0, instead.length).equals(instead)) return undefined;
      const at = this.#held.indexOf(ending);
      if (at > this.#limits.headBytes || (at < 0 && this.#held.length > this.#limits.headBytes + ending.length))
        throw new FormError('too-long', `The head of a part has more than ${this.#limits.headBytes} bytes.`);
      if (at >= 0) {
        const text = this.#held.toString('utf8', 0, at);
        this.#count(at);
        this.#held = this.#held.subarray(at + ending.length);
        return text;
      }
      await this.#more();
    }
  }

  async #readHead(): Promise<FormPart> {
    const head = (await this.#upTo(headEnd)) ?? '';
    this.#at = 'body';
    let disposition: ReturnType<typeof readParameters> | undefined;
    let contentType: string | undefined;
    for (const line of head.split('\r\n')) {
      const colon = line.indexOf(':');
      const name = line.slice(0, Math.max(0, colon)).trim().toLowerCase();
      if (name === 'content-disposition') disposition = readParameters(line.slice(colon + 1));
      else if (name === 'content-type') contentType = line.slice(colon + 1).trim();
    }
    const name = disposition?.parameters.get('name');
    if (disposition?.first !== 'form-data' || name === undefined)
      throw new FormError('malformed', 'A part has no Content-Disposition: form-data with a name.');
    const filename = filenameIn(disposition.parameters);
    return { name, ...(filename === undefined ? {} : { filename }), ...(contentType === undefined ? {} : { contentType }) };
  }

  #count(bytes: number): void {
    this.#total += bytes;
    if (this.#total > this.#limits.totalBytes)
      throw new FormError('too-long', `All fields together have more than ${this.#limits.totalBytes} bytes.`);
  }

  /** What follows the closing delimiter means nothing, but may not be endless. */
  async #finish(): Promise<undefined> {
    this.#count(this.#held.length);
    for (;;) {
      const { done, value } = await this.#source.next();
      if (done) break;
      this.#count(value.length);
    }
    this.#at = 'end';
    return undefined;
  }
}

/** The file name; `filename*` (RFC 5987) is what clients send that do not trust UTF-8. */
function filenameIn(parameters: Map<string, string>): string | undefined {
  const extended = /^utf-8'[^']*'(.*)$/i.exec(parameters.get('filename*') ?? '')?.[1];
  if (extended === undefined) return parameters.get('filename');
  try {
    return decodeURIComponent(extended);
  } catch {
    return parameters.get('filename');
  }
}

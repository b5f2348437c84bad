'use strict';
/** Sends a Response as the answer, over the connection of the instance, never more than the server granted. */

const { initialCredit, type } = require('./wire.cjs');

/** What the headers of an answer may take. */
const headerBytes = 48 * 1024;
/** Largest piece of a body in one frame. */
const pieceBytes = 128 * 1024;

/** One answer under way: what the server granted, and whether it still wants it. */
class Answer {
  #connection;
  #id;
  #credit = initialCredit;
  #wake = () => {};
  #refusal;
  #controller = new AbortController();

  constructor(connection, id) {
    this.#connection = connection;
    this.#id = id;
  }

  /** Aborts when nobody waits for the answer any more. */
  get signal() {
    return this.#controller.signal;
  }
  /** Why the server does not take it: 'gone' when the client left, else a text. */
  get refusal() {
    return this.#refusal;
  }

  granted(bytes) {
    this.#credit += bytes;
    this.#wake();
  }

  /** The server takes no more of it. @param reason what was wrong with it; left out when only the client left */
  refused(reason) {
    if (this.#refusal !== undefined) return;
    this.#refusal = reason ?? 'gone';
    this.#controller.abort(new Error(reason ?? 'The client left.'));
    this.#wake();
  }

  head(status, headers) {
    if (JSON.stringify(headers).length > headerBytes)
      throw new RangeError(`The headers of the Response are larger than ${headerBytes} bytes`);
    this.#connection.send(type.answer, { id: this.#id, status, headers });
  }

  /** False when the server takes no more. */
  async write(bytes) {
    for (let at = 0; at < bytes.length; ) {
      while (this.#credit === 0 && this.#refusal === undefined) {
        await new Promise((resolve) => {
          this.#wake = resolve;
        });
      }
      if (this.#refusal !== undefined) return false;
      const end = Math.min(bytes.length, at + Math.min(this.#credit, pieceBytes));
      this.#credit -= end - at;
      this.#connection.send(type.chunk, { id: this.#id }, bytes.subarray(at, end));
      at = end;
    }
    return this.#refusal === undefined;
  }

  end() {
    this.#connection.send(type.end, { id: this.#id });
  }

  broken(message) {
    this.#connection.send(type.broken, { id: this.#id, message });
  }
}

/** Whether it is a Response, ours or that of a library. */
function isResponse(value) {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof value.status === 'number' &&
    typeof value.headers?.forEach === 'function' &&
    'body' in value
  );
}

/** Reads a body piece by piece: a web stream, or the Node stream of a library's Response. */
function readerOf(body) {
  if (typeof body.getReader === 'function') return body.getReader();
  const iterator = body[Symbol.asyncIterator]();
  return { read: () => iterator.next(), cancel: async () => iterator.return?.() };
}

function bytesOf(chunk) {
  if (chunk instanceof Uint8Array) return chunk;
  if (ArrayBuffer.isView(chunk)) return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  if (chunk instanceof ArrayBuffer) return new Uint8Array(chunk);
  throw new TypeError(`The body of the Response gave ${typeof chunk} instead of bytes. Encode text with TextEncoderStream.`);
}

const soon = () => new Promise((resolve) => setImmediate(resolve, undefined));

/**
 * The first chunk of a body, and the read behind it. A body that ends with its first chunk is known to be whole, without waiting for one that does not.
 */
async function open(reader) {
  const first = await reader.read();
  if (first.done) return { whole: new Uint8Array(0) };
  const bytes = bytesOf(first.value);
  const next = reader.read();
  next.catch(() => {});
  const second = await Promise.race([next, soon()]);
  return second?.done ? { whole: bytes } : { bytes, next };
}

function plainHeaders(response) {
  const headers = {};
  response.headers.forEach((value, name) => {
    headers[name.toLowerCase()] = value;
  });
  return headers;
}

/**
 * Sends the whole answer. Resolves when it is out, or when the server takes no more of it.
 * @param headOnly the client asked for the head alone: the body is counted where its length is not given
 * @throws what the body threw, after the server was told; TypeError for what is no Response
 */
async function sendResponse(response, answer, { headOnly, what }) {
  if (!isResponse(response)) throw new TypeError(`${what} returned ${shown(response)} instead of a Response`);
  if (response.status === 0) throw new TypeError(`${what} returned Response.error(). Throw an error instead, or answer with a status`);
  if (response.bodyUsed) throw new TypeError(`${what} returned a Response whose body was already read`);
  const headers = plainHeaders(response);
  const { body } = response;
  if (!body) {
    answer.head(response.status, headers);
    answer.end();
    return;
  }
  const reader = readerOf(body);
  const onRefusal = () => void Promise.resolve(reader.cancel(answer.signal.reason)).catch(() => {});
  answer.signal.addEventListener('abort', onRefusal, { once: true });
  if (headOnly && headers['content-length'] !== undefined) {
    answer.head(response.status, headers);
    answer.end();
    onRefusal();
    return;
  }
  await (headOnly ? sendLength(response, reader, answer, headers) : sendBody(response, reader, answer, headers));
}

async function sendLength(response, reader, answer, headers) {
  let length = 0;
  for (let part = await reader.read(); !part.done; part = await reader.read()) length += bytesOf(part.value).length;
  headers['content-length'] = String(length);
  answer.head(response.status, headers);
  answer.end();
}

async function sendBody(response, reader, answer, headers) {
  const start = await open(reader);
  if (start.whole) headers['content-length'] ??= String(start.whole.length);
  answer.head(response.status, headers);
  try {
    let wanted = await answer.write(start.whole ?? start.bytes);
    for (let read = start.next; wanted && read; read = reader.read()) {
      const part = await read;
      if (part.done) break;
      wanted = await answer.write(bytesOf(part.value));
    }
  } catch (error) {
    if (answer.refusal !== undefined) return;
    answer.broken(String(error?.message ?? error));
    throw error;
  }
  if (answer.refusal === undefined) answer.end();
}

function shown(value) {
  if (value === null || typeof value !== 'object') return String(value);
  return `an object of type ${value.constructor?.name ?? 'Object'}`;
}

module.exports = { Answer, sendResponse };

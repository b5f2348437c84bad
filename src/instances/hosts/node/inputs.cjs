'use strict';
/** Reads what the server holds for an invocation besides its event, over the connection of the instance. */

const { STATUS_CODES } = require('node:http');
const { type } = require('./wire.cjs');

/** Bytes of one input that the server may send ahead. */
const windowBytes = 1024 * 1024;
const bodiless = new Set([204, 205, 304]);
const over = 'The invocation is over: nothing of it can be read any more.';

/** The inputs of one invocation. */
class Inputs {
  #connection;
  #id;
  #next;
  #closed = false;
  #reading = new Map();

  /** @param held how many the server holds ready, by number from 0 */
  constructor(connection, id, held) {
    this.#connection = connection;
    this.#id = id;
    this.#next = held;
  }

  /** All bytes of an input that the server holds ready, which is read once. @throws Error when the server cannot read it to its end */
  read(input) {
    return new Promise((resolve, reject) => {
      const chunks = [];
      let taken = 0;
      const want = (bytes) => this.#send(type.wanted, input, { bytes });
      const take = (body) => {
        chunks.push(body);
        taken += body.length;
        if (taken < windowBytes / 2) return;
        want(taken);
        taken = 0;
      };
      const end = (message) => (message === undefined ? resolve(Buffer.concat(chunks)) : reject(new Error(message)));
      this.#reading.set(input, { take, end });
      want(windowBytes);
    });
  }

  /**
   * The original as a Response, as the store answers a GetObject with these headers: also 304, 404 and 416.
   * @param headers plain ones, by name
   * @param signal ends the read
   */
  original(headers, signal) {
    if (this.#closed) return Promise.reject(new Error(over));
    const input = this.#next++;
    const read = new OriginalRead(
      (kind, more) => this.#send(kind, input, more),
      () => this.#reading.delete(input),
    );
    this.#reading.set(input, read);
    return read.ask(headers, signal);
  }

  #send(kind, input, more) {
    this.#connection.send(kind, { id: this.#id, input, ...more });
  }

  headed({ input, status, headers, whole }, body) {
    this.#reading.get(input)?.head(status, headers, whole ? body : undefined);
  }

  taken(input, body) {
    this.#reading.get(input)?.take(body);
  }

  ended(input, message) {
    const reading = this.#reading.get(input);
    this.#reading.delete(input);
    reading?.end(message);
  }

  /** The invocation is over. */
  close() {
    this.#closed = true;
    for (const [input, reading] of this.#reading) {
      this.#reading.delete(input);
      reading.end(over);
    }
  }
}

/** One read of the original. */
class OriginalRead {
  #send;
  #forget;
  #resolve;
  #reject;
  #controller;
  #signal;
  #onAbort;
  /** Bytes that were handed on since the server was last told to send more. */
  #taken = 0;
  #over = false;

  /** @param send sends a frame of it @param forget no more frames of it are wanted */
  constructor(send, forget) {
    this.#send = send;
    this.#forget = forget;
  }

  ask(headers, signal) {
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
      if (signal?.aborted) {
        this.#close();
        reject(signal.reason);
        return;
      }
      if (signal) {
        this.#signal = signal;
        const onAbort = () => this.#drop(signal.reason);
        this.#onAbort = onAbort;
        signal.addEventListener('abort', onAbort, { once: true });
      }
      this.#send(type.read, { headers, bytes: windowBytes });
    });
  }

  head(status, pairs, whole) {
    const headers = new Headers();
    for (let i = 0; i + 1 < pairs.length; i += 2) headers.append(pairs[i], pairs[i + 1]);
    if (whole) this.#close();
    const body = bodiless.has(status) ? null : (whole ?? this.#stream());
    this.#resolve(new Response(body, { status, statusText: STATUS_CODES[status] ?? '', headers }));
  }

  /** The body; the server sends what is taken from it anew. */
  #stream() {
    return new ReadableStream({
      start: (controller) => {
        this.#controller = controller;
      },
      pull: () => {
        if (this.#over || this.#taken < windowBytes / 4) return;
        this.#send(type.wanted, { bytes: this.#taken });
        this.#taken = 0;
      },
      cancel: () => this.#drop(),
    });
  }

  take(body) {
    this.#taken += body.length;
    this.#controller?.enqueue(new Uint8Array(body.buffer, body.byteOffset, body.length));
  }

  end(message) {
    this.#close();
    if (message === undefined) this.#controller?.close();
    else this.#fail(new Error(message));
  }

  /** Whoever reads it wants no more. */
  #drop(reason) {
    if (this.#over) return;
    this.#close();
    this.#send(type.dropped);
    if (reason !== undefined) this.#fail(reason);
  }

  #fail(reason) {
    this.#reject(reason);
    this.#controller?.error(reason);
  }

  #close() {
    this.#over = true;
    this.#signal?.removeEventListener('abort', this.#onAbort);
    this.#forget();
  }
}

module.exports = { Inputs };

'use strict';
/** Frames between the server and this host: u32 length, u8 type, u32 length of the JSON head, head, raw bytes (big endian). */

const type = {
  config: 1,
  ready: 2,
  begin: 3,
  initialising: 16,
  serving: 17,
  invoke: 18,
  result: 19,
  error: 20,
  preStop: 21,
  stopped: 22,
  answer: 32,
  chunk: 33,
  end: 34,
  broken: 35,
  credit: 36,
  wanted: 40,
  input: 41,
  inputEnd: 42,
  read: 43,
  inputHead: 44,
  dropped: 45,
};

/** Bytes of an answer's body that may be sent before the server grants more. */
const initialCredit = 256 * 1024;
/** Largest body of a result (Function Compute limits, synchronous payload). */
const maxBody = 32 * 1024 * 1024;
/** What waits is written at once when it grows beyond this. Bytes. */
const batch = 64 * 1024;
const fixed = 9;
const nothing = Buffer.alloc(0);

/** One socket of frames. Frames of one turn of the event loop leave in one write. */
class Connection {
  #socket;
  #waiting = [];
  #bytes = 0;
  #scheduled = false;
  #flush = () => this.flush();

  /** @param take called with (type, head, body) for every frame @param lost called once when the server is gone */
  constructor(socket, take, lost) {
    this.#socket = socket;
    const reader = new Reader(take);
    socket.on('data', (chunk) => reader.push(chunk));
    socket.on('error', lost);
    socket.on('end', lost);
    socket.on('close', lost);
  }

  send(kind, head, body = nothing) {
    const text = JSON.stringify(head);
    const size = Buffer.byteLength(text);
    const start = Buffer.allocUnsafe(fixed + size);
    start.writeUInt32BE(5 + size + body.length, 0);
    start[4] = kind;
    start.writeUInt32BE(size, 5);
    start.write(text, fixed);
    this.#waiting.push(start);
    if (body.length > 0) this.#waiting.push(body);
    this.#bytes += start.length + body.length;
    if (this.#bytes > batch) this.flush();
    else if (!this.#scheduled) {
      this.#scheduled = true;
      setImmediate(this.#flush);
    }
  }

  flush() {
    this.#scheduled = false;
    const waiting = this.#waiting;
    if (waiting.length === 0) return;
    this.#waiting = [];
    const whole = this.#bytes <= batch;
    this.#bytes = 0;
    if (whole) {
      this.#socket.write(waiting.length === 1 ? waiting[0] : Buffer.concat(waiting));
      return;
    }
    this.#socket.cork();
    for (const piece of waiting) this.#socket.write(piece);
    this.#socket.uncork();
  }

  /** Resolves when everything sent so far was handed to the system. */
  flushed() {
    this.flush();
    return new Promise((resolve) => this.#socket.write(nothing, () => resolve()));
  }
}

/** Cuts a byte stream back into frames. */
class Reader {
  #take;
  #held = [];
  #size = 0;
  #needed = fixed;

  constructor(take) {
    this.#take = take;
  }

  push(chunk) {
    this.#held.push(chunk);
    this.#size += chunk.length;
    if (this.#size < this.#needed) return;
    const bytes = this.#held.length === 1 ? chunk : Buffer.concat(this.#held, this.#size);
    let at = 0;
    this.#needed = fixed;
    while (bytes.length - at >= this.#needed) {
      const end = at + 4 + bytes.readUInt32BE(at);
      if (end > bytes.length) {
        this.#needed = end - at;
        break;
      }
      const body = at + fixed + bytes.readUInt32BE(at + 5);
      const head = JSON.parse(bytes.toString('utf8', at + fixed, body));
      this.#take(bytes[at + 4], head, bytes.subarray(body, end));
      at = end;
    }
    this.#size = bytes.length - at;
    this.#held = this.#size === 0 ? [] : [bytes.subarray(at)];
  }
}

module.exports = { Connection, initialCredit, maxBody, type };

'use strict';
/** The web-standard form: `export default { fetch(request, context) }`. */

const { Answer, sendResponse } = require('./answer.cjs');
const { Context } = require('./context.cjs');
const { Inputs } = require('./inputs.cjs');
const { readOriginal } = require('./original.cjs');

/** The Context of Function Compute, with what a transform needs besides. */
class TransformContext extends Context {
  #inputOssUrl;
  #inputs;
  #signal;
  #late = [];
  #failures = [];

  /** @param inputs those of the invocation, where the server lets it read the original over its own connection */
  constructor(about, meta, logger, event, signal, inputs) {
    super(about, meta, logger);
    this.event = event;
    this.#inputOssUrl = event?.getObjectContext?.inputOssUrl;
    this.#signal = signal;
    if (meta.original) this.#inputs = inputs;
  }

  /** The source object as a Response; `headers` such as Range or If-None-Match go along. */
  original(init) {
    const read = this.#read(init);
    // A read that nobody waits for ends with its invocation, and must not end the instance: other invocations run there.
    read.catch(() => {});
    return read;
  }

  async #read({ headers, signal = this.#signal } = {}) {
    if (typeof this.#inputOssUrl !== 'string') throw new Error('There is no original: the event is not that of a GetObject.');
    const plain = headers === undefined ? {} : Object.fromEntries(new Headers(headers));
    return this.#inputs ? this.#inputs.original(plain, signal) : readOriginal(this.#inputOssUrl, { headers: plain, signal });
  }

  /** Keeps the invocation open for work behind the answer. */
  waitUntil(promise) {
    this.#late.push(Promise.resolve(promise).catch((error) => this.#failures.push(error)));
  }

  /** Resolves when all of that work is done; what failed of it is returned. */
  async settled() {
    for (let i = 0; i < this.#late.length; i++) await this.#late[i];
    return this.#failures;
  }
}

/** The client's request, or for an event that is no GetObject a POST with the event as its body. */
function requestOf(event, bytes, signal) {
  const asked = event?.userRequest;
  if (typeof asked?.url !== 'string') {
    return new Request('http://function.invalid/', { method: 'POST', body: bytes, signal });
  }
  const headers = new Headers();
  for (const [name, value] of Object.entries(asked.headers ?? {})) {
    try {
      headers.append(name, value);
    } catch {
      // The store lets names and values pass that no Headers object holds.
    }
  }
  return new Request(asked.url, { method: asked.method ?? 'GET', headers, signal });
}

function parse(bytes) {
  try {
    const event = JSON.parse(bytes.toString());
    return typeof event === 'object' ? event : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Serves one event. The Response is the answer where the server waits for one, else its body is the result.
 * @returns the bytes of the result
 */
async function serveWeb(web, { about, meta, logger, bytes, connection, answers, inputs, onLate }) {
  if (typeof Response === 'undefined') {
    throw new Error(`The form with fetch(request, context) needs Node 18 or newer; this is Node ${process.versions.node}`);
  }
  const event = parse(bytes);
  const answer = new Answer(connection, meta.id);
  if (meta.answer) answers.set(meta.id, answer);
  try {
    const own = new Inputs(connection, meta.id, meta.inputs ?? 0);
    inputs.set(meta.id, own);
    const context = new TransformContext(about, meta, logger, event, answer.signal, own);
    // For functions that come with the server.
    if (meta.inputs) context.input = (number) => own.read(number);
    const request = requestOf(event, bytes, answer.signal);
    const response = await web.fetch(request, context);
    const what = 'fetch(request, context)';
    let result = Buffer.alloc(0);
    if (meta.answer) await sendResponse(response, answer, { headOnly: request.method === 'HEAD', what });
    else result = await resultOf(response, what);
    for (const error of await context.settled()) onLate(error);
    if (answer.refusal !== undefined && answer.refusal !== 'gone') throw new Error(answer.refusal);
    return result;
  } catch (error) {
    // Of a request whose client left, only the end matters.
    if (answer.refusal !== 'gone') throw error;
    return Buffer.alloc(0);
  } finally {
    answers.delete(meta.id);
    inputs.get(meta.id)?.close();
    inputs.delete(meta.id);
  }
}

async function resultOf(response, what) {
  if (typeof response?.arrayBuffer !== 'function') throw new TypeError(`${what} did not return a Response`);
  return Buffer.from(await response.arrayBuffer());
}

module.exports = { serveWeb };

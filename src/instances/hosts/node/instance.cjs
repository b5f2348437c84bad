'use strict';
/** One instance: loads the handler, runs the initializer once, serves invocations, each in an asynchronous context of its own. */

const { Context } = require('./context.cjs');
const { describe, setCode } = require('./errors.cjs');
const { loadHandler, loadHook } = require('./load.cjs');
const output = require('./output.cjs');
const { maxBody, type } = require('./wire.cjs');

class ResultTooLarge extends Error {
  name = 'ResultTooLarge';
}

/**
 * Calls a handler or a hook with a callback as its last argument. A promise that it returns decides, and so does a value, unless it has a parameter for the
 * callback.
 */
function call(target, args) {
  return new Promise((resolve, reject) => {
    let told = false;
    let waits = false;
    let failure;
    let value;
    const settle = () => (failure === undefined ? resolve(value) : reject(failure));
    const done = (error, result) => {
      if (told) return;
      told = true;
      if (error === undefined || error === null) value = result;
      else failure = asHandled(error);
      if (waits) settle();
    };
    const returned = target(...args, done);
    if (typeof returned?.then === 'function') returned.then((result) => (result === undefined ? settle() : resolve(result)), reject);
    else if (told) settle();
    else if (expectsCallback(target, args.length, returned)) waits = true;
    else resolve(returned);
  });
}

/** Whether a function that returned no promise may still call back: it has a parameter for the callback, or may reach it without one. */
function expectsCallback(target, count, returned) {
  if (target.length > count) return true;
  return returned === undefined && target.length === 0 && /\.\.\.|\barguments\b/.test(Function.prototype.toString.call(target));
}

/** On errors that the function gave to its callback instead of throwing them. */
const handled = Symbol('handled');

function asHandled(error) {
  const object = Object(error) === error ? error : new Error(String(error));
  try {
    object[handled] = true;
  } catch {
    // A frozen one counts as thrown.
  }
  return object;
}

/** The result as bytes: text and bytes as they are, anything else as JSON; undefined is null. */
function encode(result) {
  let body;
  if (typeof result === 'string') body = Buffer.from(result);
  else if (result instanceof Uint8Array) body = Buffer.from(result.buffer, result.byteOffset, result.byteLength);
  else if (result instanceof ArrayBuffer) body = Buffer.from(result);
  else body = Buffer.from(JSON.stringify(result ?? null) ?? 'null');
  if (body.length > maxBody) {
    throw new ResultTooLarge(
      `The function returned ${body.length} bytes; the limit is ${maxBody}. Send large answers with WriteGetObjectResponse`,
    );
  }
  return body;
}

const kilobytes = () => process.resourceUsage().maxRSS;

class Instance {
  #connection;
  #config;
  #order;
  #serve;
  #preStop;
  #logger = output.makeLogger();
  #credentials;
  /** Invocations that run, by id. */
  #running = new Map();
  /** Answers under way, by the id of their invocation. */
  #answers = new Map();
  /** Inputs that are read, by the id of their invocation. */
  #inputs = new Map();

  constructor(connection, config, order) {
    this.#connection = connection;
    this.#config = config;
    this.#order = order;
    this.#credentials = order.credentials;
    setCode(config.code);
    output.open(order.marker, config.concurrency > 1);
  }

  /** Loads the handler and runs the initializer; tells the server how that went. */
  start() {
    process.on('uncaughtException', (error, origin) => this.#uncaught(error, origin));
    return output.within(this.#order.request, async (invocation) => {
      let phase = 'import';
      try {
        const { code, handler, initializer, preStop } = this.#config;
        this.#serve = this.#serverOf(await loadHandler(code, handler));
        if (preStop) this.#preStop = await loadHook(code, preStop, 'preStop hook');
        if (initializer) {
          const hook = await loadHook(code, initializer, 'initializer');
          phase = 'initializer';
          this.#connection.send(type.initialising, {});
          await call(hook, [new Context(this.#config.about, { id: this.#order.request, ...this.#credentials }, this.#logger)]);
        }
      } catch (error) {
        this.#fail(error, invocation, { phase }, true);
        return false;
      }
      this.#connection.send(type.serving, { marked: output.end(invocation, false) });
      return true;
    });
  }

  #serverOf({ call: handler, web }) {
    const { about } = this.#config;
    if (handler) return async (meta, bytes) => encode(await call(handler, [bytes, new Context(about, meta, this.#logger)]));
    // Only where it is used: functions in the vendor's form start without it.
    const { serveWeb } = require('./web.cjs');
    const onLate = (error) => output.line('ERROR', describe(error).log);
    const shared = { about, logger: this.#logger, connection: this.#connection, answers: this.#answers, inputs: this.#inputs, onLate };
    return async (meta, bytes) => encode(await serveWeb(web, { ...shared, meta, bytes }));
  }

  /** One frame of the server's. */
  take(kind, head, body) {
    if (kind === type.invoke) this.#invoke(head, body);
    else if (kind === type.credit) this.#answers.get(head.id)?.granted(head.bytes);
    else if (kind === type.broken) this.#answers.get(head.id)?.refused(head.reason);
    else if (kind === type.inputHead) this.#inputs.get(head.id)?.headed(head, body);
    else if (kind === type.input) this.#inputs.get(head.id)?.taken(head.input, body);
    else if (kind === type.inputEnd) this.#inputs.get(head.id)?.ended(head.input, head.message);
    else if (kind === type.preStop) this.#stop(head);
  }

  #invoke(meta, event) {
    this.#credentials = { ak: meta.ak, sk: meta.sk, token: meta.token };
    output.within(meta.id, async (invocation) => {
      this.#running.set(meta.id, { invocation, meta });
      try {
        const body = await this.#serve(meta, event);
        if (!this.#running.delete(meta.id)) return;
        const marked = output.end(invocation, meta.tail);
        this.#connection.send(type.result, { id: meta.id, kb: kilobytes(), marked }, body);
      } catch (error) {
        if (this.#running.delete(meta.id)) this.#fail(error, invocation, { id: meta.id }, meta.tail);
      }
    });
  }

  #fail(error, invocation, head, tail) {
    const { about, log } = describe(error);
    output.line('ERROR', log);
    const marked = output.end(invocation, tail);
    const more = error?.[handled] === true ? { handled: true } : {};
    this.#connection.send(type.error, { ...head, ...more, kb: kilobytes(), marked }, Buffer.from(JSON.stringify(about)));
  }

  /** Nobody knows what state an uncaught error leaves behind: whose it is gets it, and the process ends. A function that listens itself goes on. */
  #uncaught(error, origin) {
    if (process.listenerCount('uncaughtException') > 1) return;
    const { about, log } = describe(error);
    const what = origin === 'unhandledRejection' ? 'Unhandled promise rejection' : 'Uncaught exception';
    output.line('ERROR', `${what}: ${log}`);
    const body = Buffer.from(JSON.stringify({ ...about, errorMessage: `${what}: ${about.errorMessage}` }));
    for (const [id, { invocation, meta }] of this.#running) {
      const marked = output.end(invocation, meta.tail);
      this.#connection.send(type.error, { id, kb: kilobytes(), marked, ends: true }, body);
    }
    this.#running.clear();
    void this.#connection.flushed().then(() => process.exit(1));
  }

  #stop({ id }) {
    output.within(id, async (invocation) => {
      let told = { ok: true };
      try {
        if (this.#preStop) await call(this.#preStop, [new Context(this.#config.about, { id, ...this.#credentials }, this.#logger)]);
      } catch (error) {
        const { about, log } = describe(error);
        output.line('ERROR', log);
        told = { ok: false, message: about.errorMessage };
      }
      this.#connection.send(type.stopped, { ...told, marked: output.end(invocation, false) });
    });
  }
}

module.exports = { Instance };

'use strict';
/** What the function prints: console lines in the vendor's form, and the marks that tell the server whose a line is. */

const { AsyncLocalStorage } = require('node:async_hooks');
const { writeSync } = require('node:fs');
const { format } = require('node:util');

const invocations = new AsyncLocalStorage();
const state = {
  /** A word that only the server knows besides; '' until the process is an instance. */
  marker: '',
  concurrent: false,
  /** The one invocation that runs, where there is only one at a time. */
  only: undefined,
  /** The last thing printed did not end its line. */
  open: false,
};
const levels = { log: 'INFO', info: 'INFO', debug: 'DEBUG', warn: 'WARN', error: 'ERROR', trace: 'TRACE' };
const ranks = { TRACE: 0, DEBUG: 1, INFO: 2, WARN: 3, ERROR: 4, FATAL: 5 };
const pause = new Int32Array(new SharedArrayBuffer(4));

/** All of it, at once: what was printed before the process ends is never lost. */
function put(data) {
  let bytes = typeof data === 'string' ? Buffer.from(data) : data;
  while (bytes.length > 0) {
    try {
      bytes = bytes.subarray(writeSync(1, bytes));
    } catch (error) {
      // A program that the function started may have made the shared descriptor non-blocking.
      if (error.code !== 'EAGAIN') return;
      Atomics.wait(pause, 0, 0, 1);
    }
  }
}

function current() {
  return invocations.getStore() ?? state.only;
}

/** Prints whole lines as those of the invocation that is running here. */
function print(text) {
  const invocation = current();
  if (invocation) invocation.printed = true;
  if (!state.concurrent || !invocation) {
    put(text);
    state.open = !text.endsWith('\n');
    return;
  }
  const tag = `\0${state.marker}:${invocation.id}\0`;
  const lines = text.endsWith('\n') ? text.slice(0, -1) : text;
  put(`${state.open ? '\n' : ''}${tag}${lines.replaceAll('\n', `\n${tag}`)}\n`);
  state.open = false;
}

function line(level, text) {
  print(`${new Date().toISOString()} ${current()?.id ?? ''} [${level}] ${text}\n`);
}

/** What process.stdout and process.stderr do from here on; both end in one stream, as the server reads one. */
function writeRaw(chunk, encoding, done) {
  const callback = typeof encoding === 'function' ? encoding : done;
  const bytes = typeof chunk === 'string' ? Buffer.from(chunk, typeof encoding === 'string' ? encoding : 'utf8') : chunk;
  const isWhole = bytes.length > 0 && bytes[bytes.length - 1] === 10 && !state.open;
  if (state.concurrent && isWhole) print(bytes.toString());
  else {
    const invocation = current();
    if (invocation) invocation.printed = true;
    put(bytes);
    if (bytes.length > 0) state.open = bytes[bytes.length - 1] !== 10;
  }
  if (typeof callback === 'function') process.nextTick(callback);
  return true;
}

/** Puts time, request id and level before what the console prints. */
function takeConsole() {
  let level = 'INFO';
  const { Writable } = require('node:stream');
  const sink = new Writable({ decodeStrings: false, write: (_text, _encoding, done) => done() });
  sink.write = (text, done) => {
    line(level, text.endsWith('\n') ? text.slice(0, -1) : text);
    if (typeof done === 'function') process.nextTick(done);
    return true;
  };
  console._stdout = sink;
  console._stderr = sink;
  for (const [name, own] of Object.entries(levels)) {
    const original = console[name];
    console[name] = (...args) => {
      const before = level;
      level = own;
      try {
        original.apply(console, args);
      } finally {
        level = before;
      }
    };
  }
  process.stdout.write = writeRaw;
  process.stderr.write = writeRaw;
}

/** context.logger: lines of the same form, above a level that the function may set. */
function makeLogger() {
  let least = ranks.TRACE;
  const at =
    (level) =>
    (...args) => {
      if (ranks[level] >= least) line(level, format(...args));
    };
  return {
    trace: at('TRACE'),
    debug: at('DEBUG'),
    log: at('INFO'),
    info: at('INFO'),
    warn: at('WARN'),
    error: at('ERROR'),
    fatal: at('FATAL'),
    setLogLevel: (level) => {
      least = ranks[String(level).toUpperCase()] ?? least;
    },
  };
}

/** From here on marks are written. @param concurrent whether invocations may overlap */
function open(marker, concurrent) {
  state.marker = marker;
  state.concurrent = concurrent;
}

/** Runs `work` as the invocation `id`; what it prints, now or later, carries that id. */
function within(id, work) {
  const invocation = { id, printed: false };
  if (!state.concurrent) state.only = invocation;
  return invocations.run(invocation, () => work(invocation));
}

/** Marks the end of an invocation's output when something was printed or somebody waits for it. Returns whether it did. */
function end(invocation, wanted) {
  if (state.only === invocation) state.only = undefined;
  if (!invocation.printed && !wanted) return false;
  put(state.concurrent ? `\0${state.marker}=${invocation.id}\n` : `\0${state.marker}\n`);
  state.open = false;
  return true;
}

module.exports = { end, line, makeLogger, open, takeConsole, within };

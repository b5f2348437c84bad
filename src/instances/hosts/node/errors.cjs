'use strict';
/** Errors of user code as the vendor's error JSON: errorMessage, errorType, stackTrace without this host's own frames. */

const { inspect } = require('node:util');

let code = '';

/** The folder that stack traces show as /code. */
function setCode(folder) {
  code = folder;
}

/** The host or the runtime itself has something to say; `kind` is the errorType. */
class HostError extends Error {
  constructor(kind, message, cause) {
    super(message);
    this.kind = kind;
    if (cause !== undefined) this.cause = cause;
  }
}

function typeOf(error) {
  if (error instanceof HostError) return error.kind;
  const name = error?.name;
  return typeof name === 'string' && name !== '' ? name : 'Error';
}

function textOf(error) {
  try {
    return String(error?.message ?? error);
  } catch {
    return "the error's own text could not be made";
  }
}

function stackOf(error) {
  let stack;
  try {
    stack = error.stack;
  } catch {
    // A getter of the user's that throws.
  }
  if (typeof stack !== 'string') return [];
  const all = stack.split('\n');
  // Below the first frame of the host, everything is the host's.
  const host = all.findIndex((line) => line.includes(__dirname));
  const lines = (host < 0 ? all : all.slice(0, host)).filter((line) => !/^\s+at .*\(?node:internal\//.test(line));
  return code === '' ? lines : lines.map((line) => line.replaceAll(`${code}/`, '/code/'));
}

/** What the server is told, and what the log shows. */
function describe(error) {
  if (typeof error !== 'object' || error === null) {
    const shown = typeof error === 'string' ? error : inspect(error);
    return { about: { errorMessage: shown, errorType: typeof error, stackTrace: [] }, log: shown };
  }
  // A failed import is explained by what failed in it.
  const stackTrace = error instanceof HostError ? (error.cause === undefined ? [] : stackOf(Object(error.cause))) : stackOf(error);
  const about = { errorMessage: textOf(error), errorType: typeOf(error), stackTrace };
  const first = `${about.errorType}: ${about.errorMessage}`;
  const log = error instanceof HostError || stackTrace.length === 0 ? [first, ...stackTrace].join('\n') : stackTrace.join('\n');
  return { about, log };
}

module.exports = { describe, HostError, setCode };

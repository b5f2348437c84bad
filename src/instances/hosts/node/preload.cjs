'use strict';
/**
 * Makes the process warm before it becomes an instance: modules of Node, then the packages that the handler's file names. The function's own modules are
 * read for those names, but never run.
 */

const { readFileSync, statSync } = require('node:fs');
const { builtinModules, createRequire } = require('node:module');
const { isAbsolute } = require('node:path');
const vm = require('node:vm');
const { formOf, locate } = require('./load.cjs');

const builtins = ['http', 'https', 'stream', 'stream/web', 'stream/promises', 'zlib', 'crypto', 'url', 'util', 'events', 'fs/promises'];
builtins.push('timers/promises', 'buffer', 'querystring', 'string_decoder', 'dns', 'net', 'tls', 'os', 'assert', 'perf_hooks');
/** Own files that are read for the names of packages, and the largest one. */
const fileLimit = 64;
const byteLimit = 512 * 1024;
// `import type` names what is not there at run time.
const names = /\b(?:from|require|import)[ \t]{0,8}\(?[ \t]{0,8}['"]([^'"\s]{1,200})['"]/g;

/** Loads what the globals of the web standard hide: the first Response costs tens of milliseconds. */
function warmGlobals() {
  if (typeof Response === 'undefined') return;
  void new Request('http://localhost/', { headers: { range: 'bytes=0-0' } }).headers;
  void new Response(new ReadableStream({ start: (controller) => controller.close() })).text();
  void new Response('x').arrayBuffer();
  for (const name of ['TransformStream', 'TextDecoderStream', 'TextEncoderStream', 'CompressionStream', 'DecompressionStream', 'FormData'])
    void globalThis[name];
}

/** Steps that an order to begin may interrupt. */
function* steps() {
  warmGlobals();
  yield;
  for (const name of builtins) {
    require(`node:${name}`);
    yield;
  }
  require('./original.cjs');
  // The loader of ES modules starts with its first one.
  yield import('data:text/javascript,').catch(() => {});
}

/** The packages that a file names, and those that the function's own files behind it name: [package, file, is the file an ES module] */
function packagesOf(code, handler) {
  const found = new Map();
  const queue = [locate(code, handler, 'handler').file];
  const seen = new Set(queue);
  for (const file of queue) {
    if (seen.size > fileLimit || statSync(file).size > byteLimit) continue;
    const text = readFileSync(file, 'utf8');
    const form = formOf(file, code);
    const isModule = form === 'module' || (form === 'either' && /^\s{0,8}(?:import|export)\b/m.test(text));
    for (const [, name] of text.matchAll(names)) {
      if (name.startsWith('node:') || builtinModules.includes(name) || name.startsWith('data:') || isAbsolute(name)) continue;
      if (!name.startsWith('.')) {
        found.set(`${name} ${isModule}`, [name, file, isModule]);
        continue;
      }
      const next = resolveOwn(name, file);
      if (next !== undefined && !seen.has(next) && /\.[cm]?[jt]s$/.test(next)) {
        seen.add(next);
        queue.push(next);
      }
    }
  }
  return [...found.values()];
}

function resolveOwn(name, file) {
  try {
    return createRequire(file).resolve(name);
  } catch {
    return undefined;
  }
}

/** Loads one package as the file would. What fails here fails again, and is told, when the handler is loaded. */
async function loadPackage([name, file, isModule]) {
  try {
    if (!isModule) createRequire(file)(name);
    else if (vm.constants?.USE_MAIN_CONTEXT_DEFAULT_LOADER) {
      const importModuleDynamically = vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER;
      await vm.runInThisContext('(name) => import(name)', { filename: file, importModuleDynamically })(name);
    }
  } catch {
    // See above.
  }
}

/** @param stop asked between two steps: whether there is no more time */
async function preload({ code, handler, packages }, stop) {
  for (const step of steps()) {
    await (step ?? new Promise(setImmediate));
    if (stop()) return;
  }
  if (!packages) return;
  let named;
  try {
    named = packagesOf(code, handler);
  } catch {
    return;
  }
  for (const entry of named) {
    await loadPackage(entry);
    await new Promise(setImmediate);
    if (stop()) return;
  }
}

module.exports = { preload };

'use strict';
/** Finds and loads what a handler names: 'file.method', 'dir/file.method', or 'file' alone for its default export. */

const { existsSync, readFileSync } = require('node:fs');
const { createRequire } = require('node:module');
const { dirname, extname, join, parse } = require('node:path');
const { pathToFileURL } = require('node:url');
const { HostError } = require('./errors.cjs');

const extensions = ['.js', '.cjs', '.mjs', '.ts', '.cts', '.mts'];

/** { file, method } of a handler; method is '' when only a file is named. */
function locate(code, handler, what) {
  const slash = handler.lastIndexOf('/');
  const dot = handler.lastIndexOf('.');
  const [path, method] = dot > slash + 1 ? [handler.slice(0, dot), handler.slice(dot + 1)] : [handler, ''];
  if (path === '' || (dot > slash && method === '')) {
    throw new HostError('HandlerNotFound', `The ${what} '${handler}' is not of the form file.method`);
  }
  for (const extension of extensions) {
    const file = join(code, path + extension);
    if (existsSync(file)) return { file, method, path };
  }
  const names = extensions.map((extension) => path + extension).join(', ');
  throw new HostError('ImportModuleError', `Unable to import module '${path}': the code package holds none of ${names}`);
}

/** Whether the nearest package.json makes .js and .ts files ES modules. */
function isModulePackage(file, code) {
  for (let folder = dirname(file); ; folder = dirname(folder)) {
    try {
      return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')).type === 'module';
    } catch (error) {
      if (error.code !== 'ENOENT') return false;
    }
    if (folder === code || folder === parse(folder).root) return false;
  }
}

/** 'module', 'commonjs', or 'either' when only its text tells. */
function formOf(file, code) {
  const extension = extname(file);
  if (extension === '.mjs' || extension === '.mts') return 'module';
  if (extension === '.cjs' || extension === '.cts') return 'commonjs';
  return isModulePackage(file, code) ? 'module' : 'either';
}

function checkTypeScript(file, path) {
  if (!/\.[cm]?ts$/.test(file) || process.features.typescript) return;
  if (process.execArgv.some((argument) => argument.endsWith('strip-types'))) return;
  throw new HostError(
    'ImportModuleError',
    `Unable to import module '${path}': ${path}${extname(file)} is TypeScript, and Node ${process.versions.node} does not run TypeScript. Use the runtime nodejs24, or deploy compiled JavaScript`,
  );
}

async function load(file, code) {
  if (formOf(file, code) === 'module') return import(pathToFileURL(file).href);
  try {
    return createRequire(file)(file);
  } catch (error) {
    // An ES module without saying so, on a Node that cannot require it (or not with an await at its top).
    if (error?.code !== 'ERR_REQUIRE_ESM' && error?.code !== 'ERR_REQUIRE_ASYNC_MODULE') throw error;
    return import(pathToFileURL(file).href);
  }
}

/** The module that a handler names. @throws HostError ImportModuleError */
async function loadModule(code, handler, what) {
  const { file, method, path } = locate(code, handler, what);
  checkTypeScript(file, path);
  try {
    return { module: await load(file, code), method, path };
  } catch (error) {
    if (error instanceof HostError) throw error;
    const name = typeof error === 'object' && error !== null ? `${error.name ?? 'Error'}: ${error.message}` : String(error);
    throw new HostError('ImportModuleError', `Unable to import module '${path}': ${name}`, error);
  }
}

const hasFetch = (value) =>
  (typeof value === 'object' || typeof value === 'function') && value !== null && typeof value.fetch === 'function';

/**
 * What serves events: { call } for the form of Function Compute, { web } for an object with a fetch method.
 * @throws HostError ImportModuleError, HandlerNotFound
 */
async function loadHandler(code, handler) {
  const { module, method, path } = await loadModule(code, handler, 'handler');
  const standard = module?.default;
  if (method !== '' && method !== 'fetch' && method !== 'default') {
    const call = module?.[method] ?? standard?.[method];
    if (typeof call === 'function') return { call };
  }
  // Compiled ES modules and `module.exports = { fetch }` are found on the way too.
  const web = [standard, standard?.default, module].find(hasFetch);
  if (web) return { web };
  if ((method === '' || method === 'default') && typeof standard === 'function') return { call: standard };
  const wanted = method === '' ? 'default export with a fetch method' : `function '${method}'`;
  throw new HostError('HandlerNotFound', `The handler '${handler}' was not found: module '${path}' has no ${wanted}`);
}

/** The function of a lifecycle hook. @throws HostError ImportModuleError, HandlerNotFound */
async function loadHook(code, handler, what) {
  const { module, method, path } = await loadModule(code, handler, what);
  const hook = module?.[method] ?? module?.default?.[method];
  if (typeof hook === 'function') return hook;
  throw new HostError('HandlerNotFound', `The ${what} '${handler}' was not found: module '${path}' has no function '${method}'`);
}

module.exports = { formOf, loadHandler, loadHook, locate };

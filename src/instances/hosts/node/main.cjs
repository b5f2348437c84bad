'use strict';
/**
 * A process that waits, warm, to become an instance of one function revision. Descriptor 3 is its connection to the server: a CONFIG frame comes at
 * once, a BEGIN frame when an instance is wanted, then the frames of an instance.
 */

const { Socket } = require('node:net');
const output = require('./output.cjs');
const { Connection, type } = require('./wire.cjs');

const descriptor = 3;
let config;
let order;
let instance;
/** Frames for the instance that came while its handler was loaded. */
let early = [];

process.umask(0o077);
const socket = new Socket({ fd: descriptor, readable: true, writable: true });
// Without a server there is nobody to work for, and user code may keep a process alive for ever.
const connection = new Connection(socket, take, () => process.kill(process.pid, 'SIGKILL'));

function take(kind, head, body) {
  if (kind === type.config) configure(head);
  else if (kind === type.begin) order = head;
  else if (early) early.push([kind, head, body]);
  else instance.take(kind, head, body);
  if (kind === type.begin) wake();
}

let wake = () => {};
const ordered = new Promise((resolve) => {
  wake = resolve;
});

function configure(head) {
  config = head;
  if (config.cache) require('node:module').enableCompileCache?.(config.cache);
  output.takeConsole();
  // What came in the same read is taken first: a process that is wanted at once does not make itself warm.
  setImmediate(() => void run());
}

async function run() {
  if (!order) {
    const { preload } = require('./preload.cjs');
    await preload(config, () => order !== undefined);
    connection.send(type.ready, {});
  }
  await ordered;
  const { Instance } = require('./instance.cjs');
  instance = new Instance(connection, config, order);
  const serves = await instance.start();
  for (const frame of early) instance.take(...frame);
  early = undefined;
  if (serves && config.cache) setImmediate(() => require('node:module').flushCompileCache?.());
}

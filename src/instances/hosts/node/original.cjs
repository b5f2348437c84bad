'use strict';
/**
 * Reads the original over plain node:http, which costs a fraction of fetch(), and gives it as a Response: for events that came in a way which
 * gives the instance no other, such as InvokeFunction.
 */

const http = require('node:http');
const https = require('node:https');

/** Connections are kept for the next read, and closed when none comes. Milliseconds. */
const idleMs = 3_000;
const kept = { keepAlive: true, maxSockets: Number.POSITIVE_INFINITY, timeout: idleMs };
const agents = { 'http:': new http.Agent(kept), 'https:': new https.Agent(kept) };
/** Of the connection, not of the object. */
const hopByHop = new Set(['connection', 'keep-alive', 'transfer-encoding']);
const bodiless = new Set([204, 205, 304]);

/** Where a URL points; its path stays as it is, because it is signed. */
function targetOf(url) {
  const parts = /^(https?:)\/\/([^/:[\]]+)(?::(\d+))?(\/.*)$/.exec(url);
  if (parts) return { protocol: parts[1], hostname: parts[2], port: parts[3], path: parts[4] };
  const { protocol, hostname, port, pathname, search } = new URL(url);
  return { protocol, hostname, port, path: pathname + search };
}

function headersOf(message) {
  const headers = new Headers();
  const { rawHeaders } = message;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    if (!hopByHop.has(rawHeaders[i].toLowerCase())) headers.append(rawHeaders[i], rawHeaders[i + 1]);
  }
  return headers;
}

/** The body as a web stream that holds one chunk at most. */
function streamOf(message) {
  let open = true;
  return new ReadableStream({
    start(controller) {
      const stop = (how) => {
        if (!open) return;
        open = false;
        how();
      };
      message.on('data', (chunk) => {
        if (!open) return;
        controller.enqueue(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length));
        if (controller.desiredSize <= 0) message.pause();
      });
      message.on('end', () => stop(() => controller.close()));
      message.on('error', (error) => stop(() => controller.error(error)));
      message.on('close', () => stop(() => controller.error(new Error('The original broke off before its end.'))));
      message.pause();
    },
    pull() {
      message.resume();
    },
    cancel() {
      open = false;
      message.destroy();
    },
  });
}

/**
 * @param url inputOssUrl of the event
 * @param init `headers` go along, plain ones by name; `signal` ends the read
 * @returns a Response as the store answers it: also 304, 404 and 416
 */
function readOriginal(url, { headers, signal }) {
  const { protocol, ...target } = targetOf(url);
  const client = protocol === 'https:' ? https : http;
  return new Promise((resolve, reject) => {
    const ask = (again) => {
      const request = client.request({ ...target, agent: agents[protocol], headers, ...(signal ? { signal } : {}) });
      request.on('error', (error) => {
        // A kept connection that the server closed a moment ago.
        if (again && request.reusedSocket && error.code === 'ECONNRESET') ask(false);
        else reject(error);
      });
      request.on('response', (message) => {
        const empty = bodiless.has(message.statusCode);
        if (empty) message.resume();
        resolve(
          new Response(empty ? null : streamOf(message), {
            status: message.statusCode,
            statusText: message.statusMessage,
            headers: headersOf(message),
          }),
        );
      });
      request.end();
    };
    ask(true);
  });
}

module.exports = { readOriginal };

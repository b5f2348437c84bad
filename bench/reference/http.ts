/** Reference servers of the benchmarks: `raw` answers one body from memory, `proxy URL` passes one upstream URL through. Prints its port. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Pool } from 'undici';

const [mode, target] = process.argv.slice(2);
const body = Buffer.alloc(1024, 'x');

function raw() {
  return createServer((_req, res) => {
    res.writeHead(200, { 'Content-Type': 'application/octet-stream', 'Content-Length': body.length });
    res.end(body);
  });
}

function proxy(url: URL) {
  const pool = new Pool(url.origin);
  return createServer({ highWaterMark: 262_144 }, async (_req, res) => {
    const upstream = await pool.request({ method: 'GET', path: url.pathname + url.search });
    res.writeHead(upstream.statusCode, { 'Content-Length': String(upstream.headers['content-length']) });
    upstream.body.pipe(res);
  });
}

const server = mode === 'proxy' ? proxy(new URL(target as string)) : raw();
server.listen(0, '127.0.0.1', () => process.stdout.write(`${(server.address() as AddressInfo).port}\n`));

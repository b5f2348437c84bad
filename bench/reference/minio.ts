/**
 * A model of MinIO's Object Lambda path, after its documentation ("Object Lambda"): no MinIO code runs here. `gateway <webhook URL> <file>` takes a presigned GET with
 * lambdaArn, signs a URL of the original, posts the event to the webhook and passes the webhook's answer on; `function` is that webhook. Prints its port.
 *
 * Signatures are checked as the real one does, by HMAC over a canonical request of the same length; the token of the event must come back in the answer.
 */
import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { createReadStream, statSync } from 'node:fs';
import { Agent, createServer, get, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Readable } from 'node:stream';

const [mode, ...words] = process.argv.slice(2);
const pieces = 256 * 1024;
const small = Buffer.alloc(1024, 'x');
const agent = new Agent({ keepAlive: true, maxSockets: 1024 });
const signingKey = createHmac('sha256', 'model').update('20260101/us-east-1/s3/aws4_request').digest();

/** The signature of a presigned GET of a path. */
function sign(path: string, query: string): string {
  const canonical = `GET\n${path}\n${query}\nhost:127.0.0.1\n\nhost\nUNSIGNED-PAYLOAD`;
  const text = `AWS4-HMAC-SHA256\n20260101T000000Z\n20260101/us-east-1/s3/aws4_request\n${createHash('sha256').update(canonical).digest('hex')}`;
  return createHmac('sha256', signingKey).update(text).digest('hex');
}

/** A presigned URL's path and query. */
export function presigned(path: string, query = ''): string {
  const own = `X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=model%2F20260101%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20260101T000000Z&X-Amz-Expires=3600&X-Amz-SignedHeaders=host${query}`;
  return `${path}?${own}&X-Amz-Signature=${sign(path, own)}`;
}

function isSigned(path: string, query: string): boolean {
  const at = query.lastIndexOf('&X-Amz-Signature=');
  const given = Buffer.from(query.slice(at + 17));
  const wanted = Buffer.from(sign(path, query.slice(0, at)));
  return at >= 0 && given.length === wanted.length && timingSafeEqual(given, wanted);
}

function copy(from: Readable, to: ServerResponse): void {
  from.on('data', (chunk: Buffer) => {
    if (!to.write(chunk)) from.pause();
  });
  to.on('drain', () => from.resume());
  from.on('end', () => to.end());
}

function gateway(webhook: URL, file: string) {
  const bytes = statSync(file).size;
  const server = createServer({ highWaterMark: pieces }, (req, res) => {
    const [path = '', query = ''] = (req.url ?? '').split('?');
    if (!isSigned(path, query)) return res.writeHead(403).end();
    const arn = /(?:^|&)lambdaArn=([^&]+)/.exec(query)?.[1];
    if (arn !== undefined) return transform(req, res, path, arn);
    const isLarge = path.endsWith('/large');
    res.writeHead(200, { 'Content-Type': 'application/octet-stream', 'Content-Length': isLarge ? bytes : small.length, ETag: '"model"' });
    if (isLarge) copy(createReadStream(file, { highWaterMark: pieces }), res);
    else res.end(small);
    return undefined;
  });
  const transform = (req: IncomingMessage, res: ServerResponse, path: string, arn: string) => {
    const [route, token] = [randomBytes(8).toString('hex'), randomBytes(24).toString('base64url')];
    const { port } = server.address() as AddressInfo;
    const event = JSON.stringify({
      protocolVersion: 'v1',
      getObjectContext: { inputS3Url: `http://127.0.0.1:${port}${presigned(path)}`, outputRoute: route, outputToken: token },
      userRequest: { url: req.url, headers: req.headers },
    });
    const headers = { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(event) };
    const call = request(new URL(arn, webhook), { method: 'POST', agent, headers, highWaterMark: pieces } as object, (answer) => {
      const back = Buffer.from(String(answer.headers['x-amz-request-token'] ?? ''));
      if (back.length !== token.length || !timingSafeEqual(back, Buffer.from(token))) return res.writeHead(403).end();
      const length = answer.headers['content-length'];
      res.writeHead(200, { 'Content-Type': 'application/octet-stream', ...(length === undefined ? {} : { 'Content-Length': length }) });
      copy(answer, res);
      return undefined;
    });
    call.on('error', () => res.destroy());
    call.end(event);
  };
  return server;
}

/** The webhook: /answer makes 1 KiB, /read answers with the original it has read, /pass passes it through. */
function webhook() {
  return createServer({ highWaterMark: pieces }, async (req, res) => {
    let event = '';
    for await (const chunk of req) event += chunk;
    const { inputS3Url, outputRoute, outputToken } = (JSON.parse(event) as { getObjectContext: Record<string, string> }).getObjectContext;
    const head = { 'x-amz-request-route': outputRoute, 'x-amz-request-token': outputToken };
    if (req.url === '/answer') return res.writeHead(200, { ...head, 'Content-Length': small.length }).end(small);
    get(inputS3Url as string, { agent }, (original) => {
      const length = original.headers['content-length'];
      if (req.url === '/pass') {
        res.writeHead(200, { ...head, 'Content-Length': length });
        copy(original, res);
        return;
      }
      const chunks: Buffer[] = [];
      original.on('data', (chunk: Buffer) => chunks.push(chunk));
      original.on('end', () => {
        const body = Buffer.concat(chunks);
        res.writeHead(200, { ...head, 'Content-Length': body.length }).end(body);
      });
    });
    return undefined;
  });
}

if (process.argv[1] === import.meta.filename) {
  const server = mode === 'gateway' ? gateway(new URL(words[0] as string), words[1] as string) : webhook();
  server.listen(0, '127.0.0.1', () => process.stdout.write(`${(server.address() as AddressInfo).port}\n`));
}

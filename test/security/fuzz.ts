import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { connect } from 'node:net';
import { createAccessPoint, createBucket, createObjectFc, deployFunction, ossDo } from '../acceptance/harness/deploy.ts';
import { pathOf, presignV1, presignV4, queryOf, signAcs3, signHeaderV1, signHeaderV4, type Unsigned } from '../acceptance/harness/sign.ts';
import type { Sluice } from '../acceptance/harness/sluice.ts';

/** A small generator with a seed, so that a failure can be had again (mulberry32). */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const answering = `import json, urllib.request
def handler(event, context):
    return 'no answer'
`;

/** What real clients send, as bytes: signed and right at the moment they are made. */
function captures(sluice: Sluice, alias: string): { door: 'data' | 'control' | 'functions'; bytes: Buffer }[] {
  const { key } = sluice;
  const list: { door: 'data' | 'control' | 'functions'; bytes: Buffer }[] = [];
  const add = (door: 'data' | 'control' | 'functions', method: string, target: string, headers: Record<string, string>, body = '') => {
    const { host } = new URL(sluice[door]);
    const lines = Object.entries({ Host: host, ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
    const length = body === '' && method === 'GET' ? '' : `Content-Length: ${Buffer.byteLength(body)}\r\n`;
    list.push({ door, bytes: Buffer.from(`${method} ${target} HTTP/1.1\r\n${lines.join('')}${length}\r\n${body}`, 'latin1') });
  };
  const oss = (request: Unsigned, body = '') => {
    for (const sign of [signHeaderV1, signHeaderV4])
      add('data', request.method, pathOf(request) + queryOf(request.query), sign(request, key), body);
  };
  const bucket = 'fuzz';
  oss({ method: 'GET' });
  oss({ method: 'GET', bucket, query: { 'list-type': '2', prefix: 'a', 'max-keys': '2', 'encoding-type': 'url' } });
  oss({ method: 'PUT', bucket, key: 'a b/é.txt', headers: { 'content-type': 'text/plain', 'x-oss-meta-a': 'b' } }, 'hello');
  oss({ method: 'GET', bucket, key: 'small.txt', headers: { range: 'bytes=1-3', 'if-none-match': '"x"' } });
  oss({ method: 'HEAD', bucket, key: 'small.txt' });
  oss({ method: 'DELETE', bucket, key: 'gone.txt' });
  oss(
    { method: 'POST', bucket, query: { delete: '' }, headers: { 'content-type': 'application/xml' } },
    '<Delete><Quiet>true</Quiet><Object><Key>x</Key></Object></Delete>',
  );
  oss({ method: 'GET', bucket, query: { acl: '' } });
  oss(
    { method: 'PUT', bucket, query: { policy: '' } },
    '{"Version":"1","Statement":[{"Effect":"Deny","Action":["oss:*"],"Principal":["1"],"Resource":["*"]}]}',
  );
  oss({ method: 'GET', bucket, query: { accessPoint: '' } });
  oss({ method: 'GET', bucket: alias, key: 'small.txt', headers: { 'x-oss-meta-not': '1' } });
  add('data', 'GET', presignV1({ method: 'GET', bucket, key: 'small.txt' }, key, Math.floor(Date.now() / 1000) + 600), {});
  add('data', 'GET', presignV4({ method: 'GET', bucket: alias, key: 'small.txt', query: { w: '100' } }, key, 600), {});
  add('data', 'GET', `/${bucket}/small.txt`, {});
  const answer = {
    method: 'POST',
    query: { 'x-oss-write-get-object-response': '' },
    headers: {
      'x-oss-request-route': sluice.functions,
      'x-oss-request-token': 'OSSV1#abc',
      'x-oss-fwd-status': '200',
      'x-oss-fwd-header-Content-Type': 'image/png',
    },
  };
  for (const door of ['data', 'functions'] as const) {
    add(door, 'POST', '/?x-oss-write-get-object-response', signHeaderV4(answer, key), 'body of an answer');
    add(
      door,
      'POST',
      '/?x-oss-write-get-object-response=',
      { ...signHeaderV1(answer, key), 'Transfer-Encoding': 'chunked' },
      '4\r\nbody\r\n0\r\n\r\n',
    );
  }
  add('functions', 'GET', '/i/0123456789abcdef/2020-11-11/runtime/invocation/next', {});
  const host = new URL(sluice.control).host;
  for (const [method, path, body] of [
    ['GET', '/2023-03-30/functions', ''],
    ['GET', '/2023-03-30/functions/fuzz', ''],
    ['PUT', '/2023-03-30/functions/fuzz', '{"timeout":5}'],
    ['POST', '/2023-03-30/functions/none/invocations', '{}'],
  ] as const) {
    add('control', method, path, signAcs3({ method, path, host, body: Buffer.from(body) }, key), body);
  }
  add('data', 'POST', `/${bucket}`, { 'Content-Type': 'multipart/form-data; boundary=fuzz' }, formBody(sluice));
  add('control', 'GET', '/health/ready', {});
  add('control', 'POST', '/', { 'content-type': 'application/x-www-form-urlencoded' }, 'Action=AssumeRole&Version=2015-04-01&Format=JSON');
  return list;
}

/** A form whose policy is signed. */
function formBody({ key }: Sluice): string {
  const conditions = [['starts-with', '$key', 'form/'], ['content-length-range', 0, 1000], { success_action_status: '201' }];
  const expiration = new Date(Date.now() + 600_000).toISOString();
  const policy = Buffer.from(JSON.stringify({ expiration, conditions })).toString('base64');
  const Signature = createHmac('sha1', key.secret).update(policy).digest('base64');
  const fields = { key: `form/\${filename}`, OSSAccessKeyId: key.id, policy, Signature, success_action_status: '201', 'x-oss-meta-a': 'b' };
  const parts = Object.entries(fields).map(
    ([name, value]) => `--fuzz\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
  );
  const file = '--fuzz\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\nContent-Type: text/plain\r\n\r\nhello\r\n';
  return `${parts.join('')}${file}--fuzz--\r\n`;
}

const spice = [
  '\r\n',
  '\n',
  '\0',
  '%',
  '%zz',
  '%00',
  '..',
  '/',
  '//',
  '?',
  '&',
  '=',
  ';',
  ':',
  ',',
  '"',
  '<',
  '>',
  '&amp;',
  '-1',
  '99999999999999999999',
  ' ',
  '\t',
  '{',
  '}',
  '[',
  'é',
  '\xff',
  '+',
  '#',
  '*',
  '0x',
];

function mutate(bytes: Buffer, random: () => number): Buffer {
  let out = Buffer.from(bytes);
  const at = () => Math.floor(random() * out.length);
  for (let times = 1 + Math.floor(random() * 4); times > 0; times -= 1) {
    const kind = Math.floor(random() * 7);
    const where = at();
    if (kind === 0) out[where] = Math.floor(random() * 256);
    else if (kind === 1)
      out = Buffer.concat([
        out.subarray(0, where),
        Buffer.from(spice[Math.floor(random() * spice.length)] as string, 'latin1'),
        out.subarray(where),
      ]);
    else if (kind === 2)
      out = Buffer.concat([out.subarray(0, where), out.subarray(Math.min(out.length, where + 1 + Math.floor(random() * 16)))]);
    else if (kind === 3) out = out.subarray(0, Math.max(1, where));
    else if (kind === 4) {
      const piece = out.subarray(where, where + Math.floor(random() * 200));
      out = Buffer.concat([out.subarray(0, where), piece, out.subarray(where)]);
    } else {
      // A line of the head twice, or gone: what a proxy or an attacker does to headers.
      const lines = out.toString('latin1').split('\r\n');
      const line = Math.floor(random() * lines.length);
      if (kind === 5) lines.splice(line, 0, lines[line] as string);
      else lines.splice(line, 1);
      out = Buffer.from(lines.join('\r\n'), 'latin1');
    }
  }
  return out;
}

/** Sends bytes and half-closes a moment later; resolves with what came back when the connection is closed. A connection that stays open for long is a hang. */
function ask(origin: string, bytes: Buffer): Promise<string> {
  const { hostname, port } = new URL(origin);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname);
    let answer = '';
    let waiting: NodeJS.Timeout;
    const hang = setTimeout(() => {
      socket.destroy();
      reject(
        new Error(`no end after 20 s for ${JSON.stringify(bytes.toString('latin1'))}; so far ${JSON.stringify(answer.slice(0, 200))}`),
      );
    }, 20_000);
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1');
      clearTimeout(waiting);
      waiting = setTimeout(() => socket.end(), 3);
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      clearTimeout(hang);
      clearTimeout(waiting);
      resolve(answer);
    });
    socket.write(bytes);
    // Half of a request: the server waits for the rest, and we have none.
    waiting = setTimeout(() => socket.end(), 60);
  });
}

export interface FuzzResult {
  sent: number;
  answered: number;
  /** Answers by status. */
  statuses: Record<string, number>;
}

/** Puts a bucket, an alias with a function, and an object in place. */
export async function prepareFuzz(sluice: Sluice): Promise<string> {
  await createBucket(sluice, 'fuzz');
  await ossDo(sluice, { method: 'PUT', bucket: 'fuzz', key: 'small.txt', body: 'a small object' });
  await createAccessPoint(sluice, 'fuzz', 'fuzz-ap');
  await deployFunction(sluice, 'fuzz', [{ name: 'index.py', data: Buffer.from(answering) }], { timeout: 5 });
  return createObjectFc(sluice, { bucket: 'fuzz', accessPoint: 'fuzz-ap', name: 'fuzz-fc', functionName: 'fuzz' });
}

/**
 * Sends `count` requests that were made from real ones. Fails when the server dies, when a connection hangs, and for an answer of 5xx that
 * the log does not explain.
 */
export async function fuzz(sluice: Sluice, alias: string, count: number, seed: number, lanes = 8): Promise<FuzzResult> {
  const random = randomOf(seed);
  const result: FuzzResult = { sent: 0, answered: 0, statuses: {} };
  let list = captures(sluice, alias);
  const lane = async () => {
    while (result.sent < count) {
      result.sent += 1;
      if (result.sent % 2_000 === 0) list = captures(sluice, alias);
      const { door, bytes } = list[Math.floor(random() * list.length)] as (typeof list)[number];
      const mutated = random() < 0.05 ? bytes : mutate(bytes, random);
      const answer = await ask(sluice[door], mutated);
      if (answer !== '') result.answered += 1;
      for (const [, status = '', id] of answer.matchAll(
        /^HTTP\/1\.1 (\d{3}) [\s\S]*?(?:x-oss-request-id|x-fc-request-id|x-acs-request-id): (\S+)|^HTTP\/1\.1 (\d{3})/gim,
      )) {
        if (status === '') continue;
        result.statuses[status] = (result.statuses[status] ?? 0) + 1;
        if (Number(status) >= 500 && id) await explained(sluice, id, status, mutated);
      }
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  sluice.alive();
  return result;
}

/** A 5xx must have its cause in the log, and the cause must not be a mistake of the server's own. */
async function explained(sluice: Sluice, id: string, status: string, bytes: Buffer): Promise<void> {
  for (let tries = 0; tries < 40 && !sluice.log.includes(id); tries += 1) await new Promise((resolve) => setTimeout(resolve, 25));
  const lines = sluice.log.split('\n').filter((line) => line.includes(id));
  const about = `${status} for ${JSON.stringify(bytes.toString('latin1').slice(0, 600))}\n${lines.join('\n').slice(0, 2_000)}`;
  assert.ok(
    lines.some((line) => /"code":"\w+/.test(line)),
    `no cause in the log: ${about}`,
  );
  assert.ok(!lines.some((line) => /"code":"InternalError"/.test(line)), `a mistake of the server: ${about}`);
}

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import fcSdk from '@alicloud/fc20230330';
import { readAll } from '../kit/index.ts';
import { claimedPayloadHash, parseQuery, readAcs3Claim, type SignedRequest, signAcs3, verifyAcs3 } from './index.ts';

const sha256 = (body: string | Buffer) => createHash('sha256').update(body).digest('hex');
const now = Date.UTC(2026, 10, 22, 5);
const mismatch = { code: 'SignatureDoesNotMatch' };

function sample(body = '{}', securityToken?: string): SignedRequest {
  const headers = {
    host: '127.0.0.1:9001',
    'x-acs-action': 'ListFunctions',
    'x-acs-version': '2023-03-30',
    'content-type': 'application/json',
  };
  const bare = { method: 'GET', path: '/2023-03-30/functions/a%20b*', query: parseQuery('prefix=a%2Fb&limit=1&nextToken='), headers };
  const added = signAcs3(bare, { accessKeyId: 'ak', accessKeySecret: 'sk', securityToken }, { sha256: sha256(body), nonce: 'n1', now });
  return { ...bare, headers: { ...headers, ...added } };
}

function verify(request: SignedRequest, secret = 'sk', body = '{}', at = now): void {
  const claim = readAcs3Claim(request);
  assert.ok(claim);
  verifyAcs3(claim, request, secret, sha256(body), at);
}

test('signs and verifies; the claim holds nonce, token and body hash', () => {
  const request = sample('{}', 'tok');
  const claim = readAcs3Claim(request);
  assert.ok(claim);
  assert.deepEqual([claim.accessKeyId, claim.nonce, claim.securityToken], ['ak', 'n1', 'tok']);
  assert.equal(claimedPayloadHash(claim, request), sha256('{}'));
  verify(request);
  assert.throws(() => verify(request, 'other'), mismatch);
  for (const changed of [
    { ...request, method: 'DELETE' },
    { ...request, path: '/2023-03-30/functions/b' },
    { ...request, query: request.query.slice(1) },
    { ...request, headers: { ...request.headers, host: '127.0.0.1' } },
    { ...request, headers: { ...request.headers, 'x-acs-action': 'DeleteFunction' } },
    { ...request, headers: { ...request.headers, 'x-acs-security-token': 'other' } },
  ]) {
    assert.throws(() => verify(changed), mismatch);
  }
});

test('the body must be the signed one, the date within 15 minutes', () => {
  const request = sample();
  assert.throws(() => verify(request, 'sk', '{"more":1}'), { code: 'InvalidDigest' });
  verify(request, 'sk', '{}', now + 900_000);
  assert.throws(() => verify(request, 'sk', '{}', now + 900_001), { code: 'RequestTimeTooSkewed' });
  assert.throws(() => verify(request, 'sk', '{}', now - 900_001), { code: 'RequestTimeTooSkewed' });
  const undated = { ...request, headers: { ...request.headers, 'x-acs-date': 'now' } };
  assert.throws(() => verify(undated), { code: 'InvalidArgument' });
});

test('claims that are none, are malformed, or leave out what decides', () => {
  const request = sample();
  const withHeaders = (headers: Record<string, string | undefined>) => ({ ...request, headers: { ...request.headers, ...headers } });
  assert.equal(readAcs3Claim(withHeaders({ authorization: undefined })), undefined);
  assert.equal(readAcs3Claim(withHeaders({ authorization: 'FC ak:x' })), undefined);
  const authorization = request.headers.authorization as string;
  const malformed = { code: 'AuthorizationHeaderMalformed' };
  for (const bad of [
    'ACS3-HMAC-SHA256 Credential=ak',
    authorization.replace('Signature=', 'Signature=z'),
    ...['host;', 'x-acs-date;', 'x-acs-content-sha256;', 'x-acs-action;', ';x-acs-version', 'x-acs-signature-nonce;'].map((name) =>
      authorization.replace(name, ''),
    ),
  ]) {
    assert.notEqual(bad, authorization);
    assert.throws(() => readAcs3Claim(withHeaders({ authorization: bad })), malformed, bad);
  }
  assert.throws(() => readAcs3Claim(withHeaders({ 'x-acs-security-token': 'added' })), malformed);
  assert.throws(() => readAcs3Claim(withHeaders({ 'x-acs-date': undefined })), malformed);
});

// The vendor's own client against a plain server that hands over what it got.
interface Seen {
  method: string;
  url: string;
  headers: IncomingHttpHeaders;
  body: Buffer;
}
const seen: Seen[] = [];
const server = createServer(async (req, res) => {
  const { method = '', url = '', headers } = req;
  seen.push({ method, url, headers, body: await readAll(req, 1_000_000) });
  res.setHeader('content-type', 'application/json').end('{"functions":[],"functionName":"f"}');
});
before(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
after(() => {
  server.closeAllConnections();
  server.close();
});

test('@alicloud/fc20230330 signs as we verify, with and without a token, with and without a body', async () => {
  const {
    default: Client,
    ListFunctionsRequest,
    CreateFunctionRequest,
    CreateFunctionInput,
    GetFunctionRequest,
  } = fcSdk as unknown as typeof import('@alicloud/fc20230330');
  const endpoint = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  for (const securityToken of [undefined, 'tok']) {
    // The SDK types its configuration by a class of a transitive package; it reads plain fields.
    const config = { endpoint, protocol: 'http', accessKeyId: 'ak', accessKeySecret: 'sk', securityToken, regionId: 'cn-qingdao' };
    const client = new Client(config as unknown as ConstructorParameters<typeof Client>[0]);
    await client.listFunctions(new ListFunctionsRequest({ prefix: 'a/b c', limit: 5 }));
    const input = new CreateFunctionInput({ functionName: 'grüße', runtime: 'python3.12', handler: 'index.handler' });
    await client.createFunction(new CreateFunctionRequest({ body: input }));
    await client.getFunction('a b', new GetFunctionRequest({ qualifier: 'LATEST' }));
  }
  assert.equal(seen.length, 6);
  for (const { method, url, headers, body } of seen) {
    const [path = '', query = ''] = url.split('?');
    const request = { method, path, query: parseQuery(query), headers };
    const claim = readAcs3Claim(request);
    assert.ok(claim, url);
    const at = Date.parse(String(headers['x-acs-date']));
    verifyAcs3(claim, request, 'sk', sha256(body), at);
    assert.throws(() => verifyAcs3(claim, request, 'other', sha256(body), at), mismatch);
  }
  assert.deepEqual(
    seen.map(({ headers }) => headers['x-acs-security-token']),
    [undefined, undefined, undefined, 'tok', 'tok', 'tok'],
  );
});

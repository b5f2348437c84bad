import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { childText, parseXml } from '../../kit/index.ts';
import { accountId, codeOf, fetchUrl, type Harness, openHarness, sessionOf } from './fixture.ts';
import { takesFrom } from './sides.ts';

let oss: Harness;
const key = 'dir/cat.png';

before(async () => {
  oss = await openHarness();
  await oss.send('PUT', 'photos', '');
  await oss.send('PUT', 'photos', key, { body: 'the original', headers: { 'content-type': 'image/png' } });
});
after(() => oss.close());

type Statement = Record<string, unknown>;
const policyOf = (...Statement: Statement[]) => JSON.stringify({ Version: '1', Statement });
const allow = (Action: string, Resource: string, Principal = '*') => ({
  Effect: 'Allow',
  Action: [Action],
  Resource: [Resource],
  Principal: [Principal],
});
const deny = (Action: string, Resource: string, Principal = '*') => ({ ...allow(Action, Resource, Principal), Effect: 'Deny' });
const anonymous = (path: string, options: Parameters<typeof fetchUrl>[1] = {}) => fetchUrl(`http://127.0.0.1:${oss.port}/${path}`, options);
const put = (query: string, body = '', headers: Record<string, string> = {}, name = '') =>
  oss.send('PUT', 'photos', name, { query: { [query]: '' }, body, headers });
const get = (query: string, name = '') => oss.send('GET', 'photos', name, { query: { [query]: '' } });

describe('bucket policy', () => {
  test('is kept and given back byte for byte, and gone when deleted', async () => {
    const text = `{\n  "Version" : "1",\t"Statement":[ {"Sid":"größe 🦊","Effect":"Allow","Action":"oss:GetObject","Principal":["20"],"Resource":"acs:oss:*:*:photos/*"} ]}\r\n`;
    assert.deepEqual(codeOf(await get('policy')), 'NoSuchBucketPolicy');
    const answer = await put('policy', text, { 'content-md5': createHash('md5').update(text).digest('base64') });
    assert.deepEqual([answer.status, answer.text], [200, '']);
    const shown = await get('policy');
    assert.deepEqual([shown.status, shown.text, shown.headers['content-type']], [200, text, 'application/json']);
    assert.equal(childText(parseXml((await get('policyStatus')).text), 'IsPublic'), 'false');
    assert.equal((await oss.send('DELETE', 'photos', '', { query: { policy: '' } })).status, 204);
    assert.equal((await oss.send('DELETE', 'photos', '', { query: { policy: '' } })).status, 204);
    assert.equal(codeOf(await get('policy')), 'NoSuchBucketPolicy');
    assert.equal(childText(parseXml((await get('policyStatus')).text), 'IsPublic'), 'false');
    assert.equal(codeOf(await oss.send('GET', 'nowhere', '', { query: { policy: '' } })), 'NoSuchBucket');
  });

  test('is refused when it is none, and the old one stays', async () => {
    const good = policyOf(allow('oss:GetObject', 'acs:oss:*:*:photos/*', '20'));
    await put('policy', good);
    const long = policyOf({ ...allow('oss:GetObject', '*'), Sid: 'x'.repeat(16 * 1024) });
    for (const [body, code, why] of [
      ['', 'InvalidPolicyDocument', /JSON/],
      ['{', 'InvalidPolicyDocument', /JSON/],
      ['[]', 'InvalidPolicyDocument', /object/],
      ['{"Version":1,"Statement":[]}', 'InvalidPolicyDocument', /Version/],
      ['{"Version":"2","Statement":[]}', 'InvalidPolicyDocument', /Version/],
      [policyOf({ Effect: 'Allow', Action: 'oss:GetObject', Resource: '*' }), 'InvalidPolicyDocument', /Principal/],
      [policyOf({ ...allow('oss:GetObject', '*'), Effect: 'Maybe' }), 'InvalidPolicyDocument', /Effect/],
      [policyOf(allow('oss:GetObject', 'photos/*')), 'InvalidPolicyDocument', /Resource/],
      [policyOf(allow('oss:GetObject', 'acs:oss:*:17464****:photos/*')), 'InvalidPolicyDocument', /stars in a row/],
      [policyOf({ ...allow('oss:GetObject', '*'), Condition: { Same: { 'acs:SourceIp': '1' } } }), 'InvalidPolicyDocument', /Condition/],
      [long, 'InvalidPolicyDocument', /16384 bytes/],
      [`\ufeff${good}`, 'InvalidPolicyDocument', /JSON/],
    ] as const) {
      const answer = await put('policy', body);
      assert.deepEqual([answer.status, codeOf(answer)], [400, code], body.slice(0, 100));
      assert.match(answer.text, why);
    }
    assert.equal(
      codeOf(await oss.send('PUT', 'photos', '', { query: { policy: '' }, body: Buffer.from([0x7b, 0xff]) })),
      'InvalidPolicyDocument',
    );
    assert.equal(codeOf(await put('policy', good, { 'content-md5': '1B2M2Y8AsgTpgAmY7PhCfg==' })), 'InvalidDigest');
    assert.equal((await get('policy')).text, good);
  });

  test('speaks of the account only where it has a condition, and never locks it out', async () => {
    await put('policy', policyOf(deny('oss:*', '*')));
    assert.equal((await oss.send('GET', 'photos', key)).status, 200);
    const conditioned = { ...deny('oss:*', '*'), Condition: { StringNotEquals: { 'oss:DataAccessPointArn': ['acs:oss:x'] } } };
    await put('policy', policyOf(conditioned));
    const answer = await oss.send('GET', 'photos', key);
    assert.deepEqual([answer.status, codeOf(answer)], [403, 'AccessDenied']);
    assert.match(answer.text, /statement 1 of the policy of bucket photos denies it/);
    await put('policy', policyOf(deny('oss:GetObject', '*', accountId)));
    assert.equal(codeOf(await oss.send('GET', 'photos', key)), 'AccessDenied');
    assert.equal((await get('policy')).status, 200);
    assert.equal((await oss.send('DELETE', 'photos', '', { query: { policy: '' } })).status, 204);
    assert.equal((await oss.send('GET', 'photos', key)).status, 200);
  });

  test('is asked together with the policies of the caller', async () => {
    const role = (name: string) => `acs:ram::${accountId}:assumed-role/${name}/*`;
    const alice = await sessionOf(oss, 'alice', [{ Effect: 'Allow', Action: 'oss:GetObject', Resource: 'acs:oss:*:*:photos/mine/*' }]);
    await oss.send('PUT', 'photos', 'mine/1', { body: 'x' });
    await put(
      'policy',
      policyOf(
        allow('oss:GetObject', 'acs:oss:*:*:photos/dir/*', role('alice')),
        deny('oss:GetObject', 'acs:oss:*:*:photos/mine/1', role('alice')),
      ),
    );
    assert.equal((await oss.send('GET', 'photos', key, { key: alice })).status, 200, 'allowed by the bucket');
    assert.equal(codeOf(await oss.send('GET', 'photos', 'mine/1', { key: alice })), 'AccessDenied', 'denied by the bucket');
    assert.equal(codeOf(await oss.send('GET', 'photos', 'mine/2', { key: alice })), 'NoSuchKey', 'allowed by the role');
    assert.equal(codeOf(await oss.send('GET', 'photos', 'other', { key: alice })), 'AccessDenied', 'allowed by nobody');
    await oss.send('DELETE', 'photos', '', { query: { policy: '' } });
  });
});

describe('ACL', () => {
  const grantOf = async (name = '') => childText(parseXml((await get('acl', name)).text), 'AccessControlList', 'Grant');

  test('of a bucket: put, got, made with it, refused', async () => {
    for (const acl of ['public-read', 'public-read-write', 'private']) {
      assert.equal((await put('acl', '', { 'x-oss-acl': acl })).status, 200);
      assert.equal(await grantOf(), acl);
    }
    const shown = parseXml((await get('acl')).text);
    assert.deepEqual([shown.name, childText(shown, 'Owner', 'ID')], ['AccessControlPolicy', accountId]);
    assert.equal(codeOf(await put('acl', '', { 'x-oss-acl': 'open' })), 'InvalidArgument');
    assert.equal(codeOf(await put('acl')), 'MissingArgument');
    await oss.send('PUT', 'again', '', { headers: { 'x-oss-acl': 'public-read' } });
    await oss.send('PUT', 'again', '');
    assert.equal(oss.store.bucket('again')?.acl, 'public-read', 'made again without an ACL');
    await oss.send('PUT', 'again', '', { headers: { 'x-oss-acl': 'private' } });
    assert.equal(oss.store.bucket('again')?.acl, 'private', 'made again with one');
  });

  test('of an object: put, got, given with PutObject, reset by the next one', async () => {
    assert.equal(await grantOf(key), 'default');
    for (const acl of ['private', 'public-read', 'public-read-write', 'default']) {
      assert.equal((await put('acl', '', { 'x-oss-object-acl': acl }, key)).status, 200);
      assert.equal(await grantOf(key), acl);
    }
    assert.equal(codeOf(await put('acl', '', { 'x-oss-object-acl': 'open' }, key)), 'InvalidArgument');
    assert.equal(codeOf(await put('acl', '', {}, key)), 'MissingArgument');
    assert.equal(codeOf(await put('acl', '', { 'x-oss-object-acl': 'private' }, 'none')), 'NoSuchKey');
    assert.equal(codeOf(await get('acl', 'none')), 'NoSuchKey');
    await oss.send('PUT', 'photos', 'own', { body: 'x', headers: { 'x-oss-object-acl': 'public-read' } });
    assert.equal((await anonymous('photos/own')).status, 200);
    assert.equal(codeOf(await oss.send('PUT', 'photos', 'own', { body: 'x', headers: { 'x-oss-object-acl': 'open' } })), 'InvalidArgument');
    await oss.send('PUT', 'photos', 'own', { body: 'y' });
    assert.deepEqual([await grantOf('own'), (await anonymous('photos/own')).status], ['default', 403]);
  });

  test('of an object goes before that of its bucket', async () => {
    const codes: string[][] = [];
    for (const bucketAcl of ['private', 'public-read', 'public-read-write']) {
      await put('acl', '', { 'x-oss-acl': bucketAcl });
      for (const objectAcl of ['default', 'private', 'public-read', 'public-read-write']) {
        await oss.send('PUT', 'photos', 'both', { body: 'x', headers: { 'x-oss-object-acl': objectAcl } });
        const read = await anonymous('photos/both');
        const written = await anonymous('photos/both', { method: 'PUT', body: 'z' });
        codes.push([bucketAcl, objectAcl, String(read.status), String(written.status)]);
      }
    }
    assert.deepEqual(codes, [
      ['private', 'default', '403', '403'],
      ['private', 'private', '403', '403'],
      ['private', 'public-read', '200', '403'],
      ['private', 'public-read-write', '200', '200'],
      ['public-read', 'default', '200', '403'],
      ['public-read', 'private', '403', '403'],
      ['public-read', 'public-read', '200', '403'],
      ['public-read', 'public-read-write', '200', '200'],
      ['public-read-write', 'default', '200', '200'],
      ['public-read-write', 'private', '403', '403'],
      ['public-read-write', 'public-read', '200', '403'],
      ['public-read-write', 'public-read-write', '200', '200'],
    ]);
    await put('acl', '', { 'x-oss-acl': 'private' });
  });
});

describe('anonymous callers', () => {
  test('learn nothing of what is private, and what is missing of what is public', async () => {
    for (const path of [
      `photos/${key}`,
      'photos/none',
      'nowhere/none',
      'photos/',
      'photos/?acl',
      'photos/?lifecycle',
      'nowhere/',
      '?x=1',
    ]) {
      const answer = await anonymous(path);
      assert.deepEqual([answer.status, codeOf(answer)], [403, 'AccessDenied'], path);
      assert.doesNotMatch(answer.text, /statement|policy|acs:/, path);
    }
    const head = await anonymous(`photos/${key}`, { method: 'HEAD' });
    assert.deepEqual([head.status, codeOf(head), head.text, head.headers['x-oss-ec']], [403, 'AccessDenied', '', '0003-00000001']);
    await put('acl', '', { 'x-oss-acl': 'public-read' });
    assert.equal((await anonymous(`photos/${key}`)).text, 'the original');
    assert.equal((await anonymous(`photos/${key}`, { method: 'HEAD' })).headers['content-length'], '12');
    assert.equal((await anonymous(`photos/${key}?objectMeta`)).status, 200);
    assert.equal((await anonymous(`photos/${key}`, { headers: { range: 'bytes=4-' } })).text, 'original');
    assert.equal(codeOf(await anonymous('photos/none')), 'NoSuchKey');
    assert.equal(codeOf(await anonymous('photos/')), 'AccessDenied', 'a public ACL does not open the list');
    assert.equal(codeOf(await anonymous(`photos/${key}?response-content-type=text/html`)), 'InvalidRequest');
    assert.equal(codeOf(await anonymous(`photos/${key}`, { method: 'PUT', body: 'x' })), 'AccessDenied');
    const virtual = await anonymous(key, { headers: { host: 'photos.oss.test' } });
    assert.equal(virtual.text, 'the original');
    assert.equal((await anonymous(key, { headers: { host: 'photos.elsewhere.example' } })).text, 'the original');
    assert.equal((await anonymous(`photos/${key}`, { headers: { host: 'elsewhere.example' } })).text, 'the original');
    assert.equal(codeOf(await anonymous(key, { headers: { host: 'img.elsewhere.example' } })), 'AccessDenied', 'no guess at a bucket');
    await put('acl', '', { 'x-oss-acl': 'private' });
  });

  test('are let in and kept out by a policy', async () => {
    await put(
      'policy',
      policyOf(
        allow('oss:ListObjects', 'acs:oss:*:*:photos'),
        allow('oss:GetObject', 'acs:oss:*:*:photos/dir/*'),
        deny('oss:GetObject', 'acs:oss:*:*:photos/dir/secret*'),
      ),
    );
    assert.equal(childText(parseXml((await anonymous('photos/?prefix=dir/')).text), 'Contents', 'Key'), key);
    assert.equal((await anonymous(`photos/${key}`)).status, 200);
    const denied = await anonymous('photos/dir/secret');
    assert.equal(childText(parseXml(denied.text), 'Message'), 'Access denied by bucket policy.');
    assert.equal(
      childText(parseXml((await anonymous('photos/else')).text), 'Message'),
      'You have no right to access this object because of bucket acl.',
    );
    assert.equal(childText(parseXml((await get('policyStatus')).text), 'IsPublic'), 'true');
    await put('policy', policyOf({ ...allow('oss:*', '*'), Condition: { IpAddress: { 'acs:SourceIp': ['10.0.0.0/8'] } } }));
    assert.equal((await anonymous(`photos/${key}`)).status, 403);
    await put('policy', policyOf({ ...allow('oss:*', '*'), Condition: { IpAddress: { 'acs:SourceIp': ['127.0.0.0/8'] } } }));
    assert.equal((await anonymous(`photos/${key}`)).status, 200);
    const keys = '<Delete><Object><Key>dir/none</Key></Object></Delete>';
    const headers = { 'content-md5': createHash('md5').update(keys).digest('base64') };
    assert.equal((await anonymous('photos/?delete', { method: 'POST', body: keys, headers })).status, 200);
    for (const [method, path] of [
      ['PUT', 'photos/?policy'],
      ['DELETE', 'photos/?policy'],
      ['PUT', 'photos/?acl'],
      ['GET', 'photos/?bucketInfo'],
      ['DELETE', 'photos/'],
      ['PUT', `photos/${key}?acl`],
    ] as const) {
      assert.equal(codeOf(await anonymous(path, { method, headers: { 'x-oss-acl': 'public-read' } })), 'AccessDenied', `${method} ${path}`);
    }
    await oss.send('DELETE', 'photos', '', { query: { policy: '' } });
  });

  test('give no object an ACL, even where everybody may write', async () => {
    await put('acl', '', { 'x-oss-acl': 'public-read-write' });
    assert.equal((await anonymous('photos/new', { method: 'PUT', body: 'x' })).status, 200);
    const answer = await anonymous('photos/new', { method: 'PUT', body: 'x', headers: { 'x-oss-object-acl': 'public-read-write' } });
    assert.equal(codeOf(answer), 'AccessDenied');
    assert.equal((await anonymous('photos/new', { method: 'DELETE' })).status, 204);
    await put('acl', '', { 'x-oss-acl': 'private' });
  });
});

describe('block on public access', () => {
  const block = (value: string) =>
    `<PublicAccessBlockConfiguration><BlockPublicAccess>${value}</BlockPublicAccess></PublicAccessBlockConfiguration>`;
  const shown = async (bucket: string) =>
    childText(parseXml((await oss.send('GET', bucket, '', { query: { publicAccessBlock: '' } })).text), 'BlockPublicAccess');

  for (const bucket of ['photos', '']) {
    test(`of ${bucket === '' ? 'the account' : 'a bucket'}: what is public does not count, and nothing becomes public`, async () => {
      const query = { publicAccessBlock: '' };
      assert.equal(await shown(bucket), 'false');
      await put('acl', '', { 'x-oss-acl': 'public-read' });
      await put('policy', policyOf(allow('oss:ListObjects', '*')));
      assert.equal((await anonymous(`photos/${key}`)).status, 200);
      // oss2 writes Python's word.
      assert.equal((await oss.send('PUT', bucket, '', { query, body: block('True') })).status, 200);
      assert.equal(await shown(bucket), 'true');
      const answer = await anonymous(`photos/${key}`);
      assert.equal(childText(parseXml(answer.text), 'Message'), 'Public access is blocked. Sign the request.');
      assert.equal((await anonymous('photos/')).status, 403);
      assert.equal((await oss.send('GET', 'photos', key)).status, 200, 'the account itself');
      for (const refused of [
        await put('acl', '', { 'x-oss-acl': 'public-read' }),
        await put('acl', '', { 'x-oss-object-acl': 'public-read' }, key),
        await oss.send('PUT', 'photos', 'new', { body: 'x', headers: { 'x-oss-object-acl': 'public-read-write' } }),
        await put('policy', policyOf(allow('oss:ListObjects', '*'))),
        ...(bucket === '' ? [await oss.send('PUT', 'newer', '', { headers: { 'x-oss-acl': 'public-read' } })] : []),
      ]) {
        assert.deepEqual([refused.status, codeOf(refused)], [403, 'AccessDenied']);
        assert.match(refused.text, /Put public .* is not allowed/);
      }
      assert.equal((await put('acl', '', { 'x-oss-object-acl': 'private' }, key)).status, 200);
      assert.equal((await put('acl', '', { 'x-oss-object-acl': 'default' }, key)).status, 200);
      assert.equal((await put('policy', policyOf(allow('oss:ListObjects', '*', '20')))).status, 200);
      assert.equal((await oss.send('DELETE', bucket, '', { query })).status, 204);
      assert.deepEqual([await shown(bucket), (await anonymous(`photos/${key}`)).status], ['false', 200]);
      await put('acl', '', { 'x-oss-acl': 'private' });
      await oss.send('DELETE', 'photos', '', { query: { policy: '' } });
    });
  }

  test('takes true, false or nothing', async () => {
    const send = (body: string) => oss.send('PUT', 'photos', '', { query: { publicAccessBlock: '' }, body });
    assert.equal(codeOf(await send(block('maybe'))), 'InvalidArgument');
    assert.equal(codeOf(await send('')), 'MalformedXML');
    assert.equal((await send('<PublicAccessBlockConfiguration/>')).status, 200);
    assert.equal(await shown('photos'), 'false');
    const info = async () => childText(parseXml((await get('bucketInfo')).text), 'Bucket', 'BlockPublicAccess');
    await send(block('true'));
    assert.equal(await info(), 'true');
    await send(block('false'));
    assert.equal(await info(), 'false');
  });
});

test('an access point of network origin vpc takes requests from private networks only', () => {
  const resolved = (networkOrigin: string) => ({ kind: 'access-point', accessPoint: { networkOrigin } }) as Parameters<typeof takesFrom>[0];
  for (const address of ['127.0.0.1', '10.1.2.3', '172.31.0.1', '192.168.1.1', '::1', 'fd00::1', '::ffff:10.0.0.1', 'fe80::1']) {
    assert.equal(takesFrom(resolved('vpc'), address), true, address);
  }
  for (const address of ['8.8.8.8', '172.32.0.1', '11.0.0.1', '2001:db8::1', '::ffff:8.8.8.8', '']) {
    assert.deepEqual([takesFrom(resolved('vpc'), address), takesFrom(resolved('internet'), address)], [false, true], address);
  }
});

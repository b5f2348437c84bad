import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { childText, parseXml } from '../../kit/index.ts';
import { type Answer, codeOf, fetchUrl, type Harness, openHarness, openPhotos, rootKey, sessionOf } from './fixture.ts';
import { encodePolicy, type FormFile, formOf, signatureFields } from './form.fixture.ts';

let oss: Harness;
let apAlias = '';
let fcAlias = '';
before(async () => {
  oss = await openHarness();
  ({ apAlias, fcAlias } = await openPhotos(oss));
});
after(() => oss.close());

const url = (path = '/photos') => `http://127.0.0.1:${oss.port}${path}`;

function post(fields: Record<string, string>, file: FormFile | undefined = {}, path?: string): Promise<Answer> {
  return fetchUrl(url(path), { method: 'POST', ...formOf(fields, file) });
}

/** Sends a form signed by the account, with these conditions. */
function signed(fields: Record<string, string>, conditions: unknown = [], file: FormFile = {}, scheme: 'OSS1' | 'OSS4' = 'OSS1') {
  return post({ ...signatureFields(encodePolicy(conditions), rootKey, scheme), ...fields }, file);
}

function refused(answer: Answer, status: number, code: string, message = /./): void {
  assert.deepEqual([answer.status, codeOf(answer)], [status, code], answer.text);
  assert.match(answer.text, message);
}

const missing = async (key: string) => assert.equal((await oss.send('HEAD', 'photos', key)).status, 404, `${key} is not there`);

describe('a form stores its file', () => {
  for (const scheme of ['OSS1', 'OSS4'] as const) {
    test(`signed with ${scheme}`, async () => {
      const body = Buffer.from('\r\n--not the end\r\n', 'latin1');
      const answer = await signed({ key: `${scheme}/a.bin` }, [['starts-with', '$key', `${scheme}/`]], { body, type: 'image/png' }, scheme);
      const md5 = createHash('md5').update(body).digest();
      assert.deepEqual([answer.status, answer.text, answer.headers.etag], [204, '', `"${md5.toString('hex').toUpperCase()}"`]);
      assert.deepEqual([answer.headers['content-md5'], typeof answer.headers['x-oss-hash-crc64ecma']], [md5.toString('base64'), 'string']);
      const stored = await oss.send('GET', 'photos', `${scheme}/a.bin`);
      assert.deepEqual([stored.body, stored.headers['content-type']], [body, 'image/png']);
    });
  }

  test('with what its fields say of it', async () => {
    const more = { 'Cache-Control': 'no-cache', 'Content-Disposition': 'attachment', 'X-OSS-Meta-Who': 'jörg', 'x-oss-tagging': 'a=1' };
    const answer = await signed({ ...more, key: 'described', 'x-oss-storage-class': 'IA', 'x-oss-object-acl': 'public-read' });
    assert.equal(answer.status, 204, answer.text);
    const { headers } = await oss.send('HEAD', 'photos', 'described');
    assert.deepEqual(
      ['cache-control', 'content-disposition', 'x-oss-storage-class', 'x-oss-tagging-count'].map((name) => headers[name]),
      ['no-cache', 'attachment', 'IA', '1'],
    );
    assert.equal(Buffer.from(String(headers['x-oss-meta-who']), 'latin1').toString(), 'jörg');
    assert.match((await oss.send('GET', 'photos', 'described', { query: { acl: '' } })).text, /public-read/);
  });

  test('with the type that counts first', async () => {
    const typeOf = async (fields: Record<string, string>, file: FormFile) => {
      assert.equal((await signed({ ...fields, key: 'typed' }, [], file)).status, 204);
      return (await oss.send('HEAD', 'photos', 'typed')).headers['content-type'];
    };
    const fields = { 'Content-Type': 'text/field', 'x-oss-content-type': 'text/first' };
    assert.equal(await typeOf(fields, { type: 'text/file' }), 'text/first');
    assert.equal(await typeOf({ 'Content-Type': 'text/field' }, { type: 'text/file' }), 'text/file');
    assert.equal(await typeOf({ 'Content-Type': 'text/field' }, {}), 'text/field');
    assert.equal(await typeOf({}, {}), 'application/octet-stream');
  });

  test('under the name of the file, without its path', async () => {
    for (const filename of ['cat 猫.png', 'C:\\pictures\\cat 猫.png', '../../cat 猫.png']) {
      const answer = await signed({ key: `up/\${filename}`, success_action_status: '201' }, [['eq', '$key', 'up/cat 猫.png']], {
        filename,
      });
      assert.equal(answer.status, 201, answer.text);
      const result = parseXml(answer.text);
      assert.deepEqual([childText(result, 'Bucket'), childText(result, 'Key')], ['photos', 'up/cat 猫.png']);
      assert.equal(childText(result, 'ETag'), answer.headers.etag);
      assert.equal(childText(result, 'Location'), url('/photos/up/cat%20%E7%8C%AB.png'));
      await oss.send('DELETE', 'photos', 'up/cat 猫.png');
    }
    assert.equal((await signed({ key: `$\${filename}$1` }, [], { filename: '$&$1' })).status, 204);
    assert.equal((await oss.send('HEAD', 'photos', '$$&$1$1')).status, 200);
  });

  test('and answers as it is asked to', async () => {
    const status = async (fields: Record<string, string>) => (await signed({ key: 'answered', ...fields })).status;
    assert.deepEqual([await status({ success_action_status: '200' }), await status({ success_action_status: '404' })], [200, 204]);
    const redirected = await signed({
      key: 'answered',
      success_action_redirect: 'https://app.test/done?a=1',
      success_action_status: '201',
    });
    assert.deepEqual([redirected.status, redirected.headers.location], [303, 'https://app.test/done?a=1']);
    for (const target of ['javascript:alert(1)', '/local', 'data:text/html,x']) {
      refused(await signed({ key: 'redirected', success_action_redirect: target }), 400, 'InvalidArgument');
    }
    await missing('redirected');
  });

  test('once, when it may not be replaced', async () => {
    const fields = { key: 'once', 'x-oss-forbid-overwrite': 'true' };
    assert.equal((await signed(fields)).status, 204);
    refused(await signed(fields), 409, 'FileAlreadyExists');
  });

  test('in virtual-host style, through an access point, and not through an Object FC one', async () => {
    const form = formOf({ ...signatureFields(encodePolicy([{ bucket: 'photos' }]), rootKey), key: 'hosted' }, {});
    const hosted = await fetchUrl(url('/'), { method: 'POST', ...form, headers: { ...form.headers, host: 'photos.oss.test' } });
    assert.equal(hosted.status, 204, hosted.text);
    const fields = signatureFields(encodePolicy([]), rootKey);
    assert.equal((await post({ ...fields, key: 'pointed' }, {}, `/${apAlias}/`)).status, 204);
    refused(await post({ ...fields, key: 'pointed' }, {}, `/${fcAlias}`), 403, 'AccessDenied');
    refused(await post({ ...fields, key: 'x' }, {}, '/nowhere'), 404, 'NoSuchBucket');
  });

  test('by a session, which needs its token', async () => {
    const key = await sessionOf(oss, 'form-writer', [{ Effect: 'Allow', Action: 'oss:PutObject', Resource: 'acs:oss:*:*:photos/in/*' }]);
    const policy = encodePolicy([]);
    assert.equal((await post({ ...signatureFields(policy, key), key: 'in/a' })).status, 204);
    assert.equal((await post({ ...signatureFields(policy, key, 'OSS4'), key: 'in/b' })).status, 204);
    refused(await post({ ...signatureFields(policy, key), key: 'out/a' }), 403, 'AccessDenied', /oss:PutObject on .*photos\/out\/a/);
    const { token: _, ...bare } = key;
    assert.equal((await post({ ...signatureFields(policy, bare), key: 'in/c' })).status, 403);
    refused(
      await post({ ...signatureFields(policy, key), key: 'in/d', 'x-oss-object-acl': 'public-read' }),
      403,
      'AccessDenied',
      /PutObjectAcl/,
    );
  });

  test('of anybody, where everybody may write', async () => {
    refused(await post({ key: 'anonymous' }), 403, 'AccessDenied');
    await oss.send('PUT', 'photos', '', { query: { acl: '' }, headers: { 'x-oss-acl': 'public-read-write' } });
    assert.equal((await post({ key: 'anonymous' })).status, 204);
    await oss.send('PUT', 'photos', '', { query: { acl: '' }, headers: { 'x-oss-acl': 'private' } });
    refused(await post({ key: 'anonymous' }), 403, 'AccessDenied');
  });

  test('whatever signature its head or URL has, which does not count', async () => {
    const form = formOf({ ...signatureFields(encodePolicy([]), rootKey), key: 'both' }, {});
    const headers = { ...form.headers, authorization: 'OSS nobody:nothing' };
    assert.equal((await fetchUrl(url('/photos?Expires=1&OSSAccessKeyId=x&Signature=y'), { method: 'POST', ...form, headers })).status, 204);
    const unsigned = await oss.send('POST', 'photos', '', formOf({ key: 'unsigned' }, {}));
    refused(unsigned, 403, 'AccessDenied');
  });

  test('with buttons behind it, which mean nothing', async () => {
    const form = formOf({ ...signatureFields(encodePolicy([]), rootKey), key: 'button' }, {});
    const boundary = form.headers['content-type']?.split('boundary=')[1] ?? '';
    const behind = (part: string) =>
      Buffer.from(
        form.body
          .toString()
          .replace(`--${boundary}--`, `--${boundary}\r\nContent-Disposition: form-data; ${part}\r\n\r\nx\r\n--${boundary}--`),
      );
    assert.equal((await fetchUrl(url(), { method: 'POST', headers: form.headers, body: behind('name="submit"') })).status, 204);
    refused(
      await fetchUrl(url(), { method: 'POST', headers: form.headers, body: behind('name="file"; filename="b"') }),
      400,
      'MalformedPOSTRequest',
      /more than one file/,
    );
  });

  test('that comes in pieces split at every byte around its delimiters', async () => {
    const fields = signatureFields(encodePolicy([]), rootKey);
    const { headers, body } = formOf({ ...fields, key: 'split' }, { body: '\r\n--\r\n------WebKitFormBoundaryW0DET1iaBMeAOBg' });
    const from = body.indexOf('name="file"');
    for (let at = from; at <= body.length; at++) {
      const socket = connect(oss.port, '127.0.0.1').setNoDelay(true);
      const head = `POST /photos HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Type: ${headers['content-type']}\r\nContent-Length: ${body.length}\r\n\r\n`;
      socket.write(Buffer.concat([Buffer.from(head), body.subarray(0, at)]), () => setImmediate(() => socket.write(body.subarray(at))));
      let text = '';
      socket.setEncoding('latin1').on('data', (piece) => {
        text += piece;
      });
      await once(socket, 'close');
      assert.match(text, /^HTTP\/1.1 204 /, `split at ${at}`);
    }
    assert.equal((await oss.send('GET', 'photos', 'split')).text, '\r\n--\r\n------WebKitFormBoundaryW0DET1iaBMeAOBg');
  });

  test('as a new version, where versions are kept', async () => {
    await oss.send('PUT', 'kept', '');
    const setting = '<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>';
    await oss.send('PUT', 'kept', '', { query: { versioning: '' }, body: setting });
    const fields = { ...signatureFields(encodePolicy([]), rootKey), key: 'k' };
    const versions = [await post(fields, { body: '1' }, '/kept'), await post(fields, { body: '2' }, '/kept')];
    const [first, second] = versions.map(({ headers }) => String(headers['x-oss-version-id']));
    assert.notEqual(first, second);
    assert.equal((await oss.send('GET', 'kept', 'k', { query: { versionId: first ?? '' } })).text, '1');
  });

  test('of a page that the bucket takes links from', async () => {
    const xml = '<AllowEmptyReferer>false</AllowEmptyReferer><RefererList><Referer>http://app.test</Referer></RefererList>';
    await oss.send('PUT', 'photos', '', { query: { referer: '' }, body: `<RefererConfiguration>${xml}</RefererConfiguration>` });
    const form = formOf({ ...signatureFields(encodePolicy([]), rootKey), key: 'linked' }, {});
    const from = (referer: string) => fetchUrl(url(), { method: 'POST', ...form, headers: { ...form.headers, referer } });
    refused(await from('http://evil.test/form'), 403, 'AccessDenied', /referer/);
    assert.equal((await from('http://app.test/form')).status, 204);
    const usual = '<AllowEmptyReferer>true</AllowEmptyReferer><RefererList/>';
    await oss.send('PUT', 'photos', '', { query: { referer: '' }, body: `<RefererConfiguration>${usual}</RefererConfiguration>` });
  });

  test('of a page of another origin, which may read what became of it', async () => {
    const rule = '<CORSRule><AllowedOrigin>http://app.test</AllowedOrigin><AllowedMethod>POST</AllowedMethod></CORSRule>';
    await oss.send('PUT', 'photos', '', { query: { cors: '' }, body: `<CORSConfiguration>${rule}</CORSConfiguration>` });
    for (const fields of [{ ...signatureFields(encodePolicy([]), rootKey), key: 'cross' }, { key: 'cross' }]) {
      const form = formOf(fields, {});
      const answer = await fetchUrl(url(), { method: 'POST', ...form, headers: { ...form.headers, origin: 'http://app.test' } });
      assert.equal(answer.headers['access-control-allow-origin'], 'http://app.test', answer.text);
    }
    await oss.send('DELETE', 'photos', '', { query: { cors: '' } });
  });
});

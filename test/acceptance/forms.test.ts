/** Forms as browsers and unmodified SDKs make them, callbacks to an application, and the examples of docs/forms.md as they stand there. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { generateKeyPairSync, verify } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import OSS from 'ali-oss';
import { Agent as Dispatcher, FormData, fetch, type Response } from 'undici';
import { type Sluice, startSluice } from './harness/sluice.ts';
import { python } from './harness/toolchain.ts';

const run = promisify(execFile);
/** Pictures are processed where the optional dependency is installed. */
const withoutSharp = existsSync(resolve(import.meta.dirname, '../../node_modules/sharp')) ? false : 'sharp is not installed';
const page = readFileSync(resolve(import.meta.dirname, '../../docs/forms.md'), 'utf8');

let sluice: Sluice;
let app: Server;
const told: string[] = [];
let authorization: string | undefined;
let folder = '';
const keys = generateKeyPairSync('rsa', { modulusLength: 2048 });
let client: OSS;
const dispatcher = new Dispatcher();

before(async () => {
  app = createServer(async (req, res) => {
    const chunks: Buffer[] = [];
    for await (const chunk of req) chunks.push(chunk as Buffer);
    told.push(Buffer.concat(chunks).toString());
    ({ authorization } = req.headers);
    res.writeHead(200).end('{"Status":"OK"}');
  }).listen(0, '127.0.0.1');
  await once(app, 'listening');
  folder = mkdtempSync(join(tmpdir(), 'sluice-forms-'));
  const keyFile = join(folder, 'callback-key.pem');
  writeFileSync(keyFile, keys.privateKey.export({ type: 'pkcs8', format: 'pem' }));
  const signing = ['--outgoing-callback-key', keyFile, '--outgoing-callback-key-url', 'http://oss.test/callback_pub_key_v1.pem'];
  sluice = await startSluice({ args: ['--outgoing-callbacks', new URL(appUrl()).host, ...signing] });
  client = new OSS({
    ...{ accessKeyId: sluice.key.id, accessKeySecret: sluice.key.secret, region: 'oss-cn-hangzhou', bucket: 'photos' },
    ...{ endpoint: sluice.data.replace('127.0.0.1', 'localhost'), sldEnable: true, agent: new Agent() },
  });
  await client.putBucket('photos');
});
after(async () => {
  await dispatcher.close();
  app.closeAllConnections();
  app.close();
  rmSync(folder, { recursive: true });
  // An idle process for pictures stays for a while.
  await sluice.quiet();
  await sluice.stop();
});

const appUrl = () => `http://127.0.0.1:${(app.address() as AddressInfo).port}/stored`;
const later = () => new Date(Date.now() + 60_000).toISOString();

function post(fields: Record<string, string>, body: string | Buffer = 'hello'): Promise<Response> {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  form.append('file', new File([body], 'ünï "code".txt', { type: 'text/plain' }));
  return fetch(`${sluice.data}/photos`, { method: 'POST', body: form, dispatcher });
}

describe('a form in a browser’s FormData', () => {
  test('signed by calculatePostSignature of ali-oss', async () => {
    const conditions = [{ bucket: 'photos' }, ['starts-with', '$key', 'form/'], ['content-length-range', 0, 10_000_000]];
    const signed = client.calculatePostSignature({ expiration: later(), conditions });
    const body = Buffer.alloc(5_000_000, '\r\n--');
    const answer = await post({ ...signed, key: `form/\${filename}`, success_action_status: '201' }, body);
    const xml = await answer.text();
    assert.equal(answer.status, 201, xml);
    // A browser writes the quote as %22, and nobody undoes that.
    const key = 'form/ünï %22code%22.txt';
    assert.ok(xml.includes(`<Key>${key}</Key>`), xml);
    const stored = await client.get(key);
    assert.ok(stored.content.equals(body));
    assert.equal(stored.res.headers['content-type'], 'text/plain');
    const elsewhere = await post({ ...signed, key: 'elsewhere' });
    assert.deepEqual(
      [elsewhere.status, /Policy Condition failed: (.*?)</.exec(await elsewhere.text())?.[1]],
      [403, '[&quot;starts-with&quot;,&quot;$key&quot;,&quot;form/&quot;]'],
    );
  });

  test('signed by signPostObjectPolicyV4 of ali-oss', async () => {
    const date = new Date();
    const time = `${date.toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}Z`;
    const credential = `${sluice.key.id}/${time.slice(0, 8)}/cn-hangzhou/oss/aliyun_v4_request`;
    const parts = { 'x-oss-signature-version': 'OSS4-HMAC-SHA256', 'x-oss-credential': credential, 'x-oss-date': time };
    const policy = { expiration: later(), conditions: Object.entries(parts).map(([name, value]) => ({ [name]: value })) };
    const fields = {
      ...parts,
      policy: Buffer.from(JSON.stringify(policy)).toString('base64'),
      'x-oss-signature': client.signPostObjectPolicyV4(policy, date),
    };
    assert.equal((await post({ ...fields, key: 'v4' })).status, 204);
    assert.equal((await client.get('v4')).content.toString(), 'hello');
  });
});

describe('a callback', () => {
  test('of ali-oss, whose answer is the result', async () => {
    const body = `object=\${object}&size=\${size}&user=\${x:user}`;
    const callback = { url: appUrl(), body, contentType: 'application/x-www-form-urlencoded', customValue: { user: 'me & you' } };
    const result = await client.put('told.txt', Buffer.from('hello'), { callback });
    assert.deepEqual((result as { data?: unknown }).data, { Status: 'OK' });
    const parts = await client.multipartUpload('parts.txt', Buffer.alloc(300_000), { partSize: 102_400, callback });
    assert.deepEqual((parts as { data?: unknown }).data, { Status: 'OK' });
    const text = Buffer.from(`/stored\n${told[1]}`);
    assert.ok(verify('RSA-MD5', text, keys.publicKey, Buffer.from(authorization ?? '', 'base64')));
    const served = await fetch(`${sluice.data}/callback_pub_key_v1.pem`, { dispatcher });
    assert.equal(await served.text(), keys.publicKey.export({ type: 'spki', format: 'pem' }));
    assert.deepEqual(told, ['object=told.txt&size=5&user=me%20%26%20you', 'object=parts.txt&size=300000&user=me%20%26%20you']);
  });

  test('of a picture tells its size', { skip: withoutSharp }, async () => {
    const picture = readFileSync(resolve(import.meta.dirname, '../../examples/objects/landscape.jpg'));
    const body = `{"width":\${imageInfo.width},"height":\${imageInfo.height},"format":\${imageInfo.format}}`;
    const callback = { url: appUrl(), body, contentType: 'application/json' };
    await client.put('landscape.jpg', picture, { mime: 'image/jpeg', callback });
    const info = (await client.get('landscape.jpg', { process: 'image/info' })).content.toString();
    const value = (name: string) => JSON.parse(info)[name].value;
    const expected = { width: Number(value('ImageWidth')), height: Number(value('ImageHeight')), format: value('Format') };
    assert.deepEqual(JSON.parse(told.at(-1) ?? ''), expected);
    assert.ok(expected.width > 0);
    await client.put('no-picture.jpg', Buffer.from('none'), { mime: 'image/jpeg', callback });
    assert.deepEqual(JSON.parse(told.at(-1) ?? ''), { width: '', height: '', format: '' });
  });

  test('to an address that is not allowed is refused, and says what allows it', async () => {
    const callback = { url: 'http://10.1.2.3/', body: 'a=1' };
    await assert.rejects(client.put('untold.txt', Buffer.from('x'), { callback }), /10\.1\.2\.3:80 to the setting outgoing\.callbacks/);
    await assert.rejects(client.head('untold.txt'), { status: 404 });
  });
});

test('an archived object is restored by ali-oss', async () => {
  await client.put('cold.txt', Buffer.from('cold'), { headers: { 'x-oss-storage-class': 'Archive' } });
  await assert.rejects(client.get('cold.txt'), { status: 403, code: 'InvalidObjectState' });
  assert.equal((await client.restore('cold.txt')).res.status, 202);
  // The SDK takes 202 alone for an answer.
  await assert.rejects(client.restore('cold.txt'), { status: 200 });
  assert.equal((await client.get('cold.txt')).content.toString(), 'cold');
});

describe('the examples of docs/forms.md', () => {
  const code = (first: string) => {
    const found = [...page.matchAll(/^```(?:js|python|html)\n([\s\S]*?)^```/gm)].find(([, text = '']) => text.startsWith(first));
    assert.ok(found, first);
    return found[1] as string;
  };
  const env = () => ({
    ...process.env,
    OSS_ACCESS_KEY_ID: sluice.key.id,
    OSS_ACCESS_KEY_SECRET: sluice.key.secret,
    OSS_ENDPOINT: sluice.data,
  });
  const file = (name: string) => {
    const path = join(sluice.folder, name);
    writeFileSync(path, code(`${name.endsWith('.py') ? '#' : '//'} ${name}:`));
    return path;
  };

  test('in JavaScript', async () => {
    const fields = await run(process.execPath, [file('sign.mjs')], { env: env() });
    const uploaded = await run(process.execPath, [file('upload.mjs'), fields.stdout, 'from a browser'], { env: env() });
    assert.match(uploaded.stdout, /^201 .*<Key>uploads\/note.txt<\/Key>/s);
    assert.equal((await client.get('uploads/note.txt')).content.toString(), 'from a browser');
    for (const name of Object.keys(JSON.parse(fields.stdout))) assert.ok(code('<form').includes(`name="${name}"`), name);
  });

  test('in Python', { skip: python.skip }, async () => {
    const { interpreter = '', oss2 } = python.tools ?? {};
    const uploaded = await run(interpreter, ['-S', file('upload.py')], {
      env: { ...env(), PYTHONPATH: oss2?.newest, PYTHONDONTWRITEBYTECODE: '1' },
    });
    assert.equal(uploaded.stdout.trim(), '204');
    assert.equal((await client.get('uploads/note.txt')).content.toString(), 'from Python');
  });
});

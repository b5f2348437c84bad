import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { blobPath } from '../../blobs/index.ts';
import { child, childText, parseXml } from '../../kit/index.ts';
import { codeOf, type Harness, openHarness } from './fixture.ts';

const header = 'x-oss-server-side-encryption';
const sealed = { [header]: 'AES256' };
const words = 'words that nobody may read on the disk ';
const body = words.repeat(5000);

function ruleOf(algorithm: string, more = ''): string {
  const by = `<ApplyServerSideEncryptionByDefault><SSEAlgorithm>${algorithm}</SSEAlgorithm>${more}</ApplyServerSideEncryptionByDefault>`;
  return `<ServerSideEncryptionRule>${by}</ServerSideEncryptionRule>`;
}

describe('encryption at rest', () => {
  let oss: Harness;
  before(async () => {
    oss = await openHarness();
    await oss.send('PUT', 'vault', '');
    await oss.send('PUT', 'plain', '');
  });
  after(() => oss.close());
  const rule = { query: { encryption: '' } };
  /** Whether the object's bytes can be read in its file. */
  const legible = (bucket: string, key: string): boolean => {
    const { blob } = oss.store.head(bucket, key) ?? assert.fail(`no ${key}`);
    return readFileSync(blobPath(oss.blobFolder, blob)).includes(words);
  };

  test('a rule is put, shown and deleted', async () => {
    const none = await oss.send('GET', 'vault', '', rule);
    assert.deepEqual([none.status, codeOf(none)], [404, 'NoSuchServerSideEncryptionRule']);
    assert.equal((await oss.send('PUT', 'vault', '', { ...rule, body: ruleOf('AES256') })).status, 200);
    const shown = child(parseXml((await oss.send('GET', 'vault', '', rule)).text), 'ApplyServerSideEncryptionByDefault');
    assert.equal(shown && childText(shown, 'SSEAlgorithm'), 'AES256');
    assert.match((await oss.send('GET', 'vault', '', { query: { bucketInfo: '' } })).text, /<SSEAlgorithm>AES256</);
    assert.equal((await oss.send('DELETE', 'vault', '', rule)).status, 204);
    assert.equal((await oss.send('GET', 'vault', '', rule)).status, 404);
  });

  for (const [what, xml, status, code] of [
    ['KMS', ruleOf('KMS'), 400, 'NotImplemented'],
    ['SM4', ruleOf('SM4'), 400, 'NotImplemented'],
    ['another algorithm', ruleOf('ROT13'), 400, 'InvalidEncryptionAlgorithmError'],
    ['a key of KMS beside AES256', ruleOf('AES256', '<KMSMasterKeyID>k</KMSMasterKeyID>'), 400, 'InvalidArgument'],
    ['no algorithm', '<ServerSideEncryptionRule/>', 400, 'MalformedXML'],
  ] as const) {
    test(`a rule with ${what} is refused`, async () => {
      const answer = await oss.send('PUT', 'vault', '', { ...rule, body: xml });
      assert.deepEqual([answer.status, codeOf(answer)], [status, code], answer.text);
    });
  }

  test('an object is encrypted on the disk and the same to its readers, whole and in ranges', async () => {
    const put = await oss.send('PUT', 'plain', 'k', { headers: sealed, body });
    assert.deepEqual([put.status, put.headers[header]], [200, 'AES256']);
    assert.equal(legible('plain', 'k'), false);
    const get = await oss.send('GET', 'plain', 'k');
    assert.deepEqual([get.text, get.headers[header]], [body, 'AES256']);
    assert.equal((await oss.send('HEAD', 'plain', 'k')).headers[header], 'AES256');
    const range = await oss.send('GET', 'plain', 'k', { headers: { range: 'bytes=70000-140000' } });
    assert.deepEqual([range.status, range.text], [206, body.slice(70_000, 140_001)]);
    const open = await oss.send('PUT', 'plain', 'open', { body });
    assert.deepEqual([open.headers[header], legible('plain', 'open')], [undefined, true]);
  });

  test('the rule of the bucket holds for every way of writing, and not for what is there', async () => {
    await oss.send('PUT', 'vault', 'before', { body });
    await oss.send('PUT', 'vault', '', { ...rule, body: ruleOf('AES256') });
    assert.equal(legible('vault', 'before'), true);
    const put = await oss.send('PUT', 'vault', 'put', { body });
    const appended = await oss.send('POST', 'vault', 'log', { query: { append: '', position: '0' }, body });
    const copied = await oss.send('PUT', 'vault', 'copy', { headers: { 'x-oss-copy-source': '/vault/before' } });
    const begun = await oss.send('POST', 'vault', 'parts', { query: { uploads: '' } });
    const uploadId = childText(parseXml(begun.text), 'UploadId') ?? '';
    for (const partNumber of ['1', '2']) await oss.send('PUT', 'vault', 'parts', { query: { uploadId, partNumber }, body });
    const completed = await oss.send('POST', 'vault', 'parts', { query: { uploadId }, headers: { 'x-oss-complete-all': 'yes' } });
    for (const answer of [put, appended, copied, begun, completed])
      assert.deepEqual([answer.status, answer.headers[header]], [200, 'AES256']);
    await oss.send('POST', 'vault', 'log', { query: { append: '', position: String(body.length) }, body: 'and more' });
    assert.equal((await oss.send('GET', 'vault', 'log')).text, `${body}and more`);
    assert.equal((await oss.send('GET', 'vault', 'parts')).text, body + body);
    for (const key of ['put', 'copy']) assert.equal(legible('vault', key), false, key);
    await oss.send('DELETE', 'vault', '', rule);
  });

  test('a copy is encrypted as it is asked for, however its source is', async () => {
    const from = (key: string) => ({ 'x-oss-copy-source': `/plain/${key}` });
    const both = await oss.send('PUT', 'plain', 'still', { headers: { ...from('k'), ...sealed } });
    const opened = await oss.send('PUT', 'plain', 'opened', { headers: from('k') });
    assert.deepEqual([both.headers[header], opened.headers[header]], ['AES256', undefined]);
    assert.deepEqual([legible('plain', 'still'), legible('plain', 'opened')], [false, true]);
    for (const key of ['still', 'opened']) assert.equal((await oss.send('GET', 'plain', key)).text, body);
    assert.equal((await oss.send('GET', 'plain', 'opened')).headers.etag, (await oss.send('GET', 'plain', 'k')).headers.etag);
  });

  test('a symlink has no bytes to encrypt', async () => {
    const headers = { 'x-oss-symlink-target': 'open' };
    const refused = await oss.send('PUT', 'plain', 'link', { query: { symlink: '' }, headers: { ...headers, ...sealed } });
    assert.equal(codeOf(refused), 'NotImplemented');
    await oss.send('PUT', 'plain', '', { ...rule, body: ruleOf('AES256') });
    assert.equal((await oss.send('PUT', 'plain', 'link', { query: { symlink: '' }, headers })).status, 200);
    assert.equal((await oss.send('GET', 'plain', 'link')).headers[header], undefined);
    await oss.send('DELETE', 'plain', '', rule);
  });

  for (const [value, code] of [
    ['KMS', 'NotImplemented'],
    ['SM4', 'NotImplemented'],
    ['aes256', 'InvalidEncryptionAlgorithmError'],
  ]) {
    test(`the header with ${value} is refused and nothing is stored`, async () => {
      const answer = await oss.send('PUT', 'plain', 'refused', { headers: { [header]: value ?? '' }, body });
      assert.deepEqual([answer.status, codeOf(answer)], [400, code]);
      assert.equal(oss.store.head('plain', 'refused'), undefined);
    });
  }
});

import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { codeOf, fetchUrl, type Harness, openHarness } from './fixture.ts';

let oss: Harness;
before(async () => {
  oss = await openHarness();
  await oss.send('PUT', 'site', '', { headers: { 'x-oss-acl': 'public-read' } });
  for (const key of ['index.html', 'docs/index.html', 'page.html', '404.html', 'secret.html', 'secret/index.html']) {
    const acl: Record<string, string> = key.startsWith('secret') ? { 'x-oss-object-acl': 'private' } : {};
    await oss.send('PUT', 'site', key, { body: key, headers: { 'content-type': 'text/html', ...acl } });
  }
});
after(() => oss.close());

const index = (more = '') => `<IndexDocument><Suffix>index.html</Suffix>${more}</IndexDocument>`;
const error = (more = '') => `<ErrorDocument><Key>404.html</Key>${more}</ErrorDocument>`;
const put = (inner: string) =>
  oss.send('PUT', 'site', '', { query: { website: '' }, body: `<WebsiteConfiguration>${inner}</WebsiteConfiguration>` });

/** What a browser gets by the server's own domain: status and body, or the code of an error. */
async function open(path: string, host = 'site.oss.test') {
  const answer = await fetchUrl(`http://127.0.0.1:${oss.port}${path}`, { headers: { host } });
  const text = answer.headers['content-type'] === 'application/xml' ? codeOf(answer) : answer.text;
  return [answer.status, answer.headers.location ?? text];
}

describe('a website', () => {
  beforeEach(async () => assert.equal((await put(`${index()}${error()}`)).status, 200));

  test('shows its index page at the root, to those who do not sign', async () => {
    assert.deepEqual(await open('/'), [200, 'index.html']);
    assert.deepEqual(await open('/site/', '127.0.0.1'), [200, 'index.html']);
    assert.deepEqual(await open('/site', '127.0.0.1'), [200, 'index.html']);
    assert.match((await oss.send('GET', 'site', '')).text, /<ListBucketResult/);
    assert.deepEqual(await open('/?prefix=a'), [403, 'AccessDenied']);
    const head = await fetchUrl(`http://127.0.0.1:${oss.port}/`, { method: 'HEAD', headers: { host: 'site.oss.test' } });
    assert.deepEqual([head.status, head.headers['content-type'], head.headers['content-length']], [200, 'text/html', '10']);
  });

  test('shows pages and its error page', async () => {
    assert.deepEqual(await open('/page.html'), [200, 'page.html']);
    assert.deepEqual(await open('/nothing'), [404, '404.html']);
    await put(`${index()}${error('<HttpStatus>200</HttpStatus>')}`);
    assert.deepEqual(await open('/nothing'), [200, '404.html']);
    const head = await fetchUrl(`http://127.0.0.1:${oss.port}/nothing`, { method: 'HEAD', headers: { host: 'site.oss.test' } });
    assert.deepEqual([head.status, head.headers['content-length'], head.text], [200, '8', '']);
    assert.equal(codeOf(await oss.send('GET', 'site', 'nothing')), 'NoSuchKey');
  });

  test('shows the index page of the root for every folder, or of each', async () => {
    assert.deepEqual(await open('/docs/'), [200, 'index.html']);
    assert.deepEqual(await open('/docs'), [404, '404.html']);
    await put(`${index('<SupportSubDir>true</SupportSubDir>')}${error()}`);
    assert.deepEqual(await open('/docs/'), [200, 'docs/index.html']);
    assert.deepEqual(await open('/docs'), [302, '/docs/']);
    assert.deepEqual(await open('/none/'), [404, '404.html']);
    await put(`${index('<SupportSubDir>true</SupportSubDir><Type>1</Type>')}${error()}`);
    assert.deepEqual(await open('/docs'), [404, '404.html']);
    await put(`${index('<SupportSubDir>true</SupportSubDir><Type>2</Type>')}${error()}`);
    assert.deepEqual(await open('/docs'), [200, 'docs/index.html']);
  });

  test('shows nothing that may not be read, and does not say that it is there', async () => {
    assert.deepEqual(await open('/secret.html'), [403, 'AccessDenied']);
    await put(`${index('<SupportSubDir>true</SupportSubDir>')}<ErrorDocument><Key>secret.html</Key></ErrorDocument>`);
    assert.deepEqual(await open('/secret'), [404, 'NoSuchKey']);
    assert.deepEqual(await open('/secret/'), [403, 'AccessDenied']);
    await oss.send('PUT', 'site', '', { query: { acl: '' }, headers: { 'x-oss-acl': 'private' } });
    assert.deepEqual(await open('/'), [403, 'AccessDenied']);
    assert.deepEqual(await open('/nothing'), [403, 'AccessDenied']);
    await oss.send('PUT', 'site', '', { query: { acl: '' }, headers: { 'x-oss-acl': 'public-read' } });
  });

  test('is not there any more when it is deleted', async () => {
    const read = () => oss.send('GET', 'site', '', { query: { website: '' } });
    assert.match(
      (await read()).text,
      /<Suffix>index.html<\/Suffix><SupportSubDir>false<\/SupportSubDir><Type>0<\/Type>.*<Key>404.html<\/Key><HttpStatus>404</,
    );
    assert.equal((await oss.send('DELETE', 'site', '', { query: { website: '' } })).status, 204);
    assert.equal(codeOf(await read()), 'NoSuchWebsiteConfiguration');
    assert.deepEqual(await open('/'), [403, 'AccessDenied']);
    assert.deepEqual(await open('/nothing'), [404, 'NoSuchKey']);
  });
});

test('a website is refused that would not be as it is put', async () => {
  for (const [inner, code] of [
    ['', 'MalformedXML'],
    ['<RoutingRules><RoutingRule/></RoutingRules>', 'NotImplemented'],
    ['<IndexDocument/>', 'InvalidArgument'],
    ['<IndexDocument><Suffix>a/b.html</Suffix></IndexDocument>', 'InvalidArgument'],
    [index('<SupportSubDir>maybe</SupportSubDir>'), 'InvalidArgument'],
    [index('<Type>3</Type>'), 'InvalidArgument'],
    ['<ErrorDocument/>', 'InvalidArgument'],
    [error('<HttpStatus>500</HttpStatus>'), 'InvalidArgument'],
  ] as const) {
    assert.equal(codeOf(await put(inner)), code, inner);
  }
});

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { codeOf, type Harness, openHarness } from './fixture.ts';

let oss: Harness;
before(async () => {
  oss = await openHarness();
  await oss.send('PUT', 'rules', '');
});
after(() => oss.close());

const query = { lifecycle: '' };
const send = (rules: string, headers = {}) =>
  oss.send('PUT', 'rules', '', { query, headers, body: `<LifecycleConfiguration>${rules}</LifecycleConfiguration>` });
const get = () => oss.send('GET', 'rules', '', { query });
const rule = (inner: string, id = 'r', prefix = '') =>
  `<Rule><ID>${id}</ID><Prefix>${prefix}</Prefix><Status>Enabled</Status>${inner}</Rule>`;
const days = (name: string, count = 1) => `<${name}><Days>${count}</Days></${name}>`;

describe('lifecycle rules', () => {
  test('come back as they were put', async () => {
    assert.deepEqual([(await get()).status, codeOf(await get())], [404, 'NoSuchLifecycle']);
    const whole = rule(
      `<Tag><Key>a</Key><Value>1</Value></Tag><Tag><Key>b</Key><Value>2</Value></Tag>
      <Filter><ObjectSizeGreaterThan>5</ObjectSizeGreaterThan><ObjectSizeLessThan>50</ObjectSizeLessThan>
        <Not><Prefix>logs/x</Prefix><Tag><Key>c</Key><Value>3</Value></Tag></Not></Filter>
      ${days('Expiration', 9)}
      <Transition><Days>3</Days><StorageClass>IA</StorageClass></Transition>
      <Transition><CreatedBeforeDate>2030-01-01T00:00:00.000Z</CreatedBeforeDate><StorageClass>Archive</StorageClass></Transition>
      <NoncurrentVersionExpiration><NoncurrentDays>7</NoncurrentDays></NoncurrentVersionExpiration>
      <NoncurrentVersionTransition><NoncurrentDays>2</NoncurrentDays><StorageClass>ColdArchive</StorageClass></NoncurrentVersionTransition>
`,
      'whole',
      'logs/',
    );
    const second = rule('<Expiration><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration>', 'second', 'x');
    const third = rule('<Expiration><Date>2030-06-01T00:00:00.000Z</Date></Expiration>', 'third', 'y').replace('Enabled', 'Disabled');
    const unnamed = '<Rule><Prefix>z</Prefix><Status>Enabled</Status><Expiration><Days>1</Days></Expiration></Rule>';
    const aborting = '<AbortMultipartUpload><CreatedBeforeDate>2031-01-01T00:00:00.000Z</CreatedBeforeDate></AbortMultipartUpload>';
    const fourth = rule(aborting, 'fourth', 'w');
    assert.equal((await send(whole + second + third + fourth + unnamed)).status, 200);
    const { text } = await get();
    const flat = (xml: string) => xml.replace(/>\s+</g, '><');
    const element = (name: string) => new RegExp(`<${name}>.*</${name}>`);
    for (const name of ['Filter', 'Expiration', 'NoncurrentVersionExpiration', 'NoncurrentVersionTransition'])
      assert.equal(element(name).exec(text.split('</Rule>')[0] ?? '')?.[0], element(name).exec(flat(whole))?.[0], name);
    assert.match(text, /<Transition><Days>3<.*<CreatedBeforeDate>2030-01-01T00:00:00.000Z<.*Archive/);
    for (const each of [second, third, fourth]) assert.ok(text.includes(each), text);
    assert.match(text, /<ID>[0-9a-f]{32}<\/ID><Prefix>z</);
    assert.equal((await oss.send('DELETE', 'rules', '', { query })).status, 204);
    assert.equal(codeOf(await get()), 'NoSuchLifecycle');
    assert.equal((await oss.send('DELETE', 'rules', '', { query })).status, 204);
  });

  test('are refused when they are not right, and leave those that were there', async () => {
    assert.equal((await send(rule(days('Expiration')))).status, 200);
    const late = '<Transition><Days>1</Days><StorageClass>IA</StorageClass><IsAccessTime>true</IsAccessTime></Transition>';
    for (const [xml, code] of [
      ['', 'MalformedXML'],
      [rule(''), 'MalformedXML'],
      [rule(days('Expiration')).replace('Enabled', 'On'), 'MalformedXML'],
      [rule(days('Expiration', 0)), 'InvalidArgument'],
      [rule('<Expiration><Days>one</Days></Expiration>'), 'InvalidArgument'],
      [rule('<Expiration><Date>2030-06-01T01:00:00.000Z</Date></Expiration>'), 'InvalidArgument'],
      [rule('<Expiration><Days>1</Days><Date>2030-06-01T00:00:00.000Z</Date></Expiration>'), 'MalformedXML'],
      [rule('<Expiration><Days>1</Days><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration>'), 'MalformedXML'],
      [rule('<Transition><Days>1</Days><StorageClass>Standard</StorageClass></Transition>'), 'InvalidArgument'],
      [rule(late), 'NotImplemented'],
      [rule(`<Tag><Key>a</Key><Value>1</Value></Tag>${days('AbortMultipartUpload')}`), 'InvalidArgument'],
      [rule(days('Expiration'), 'x'.repeat(256)), 'InvalidArgument'],
      [rule(days('Expiration'), 'a', 'x') + rule(days('Expiration'), 'a', 'y'), 'InvalidArgument'],
      [rule(days('Expiration'), 'a', 'log') + rule(days('Expiration', 5), 'b', 'logs/'), 'InvalidArgument'],
      [rule(days('Expiration')).repeat(1001), 'MalformedXML'],
    ] as const) {
      const answer = await send(xml);
      assert.deepEqual([answer.status, codeOf(answer)], [400, code], xml.slice(0, 200));
    }
    assert.match((await get()).text, /<Days>1</);
    const overlap = rule(days('Expiration'), 'a', 'log') + rule(days('Expiration', 5), 'b', 'logs/');
    assert.equal((await send(overlap, { 'x-oss-allow-same-action-overlap': 'true' })).status, 200);
    const different = rule(days('AbortMultipartUpload'), 'a', 'log') + rule(days('Expiration', 5), 'b', 'logs/');
    assert.equal((await send(different)).status, 200);
  });

  test('are carried out, and announced by HeadObject', async () => {
    await oss.send('PUT', 'rules', 'old/a', { body: 'x' });
    await oss.send('PUT', 'rules', 'new/a', { body: 'x' });
    const tomorrow = `${new Date(Date.now() + 86_400_000).toISOString().slice(0, 10)}T00:00:00.000Z`;
    const before = rule(`<Expiration><CreatedBeforeDate>${tomorrow}</CreatedBeforeDate></Expiration>`, 'first & last', 'old/').replace(
      'first &',
      'first &amp;',
    );
    await send(before + rule(days('Expiration', 3), 'three', 'new/'));
    const told = await oss.send('HEAD', 'rules', 'new/a');
    const expiry = /^expiry-date="(.*)", rule-id="three"$/.exec(String(told.headers['x-oss-expiration']))?.[1] ?? '';
    const inDays = (Date.parse(expiry) - Date.parse(String(told.headers['last-modified']))) / 86_400_000;
    assert.ok(inDays >= 3 && inDays <= 4 && expiry.endsWith('00:00:00 GMT'), expiry);
    assert.match(String((await oss.send('HEAD', 'rules', 'old/a')).headers['x-oss-expiration']), /rule-id="first%20%26%20last"$/);
    assert.equal((await oss.send('GET', 'rules', 'new/a')).headers['x-oss-expiration'], undefined);
    await oss.store.applyLifecycle();
    assert.equal((await oss.send('GET', 'rules', 'old/a')).status, 404);
    assert.equal((await oss.send('GET', 'rules', 'new/a')).status, 200);
  });
});

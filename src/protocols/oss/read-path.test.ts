/** What an Object FC access point can be told about the requests that come through it: headers, payload, limits, and what it lets pass. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { signOssHeader } from '../../signing/index.ts';
import {
  type Answer,
  codeOf,
  type FunctionEvent,
  fcHeader,
  fetchUrl,
  functionArn,
  type Harness,
  headerLines,
  openHarness,
  openPhotos,
  original,
  rawClient,
} from './fixture.ts';

let oss: Harness;
let fcAlias: string;
let apAlias: string;

before(async () => {
  oss = await openHarness();
  ({ fcAlias, apAlias } = await openPhotos(oss));
});
after(() => oss.close());

type Event = FunctionEvent & { configuration: { payload: string }; deadline: number };

/** Answers every event with its own JSON. */
const echo = async (
  event: FunctionEvent,
  credentials: { accessKeyId: string; accessKeySecret: string; securityToken: string },
): Promise<void> => {
  const { outputRoute, outputToken } = event.getObjectContext;
  const headers = { 'x-oss-request-route': outputRoute, 'x-oss-request-token': outputToken, 'x-oss-fwd-status': '200' };
  const signed = signOssHeader({
    ...{ scheme: 'OSS1', method: 'POST', headers, now: Date.now(), ...credentials },
    query: { 'x-oss-write-get-object-response': '' },
  });
  const body = JSON.stringify(event);
  await fetchUrl(`${outputRoute}/?x-oss-write-get-object-response`, { method: 'POST', headers: { ...headers, ...signed }, body });
};

/** Puts a configuration with these parts; what is left out is not there. */
async function configure({ features = '', payload = '', headers = '', limits = '' } = {}): Promise<Answer> {
  const role = 'acs:ram::1234567890123456:role/aliyunfcdefaultrole';
  return await oss.send('PUT', 'photos', '', {
    ...{ query: { accessPointConfigForObjectProcess: '' }, headers: fcHeader },
    body: `<PutAccessPointConfigForObjectProcessConfiguration><ObjectProcessConfiguration><AllowedFeatures>${features}</AllowedFeatures>
      <TransformationConfigurations><TransformationConfiguration><Actions><Action>GetObject</Action></Actions><ContentTransformation>
      <FunctionCompute><FunctionArn>${functionArn}</FunctionArn><FunctionAssumeRoleArn>${role}</FunctionAssumeRoleArn>${payload}</FunctionCompute>
      <AdditionalFeatures><CustomForwardHeaders>${headers}</CustomForwardHeaders></AdditionalFeatures>
      </ContentTransformation></TransformationConfiguration></TransformationConfigurations>${limits}</ObjectProcessConfiguration></PutAccessPointConfigForObjectProcessConfiguration>`,
  });
}
const shown = async () =>
  (await oss.send('GET', 'photos', '', { query: { accessPointConfigForObjectProcess: '' }, headers: fcHeader })).text;
const idle = async () => {
  while (oss.transforms.open > 0) await setImmediate();
};

test('the payload is in every event, and comes back with the configuration', async () => {
  oss.setFunction(echo);
  assert.equal((await configure({ payload: '<FunctionPayload>{"width": 320, "of": "a&amp;b"}</FunctionPayload>' })).status, 200);
  assert.match(await shown(), /<FunctionPayload>\{&quot;width&quot;: 320, &quot;of&quot;: &quot;a&amp;b&quot;\}<\/FunctionPayload>/);
  const event = JSON.parse((await oss.send('GET', fcAlias, 'k')).text) as Event;
  assert.equal(event.configuration.payload, '{"width": 320, "of": "a&b"}');
  await configure();
  assert.equal((JSON.parse((await oss.send('GET', fcAlias, 'k')).text) as Event).configuration.payload, '');
  const long = await configure({ payload: `<FunctionPayload>${'x'.repeat(65_537)}</FunctionPayload>` });
  assert.deepEqual([long.status, codeOf(long)], [400, 'InvalidArgument']);
});

test('headers of the client reach the function; cookies only where they are named, credentials never', async () => {
  oss.setFunction(echo);
  const seen = async () => {
    const headers = { 'x-tint': 'red', cookie: 'session=1', 'proxy-authorization': 'secret' };
    return (JSON.parse((await oss.send('GET', fcAlias, 'k', { headers })).text) as Event).userRequest.headers;
  };
  await configure({ headers: '<CustomForwardHeader>x-tint</CustomForwardHeader>' });
  const plain = await seen();
  assert.deepEqual([plain['x-tint'], plain.cookie], ['red', undefined]);
  const all = ['Cookie', 'Authorization', 'proxy-authorization']
    .map((name) => `<CustomForwardHeader>${name}</CustomForwardHeader>`)
    .join('');
  await configure({ headers: all });
  const named = await seen();
  assert.equal(named.cookie, 'session=1');
  assert.deepEqual(
    Object.keys(named).filter((name) => /authorization/i.test(name)),
    [],
  );
});

test('the event tells until when the client waits', async () => {
  oss.setFunction(echo);
  await configure();
  const begun = Date.now();
  const { deadline } = JSON.parse((await oss.send('GET', fcAlias, 'k')).text) as Event;
  // The function's three seconds, and ten for a start.
  assert.ok(deadline >= begun + 13_000 && deadline <= Date.now() + 13_000, String(deadline - begun));
  await configure({ limits: '<Limits><FirstByteMs>2000</FirstByteMs></Limits>' });
  const sooner = JSON.parse((await oss.send('GET', fcAlias, 'k')).text) as Event;
  assert.ok(sooner.deadline <= Date.now() + 2_000);
});

test('presigned URLs carry parameters for the function: signed by V4, added to V1', async () => {
  oss.setFunction(echo);
  await configure();
  const urlOf = async (url: string) => (JSON.parse((await fetchUrl(url)).text) as Event).userRequest.url;
  assert.match(await urlOf(oss.presign(fcAlias, 'k', { scheme: 'OSS4', query: { w: '320', style: 'a b' } })), /\?w=320&style=a%20b$/);
  assert.match(await urlOf(`${oss.presign(fcAlias, 'k', { scheme: 'OSS1' })}&w=320`), /\?w=320$/);
  const added = await fetchUrl(`${oss.presign(fcAlias, 'k', { scheme: 'OSS4' })}&w=320`);
  assert.equal(codeOf(added), 'SignatureDoesNotMatch');
});

describe('limits of an access point', () => {
  test('shed what is too much at once, with Retry-After, and let others be', async () => {
    await configure({ limits: '<Limits><InFlight>1</InFlight><RequestsPerSecond>1000</RequestsPerSecond></Limits>' });
    assert.match(await shown(), /<Limits><InFlight>1<\/InFlight><RequestsPerSecond>1000<\/RequestsPerSecond><\/Limits>/);
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    oss.setFunction(async (event, credentials) => {
      await held;
      await echo(event, credentials);
    });
    const first = oss.send('GET', fcAlias, 'k');
    while (oss.transforms.open === 0) await setImmediate();
    const second = await oss.send('GET', fcAlias, 'k');
    assert.deepEqual([second.status, codeOf(second), second.headers['retry-after']], [503, 'SlowDown', '1']);
    assert.match(second.text, /The Object FC access point fc-ap-01 has 1 requests at work, which is its limit/);
    const plain = await oss.send('GET', apAlias, 'dir/cat.png');
    assert.deepEqual([plain.status, plain.text], [200, original], 'the supporting access point has limits of its own');
    release();
    assert.equal((await first).status, 200);
    await idle();
    assert.equal((await oss.send('GET', fcAlias, 'k')).status, 200);
  });

  test('by requests a second', async () => {
    oss.setFunction(echo);
    await idle();
    await configure({ limits: '<Limits><RequestsPerSecond>1</RequestsPerSecond></Limits>' });
    const answers = await Promise.all(Array.from({ length: 20 }, () => oss.send('GET', fcAlias, 'k')));
    const shed = answers.filter(({ status }) => status === 503);
    assert.ok(shed.length > 0 && shed.length < 20, `${shed.length} of 20 were shed`);
    for (const answer of shed) assert.deepEqual([codeOf(answer), answer.headers['retry-after']], ['SlowDown', '1']);
    await idle();
  });

  test('end an answer that is silent for longer than IdleMs', async () => {
    await configure({ limits: '<Limits><IdleMs>150</IdleMs></Limits>' });
    oss.setFunction(async (event, credentials) => {
      const { outputRoute, outputToken } = event.getObjectContext;
      const headers = { 'x-oss-request-route': outputRoute, 'x-oss-request-token': outputToken, 'x-oss-fwd-status': '200' };
      const signed = signOssHeader({
        ...{ scheme: 'OSS1', method: 'POST', headers, now: Date.now(), ...credentials },
        query: { 'x-oss-write-get-object-response': '' },
      });
      const { socket, sees } = await rawClient(oss.functionsPort);
      const lines = headerLines({ ...headers, ...signed, Host: 'h', 'Content-Length': '10' });
      socket.write(`POST /?x-oss-write-get-object-response HTTP/1.1\r\n${lines}\r\n\r\nhalf`);
      await sees(/<Code>RequestTimeout<\/Code>/);
      socket.destroy();
    });
    await assert.rejects(oss.send('GET', fcAlias, 'k'), /aborted|ECONNRESET|socket hang up/);
    await idle();
  });

  test('are whole numbers', async () => {
    for (const value of ['0', '-1', 'x', '1.5']) {
      const refused = await configure({ limits: `<Limits><InFlight>${value}</InFlight></Limits>` });
      assert.deepEqual([refused.status, codeOf(refused)], [400, 'InvalidArgument'], value);
    }
  });
});

describe('the feature Passthrough', () => {
  test('lets other operations through to the supporting access point; reads are still the function’s', async () => {
    oss.setFunction(echo);
    const refused = await oss.send('GET', fcAlias, '', { query: { 'list-type': '2' } });
    assert.equal(codeOf(refused), 'AccessDenied');
    await configure({ features: '<AllowedFeature>Passthrough</AllowedFeature>' });
    assert.match(await shown(), /<AllowedFeature>Passthrough<\/AllowedFeature>/);
    const list = await oss.send('GET', fcAlias, '', { query: { 'list-type': '2' } });
    assert.match(list.text, /<Key>dir\/cat.png<\/Key>/);
    assert.equal((await oss.send('PUT', fcAlias, 'new', { body: 'written through' })).status, 200);
    assert.equal((await oss.send('GET', 'photos', 'new')).text, 'written through');
    assert.match((await oss.send('GET', fcAlias, 'new')).text, /getObjectContext/);
    const copied = await oss.send('PUT', 'photos', 'copy', { headers: { 'x-oss-copy-source': `/${fcAlias}/new` } });
    assert.equal(copied.status, 200, copied.text);
    assert.equal((await oss.send('GET', 'photos', 'copy')).text, 'written through');
    assert.equal((await oss.send('DELETE', fcAlias, 'new')).status, 204);
    assert.equal((await oss.send('HEAD', 'photos', 'new')).status, 404);
    const bucketOnly = await oss.send('GET', fcAlias, '', { query: { acl: '' } });
    assert.equal(codeOf(bucketOnly), 'AccessDenied', 'what no access point offers stays closed');
    await idle();
  });

  test('is the only way: without it nothing passes, and an unknown feature is refused', async () => {
    assert.equal((await configure({ features: '<AllowedFeature>GetObject-Range</AllowedFeature>' })).status, 200);
    for (const [method, key] of [
      ['PUT', 'new'],
      ['DELETE', 'dir/cat.png'],
      ['GET', ''],
    ] as const) {
      assert.equal(codeOf(await oss.send(method, fcAlias, key, { query: key === '' ? { 'list-type': '2' } : {} })), 'AccessDenied', method);
    }
    assert.equal((await oss.send('HEAD', 'photos', 'dir/cat.png')).status, 200);
    assert.equal(codeOf(await configure({ features: '<AllowedFeature>Everything</AllowedFeature>' })), 'InvalidArgument');
  });
});

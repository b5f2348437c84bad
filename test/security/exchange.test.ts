/**
 * What a function may do with what it was given, tried from inside another function: answer an exchange that is not its own, read an object that is not its own, read its
 * own when the exchange is over. The wall does not stop these, the network is shared; the server refuses them.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Collector, type Report } from '../acceptance/harness/collector.ts';
import {
  createAccessPoint,
  createBucket,
  createObjectFc,
  deleteFunction,
  deployFunction,
  filesOf,
  ossDo,
} from '../acceptance/harness/deploy.ts';
import { send } from '../acceptance/harness/http.ts';
import { pathOf, queryOf, signHeaderV4 } from '../acceptance/harness/sign.ts';
import { root } from '../acceptance/harness/toolchain.ts';
import { variants, WallStage, whyNot } from './wall/stage.ts';

const bucket = 'sec-exchange';
const variant = variants.find((it) => whyNot(it) === false);

interface Said {
  status: number;
  body: string;
}

describe('exchanges of others', { skip: variant ? false : 'no level of the wall can be tested here' }, () => {
  let stage: WallStage;
  let collector: Collector;
  let alias: string;

  before(async () => {
    stage = await WallStage.open(variant!);
    collector = await new Collector().start();
    await createBucket(stage.sluice, bucket);
    await createAccessPoint(stage.sluice, bucket, 'ap-exchange');
    for (const key of ['own', 'other']) await ossDo(stage.sluice, { method: 'PUT', bucket, key, body: `the object ${key}` });
    await deployFunction(stage.sluice, 'serving', filesOf(join(root, 'test', 'acceptance', 'functions', 'remote')), { timeout: 20 });
    alias = await createObjectFc(stage.sluice, { bucket, accessPoint: 'ap-exchange', name: 'serving', functionName: 'serving' });
  });
  after(() =>
    stage?.sluice.finish(async () => {
      await collector.close();
      for (const name of ['hostile', 'victim', 'serving']) await deleteFunction(stage.sluice, name);
    }),
  );

  /** A client that waits, and what the function that serves it was given. */
  const open = async (): Promise<{ client: ReturnType<typeof send>; report: Report }> => {
    const expected = collector.expect();
    const call = { method: 'GET', bucket: alias, key: 'own', query: { report: expected.url } };
    const client = send(stage.sluice.data, { path: pathOf(call) + queryOf(call.query), headers: signHeaderV4(call, stage.sluice.key) });
    return { client, report: await expected.report };
  };
  const inside = async (details: object): Promise<Said> => {
    const { found, message } = await stage.attempt<Said>('hostile', 'request', details);
    assert.ok(found, message);
    return found;
  };
  const answerBy = (credentials: Report['credentials'], report: Report) => {
    const { outputRoute, outputToken } = report.event.getObjectContext;
    const headers = {
      'content-type': 'text/plain',
      'x-oss-request-route': outputRoute,
      'x-oss-request-token': outputToken,
      'x-oss-fwd-status': '200',
    };
    const unsigned = { method: 'POST', query: { 'x-oss-write-get-object-response': '' }, headers };
    const { accessKeyId: id, accessKeySecret: secret, securityToken: token } = credentials;
    return {
      url: `${stage.sluice.functions}/?x-oss-write-get-object-response`,
      method: 'POST',
      headers: signHeaderV4(unsigned, { id, secret, token }),
      body: 'answered by another',
    };
  };

  test('answers no exchange of another function, though it knows its token', async () => {
    const { credentials } = await stage.attempt('hostile', 'visible');
    const { client, report } = await open();
    const said = await inside(answerBy(credentials!, report));
    assert.equal(said.status, 403, said.body);
    assert.match(said.body, /<Code>AccessDenied<\/Code>/);
    report.release('return');
    assert.notEqual((await client).body.toString(), 'answered by another');
  });

  test('reads no other object with a presigned URL, and none when the exchange is over', async () => {
    const { client, report } = await open();
    const { inputOssUrl } = report.event.getObjectContext;
    const own = await inside({ url: inputOssUrl, method: 'GET' });
    assert.deepEqual([own.status, own.body], [200, 'the object own']);
    const other = await inside({ url: inputOssUrl.replace('/own?', '/other?'), method: 'GET' });
    assert.equal(other.status, 403, other.body);
    const { credentials } = report;
    const written = await inside({ ...answerBy(credentials, report), method: 'PUT', url: `${stage.sluice.data}/${bucket}/other` });
    assert.equal(written.status, 403, written.body);
    report.release('return');
    await client;
    await stage.sluice.quiet();
    const late = await inside({ url: inputOssUrl, method: 'GET' });
    assert.equal(late.status, 403, late.body);
    const answer = await inside(answerBy(credentials, report));
    assert.equal(answer.status, 403, answer.body);
  });
});

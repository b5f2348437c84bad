import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { childText, parseXml, writeXml } from '../../src/kit/index.ts';
import { root } from '../toolchain/folder.ts';
import { type Client, expectSuccess } from './client.ts';
import type { Package } from './code.ts';
import { type DemoFunction, objects } from './functions.ts';

export const bucket = 'demo';
const accessPoint = 'demo';
const xml = { 'content-type': 'application/xml' };

/** Says whose a function is: only the demo's own are ever updated. */
const mark = 'Made by ./run start';

/** Makes the bucket and puts the objects into it, where they are not there yet. */
export async function setUpObjects(client: Client): Promise<void> {
  const info = await client.oss({ method: 'GET', bucket, query: { bucketInfo: '' } });
  if (info.status === 404) expectSuccess('PutBucket', await client.oss({ method: 'PUT', bucket }));
  else expectSuccess('GetBucketInfo', info);
  await Promise.all(Object.entries(objects).map(([key, type]) => setUpObject(client, key, type)));
}

async function setUpObject(client: Client, key: string, type: string): Promise<void> {
  const body = readFileSync(join(root, 'examples', 'objects', key));
  const md5 = createHash('md5').update(body).digest();
  const head = await client.oss({ method: 'HEAD', bucket, key });
  if (head.status === 200 && head.headers.get('etag')?.toLowerCase() === `"${md5.toString('hex')}"`) return;
  const headers = { 'content-type': type, 'content-md5': md5.toString('base64') };
  expectSuccess('PutObject', await client.oss({ method: 'PUT', bucket, key, headers, body }));
}

/** Makes the access point that stands between the bucket and the Object FC access points. Returns the account's id. */
export async function setUpAccessPoint(client: Client): Promise<string> {
  const ask = { method: 'GET', bucket, query: { accessPoint: '' }, headers: { 'x-oss-access-point-name': accessPoint } };
  let reply = await client.oss(ask);
  if (reply.status === 404) {
    const body = Buffer.from(writeXml('CreateAccessPointConfiguration', { AccessPointName: accessPoint, NetworkOrigin: 'internet' }));
    expectSuccess('CreateAccessPoint', await client.oss({ method: 'PUT', bucket, query: { accessPoint: '' }, headers: xml, body }));
    reply = await client.oss(ask);
  }
  return textOf(expectSuccess('GetAccessPoint', reply).text, 'AccountId');
}

/**
 * Makes or updates a function of the demo and the Object FC access point bound to it.
 * @returns the alias, which clients give as the bucket name
 */
export async function setUpFunction(client: Client, fn: DemoFunction, accountId: string, code: Package): Promise<string> {
  const { name } = fn;
  const arn = await setUpCode(client, fn, accountId, code);
  const query = { accessPointForObjectProcess: '' };
  const headers = { 'x-oss-access-point-for-object-process-name': name };
  let reply = await client.oss({ method: 'GET', bucket, query, headers });
  if (reply.status === 404) {
    const body = Buffer.from(objectFcXml(arn, `acs:ram::${accountId}:role/aliyunfcdefaultrole`));
    const made = await client.oss({ method: 'PUT', bucket, query, headers: { ...headers, ...xml }, body });
    expectSuccess('CreateAccessPointForObjectProcess', made);
    reply = await client.oss({ method: 'GET', bucket, query, headers });
  }
  return textOf(expectSuccess('GetAccessPointForObjectProcess', reply).text, 'AccessPointForObjectProcessAlias');
}

async function setUpCode(client: Client, fn: DemoFunction, accountId: string, code: Package): Promise<string> {
  const { name, runtime, handler } = fn;
  const path = `/2023-03-30/functions/${name}`;
  const found = await client.functionCompute('GET', path, 'GetFunction');
  const known =
    found.status === 200 ? (JSON.parse(found.text) as { functionArn: string; codeChecksum: string; description?: string }) : undefined;
  if (known && (known.codeChecksum === code.checksum || known.description !== mark)) return known.functionArn;
  if (!known && found.status !== 404) expectSuccess('GetFunction', found);
  const input = { runtime, handler, code: { zipFile: code.read().toString('base64') } };
  if (known) return arnOf(expectSuccess('UpdateFunction', await client.functionCompute('PUT', path, 'UpdateFunction', input)).text);
  const further = {
    functionName: name,
    description: mark,
    timeout: 60,
    memorySize: 512,
    role: `acs:ram::${accountId}:role/aliyunfcdefaultrole`,
  };
  const create = client.functionCompute('POST', '/2023-03-30/functions', 'CreateFunction', { ...further, ...input });
  return arnOf(expectSuccess('CreateFunction', await create).text);
}

function objectFcXml(functionArn: string, role: string): string {
  return writeXml('CreateAccessPointForObjectProcessConfiguration', {
    AccessPointName: accessPoint,
    ObjectProcessConfiguration: {
      TransformationConfigurations: {
        TransformationConfiguration: {
          Actions: { Action: 'GetObject' },
          ContentTransformation: { FunctionCompute: { FunctionArn: functionArn, FunctionAssumeRoleArn: role } },
        },
      },
    },
  });
}

function arnOf(text: string): string {
  return (JSON.parse(text) as { functionArn: string }).functionArn;
}

function textOf(text: string, element: string): string {
  const value = childText(parseXml(text), element);
  if (!value) throw new Error(`The answer has no ${element}: ${text.slice(0, 300)}`);
  return value;
}

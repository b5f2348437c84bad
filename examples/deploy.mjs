/**
 * Puts a function of yours behind an object, with the vendor's own SDKs: @alicloud/fc20230330 deploys it, ali-oss binds it.
 *
 *   node examples/deploy.mjs NAME FOLDER [BUCKET]
 *
 * FOLDER holds index.py with handler(event, context), and the packages that it needs (pip install -r requirements.txt -t FOLDER). For another
 * language set FC_RUNTIME and FC_HANDLER, such as nodejs24 and index.fetch.
 * The key comes from OSS_ACCESS_KEY_ID and OSS_ACCESS_KEY_SECRET. Run it again to deploy a change.
 */

import { readdirSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { buffer } from 'node:stream/consumers';
import fc from '@alicloud/fc20230330';
import OSS from 'ali-oss';
import { ZipFile } from 'yazl';

const { OSS_ACCESS_KEY_ID: accessKeyId, OSS_ACCESS_KEY_SECRET: accessKeySecret } = process.env;
const { OSS_ENDPOINT: ossEndpoint = 'http://localhost:9000', FC_ENDPOINT: fcEndpoint = '127.0.0.1:9001' } = process.env;
const { FC_RUNTIME: runtime = 'python3.10', FC_HANDLER: handler = 'index.handler' } = process.env;
const [name, folder, bucket = 'demo'] = process.argv.slice(2);
if (!name || !folder || !accessKeyId || !accessKeySecret) {
  console.error('Set OSS_ACCESS_KEY_ID and OSS_ACCESS_KEY_SECRET, then: node examples/deploy.mjs NAME FOLDER [BUCKET]');
  process.exit(2);
}

/** The folder as a base64 ZIP. */
async function pack() {
  const zip = new ZipFile();
  for (const entry of readdirSync(folder, { recursive: true })) {
    const path = join(folder, entry);
    if (statSync(path).isFile() && !path.includes('__pycache__')) zip.addFile(path, relative(folder, path));
  }
  zip.end();
  return (await buffer(zip.outputStream)).toString('base64');
}

/** Creates the function, or gives it the new code. Returns its ARN. */
async function deploy() {
  const client = new fc.default({
    accessKeyId,
    accessKeySecret,
    endpoint: fcEndpoint,
    protocol: 'HTTP',
    regionId: 'cn-qingdao',
    readTimeout: 120_000,
    // What this SDK calls a connect timeout ends any silence, and a large package takes its time to be unpacked.
    connectTimeout: 120_000,
  });
  const code = new fc.InputCodeLocation({ zipFile: await pack() });
  try {
    const body = new fc.CreateFunctionInput({
      functionName: name,
      runtime,
      handler,
      timeout: 60,
      memorySize: 512,
      code,
    });
    return (await client.createFunction(new fc.CreateFunctionRequest({ body }))).body.functionArn;
  } catch (error) {
    if (error.code !== 'FunctionAlreadyExists') throw error;
    const body = new fc.UpdateFunctionInput({ code });
    return (await client.updateFunction(name, new fc.UpdateFunctionRequest({ body }))).body.functionArn;
  }
}

const store = new OSS({ endpoint: ossEndpoint, sldEnable: true, accessKeyId, accessKeySecret, bucket });

/** One request of the access point APIs, which ali-oss has no methods for. Returns the text of an element of the answer. */
async function request(method, subresource, element, { headers = {}, body } = {}) {
  const content = body === undefined ? {} : { content: Buffer.from(body), mime: 'xml' };
  const { data } = await store.request({ method, bucket, subres: { [subresource]: '' }, headers, ...content, successStatuses: [200] });
  return new RegExp(`<${element}>([^<]*)</${element}>`).exec(data.toString())?.[1];
}

/** What `read` answers; when there is nothing yet, what it answers after `create`. */
async function ensure(read, create) {
  try {
    return await read();
  } catch (error) {
    if (error.status !== 404) throw error;
    await create();
    return read();
  }
}

const functionArn = await deploy();
const account = functionArn.split(':')[3];
await store.putBucket(bucket);
await ensure(
  () => request('GET', 'accessPoint', 'Alias', { headers: { 'x-oss-access-point-name': bucket } }),
  () => {
    const body = `<CreateAccessPointConfiguration><AccessPointName>${bucket}</AccessPointName><NetworkOrigin>internet</NetworkOrigin></CreateAccessPointConfiguration>`;
    return request('PUT', 'accessPoint', 'Alias', { body });
  },
);
const headers = { 'x-oss-access-point-for-object-process-name': name };
const alias = await ensure(
  () => request('GET', 'accessPointForObjectProcess', 'AccessPointForObjectProcessAlias', { headers }),
  () => {
    const body = `<CreateAccessPointForObjectProcessConfiguration>
      <AccessPointName>${bucket}</AccessPointName>
      <ObjectProcessConfiguration><TransformationConfigurations><TransformationConfiguration>
        <Actions><Action>GetObject</Action></Actions>
        <ContentTransformation><FunctionCompute>
          <FunctionArn>${functionArn}</FunctionArn>
          <FunctionAssumeRoleArn>acs:ram::${account}:role/aliyunfcdefaultrole</FunctionAssumeRoleArn>
        </FunctionCompute></ContentTransformation>
      </TransformationConfiguration></TransformationConfigurations></ObjectProcessConfiguration>
    </CreateAccessPointForObjectProcessConfiguration>`;
    return request('PUT', 'accessPointForObjectProcess', 'AccessPointForObjectProcessAlias', { headers, body });
  },
);
console.log(`${functionArn}\nGET objects of ${bucket} through the alias ${alias}`);

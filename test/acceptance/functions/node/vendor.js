// Transforms in the vendor's form. There is no WriteGetObjectResponse in ali-oss, so the answer is a POST of one's own, signed with the context's credentials.
const { createHmac } = require('node:crypto');
const http = require('node:http');

const agent = new http.Agent({ keepAlive: true, timeout: 1000 });

function answer(event, context, status, headers, body) {
  const { outputRoute, outputToken } = event.getObjectContext;
  const { accessKeyId, accessKeySecret, securityToken } = context.credentials;
  const date = new Date().toUTCString();
  const oss = { 'x-oss-fwd-status': String(status), 'x-oss-request-route': outputRoute, 'x-oss-request-token': outputToken };
  oss['x-oss-security-token'] = securityToken;
  for (const [name, value] of Object.entries(headers)) oss[`x-oss-fwd-header-${name.toLowerCase()}`] = value;
  const lines = Object.keys(oss)
    .sort()
    .map((name) => `${name}:${oss[name]}\n`);
  const text = `POST\n\n\n${date}\n${lines.join('')}/?x-oss-write-get-object-response`;
  const signature = createHmac('sha1', accessKeySecret).update(text).digest('base64');
  const all = { ...oss, Date: date, Authorization: `OSS ${accessKeyId}:${signature}`, 'Content-Length': body.length };
  return new Promise((resolve, reject) => {
    const request = http.request(`${outputRoute}/?x-oss-write-get-object-response`, { method: 'POST', headers: all, agent }, (response) => {
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('end', () => resolve({ status: response.statusCode, body: Buffer.concat(chunks).toString() }));
    });
    request.on('error', reject);
    request.end(body);
  });
}

function read(url) {
  return new Promise((resolve, reject) => {
    http
      .get(url, { agent }, (response) => {
        const chunks = [];
        response.on('data', (chunk) => chunks.push(chunk));
        response.on('end', () => resolve(Buffer.concat(chunks)));
      })
      .on('error', reject);
  });
}

/** With a callback, the original by inputOssUrl. */
exports.callback = (bytes, context, callback) => {
  const event = JSON.parse(bytes);
  read(event.getObjectContext.inputOssUrl)
    .then((original) => answer(event, context, 200, { 'Content-Type': 'text/plain' }, Buffer.from(original.toString().toUpperCase())))
    .then((reply) => callback(null, reply), callback);
};

/** As a promise, the original by ali-oss with the credentials of the context. */
exports.sdk = async (bytes, context) => {
  const OSS = require('ali-oss');
  const event = JSON.parse(bytes);
  const query = new URL(event.userRequest.url).searchParams;
  const store = new OSS({
    accessKeyId: context.credentials.accessKeyId,
    accessKeySecret: context.credentials.accessKeySecret,
    stsToken: context.credentials.securityToken,
    endpoint: event.getObjectContext.outputRoute.replace('127.0.0.1', 'localhost'),
    region: 'oss-cn-qingdao',
    authorizationV4: query.get('auth') === 'v4',
    sldEnable: true,
    bucket: query.get('bucket'),
    agent: new http.Agent({ keepAlive: false }),
  });
  const { content } = await store.get(query.get('key'));
  return answer(event, context, 200, { 'Content-Type': 'text/x-sdk' }, content);
};

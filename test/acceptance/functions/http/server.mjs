// An HTTP server that speaks the contract of custom runtimes, for a custom runtime and for a function that runs elsewhere. Events of Object FC
// are answered by WriteGetObjectResponse, signed with the credentials of the call; other events are orders.
import { createHmac } from 'node:crypto';
import { createServer } from 'node:http';

const selector = 'x-oss-write-get-object-response';
const seen = [];

async function answer({ outputRoute, outputToken, inputOssUrl }, headers) {
  const original = Buffer.from(await (await fetch(inputOssUrl)).arrayBuffer());
  const date = new Date().toUTCString();
  const oss = {
    'x-oss-fwd-header-content-type': 'text/plain',
    'x-oss-fwd-status': '200',
    'x-oss-request-route': outputRoute,
    'x-oss-request-token': outputToken,
    'x-oss-security-token': headers['x-fc-security-token'],
  };
  const canonical = Object.keys(oss)
    .sort()
    .map((name) => `${name}:${oss[name]}\n`)
    .join('');
  const signature = createHmac('sha1', headers['x-fc-access-key-secret'])
    .update(`POST\n\n\n${date}\n${canonical}/?${selector}`)
    .digest('base64');
  const authorization = `OSS ${headers['x-fc-access-key-id']}:${signature}`;
  const body = Buffer.concat([Buffer.from('HTTP saw: '), original]);
  const reply = await fetch(`${outputRoute}/?${selector}`, { method: 'POST', headers: { ...oss, date, authorization }, body });
  if (!reply.ok) throw new Error(`the answer was refused: ${reply.status} ${await reply.text()}`);
  return 'answered';
}

async function obey(event, request, response) {
  if (event === 'seen') return JSON.stringify(seen);
  if (event === 'headers') return JSON.stringify(request.headers);
  if (event === 'fail') response.setHeader('x-fc-status', '404');
  if (event === 'exit') process.exit(5);
  if (event === 'redirect') response.writeHead(302, { location: 'http://169.254.169.254/' });
  return `{"errorMessage":"${event}","pid":${process.pid}}`;
}

createServer(async (request, response) => {
  const parts = [];
  for await (const part of request) parts.push(part);
  const text = Buffer.concat(parts).toString();
  seen.push(`${request.method} ${request.url} ${request.headers['x-fc-control-path']}`);
  try {
    const id = request.headers['x-fc-request-id'];
    if (request.url !== '/invoke') {
      console.log(`hook ${request.url}`);
      response.end();
    } else if (text.includes('getObjectContext')) {
      console.log(`FC Invoke Start RequestId: ${id}`);
      response.end(await answer(JSON.parse(text).getObjectContext, request.headers));
      console.log(`FC Invoke End RequestId: ${id}`);
    } else {
      console.log(`obeying ${text} for ${id}`);
      response.end(await obey(text, request, response));
    }
  } catch (error) {
    response.writeHead(500).end(JSON.stringify({ errorMessage: error.message }));
  }
}).listen(Number(process.env.FC_SERVER_PORT), '0.0.0.0', function () {
  console.log(`listening ${this.address().port}`);
});

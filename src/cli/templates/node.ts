import type { Template } from './template.ts';

const source = `const { answer } = require('./answer.js');

/** Gives texts out in capital letters. */
exports.handler = async (bytes, context) => {
  const event = JSON.parse(bytes);
  const { inputOssUrl } = event.getObjectContext;
  const original = await fetch(inputOssUrl);
  if (!original.ok) throw new Error(\`The original answered \${original.status}.\`);
  console.log(event.userRequest.url);
  const text = (await original.text()).toUpperCase();
  return answer(event, context, { status: 200, headers: { 'Content-Type': 'text/plain; charset=utf-8' }, body: text });
};
`;

const answer = `const { createHmac } = require('node:crypto');

/** WriteGetObjectResponse, which ali-oss has no method for: a POST signed with the credentials of the context (OSS signature V1). */
exports.answer = async ({ getObjectContext }, { credentials }, { status, headers, body }) => {
  const { outputRoute, outputToken } = getObjectContext;
  const oss = {
    'x-oss-fwd-status': String(status),
    'x-oss-request-route': outputRoute,
    'x-oss-request-token': outputToken,
    'x-oss-security-token': credentials.securityToken,
  };
  for (const [name, value] of Object.entries(headers)) oss[\`x-oss-fwd-header-\${name.toLowerCase()}\`] = value;
  const lines = Object.keys(oss)
    .sort()
    .map((name) => \`\${name}:\${oss[name]}\\n\`);
  const type = 'application/octet-stream';
  const date = new Date().toUTCString();
  const text = \`POST\\n\\n\${type}\\n\${date}\\n\${lines.join('')}/?x-oss-write-get-object-response\`;
  const signature = createHmac('sha1', credentials.accessKeySecret).update(text).digest('base64');
  const response = await fetch(\`\${outputRoute}/?x-oss-write-get-object-response\`, {
    method: 'POST',
    headers: { ...oss, 'Content-Type': type, Date: date, Authorization: \`OSS \${credentials.accessKeyId}:\${signature}\` },
    body,
  });
  if (!response.ok) throw new Error(\`WriteGetObjectResponse answered \${response.status}: \${await response.text()}\`);
  return \`answered: \${response.status}\`;
};
`;

const manifest = (name: string) => `# How "sluice function deploy" and "sluice dev" deploy this folder.
name: ${name}
runtime: nodejs20
handler: index.handler
timeout: 60
memorySize: 512
`;

/** JavaScript in the vendor's form. */
export const node: Template = {
  description: 'JavaScript, in the vendor’s form: handler(event, context); needs nothing',
  files: (name) => ({ 'index.js': source, 'answer.js': answer, 'sluice.yaml': manifest(name) }),
};

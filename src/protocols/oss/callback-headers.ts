import { createHash } from 'node:crypto';
import type { Call } from './call.ts';
import type { Callback } from './callback.ts';

/** The headers of a callback, as OSS sends them. */
export function callbackHeaders(call: Call, { host, contentType }: Callback, url: string, body: Buffer): Record<string, string> {
  const { bucket, principal, ctx } = call;
  const { callbackSigning } = call.rooms;
  return {
    ...(host === undefined ? {} : { Host: host }),
    'Content-Type': contentType,
    'Content-MD5': createHash('md5').update(body).digest('base64'),
    'User-Agent': 'sluice-callback',
    ...(callbackSigning && {
      Authorization: callbackSigning.sign(url, body),
      'x-oss-pub-key-url': Buffer.from(callbackSigning.keyUrl).toString('base64'),
      'x-oss-signature-version': '1.0',
    }),
    'x-oss-tag': 'CALLBACK',
    'x-oss-bucket': bucket.name,
    'x-oss-owner': bucket.owner,
    'x-oss-request-id': ctx.id,
    'x-oss-requester': principal.kind === 'Anonymous' ? '-' : principal.accountId,
  };
}

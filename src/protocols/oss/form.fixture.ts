import { signForm } from '../../signing/index.ts';
import { region } from './fixture.ts';

const boundary = '----WebKitFormBoundaryW0DET1iaBMeAOBg3';

/** A key that signs forms. */
export interface FormSigner {
  readonly id: string;
  readonly secret: string;
  readonly token?: string;
}

export interface FormFile {
  readonly body?: Buffer | string;
  readonly filename?: string;
  readonly type?: string;
}

/** A request body and its type, as a browser makes them of fields and, as the last one, a file. */
export function formOf(fields: Readonly<Record<string, string>>, file?: FormFile): { headers: Record<string, string>; body: Buffer } {
  const parts = Object.entries(fields).map(
    ([name, value]) => `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
  );
  const head = `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="${file?.filename ?? 'a.txt'}"\r\n`;
  const type = file?.type === undefined ? '' : `Content-Type: ${file.type}\r\n`;
  const whole = file === undefined ? [] : [`${head}${type}\r\n`, file.body ?? 'the file', '\r\n'];
  const pieces = [...parts, ...whole, `--${boundary}--\r\n`].map((piece) => Buffer.from(piece));
  return { headers: { 'content-type': `multipart/form-data; boundary=${boundary}` }, body: Buffer.concat(pieces) };
}

/** The policy as it is sent: valid for a minute unless said otherwise. */
export function encodePolicy(conditions: unknown, expiration: unknown = new Date(Date.now() + 60_000).toISOString()): string {
  return Buffer.from(JSON.stringify({ expiration, conditions })).toString('base64');
}

/** The fields that sign a policy. */
export function signatureFields(
  policy: string,
  signer: FormSigner,
  scheme: 'OSS1' | 'OSS4' = 'OSS1',
  now = Date.now(),
): Record<string, string> {
  const token: Record<string, string> = signer.token === undefined ? {} : { 'x-oss-security-token': signer.token };
  if (scheme === 'OSS1') return { OSSAccessKeyId: signer.id, policy, Signature: signForm({ scheme, policy }, signer.secret), ...token };
  const time = `${new Date(now).toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}Z`;
  const date = time.slice(0, 8);
  return {
    'x-oss-signature-version': 'OSS4-HMAC-SHA256',
    'x-oss-credential': `${signer.id}/${date}/${region}/oss/aliyun_v4_request`,
    'x-oss-date': time,
    'x-oss-signature': signForm({ scheme, policy, date, region, product: 'oss' }, signer.secret),
    policy,
    ...token,
  };
}

import { Fault } from '../faults/index.ts';
import { byBytes, hmac, percentEncode, readable, sameSignature, utf8Bytes } from './bytes.ts';
import { checkSkew } from './oss-time.ts';
import type { QueryParam } from './request.ts';

/** Who claims to have signed an RPC request; nothing in it is true before it is verified. */
export interface Rpc1Claim {
  scheme: 'RPC1';
  place: 'query';
  accessKeyId: string;
  securityToken?: string;
  signature: string;
  method: RpcMethod;
  /** To be accepted once while the request's time is (15 minutes either way); the caller remembers. */
  nonce: string;
  /** Epoch milliseconds. */
  time: number;
}

type RpcMethod = 'HMAC-SHA1' | 'HMAC-SHA256';

const hashes = { 'HMAC-SHA1': 'sha1', 'HMAC-SHA256': 'sha256' } as const;

/**
 * Reads who claims to have signed an RPC request of the API gateway (Alibaba Cloud SDK reference, "V2 signature of RPC style").
 * @param params of the query and of the form together, decoded
 * @returns undefined when neither AccessKeyId nor Signature is there
 * @throws Fault MissingParameter, InvalidTimeStamp.Format, InvalidArgument (a parameter twice, an unknown method)
 */
export function readRpc1Claim(params: readonly QueryParam[]): Rpc1Claim | undefined {
  const values = new Map<string, string>();
  for (const { name, value } of params) {
    // Which of two the server would take is anyone's guess, and the signature does not say.
    if (values.has(name)) throw new Fault('InvalidArgument', `The parameter ${name.slice(0, 64)} is there twice.`);
    values.set(name, value);
  }
  if (!values.has('AccessKeyId') && !values.has('Signature')) return undefined;
  const need = (name: string): string => {
    const value = values.get(name);
    if (!value)
      throw new Fault('MissingParameter', `The input parameter "${name}" that is mandatory for processing this request is not supplied.`);
    return value;
  };
  const method = need('SignatureMethod').toUpperCase();
  if (!(method in hashes)) throw new Fault('InvalidArgument', 'SignatureMethod must be HMAC-SHA1 or HMAC-SHA256.');
  if (need('SignatureVersion') !== '1.0') throw new Fault('InvalidArgument', 'SignatureVersion must be 1.0.');
  const timestamp = need('Timestamp');
  const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?Z$/.test(timestamp) ? Date.parse(timestamp) : Number.NaN;
  if (Number.isNaN(time)) throw new Fault('InvalidTimeStamp.Format', 'Timestamp must read yyyy-mm-ddThh:mm:ssZ.');
  return {
    scheme: 'RPC1',
    place: 'query',
    accessKeyId: need('AccessKeyId'),
    securityToken: values.get('SecurityToken') || undefined,
    signature: need('Signature'),
    method: method as RpcMethod,
    nonce: need('SignatureNonce'),
    time,
  };
}

/**
 * Verifies an RPC signature and its time (15 minutes either way). Replay of the nonce is the caller's to refuse.
 * @param httpMethod GET or POST
 * @param params as given to readRpc1Claim
 * @param now epoch milliseconds
 * @throws Fault SignatureDoesNotMatch, RequestTimeTooSkewed
 */
export function verifyRpc1(claim: Rpc1Claim, httpMethod: string, params: readonly QueryParam[], secret: string, now: number): void {
  const string = stringToSign(httpMethod, params);
  if (!sameSignature(claim.signature, sign(claim.method, secret, string))) {
    throw new Fault(
      'SignatureDoesNotMatch',
      // Clients look for exactly this beginning (aliyun-python-sdk-core compares what follows with its own string).
      `Specified signature is not matched with our calculation. server string to sign is:${readable(string)}`,
    );
  }
  checkSkew(claim.time, now);
}

/**
 * Signs an RPC request.
 * @param params of the operation, with Action and Version
 * @param now epoch milliseconds
 * @returns all parameters to send, in the query or as a form
 */
export function signRpc1(
  httpMethod: string,
  params: Readonly<Record<string, string>>,
  key: { accessKeyId: string; accessKeySecret: string; securityToken?: string },
  { nonce, now }: { nonce: string; now: number },
): Record<string, string> {
  const all: Record<string, string> = {
    ...params,
    AccessKeyId: key.accessKeyId,
    SignatureMethod: 'HMAC-SHA1',
    SignatureVersion: '1.0',
    SignatureNonce: nonce,
    Timestamp: `${new Date(now).toISOString().slice(0, 19)}Z`,
    ...(key.securityToken === undefined ? {} : { SecurityToken: key.securityToken }),
  };
  const list = Object.entries(all).map(([name, value]) => ({ name, value, bare: false }));
  return { ...all, Signature: sign('HMAC-SHA1', key.accessKeySecret, stringToSign(httpMethod, list)) };
}

function sign(method: RpcMethod, secret: string, string: string): string {
  return hmac(hashes[method], `${secret}&`, utf8Bytes(string), 'base64');
}

/** METHOD&%2F&query, the query sorted by name, each part encoded, and the whole encoded once more. */
function stringToSign(httpMethod: string, params: readonly QueryParam[]): string {
  const query = params
    .filter(({ name }) => name !== 'Signature')
    .sort((a, b) => byBytes(a.name, b.name))
    .map(({ name, value }) => `${percentEncode(name)}=${percentEncode(value)}`)
    .join('&');
  return `${httpMethod}&%2F&${percentEncode(query)}`;
}

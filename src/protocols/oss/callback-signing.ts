import { createPrivateKey, createPublicKey, sign } from 'node:crypto';
import type { RequestContext } from '../../http/index.ts';
import { sendText } from './respond.ts';

/** Signs callbacks, so that an application can tell them from what others send (Alibaba OSS API reference, "Callback", signature). */
export interface CallbackSigning {
  /** Where applications fetch the public key. */
  readonly keyUrl: string;
  /** The path of that URL, at which the key is given to everybody. */
  readonly keyPath: string;
  readonly publicKey: string;
  /** The value of the header Authorization. */
  sign(url: string, body: Buffer): string;
}

/** A path below which there can be a bucket. */
const bucketPath = /^\/(?:[a-z0-9][a-z0-9-]{1,61}[a-z0-9])?(?:\/|$)/;

/**
 * @param pem RSA private key
 * @throws Error that says which of the two cannot be used
 */
export function openCallbackSigning(pem: string, keyUrl: string): CallbackSigning {
  const key = createPrivateKey(pem);
  if (key.asymmetricKeyType !== 'rsa') throw new Error('The key that signs callbacks must be an RSA key.');
  const { pathname, protocol } = new URL(keyUrl);
  if (protocol !== 'http:' && protocol !== 'https:') throw new Error('The URL of the key that signs callbacks must be http or https.');
  if (bucketPath.test(pathname)) throw new Error(`The path ${pathname} is that of a bucket; take one like /callback_pub_key.pem.`);
  return {
    keyUrl,
    keyPath: pathname,
    publicKey: createPublicKey(key).export({ type: 'spki', format: 'pem' }).toString(),
    sign(url, body) {
      const { pathname: path, search } = new URL(url);
      const text = Buffer.concat([Buffer.from(`${decoded(path)}${search}\n`), body]);
      return sign('RSA-MD5', text, key).toString('base64');
    },
  };
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

/** Gives the public key to an application that was called. */
export function sendKey(ctx: RequestContext, { publicKey }: CallbackSigning): undefined {
  ctx.operation = 'GetCallbackKey';
  sendText(ctx, publicKey, 'text/plain');
}

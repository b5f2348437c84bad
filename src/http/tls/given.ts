import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { now } from '../../kit/index.ts';
import type { Certificate } from './development.ts';

/**
 * A certificate chain and its key from two PEM files.
 * @throws Error that says which file is wrong and why
 */
export function givenCertificate(certFile: string, keyFile: string): Certificate {
  const cert = read('tls.cert', certFile);
  const key = read('tls.key', keyFile);
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(cert);
  } catch {
    throw new Error(`tls.cert: ${certFile} holds no PEM certificate.`);
  }
  let matches: boolean;
  try {
    matches = certificate.checkPrivateKey(createPrivateKey(key));
  } catch {
    throw new Error(`tls.key: ${keyFile} holds no PEM private key without a passphrase.`);
  }
  if (!matches) throw new Error(`tls.key: ${keyFile} is not the key of the certificate in ${certFile}.`);
  if (Date.parse(certificate.validTo) < now()) throw new Error(`tls.cert: the certificate in ${certFile} ended on ${certificate.validTo}.`);
  return { cert, key };
}

function read(setting: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new Error(`${setting}: ${file} cannot be read (${(error as NodeJS.ErrnoException).code ?? 'error'}).`, { cause: error });
  }
}

import { createPrivateKey, generateKeyPairSync, type KeyObject, X509Certificate } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { now } from '../../kit/index.ts';
import { makeCertificate } from './x509.ts';

const dayMs = 86_400_000;
const authorityDays = 3_650;
const serverDays = 397;
/** A certificate that ends sooner is made anew at the next start. */
const renewMs = 30 * dayMs;
const issuer = 'Sluice development CA';

export interface Certificate {
  /** PEM: the certificate and what it rests on. */
  cert: string;
  /** PEM, PKCS #8. */
  key: string;
}

/**
 * A server certificate of a certificate authority of this data folder, both made at the first start and kept in `folder` (keys 0600). Trust
 * `<folder>/ca.pem` in clients. ECDSA P-256: half the handshake of RSA.
 * @param names host names and addresses that clients use
 */
export function developmentCertificate(folder: string, names: readonly string[]): Certificate & { authority: string } {
  mkdirSync(folder, { recursive: true, mode: 0o711 });
  const file = (name: string) => join(folder, name);
  const authority = file('ca.pem');
  const kept = [file('server.pem'), file('server.key'), authority, file('ca.key')];
  if (!kept.every((path) => existsSync(path)) || !isGood(readFileSync(file('server.pem'), 'utf8'), names)) make(folder, names);
  return { cert: readFileSync(file('server.pem'), 'utf8'), key: readFileSync(file('server.key'), 'utf8'), authority };
}

function isGood(pem: string, names: readonly string[]): boolean {
  try {
    const certificate = new X509Certificate(pem);
    if (Date.parse(certificate.validTo) < now() + renewMs) return false;
    return names.every((name) => (isIP(name) ? certificate.checkIP(name) : certificate.checkHost(name)) !== undefined);
  } catch {
    return false;
  }
}

function make(folder: string, names: readonly string[]): void {
  const pair = () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  const pem = (key: KeyObject) => key.export({ type: 'pkcs8', format: 'pem' }) as string;
  const lasting = (days: number) => ({ from: now() - dayMs, until: now() + days * dayMs });
  const known = knownAuthority(folder);
  const issuerKey = known?.key ?? pair();
  const subjectKey = pair();
  const authority =
    known?.certificate ?? makeCertificate({ subject: issuer, issuer, subjectKey: issuerKey, issuerKey, ...lasting(authorityDays) });
  const server = makeCertificate({ subject: 'Sluice', issuer, subjectKey, issuerKey, names, ...lasting(serverDays) });
  write(join(folder, 'ca.key'), pem(issuerKey), 0o600);
  write(join(folder, 'ca.pem'), authority, 0o644);
  write(join(folder, 'server.key'), pem(subjectKey), 0o600);
  write(join(folder, 'server.pem'), server + authority, 0o644);
}

/** The authority that clients trust already, so that a new server certificate is trusted too. */
function knownAuthority(folder: string): { certificate: string; key: KeyObject } | undefined {
  try {
    const certificate = readFileSync(join(folder, 'ca.pem'), 'utf8');
    const key = createPrivateKey(readFileSync(join(folder, 'ca.key')));
    const read = new X509Certificate(certificate);
    return read.checkPrivateKey(key) && Date.parse(read.validTo) > now() + serverDays * dayMs ? { certificate, key } : undefined;
  } catch {
    return undefined;
  }
}

function write(path: string, text: string, mode: number): void {
  writeFileSync(`${path}.new`, text, { mode, flush: true });
  chmodSync(`${path}.new`, mode);
  renameSync(`${path}.new`, path);
}

import { createHash, createPublicKey, type KeyObject, randomBytes, sign } from 'node:crypto';
import { isIP, isIPv6 } from 'node:net';

/** What a certificate says; the few fields that a development authority needs (RFC 5280). */
export interface CertificateRequest {
  /** Common names. */
  subject: string;
  issuer: string;
  /** Private keys, EC P-256. */
  subjectKey: KeyObject;
  issuerKey: KeyObject;
  /** Epoch milliseconds. */
  from: number;
  until: number;
  /** DNS names and addresses of a server; left out for an authority. */
  names?: readonly string[];
}

const tag = { boolean: 1, integer: 2, bits: 3, octets: 4, oid: 6, utf8: 12, utcTime: 23, time: 24, sequence: 48, set: 49 };

/** One DER value. */
function der(type: number, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  if (body.length < 128) return Buffer.concat([Buffer.from([type, body.length]), body]);
  const size = body.length < 256 ? Buffer.from([0x81, body.length]) : Buffer.from([0x82, body.length >> 8, body.length & 0xff]);
  return Buffer.concat([Buffer.from([type]), size, body]);
}

function oid(text: string): Buffer {
  const [first = 0, second = 0, ...rest] = text.split('.').map(Number);
  const bytes = [first * 40 + second];
  for (const part of rest) {
    const groups = [part & 0x7f];
    for (let left = part >> 7; left > 0; left >>= 7) groups.unshift((left & 0x7f) | 0x80);
    bytes.push(...groups);
  }
  return der(tag.oid, Buffer.from(bytes));
}

function integer(bytes: Buffer): Buffer {
  return der(tag.integer, (bytes[0] as number) & 0x80 ? Buffer.concat([Buffer.from([0]), bytes]) : bytes);
}

function time(ms: number): Buffer {
  const digits = new Date(ms).toISOString().replace(/[-:T]|\.\d+/g, '');
  // Years from 2050 have four digits (RFC 5280 section 4.1.2.5).
  return digits < '2050' ? der(tag.utcTime, Buffer.from(digits.slice(2))) : der(tag.time, Buffer.from(digits));
}

function name(common: string): Buffer {
  return der(tag.sequence, der(tag.set, der(tag.sequence, oid('2.5.4.3'), der(tag.utf8, Buffer.from(common)))));
}

const yes = der(tag.boolean, Buffer.from([0xff]));

function extension(id: string, critical: boolean, value: Buffer): Buffer {
  return der(tag.sequence, oid(id), ...(critical ? [yes] : []), der(tag.octets, value));
}

function address(text: string): Buffer {
  if (!isIPv6(text)) return Buffer.from(text.split('.').map(Number));
  const [head = '', rest] = text.split('::');
  const groups = (part: string | undefined) => (part ? part.split(':').map((group) => Number.parseInt(group, 16)) : []);
  const before = groups(head);
  const behind = groups(rest);
  const all = [...before, ...new Array<number>(8 - before.length - behind.length).fill(0), ...behind];
  return Buffer.from(all.flatMap((group) => [group >> 8, group & 0xff]));
}

function spki(key: KeyObject): Buffer {
  return createPublicKey(key).export({ type: 'spki', format: 'der' });
}

function keyId(key: KeyObject): Buffer {
  return createHash('sha1').update(spki(key)).digest();
}

function extensions({ subjectKey, issuerKey, names }: CertificateRequest): Buffer {
  const list = [
    extension('2.5.29.14', false, der(tag.octets, keyId(subjectKey))),
    extension('2.5.29.35', false, der(tag.sequence, der(0x80, keyId(issuerKey)))),
  ];
  if (names === undefined) {
    list.push(extension('2.5.29.19', true, der(tag.sequence, yes, der(tag.integer, Buffer.from([0])))));
    // keyCertSign and cRLSign
    list.push(extension('2.5.29.15', true, der(tag.bits, Buffer.from([1, 0x06]))));
  } else {
    const alternatives = names.map((each) => (isIP(each) ? der(0x87, address(each)) : der(0x82, Buffer.from(each))));
    list.push(extension('2.5.29.19', true, der(tag.sequence)));
    // digitalSignature, for a server
    list.push(extension('2.5.29.15', true, der(tag.bits, Buffer.from([7, 0x80]))));
    list.push(extension('2.5.29.37', false, der(tag.sequence, oid('1.3.6.1.5.5.7.3.1'))));
    list.push(extension('2.5.29.17', false, der(tag.sequence, ...alternatives)));
  }
  return der(0xa3, der(tag.sequence, ...list));
}

/** A certificate (X.509 version 3, ECDSA with SHA-256) as PEM; an authority's when it names no server. */
export function makeCertificate(request: CertificateRequest): string {
  const algorithm = der(tag.sequence, oid('1.2.840.10045.4.3.2'));
  const serial = randomBytes(16);
  serial[0] = ((serial[0] as number) & 0x7f) | 0x40;
  const content = der(
    tag.sequence,
    der(0xa0, der(tag.integer, Buffer.from([2]))),
    integer(serial),
    algorithm,
    name(request.issuer),
    der(tag.sequence, time(request.from), time(request.until)),
    name(request.subject),
    spki(request.subjectKey),
    extensions(request),
  );
  const signature = Buffer.concat([Buffer.from([0]), sign('sha256', content, request.issuerKey)]);
  const whole = der(tag.sequence, content, algorithm, der(tag.bits, signature));
  const lines = whole.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

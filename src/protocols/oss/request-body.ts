import { createHash } from 'node:crypto';
import { Fault } from '../../faults/index.ts';
import { parseXml, readAll, XmlError, type XmlNode } from '../../kit/index.ts';
import type { Call } from './call.ts';

/** Most bytes of a request document. */
const documentBytes = 1024 * 1024;

/** Reads Content-MD5: sixteen bytes in base64. @throws Fault InvalidDigest */
export function readContentMd5(call: Call): Buffer | undefined {
  const value = call.header('content-md5');
  if (value === undefined) return undefined;
  const digest = Buffer.from(value, 'base64');
  if (digest.length !== 16 || digest.toString('base64') !== value.trim()) {
    throw new Fault('InvalidDigest', 'Content-MD5 must be the base64 form of a 16-byte MD5 digest.');
  }
  return digest;
}

/** Declared length of the body; undefined when it is chunked. @throws Fault MissingContentLength */
export function readLength(call: Call): number | undefined {
  const declared = call.header('content-length');
  if (declared !== undefined) return Number(declared);
  if (call.header('transfer-encoding') === undefined) throw new Fault('MissingContentLength');
  return undefined;
}

/**
 * Reads a whole request document and checks it against Content-MD5 if there is one.
 * @param tooLarge what to throw for a document beyond the limit; EntityTooLarge when left out
 * @throws Fault EntityTooLarge, InvalidDigest
 */
export async function readDocument(
  call: Call,
  limit: number,
  tooLarge = () => new Fault('EntityTooLarge', `The document may have at most ${limit} bytes.`),
): Promise<Buffer> {
  const { ctx } = call;
  if (Number(call.header('content-length') ?? 0) > limit) throw tooLarge();
  const digest = readContentMd5(call);
  const body = await readAll(ctx.body(), limit, tooLarge);
  if (digest && !createHash('md5').update(body).digest().equals(digest)) throw new Fault('InvalidDigest');
  return body;
}

/**
 * Reads a request document whose root must have one of these names. An empty body gives undefined.
 * @throws Fault MalformedXML, EntityTooLarge, InvalidDigest
 */
export async function readXml(call: Call, roots: readonly string[], limit = documentBytes): Promise<XmlNode | undefined> {
  const body = await readDocument(call, limit);
  if (body.length === 0) return undefined;
  let root: XmlNode;
  try {
    root = parseXml(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch (cause) {
    const why = cause instanceof XmlError ? cause.message : 'It is not UTF-8.';
    throw new Fault('MalformedXML', `The XML you provided is not well-formed. ${why}`, { cause });
  }
  if (!roots.includes(root.name))
    throw new Fault('MalformedXML', `The document must begin with <${roots.join('> or <')}>, not <${root.name}>.`);
  return root;
}

/** As readXml, for operations that cannot do without a document. @throws Fault MalformedXML, EntityTooLarge, InvalidDigest */
export async function requireXml(call: Call, roots: readonly string[], limit = documentBytes): Promise<XmlNode> {
  const root = await readXml(call, roots, limit);
  if (!root) throw new Fault('MalformedXML', `The request needs a <${roots[0]}> document.`);
  return root;
}

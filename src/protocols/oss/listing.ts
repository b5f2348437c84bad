import type { ObjectHead } from '../../buckets/index.ts';
import { Fault } from '../../faults/index.ts';
import { writeXml, type XmlValue } from '../../kit/index.ts';
import { restoreState } from './archive.ts';
import type { Call } from './call.ts';
import { etagHeader, invalid, xmlDate } from './headers.ts';
import { sendXml } from './respond.ts';

/** Reads encoding-type; only `url` is known. @throws Fault InvalidArgument */
export function readEncoding(call: Call): 'url' | undefined {
  const value = call.param('encoding-type');
  if (value === undefined || value === '') return undefined;
  if (value !== 'url') throw invalid('encoding-type', value, 'The encoding-type must be "url".');
  return 'url';
}

/** Makes the function that writes a key, prefix or delimiter. Space and plus are escaped, so that every SDK's decoder reads it. */
export function encoder(encoding: 'url' | undefined): (text: string) => string {
  return encoding === 'url' ? (text) => encodeURIComponent(text) : (text) => text;
}

/** Reads a page size. @throws Fault InvalidArgument */
export function readMaxKeys(call: Call, most = 1_000, usual = 100): number {
  const value = call.param('max-keys');
  if (value === undefined || value === '') return usual;
  const number = /^\d{1,9}$/.test(value) ? Number(value) : 0;
  if (number < 1 || number > most) throw invalid('max-keys', value, `The max-keys must be a number from 1 to ${most}.`);
  return number;
}

function ownerOf(call: Call): XmlValue {
  const id = call.rooms.identity.accountId;
  return { ID: id, DisplayName: id };
}

function contentsOf(call: Call, objects: readonly ObjectHead[], encode: (text: string) => string, owner: XmlValue): XmlValue {
  return objects.map((head) => ({
    Key: encode(head.key),
    LastModified: xmlDate(head.modifiedAt),
    ETag: etagHeader(head.etag),
    Type: head.type,
    Size: head.size,
    StorageClass: head.storageClass,
    RestoreInfo: restoreState(call, head),
    Owner: owner,
  }));
}

function prefixesOf(prefixes: readonly string[], encode: (text: string) => string): XmlValue {
  return prefixes.map((prefix) => ({ Prefix: encode(prefix) }));
}

/** ListObjects and, with list-type=2, ListObjectsV2. */
export function listObjects(call: Call): void {
  const version = call.param('list-type');
  if (version !== undefined && version !== '2') throw invalid('list-type', version, 'The list-type must be "2".');
  const prefix = call.param('prefix') ?? '';
  const delimiter = call.param('delimiter') ?? '';
  const encoding = readEncoding(call);
  const maxKeys = readMaxKeys(call);
  const bucket = call.bucket.name;
  const page = { bucket, prefix, delimiter, maxKeys };
  const xml = version === '2' ? secondVersion(call, page, encoding) : firstVersion(call, page, encoding);
  sendXml(call.ctx, xml);
}

interface Page {
  bucket: string;
  prefix: string;
  delimiter: string;
  maxKeys: number;
}

function firstVersion(call: Call, page: Page, encoding: 'url' | undefined): string {
  const encode = encoder(encoding);
  const marker = call.param('marker') ?? '';
  const { objects, prefixes, truncated, next } = call.rooms.store.list({ ...page, after: marker });
  return writeXml('ListBucketResult', {
    EncodingType: encoding,
    Name: call.name,
    Prefix: encode(page.prefix),
    Marker: encode(marker),
    MaxKeys: page.maxKeys,
    Delimiter: encode(page.delimiter),
    IsTruncated: truncated,
    NextMarker: truncated && next !== undefined ? encode(next) : undefined,
    Contents: contentsOf(call, objects, encode, ownerOf(call)),
    CommonPrefixes: prefixesOf(prefixes, encode),
  });
}

function secondVersion(call: Call, page: Page, encoding: 'url' | undefined): string {
  const encode = encoder(encoding);
  const startAfter = call.param('start-after');
  const token = call.param('continuation-token') || undefined;
  const after = token === undefined ? (startAfter ?? '') : readToken(token);
  const { objects, prefixes, truncated, next } = call.rooms.store.list({ ...page, after });
  return writeXml('ListBucketResult', {
    EncodingType: encoding,
    Name: call.name,
    Prefix: encode(page.prefix),
    StartAfter: startAfter === undefined ? undefined : encode(startAfter),
    ContinuationToken: token,
    MaxKeys: page.maxKeys,
    Delimiter: encode(page.delimiter),
    IsTruncated: truncated,
    NextContinuationToken: truncated && next !== undefined ? writeToken(next) : undefined,
    KeyCount: objects.length + prefixes.length,
    Contents: contentsOf(call, objects, encode, call.param('fetch-owner') === 'true' ? ownerOf(call) : undefined),
    CommonPrefixes: prefixesOf(prefixes, encode),
  });
}

/** A continuation token: base64url, which no SDK's URL decoding changes. */
function writeToken(next: string): string {
  return `1${Buffer.from(next, 'utf8').toString('base64url')}`;
}

function readToken(token: string): string {
  const key = Buffer.from(token.slice(1), 'base64url').toString('utf8');
  if (writeToken(key) !== token) throw new Fault('InvalidArgument', 'The continuation-token is not one that this server gave.');
  return key;
}

import { withEncryption } from '../../buckets/index.ts';
import { Fault } from '../../faults/index.ts';
import type { Call } from './call.ts';
import { readEncryption } from './encryption.ts';
import { invalid, storedHeaders } from './headers.ts';

/** Most bytes of all user metadata, names and values. */
const metaBytes = 8 * 1024;
const metaPrefix = 'x-oss-meta-';

/** The storage classes of OSS. */
const storageClasses: readonly string[] = ['Standard', 'IA', 'Archive', 'ColdArchive', 'DeepColdArchive'];

/** Headers that ask for more than the store does; to drop them silently would be a broken promise. */
const refusedHeaders: Record<string, string> = {
  'x-oss-server-side-encryption': 'server-side encryption',
  'x-oss-server-side-data-encryption': 'encryption of data with keys of a key management service',
  'x-oss-server-side-encryption-key-id': 'encryption with keys of a key management service',
  'x-oss-callback': 'callbacks',
  'x-oss-callback-var': 'callbacks',
};

/** What takes a callback in a header or parameter; a form has it in fields of other names (Alibaba OSS API reference, "Callback"). */
const withCallback = new Set(['PutObject', 'CompleteMultipartUpload']);
/** What says how an object is encrypted. */
const withEncryptionHeader = new Set(['PutObject', 'PostObject', 'AppendObject', 'CopyObject', 'InitiateMultipartUpload']);

/** Refuses headers and parameters of a write that ask for what the store does not do. @throws Fault NotImplemented */
export function refuseHeaders(call: Call): void {
  const { name } = call.operation;
  for (const header in refusedHeaders) {
    if (call.header(header) === undefined || (refusedHeaders[header] === 'callbacks' && withCallback.has(name))) continue;
    if (header === 'x-oss-server-side-encryption' && withEncryptionHeader.has(name)) continue;
    throw new Fault('NotImplemented', `Sluice does not carry out ${refusedHeaders[header]} (${header}) with ${name}.`);
  }
  if (call.param('callback') !== undefined && !withCallback.has(name))
    throw new Fault('NotImplemented', `Sluice does not carry out callbacks (callback) with ${name}.`);
}

/** @throws Fault InvalidArgument */
export function readStorageClass(value: string | undefined): string | undefined {
  if (value === undefined || value === '') return undefined;
  if (!storageClasses.includes(value))
    throw invalid('StorageClass', value, `The storage class must be one of ${storageClasses.join(', ')}.`);
  return value;
}

/** What the headers of a write say about its object, encryption included. @throws Fault InvalidArgument, NotImplemented */
export function readDescription(call: Call): { contentType: string; headers: Record<string, string>; meta: Record<string, string> } {
  return {
    contentType: call.header('content-type') || 'application/octet-stream',
    headers: withEncryption(standardHeaders(call), readEncryption(call)),
    meta: userMetadata(call),
  };
}

function standardHeaders(call: Call): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const name of storedHeaders) {
    const value = call.header(name);
    if (value !== undefined) headers[name] = value;
  }
  return headers;
}

function userMetadata(call: Call): Record<string, string> {
  const meta: Record<string, string> = Object.create(null);
  let bytes = 0;
  for (const name of call.headerNames()) {
    if (!name.startsWith(metaPrefix)) continue;
    const value = call.header(name) ?? '';
    bytes += name.length + value.length;
    meta[name.slice(metaPrefix.length)] = value;
  }
  if (bytes > metaBytes) throw new Fault('InvalidArgument', `All x-oss-meta-* headers together may have at most ${metaBytes} bytes.`);
  return meta;
}

/** Whether the write may not replace anything (Alibaba OSS API reference, x-oss-forbid-overwrite). */
export function forbidsOverwrite(call: Call): boolean {
  return call.header('x-oss-forbid-overwrite')?.toLowerCase() === 'true';
}

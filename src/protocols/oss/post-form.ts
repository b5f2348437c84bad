import { Fault } from '../../faults/index.ts';
import { boundaryOf, FormError, type FormPart, FormReader } from '../../kit/index.ts';
import type { Call } from './call.ts';
import { invalid } from './headers.ts';

/** Most bytes of the head of one part (Alibaba OSS error 0006-00000110). */
const headBytes = 8 * 1024;
/** Most bytes of all fields but the file. OSS takes 8 MB; nothing that a form is for comes near this. */
const fieldBytes = 256 * 1024;
/** Most bytes of the file (Alibaba OSS API reference, "PostObject"). */
const fileBytes = 5 * 1024 ** 3;
const metaPrefix = 'x-oss-meta-';
const metaName = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;

/** A form up to the bytes of its file, which are still to be read. */
export interface Form {
  /** By names in lower case, which is how OSS takes them. */
  readonly fields: ReadonlyMap<string, string>;
  readonly file: FormPart;
  readonly reader: FormReader;
}

function isFile({ name }: FormPart): boolean {
  return name.toLowerCase() === 'file';
}

function faultOf(error: unknown): unknown {
  if (!(error instanceof FormError)) return error;
  if (error.reason === 'too-long')
    return new Fault('FieldItemTooLong', `The form is too large in front of or behind its file. ${error.message}`);
  return new Fault('MalformedPOSTRequest', `The body of your POST request is not well-formed multipart/form-data. ${error.message}`);
}

/** Reads the fields of a form up to its file. @throws Fault MalformedPOSTRequest, FieldItemTooLong, InvalidArgument (a field that is there twice) */
export async function readForm({ ctx }: Call): Promise<Form> {
  const fields = new Map<string, string>();
  let reader: FormReader | undefined;
  try {
    const boundary = boundaryOf(ctx.headers['content-type']);
    reader = new FormReader(ctx.body(), boundary, { headBytes, totalBytes: fieldBytes });
    for (let part = await reader.next(); part; part = await reader.next()) {
      if (isFile(part)) return { fields, file: part, reader };
      const name = part.name.toLowerCase();
      // Which of two is meant, a policy could not tell.
      if (fields.has(name)) throw invalid(part.name, '', `The field ${part.name} is in the form more than once.`);
      const value = await reader.text();
      // Conditions are to see what will be stored.
      fields.set(name, isHeader(name) ? value.trim() : value);
    }
    throw new FormError('malformed', 'It has no field named file; the file must be the last field.');
  } catch (error) {
    await reader?.close();
    throw faultOf(error);
  }
}

/**
 * The bytes of the file, and behind them the rest of the form, in which only another file would count.
 * @param sizes that the policy allows
 * @throws Fault EntityTooLarge, EntityTooSmall, MalformedPOSTRequest, FieldItemTooLong
 */
export async function* fileBody({ reader }: Form, { least, most }: { least: number; most: number }): AsyncGenerator<Buffer> {
  const limit = Math.min(most, fileBytes);
  let size = 0;
  try {
    for await (const piece of reader.body()) {
      size += piece.length;
      if (size > limit) throw new Fault('EntityTooLarge', `Your proposed upload exceeds the maximum allowed size of ${limit} bytes.`);
      yield piece;
    }
    if (size < least)
      throw new Fault(
        'EntityTooSmall',
        `Your proposed upload of ${size} bytes is smaller than the minimum allowed size of ${least} bytes.`,
      );
    for (let part = await reader.next(); part; part = await reader.next()) {
      if (isFile(part)) throw new FormError('malformed', 'It has more than one file.');
    }
  } catch (error) {
    throw faultOf(error);
  }
}

/** The key, where `${filename}` stands for the name of the file without its path. @throws Fault InvalidArgument */
export function keyOf({ fields, file }: Form): string {
  const key = fields.get('key');
  if (!key) throw new Fault('InvalidArgument', 'The form needs a field named key.', { extra: { ArgumentName: 'key' } });
  const name = (file.filename ?? '').replace(/^.*[/\\]/s, '');
  return key.replace(/\$\{filename\}/g, () => name);
}

/** The type that the file is stored with (Alibaba OSS API reference, "PostObject", x-oss-content-type). */
export function contentTypeOf({ fields, file }: Form): string {
  return fields.get('x-oss-content-type') || file.contentType || fields.get('content-type') || 'application/octet-stream';
}

/** The fields as the headers of a write, values as bytes, as headers come. @throws Fault InvalidArgument for what no header may hold */
export function headersOf(form: Form): Map<string, string> {
  const headers = new Map<string, string>();
  for (const [name, value] of [...form.fields, ['content-type', contentTypeOf(form)] as const]) {
    if (!isHeader(name)) continue;
    if (/[\x00-\x08\x0a-\x1f\x7f]/.test(value)) throw invalid(name, '', `The field ${name} holds control characters.`);
    if (name.startsWith(metaPrefix) && !metaName.test(name))
      throw invalid(name, '', `The name of the field ${name} cannot be that of a header.`);
    headers.set(name, Buffer.from(value, 'utf8').toString('latin1'));
  }
  return headers;
}

const plainHeaders = new Set([
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-md5',
  'content-type',
  'expires',
]);

function isHeader(name: string): boolean {
  return name.startsWith('x-oss-') || plainHeaders.has(name);
}

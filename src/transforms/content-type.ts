/** Beginnings of formats that have one; the first that fits counts. `at` is where it stands when not at the start. */
const beginnings: readonly { type: string; bytes: Buffer; at?: number }[] = [
  { type: 'image/png', bytes: Buffer.from('\x89PNG\r\n\x1a\n', 'latin1') },
  { type: 'image/jpeg', bytes: Buffer.from('\xff\xd8\xff', 'latin1') },
  { type: 'image/gif', bytes: Buffer.from('GIF87a') },
  { type: 'image/gif', bytes: Buffer.from('GIF89a') },
  { type: 'image/webp', bytes: Buffer.from('WEBP'), at: 8 },
  { type: 'audio/wav', bytes: Buffer.from('WAVE'), at: 8 },
  { type: 'image/avif', bytes: Buffer.from('ftypavif'), at: 4 },
  { type: 'image/heic', bytes: Buffer.from('ftypheic'), at: 4 },
  { type: 'video/quicktime', bytes: Buffer.from('ftypqt'), at: 4 },
  { type: 'video/mp4', bytes: Buffer.from('ftyp'), at: 4 },
  { type: 'video/webm', bytes: Buffer.from('\x1aE\xdf\xa3', 'latin1') },
  { type: 'image/tiff', bytes: Buffer.from('II*\0') },
  { type: 'image/tiff', bytes: Buffer.from('MM\0*') },
  { type: 'audio/ogg', bytes: Buffer.from('OggS') },
  { type: 'audio/flac', bytes: Buffer.from('fLaC') },
  { type: 'audio/mpeg', bytes: Buffer.from('ID3\x03') },
  { type: 'audio/mpeg', bytes: Buffer.from('ID3\x04') },
  { type: 'application/pdf', bytes: Buffer.from('%PDF-') },
  { type: 'application/zip', bytes: Buffer.from('PK\x03\x04') },
  { type: 'application/gzip', bytes: Buffer.from('\x1f\x8b', 'latin1') },
  { type: 'application/zstd', bytes: Buffer.from('\x28\xb5\x2f\xfd', 'latin1') },
  { type: 'application/wasm', bytes: Buffer.from('\0asm') },
  { type: 'font/woff2', bytes: Buffer.from('wOF2') },
];

/** Types of names: those of text, which has no beginning of its own, and containers whose beginning is shared. */
const byEnding: Readonly<Record<string, string>> = {
  txt: 'text/plain',
  log: 'text/plain',
  md: 'text/markdown',
  csv: 'text/csv',
  html: 'text/html',
  htm: 'text/html',
  css: 'text/css',
  js: 'text/javascript',
  mjs: 'text/javascript',
  json: 'application/json',
  ndjson: 'application/x-ndjson',
  xml: 'application/xml',
  svg: 'image/svg+xml',
  yaml: 'application/yaml',
  yml: 'application/yaml',
};

/** Documents that are ZIP archives within. */
const zipped: Readonly<Record<string, string>> = {
  docx: 'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
  xlsx: 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
  pptx: 'application/vnd.openxmlformats-officedocument.presentationml.presentation',
  epub: 'application/epub+zip',
  jar: 'application/java-archive',
};

const unknown = 'application/octet-stream';
/** How much of the beginning is looked at for what is no text, bytes. */
const looked = 512;

/**
 * The Content-Type of a body for which the function names none: by its first bytes, or where those are text by the ending of the key.
 * @param key '' where the body is no form of the object, such as that of an error
 */
export function inferType(key: string, first: Buffer | undefined): string {
  const ending = /\.([A-Za-z0-9]{1,8})$/.exec(key)?.[1]?.toLowerCase() ?? '';
  if (first === undefined || first.length === 0) return byEnding[ending] ?? unknown;
  for (const { type, bytes, at = 0 } of beginnings) {
    if (first.length < at + bytes.length || first.compare(bytes, 0, bytes.length, at, at + bytes.length) !== 0) continue;
    return type === 'application/zip' ? (zipped[ending] ?? type) : type;
  }
  const start = first.subarray(0, looked);
  if (!isText(start)) return unknown;
  const named = byEnding[ending];
  if (named !== undefined) return named;
  return start.toString('latin1').trimStart().startsWith('<?xml') ? 'application/xml' : 'text/plain';
}

/** No control characters but those of text, and UTF-8, which may be cut off at the end. */
function isText(bytes: Buffer): boolean {
  for (const byte of bytes)
    if (byte < 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0c && byte !== 0x0d && byte !== 0x1b) return false;
  const text = bytes.toString('utf8');
  const wrong = text.indexOf('\ufffd');
  return wrong < 0 || (bytes.length === looked && wrong >= text.length - 3);
}

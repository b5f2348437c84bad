/**
 * Small parts with no domain: clock, ids, CRC-64, streams, XML, forms, ZIP, frames, single flight, LRU, quotas, outgoing requests.
 * It knows no protocol, no store and no error table, and holds no configuration.
 * Every room may call it.
 */

export { isAllowEntry } from './addresses.ts';
export { Arena, type Kept } from './arena.ts';
export { type BodyStream, ByteStream } from './byte-stream.ts';
export { after, every, httpDate, monotonic, now, sleep, type Timer } from './clock.ts';
export { Crc64, combineCrc64 } from './crc64.ts';
export { boundaryOf, FormError, type FormPart, FormReader } from './form.ts';
export { FrameError, FrameReader, frameOf } from './frames.ts';
export { equalSecret, randomBuffer, randomHex, randomToken, requestId } from './ids.ts';
export { Lru, type LruOptions } from './lru.ts';
export {
  type Outgoing,
  OutgoingError,
  type OutgoingRequest,
  type OutgoingResponse,
  openOutgoing,
} from './outgoing.ts';
export { packFolder, packZip } from './pack.ts';
export { Quota, type QuotaLimits, type QuotaRefusal } from './quota.ts';
export { Abort, type Signal } from './signal.ts';
export { SingleFlight } from './single-flight.ts';
export { type AnswerTaker, type Asked, type ByteSink, readAll } from './streams.ts';
export { Turnover } from './turnover.ts';
export { child, childrenOf, childText, parseXml, writeXml, XmlError, type XmlLimits, type XmlNode, type XmlValue } from './xml.ts';
export { unpackZip, ZipError, type ZipLimits, type ZipModes, type ZipReason } from './zip.ts';

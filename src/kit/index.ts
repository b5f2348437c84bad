/**
 * Small parts with no domain: clock, ids, CRC-64, streams, XML, ZIP, frames, single flight, LRU.
 * It knows no protocol, no store and no error table, and holds no configuration.
 * Every room may call it.
 */
export { after, every, httpDate, monotonic, now, sleep, type Timer } from './clock.ts';
export { Crc64 } from './crc64.ts';
export { encodeFrame, FrameError, FrameReader } from './frames.ts';
export { equalSecret, randomBuffer, randomHex, randomToken, requestId } from './ids.ts';
export { Lru, type LruOptions } from './lru.ts';
export { packZip } from './pack.ts';
export { SingleFlight } from './single-flight.ts';
export { readAll } from './streams.ts';
export { child, childrenOf, childText, parseXml, writeXml, XmlError, type XmlLimits, type XmlNode, type XmlValue } from './xml.ts';
export { unpackZip, ZipError, type ZipLimits, type ZipReason } from './zip.ts';

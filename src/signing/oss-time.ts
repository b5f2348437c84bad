import { Fault } from '../faults/index.ts';
import type { Oss4Claim, OssClaim } from './claim.ts';
import { dateLine } from './oss1.ts';
import type { SignedRequest } from './request.ts';

const quarterHour = 15 * 60 * 1000;
const week = 604_800;

/**
 * Refuses a request that is not of now: header signatures more than `skewMs` (15 min) off either way, signed URLs that have expired, V4 URLs
 * dated further than `skewMs` in the future. V4 scopes must be of the day of their time.
 * @param now epoch milliseconds
 * @throws Fault RequestTimeTooSkewed, AccessDenied (expired, no date), InvalidArgument or AuthorizationHeaderMalformed (unreadable)
 */
export function checkOssTime(claim: OssClaim, request: SignedRequest, now: number, options: { skewMs?: number } = {}): void {
  const skewMs = options.skewMs ?? quarterHour;
  if (claim.place === 'header') {
    checkHeader(claim, request, now, skewMs);
    return;
  }
  const expires = claim.scheme === 'OSS1' ? expiry1(claim.expires ?? '') : expiry4(claim, now, skewMs);
  if (now > expires) {
    throw new Fault('AccessDenied', 'Request has expired.', { extra: { Expires: iso(expires), ServerTime: iso(now) } });
  }
}

function checkHeader(claim: OssClaim, request: SignedRequest, now: number, skewMs: number): void {
  const text = dateLine(request);
  const time = readTime(text);
  if (time === undefined) throw new Fault('AccessDenied', 'OSS authentication requires a valid Date or x-oss-date header.');
  checkSkew(time, now, skewMs);
  if (claim.scheme === 'OSS4' && claim.date !== dayOf(text, time)) {
    throw new Fault('AuthorizationHeaderMalformed', `The credential's date ${claim.date} is not the day of the request's time ${text}.`);
  }
}

/** @throws Fault RequestTimeTooSkewed when `time` is more than `skewMs` from `now` */
export function checkSkew(time: number, now: number, skewMs: number = quarterHour): void {
  if (Math.abs(time - now) <= skewMs) return;
  throw skewed(time, now, skewMs);
}

function skewed(time: number, now: number, skewMs: number): Fault {
  return new Fault('RequestTimeTooSkewed', undefined, {
    extra: { MaxAllowedSkewMilliseconds: String(skewMs), RequestTime: iso(time), ServerTime: iso(now) },
  });
}

function expiry1(expires: string): number {
  if (!/^\d{1,11}$/.test(expires)) throw new Fault('InvalidArgument', 'Expires must be a time in unix seconds.');
  return Number(expires) * 1000;
}

function expiry4(claim: Oss4Claim, now: number, skewMs: number): number {
  const time = readBasic(claim.time ?? '');
  if (time === undefined) throw new Fault('InvalidArgument', 'x-oss-date must read yyyymmddThhmmssZ.');
  const seconds = /^\d{1,6}$/.test(claim.expires ?? '') ? Number(claim.expires) : 0;
  if (seconds < 1 || seconds > week) throw new Fault('InvalidArgument', `x-oss-expires must be between 1 and ${week} seconds.`);
  if (claim.date !== dayOf(claim.time ?? '', time)) {
    throw new Fault('InvalidArgument', `The credential's date ${claim.date} is not the day of x-oss-date ${claim.time}.`);
  }
  if (time - now > skewMs) throw skewed(time, now, skewMs);
  return time + seconds * 1000;
}

let lastText = '';
let lastTime: number | undefined;

/** An HTTP date (two-digit day or not) or yyyymmddThhmmssZ as epoch milliseconds; the last one is remembered. */
export function readTime(text: string): number | undefined {
  if (text !== lastText) {
    lastTime = parseTime(text);
    lastText = text;
  }
  return lastTime;
}

function parseTime(text: string): number | undefined {
  if (!/^[A-Z][a-z]{2}, \d{1,2} [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/.test(text)) return readBasic(text);
  const time = Date.parse(text);
  return Number.isNaN(time) ? undefined : time;
}

/** yyyymmddThhmmssZ as epoch milliseconds. */
export function readBasic(text: string): number | undefined {
  if (!/^\d{8}T\d{6}Z$/.test(text)) return undefined;
  const part = (from: number, to: number) => Number(text.slice(from, to));
  const [month, day, hour, minute, second] = [part(4, 6), part(6, 8), part(9, 11), part(11, 13), part(13, 15)];
  if (month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 59) return undefined;
  return Date.UTC(part(0, 4), month - 1, day, hour, minute, second);
}

/** yyyymmddThhmmssZ */
export function basicTime(time: number): string {
  return `${new Date(time).toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}Z`;
}

/** The UTC day yyyymmdd of a time, given also as the text it was read from. */
function dayOf(text: string, time: number): string {
  return text[8] === 'T' ? text.slice(0, 8) : basicTime(time).slice(0, 8);
}

function iso(time: number): string {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? String(time) : date.toISOString();
}

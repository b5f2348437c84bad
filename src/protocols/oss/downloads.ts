import type { Call } from './call.ts';
import { readOverrides } from './headers.ts';

/** Types that a browser runs or that can hold what it runs; XML may hold both. */
const active = new Set([
  'text/html',
  'text/xml',
  'text/xsl',
  'text/javascript',
  'text/ecmascript',
  'application/xml',
  'application/javascript',
  'application/x-javascript',
  'application/ecmascript',
]);

function isActive(contentType: string): boolean {
  const semicolon = contentType.indexOf(';');
  const type = (semicolon < 0 ? contentType : contentType.slice(0, semicolon)).trim().toLowerCase();
  return active.has(type) || type.endsWith('+xml');
}

/**
 * Whether an answer may be opened by somebody who was handed a link to it: no signature, or one in the URL. On the server's own domains a page
 * is what its owner put there; elsewhere it would run in the name of whatever else has that address (as OSS does on its default domains).
 */
export function isHandedAround({ ctx, presigned, principal, ownDomain }: Call): boolean {
  return (presigned || principal.kind === 'Anonymous') && !ownDomain && ctx.listener !== 'functions';
}

/** The headers that make a browser save active content instead of running it; undefined where they are not needed. */
export function forcedDownload(contentType: string, disposition: string | undefined): [string, string][] | undefined {
  if (!isActive(contentType) || disposition?.trim().toLowerCase().startsWith('attachment')) return undefined;
  return [
    ['Content-Disposition', 'attachment'],
    ['x-oss-force-download', 'true'],
  ];
}

/** Headers of the answer that the client replaces, and those that protect whoever opens the link. @throws Fault InvalidArgument */
export function replacedHeaders(
  call: Call,
  head: { contentType: string; headers: Readonly<Record<string, string>> },
): Map<string, string> | undefined {
  const replaced = readOverrides(call.ctx);
  if (!isHandedAround(call)) return replaced;
  const disposition = replaced?.get('Content-Disposition') ?? head.headers['content-disposition'];
  const forced = forcedDownload(replaced?.get('Content-Type') ?? head.contentType, disposition);
  return forced ? new Map([...(replaced ?? []), ...forced]) : replaced;
}

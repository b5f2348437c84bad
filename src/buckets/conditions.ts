/** Conditions of a request (RFC 9110 section 13). Each entity tag is one list element, or `*`; times are epoch milliseconds. */
export interface Conditions {
  ifMatch?: string[] | undefined;
  ifNoneMatch?: string[] | undefined;
  ifModifiedSince?: number | undefined;
  ifUnmodifiedSince?: number | undefined;
}

interface Validators {
  etag: string;
  modifiedAt: number;
}

/**
 * Evaluates in the order of RFC 9110 section 13.2.2. Entity tags compare without quotes and case, dates by the second.
 * `not-modified` means 304 to a read; a write treats it as failed.
 */
export function evaluateConditions(head: Validators | undefined, conditions: Conditions): 'proceed' | 'not-modified' | 'failed' {
  const { ifMatch, ifNoneMatch, ifModifiedSince, ifUnmodifiedSince } = conditions;
  if (ifMatch) {
    if (!ifMatch.some((tag) => matches(tag, head, 'strong'))) return 'failed';
  } else if (ifUnmodifiedSince !== undefined && head && second(head.modifiedAt) > second(ifUnmodifiedSince)) {
    return 'failed';
  }
  if (ifNoneMatch) {
    if (ifNoneMatch.some((tag) => matches(tag, head, 'weak'))) return 'not-modified';
  } else if (ifModifiedSince !== undefined && head && second(head.modifiedAt) <= second(ifModifiedSince)) {
    return 'not-modified';
  }
  return 'proceed';
}

function second(ms: number): number {
  return Math.floor(ms / 1000);
}

function matches(tag: string, head: Validators | undefined, comparison: 'strong' | 'weak'): boolean {
  if (!head) return false;
  let text = tag.trim();
  if (text === '*') return true;
  if (/^W\//i.test(text)) {
    if (comparison === 'strong') return false;
    text = text.slice(2);
  }
  return text.replace(/^"(.*)"$/, '$1').toLowerCase() === head.etag.toLowerCase();
}

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Conditions, evaluateConditions } from './conditions.ts';

const modifiedAt = Date.UTC(2024, 0, 2, 3, 4, 5, 678);
const head = { etag: '5d41402abc4b2a76b9719d911017c592', modifiedAt };
const tag = head.etag;
const other = '00000000000000000000000000000000';
const same = modifiedAt - 678;
const earlier = same - 1000;
const later = same + 1000;

const table: [string, Conditions, ReturnType<typeof evaluateConditions>][] = [
  ['nothing', {}, 'proceed'],
  ['If-Match, same', { ifMatch: [tag] }, 'proceed'],
  ['If-Match, quotes and upper case', { ifMatch: [` "${tag.toUpperCase()}" `] }, 'proceed'],
  ['If-Match, one of several', { ifMatch: [other, tag] }, 'proceed'],
  ['If-Match, other', { ifMatch: [other] }, 'failed'],
  ['If-Match, none listed', { ifMatch: [] }, 'failed'],
  ['If-Match *', { ifMatch: ['*'] }, 'proceed'],
  ['If-Match, weak tags never match strongly', { ifMatch: [`W/"${tag}"`] }, 'failed'],
  ['If-None-Match, same', { ifNoneMatch: [tag] }, 'not-modified'],
  ['If-None-Match, weak', { ifNoneMatch: [`W/"${tag}"`] }, 'not-modified'],
  ['If-None-Match, other', { ifNoneMatch: [`"${other}"`] }, 'proceed'],
  ['If-None-Match *', { ifNoneMatch: ['*'] }, 'not-modified'],
  ['If-Modified-Since, that second', { ifModifiedSince: same }, 'not-modified'],
  ['If-Modified-Since, later', { ifModifiedSince: later }, 'not-modified'],
  ['If-Modified-Since, earlier', { ifModifiedSince: earlier }, 'proceed'],
  ['If-Unmodified-Since, that second', { ifUnmodifiedSince: same }, 'proceed'],
  ['If-Unmodified-Since, earlier', { ifUnmodifiedSince: earlier }, 'failed'],
  ['If-Match beats If-Unmodified-Since', { ifMatch: [tag], ifUnmodifiedSince: earlier }, 'proceed'],
  ['If-None-Match beats If-Modified-Since', { ifNoneMatch: [other], ifModifiedSince: later }, 'proceed'],
  ['If-Match is weighed before If-None-Match', { ifMatch: [other], ifNoneMatch: [tag] }, 'failed'],
  ['If-Match holds, If-None-Match decides', { ifMatch: [tag], ifNoneMatch: [tag] }, 'not-modified'],
  ['If-Unmodified-Since fails before If-None-Match', { ifUnmodifiedSince: earlier, ifNoneMatch: [tag] }, 'failed'],
];

describe('evaluateConditions', () => {
  for (const [what, conditions, expected] of table) it(what, () => assert.equal(evaluateConditions(head, conditions), expected));

  it('knows that nothing is there', () => {
    assert.equal(evaluateConditions(undefined, { ifMatch: ['*'] }), 'failed');
    assert.equal(evaluateConditions(undefined, { ifNoneMatch: ['*'] }), 'proceed');
    assert.equal(evaluateConditions(undefined, { ifModifiedSince: later, ifUnmodifiedSince: earlier }), 'proceed');
  });
});

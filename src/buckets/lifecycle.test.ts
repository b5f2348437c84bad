import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { dueAt, isDue, type LifecycleRule, noncurrentCutoff } from './lifecycle.ts';

const day = 86_400_000;
const rule = (days: number): LifecycleRule => ({
  ...{ id: 'r', enabled: true, prefix: '', tags: {}, except: [], expiredMarkers: false, transitions: [], noncurrentTransitions: [] },
  noncurrentDays: days,
});
const subject = { key: 'k', size: 0, tags: {} };

describe('when a rule is due', () => {
  const times = fc.oneof(
    fc.integer({ min: 0, max: 50 * day }),
    fc.nat(50).map((days) => days * day),
  );

  it('is never earlier than the days say, and at a midnight at most a day later', () => {
    fc.assert(
      fc.property(times, fc.integer({ min: 1, max: 60 }), (since, days) => {
        const at = dueAt({ days }, since) ?? assert.fail();
        assert.ok(at >= since + days * day && at < since + (days + 1) * day && at % day === 0);
      }),
    );
  });

  it('is the same by the time of a version and by the cutoff of a sweep', () => {
    fc.assert(
      fc.property(times, fc.integer({ min: 1, max: 20 }), times, (since, days, now) => {
        const cutoff = noncurrentCutoff([rule(days)], subject, now) ?? assert.fail();
        assert.equal(since <= cutoff, isDue(dueAt({ days }, since), now));
      }),
    );
  });

  it('is the earliest of several rules', () => {
    assert.equal(noncurrentCutoff([rule(9), rule(2), { ...rule(1), enabled: false }], subject, 10 * day), 8 * day);
    assert.equal(noncurrentCutoff([{ ...rule(1), prefix: 'x' }], subject, 10 * day), undefined);
  });
});

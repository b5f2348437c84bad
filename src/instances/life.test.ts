import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type InstanceState, Life } from './life.ts';

const paths: Record<InstanceState, InstanceState[]> = {
  starting: [],
  initialising: ['initialising'],
  idle: ['initialising', 'idle'],
  busy: ['initialising', 'idle', 'busy'],
  draining: ['draining'],
  dead: ['dead'],
};
const allowed: Record<InstanceState, InstanceState[]> = {
  starting: ['initialising', 'draining', 'dead'],
  initialising: ['idle', 'draining', 'dead'],
  idle: ['busy', 'draining', 'dead'],
  busy: ['idle', 'draining', 'dead'],
  draining: ['dead'],
  dead: [],
};

test('every transition that is named is taken, every other one throws', () => {
  const states = Object.keys(paths) as InstanceState[];
  for (const from of states) {
    for (const to of states) {
      const life = new Life();
      for (const step of paths[from]) life.to(step);
      assert.equal(life.state, from);
      if (allowed[from].includes(to)) {
        life.to(to);
        assert.equal(life.state, to);
      } else {
        assert.throws(() => life.to(to), { message: `An instance cannot go from ${from} to ${to}.` });
        assert.equal(life.state, from);
      }
    }
  }
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '../faults/index.ts';
import { checkAccessPointName, checkObjectFcName, looksLikeAlias, makeAccessPointAlias, makeObjectFcAlias, nameInLabel } from './name.ts';

function accepts(check: (name: string) => void, name: string): boolean {
  try {
    check(name);
    return true;
  } catch (error) {
    assert.ok(error instanceof Fault && error.code === 'InvalidArgument');
    return false;
  }
}

test('names of access points', () => {
  for (const good of ['abc', 'ap-01', '123', 'a'.repeat(19), 'a--b']) assert.equal(accepts(checkAccessPointName, good), true, good);
  for (const bad of ['', 'ab', 'a'.repeat(20), 'Ap-01', 'ap_01', '-ap', 'ap-', 'ap.01', 'äpp', 'a\nb', 'abc\n', 'ap-ossalias']) {
    assert.equal(accepts(checkAccessPointName, bad), false, bad);
  }
});

test('names of Object FC access points', () => {
  for (const good of ['abc', 'fc-ap-01', 'a'.repeat(63)]) assert.equal(accepts(checkObjectFcName, good), true, good);
  for (const bad of ['', 'ab', 'a'.repeat(64), 'Fc', '-fc', 'fc-', 'fc/ap', 'fc-opapalias'])
    assert.equal(accepts(checkObjectFcName, bad), false, bad);
});

test('aliases: the vendor form, never beyond the 63 characters of a bucket name, each one new', () => {
  assert.match(makeAccessPointAlias('ap-01'), /^ap-01-[0-9a-f]{34}-ossalias$/);
  assert.equal(makeAccessPointAlias('a'.repeat(19)).length, 63);
  assert.match(makeObjectFcAlias('fc-ap-01'), /^fc-ap-01-[0-9a-f]{34}-opapalias$/);
  assert.match(makeObjectFcAlias('b'.repeat(63)), /^b{18}-[0-9a-f]{34}-opapalias$/);
  assert.equal(makeObjectFcAlias('b'.repeat(63)).length, 63);
  assert.match(makeObjectFcAlias('abcdefghijklmnop--xyz'), /^abcdefghijklmnop-[0-9a-f]{34}-opapalias$/, 'no hyphen at the cut');
  assert.notEqual(makeObjectFcAlias('fc-ap-01'), makeObjectFcAlias('fc-ap-01'));
  assert.ok(looksLikeAlias(makeObjectFcAlias('abc')) && looksLikeAlias(makeAccessPointAlias('abc')) && !looksLikeAlias('my-alias'));
});

test('names inside the labels of endpoints', () => {
  assert.equal(nameInLabel('ap-01-123', '123', 'access-point'), 'ap-01');
  assert.equal(nameInLabel('ap-01-124', '123', 'access-point'), undefined);
  assert.equal(nameInLabel('ap-01-123-opap', '123', 'access-point'), undefined);
  assert.equal(nameInLabel('fc-ap-01-123', '123', 'object-fc'), 'fc-ap-01');
  assert.equal(nameInLabel('fc-ap-01-123-opap', '123', 'object-fc'), 'fc-ap-01');
  assert.equal(nameInLabel('fc-ap-01-opap', '123', 'object-fc'), undefined);
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { checkBucketName, checkKey } from './names.ts';

describe('bucket names', () => {
  for (const name of ['abc', '0-9', 'a'.repeat(63), 'a--b', 'ossalias']) it(`takes ${name}`, () => checkBucketName(name));
  for (const name of [
    '',
    'ab',
    'a'.repeat(64),
    'Abc',
    '-ab',
    'ab-',
    'a_b',
    'a.b',
    '../a',
    'abc\n',
    'x-ossalias',
    'x-opapalias',
    'x-opap',
  ]) {
    it(`refuses ${JSON.stringify(name)}`, () => assert.throws(() => checkBucketName(name), { code: 'InvalidBucketName' }));
  }
});

describe('object keys', () => {
  for (const key of ['a', '../x', 'a//b', '.', 'a\0b', '\x7f', '\u{1F600}', '\uffff', 'é'.repeat(511), 'x'.repeat(1023), 'a/', ' ']) {
    it(`takes ${JSON.stringify(key).slice(0, 20)}`, () => checkKey(key));
  }
  for (const key of ['', '/', '/a', '\\a', 'x'.repeat(1024), 'é'.repeat(512), '\ud800', 'a\udc00b']) {
    it(`refuses ${JSON.stringify(key).slice(0, 20)}`, () => assert.throws(() => checkKey(key), { code: 'InvalidObjectName' }));
  }
});

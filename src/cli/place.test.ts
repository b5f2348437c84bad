import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CliFailure } from './failure.ts';
import { fileNameOf, objectOf, placeOf, relativePathOf, typeOf } from './place.ts';

test('buckets and keys', () => {
  assert.deepEqual(placeOf('photos'), { bucket: 'photos', key: '' });
  assert.deepEqual(placeOf('oss://photos/a/b c.png'), { bucket: 'photos', key: 'a/b c.png' });
  assert.deepEqual(objectOf('photos//a'), { bucket: 'photos', key: '/a' });
  for (const wrong of ['', '/a', 'a b/c', 'oss:///x']) assert.throws(() => placeOf(wrong), CliFailure);
  assert.throws(() => objectOf('photos/'), /no object/);
});

test('a key never leads out of the folder that it is kept in', () => {
  for (const key of ['../x', 'a/../../x', '/etc/passwd', 'a//b', './a', '..', '', 'a/', 'a\0b', 'x'.repeat(256)]) {
    assert.equal(relativePathOf(key), undefined, key);
  }
  for (const key of ['a', 'a/b', '..a', 'a..', '...', '~', '-', 'a\\..\\b', 'ä/ö']) assert.equal(relativePathOf(key), key);
  assert.equal(fileNameOf('a/b/c.txt'), 'c.txt');
  assert.equal(fileNameOf('a/..'), undefined);
  assert.equal(fileNameOf('a/'), undefined);
});

test('media types', () => {
  assert.equal(typeOf('A.JPG'), 'image/jpeg');
  assert.equal(typeOf('Makefile'), 'application/octet-stream');
});

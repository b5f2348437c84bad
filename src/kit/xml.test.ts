import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { child, childrenOf, childText, parseXml, writeXml, XmlError } from './xml.ts';

test('reads elements, text, CDATA and references', () => {
  const root = parseXml(
    '<?xml version="1.0"?>\n<Delete xmlns="x"><Quiet>true</Quiet><Object><Key>a&amp;b<![CDATA[<c>]]>&#100;</Key></Object><Object/></Delete>',
  );
  assert.equal(root.name, 'Delete');
  assert.equal(childText(root, 'Quiet'), 'true');
  assert.equal(childText(root, 'Object', 'Key'), 'a&b<c>d');
  assert.equal(childrenOf(root, 'Object').length, 2);
  assert.equal(child(root, 'Absent'), undefined);
  assert.equal(childText(root, 'Absent', 'Key'), undefined);
});

test('refuses what is not well-formed or not plain', () => {
  for (const text of [
    '',
    '   ',
    'text',
    '<a>',
    '<a></b>',
    '<a/><b/>',
    '<a>&unknown;</a>',
    '<a b=c/>',
    '<a>\u0001</a>',
    '<!DOCTYPE a><a/>',
    '<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>',
    '<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>',
  ]) {
    assert.throws(() => parseXml(text), XmlError, text);
  }
});

test('refuses documents beyond the limits', () => {
  const nested = (depth: number) => '<a>'.repeat(depth) + '</a>'.repeat(depth);
  assert.equal(parseXml(nested(3), { depth: 3 }).name, 'a');
  assert.throws(() => parseXml(nested(4), { depth: 3 }), XmlError);
  assert.throws(() => parseXml(nested(100_000)), XmlError);
  assert.equal(parseXml('<a><b/><b/></a>', { nodes: 3 }).children.length, 2);
  assert.throws(() => parseXml('<a><b/><b/><b/></a>', { nodes: 3 }), XmlError);
});

test('writes nested values, repeats arrays, leaves undefined out', () => {
  const xml = writeXml('R', { A: 1, B: undefined, C: { D: true }, E: ['x', { F: 'y' }], G: '', H: [] });
  assert.equal(xml, '<?xml version="1.0" encoding="UTF-8"?>\n<R><A>1</A><C><D>true</D></C><E>x</E><E><F>y</F></E><G></G></R>');
});

test('any text comes back as it was, but for what XML cannot carry', () => {
  assert.match(writeXml('K', 'a\u0000b\ud800c\uffff'), /<K>a\ufffdb\ufffdc\ufffd<\/K>/);
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const carried = text.toWellFormed().replace(/[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g, '\ufffd');
      assert.equal(childText(parseXml(writeXml('R', { K: text })), 'K'), carried);
    }),
  );
});

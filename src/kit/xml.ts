import { SaxesParser } from 'saxes';

/** One element: its name as written (prefix included), its own text and CDATA joined, its child elements. Attributes are dropped. */
export interface XmlNode {
  name: string;
  text: string;
  children: XmlNode[];
}

export interface XmlLimits {
  /** Most elements inside one another, the root counted; 32 when left out. */
  depth?: number;
  /** Most elements in all; 50 000 when left out. */
  nodes?: number;
}

/** The text is not XML that we read; the message says where and why. */
export class XmlError extends Error {
  override readonly name = 'XmlError';
}

/**
 * Reads a document into a tree. The caller bounds the length of the text.
 * @throws XmlError for anything not well-formed, for any DOCTYPE (and so for entity declarations), and beyond the limits
 */
export function parseXml(text: string, { depth = 32, nodes = 50_000 }: XmlLimits = {}): XmlNode {
  const parser = new SaxesParser();
  const open: XmlNode[] = [];
  let root: XmlNode | undefined;
  let count = 0;
  const append = (piece: string) => {
    const node = open.at(-1);
    if (node) node.text += piece;
  };
  parser.on('error', (error) => {
    throw new XmlError(error.message);
  });
  parser.on('doctype', () => {
    throw new XmlError('A document type declaration is not accepted.');
  });
  parser.on('opentag', ({ name }) => {
    count += 1;
    if (count > nodes) throw new XmlError(`The document has more than ${nodes} elements.`);
    if (open.length >= depth) throw new XmlError(`The document nests deeper than ${depth} elements.`);
    const node: XmlNode = { name, text: '', children: [] };
    open.at(-1)?.children.push(node);
    root ??= node;
    open.push(node);
  });
  parser.on('closetag', () => {
    open.pop();
  });
  parser.on('text', append);
  parser.on('cdata', append);
  parser.write(text).close();
  if (!root) throw new XmlError('The document is empty.');
  return root;
}

/** The first child element of that name. */
export function child(node: XmlNode, name: string): XmlNode | undefined {
  return node.children.find((each) => each.name === name);
}

/** All child elements of that name, in order. */
export function childrenOf(node: XmlNode, name: string): XmlNode[] {
  return node.children.filter((each) => each.name === name);
}

/** The text of the element reached by following `path` through first children; undefined when one is missing. */
export function childText(node: XmlNode, ...path: string[]): string | undefined {
  let at: XmlNode | undefined = node;
  for (const name of path) at = at && child(at, name);
  return at?.text;
}

/** What writeXml renders: undefined is left out, an array repeats its element, an object nests. */
export type XmlValue = string | number | boolean | undefined | XmlValue[] | { [name: string]: XmlValue };

// A bare carriage return would come back as a line feed, so it travels as a reference.
const references: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', '\r': '&#13;' };

function escapeText(text: string): string {
  return text
    .toWellFormed()
    .replace(/[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g, '\ufffd')
    .replace(/[&<>"\r]/g, (c) => references[c] as string);
}

function element(name: string, value: XmlValue): string {
  if (value === undefined) return '';
  if (Array.isArray(value)) return value.map((each) => element(name, each)).join('');
  if (typeof value !== 'object') return `<${name}>${escapeText(String(value))}</${name}>`;
  let inner = '';
  for (const [key, each] of Object.entries(value)) inner += element(key, each);
  return `<${name}>${inner}</${name}>`;
}

/** A document with one root element. Names are the program's own; texts may hold anything, and what XML cannot carry becomes U+FFFD. */
export function writeXml(root: string, value: XmlValue): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n${element(root, value)}`;
}

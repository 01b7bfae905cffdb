/** Elements as data: finding, namespaces, text, payloads. */

import { describe, expect, test } from 'vitest';
import {
  attr,
  bytesIn,
  child,
  childrenOf,
  childText,
  decimal,
  el,
  elBytes,
  elementsOf,
  is,
  namespaceOf,
  needAttr,
  needChild,
  text,
  type XmlElement,
} from '../../../src/xmpp/element.ts';
import { codeOf } from '../../support/refusals.ts';

const message: XmlElement = el(
  'message',
  { type: 'chat', id: undefined, n: 7 },
  el('body', {}, 'Hello', undefined, ' you'),
  el('mls', { xmlns: 'urn:x' }, el('app', {}, 'AAEC'), el('app', { xmlns: 'urn:y' })),
  el('body', { xmlns: 'urn:other' }, 'not this'),
);

describe('el', () => {
  test('leaves out what is undefined, and empty text', () => {
    expect(message.attrs).toEqual({ type: 'chat', n: '7' });
    expect(el('a', {}, '', undefined).children).toEqual([]);
  });
});

describe('finders', () => {
  test('XMP-23: match name and namespace of direct children only', () => {
    expect(childText(message, 'body')).toBe('Hello you');
    expect(childText(message, 'body', 'urn:other')).toBe('not this');
    expect(child(message, 'app', 'urn:x')).toBeUndefined();
    expect(child(message, 'mls')).toBeUndefined();
  });

  test('hand the namespace on to what they return', () => {
    const mls = needChild(message, 'mls', 'urn:x');
    const [app] = childrenOf(mls, 'app');
    expect(app && namespaceOf(app)).toBe('urn:x');
    expect(childrenOf(mls, 'app')).toHaveLength(1);
    expect(elementsOf(mls).map(namespaceOf)).toEqual(['urn:x', 'urn:y']);
    expect(is(message, 'message', 'jabber:client')).toBe(true);
  });

  test('refuse to choose among several', () => {
    const twice = el('a', {}, el('b'), el('b'));
    expect(codeOf(() => child(twice, 'b'))).toBe('xmpp.stanza');
    expect(codeOf(() => needChild(twice, 'c'))).toBe('xmpp.stanza');
    expect(codeOf(() => needAttr(twice, 'c'))).toBe('xmpp.stanza');
  });

  test('do not find what every object has', () => {
    expect(attr(message, 'constructor')).toBeUndefined();
    expect(attr(message, '__proto__')).toBeUndefined();
  });
});

describe('content', () => {
  test('text has no elements in it', () => {
    expect(text(el('a', {}, 'x', 'y'))).toBe('xy');
    expect(codeOf(() => text(el('a', {}, 'x', el('b'))))).toBe('xmpp.stanza');
  });

  test('XMP-21: bytes are exactly one text of base64', () => {
    const bytes = Uint8Array.of(0, 255, 3, 9);
    expect(bytesIn(elBytes('app', {}, bytes))).toEqual(bytes);
    expect(codeOf(() => bytesIn(el('app')))).toBe('xmpp.stanza');
    expect(codeOf(() => bytesIn(el('app', {}, 'AAEC', 'AAEC')))).toBe('xmpp.stanza');
    expect(codeOf(() => bytesIn(el('app', {}, 'AAEC', el('x'))))).toBe('xmpp.stanza');
    expect(codeOf(() => bytesIn(el('app', {}, ' AAEC')))).toBe('codec.base64');
  });

  test('numbers are decimal and in range', () => {
    expect(decimal('0', 'n')).toBe(0);
    expect(decimal('9007199254740991', 'n')).toBe(Number.MAX_SAFE_INTEGER);
    for (const bad of ['', '-1', '+1', '01', '1e3', ' 1', '9007199254740992', '1'.repeat(40)]) {
      expect(codeOf(() => decimal(bad, 'n'))).toBe('xmpp.stanza');
    }
  });
});

/** What parsers of libraries make is bounded and made plain before anything else sees it. */

import { DOMParser } from '@xmldom/xmldom';
import fc from 'fast-check';
import { parse } from 'ltx';
import { describe, expect, test } from 'vitest';
import { MlsError } from '../../../src/base/error.ts';
import { child, childText, el, type XmlElement } from '../../../src/xmpp/element.ts';
import { lookAtPlain, received } from '../../../src/xmpp/received.ts';
import { serialise } from '../../../src/xmpp/serialise.ts';
import { codeOf } from '../../support/refusals.ts';

const SMALL = { depth: 4, elements: 6, attributes: 2, text: 100 };

function read(xml: string): XmlElement {
  return received(parse(xml), lookAtPlain);
}

function chain(levels: number): XmlElement {
  let element = el('x');
  for (let level = 1; level < levels; level++) element = el('x', {}, element);
  return element;
}

describe('received', () => {
  test('states every namespace and joins texts', () => {
    expect(read("<message><a xmlns='urn:a'><b>one &amp; two</b></a></message>")).toEqual({
      name: 'message',
      attrs: { xmlns: 'jabber:client' },
      children: [
        {
          name: 'a',
          attrs: { xmlns: 'urn:a' },
          children: [{ name: 'b', attrs: { xmlns: 'urn:a' }, children: ['one & two'] }],
        },
      ],
    });
    expect(received(el('a', {}, 'x', 'y'), lookAtPlain).children).toEqual(['xy']);
  });

  test('resolves prefixes', () => {
    const message = read("<message xmlns:p='urn:p'><p:a q='1'><b/></p:a></message>");
    const found = child(message, 'a', 'urn:p');
    expect(found?.attrs).toEqual({ xmlns: 'urn:p', q: '1' });
    expect(found && child(found, 'b', 'jabber:client')).toBeDefined();
  });

  test('XMP-20: refuses prefixes that nobody declared', () => {
    expect(codeOf(() => read('<message><p:a/></message>'))).toBe('xmpp.stanza');
    expect(codeOf(() => read("<message p:a='1'/>"))).toBe('xmpp.stanza');
    expect(codeOf(() => read('<message><constructor:a/></message>'))).toBe('xmpp.stanza');
    expect(read("<message xml:lang='en'/>").attrs['xml:lang']).toBe('en');
  });

  test('XMP-20: depth, elements, attributes and text have bounds', () => {
    const bounded = (element: XmlElement): XmlElement => received(element, lookAtPlain, SMALL);
    expect(bounded(chain(4))).toBeDefined();
    expect(codeOf(() => bounded(chain(5)))).toBe('xmpp.stanza');
    expect(bounded(el('a', {}, ...Array.from({ length: 5 }, () => el('b'))))).toBeDefined();
    expect(codeOf(() => bounded(el('a', {}, ...Array.from({ length: 6 }, () => el('b')))))).toBe(
      'xmpp.stanza',
    );
    expect(codeOf(() => bounded(el('a', { b: 1, c: 2, d: 3 })))).toBe('xmpp.stanza');
    expect(bounded(el('a', {}, 'x'.repeat(99)))).toBeDefined();
    expect(codeOf(() => bounded(el('a', {}, 'x'.repeat(100))))).toBe('xmpp.stanza');
  });

  test('XMP-20: a hundred thousand levels neither pass nor overflow the stack', () => {
    const deep = '<a>'.repeat(100_000) + '</a>'.repeat(100_000);
    expect(codeOf(() => read(deep))).toBe('xmpp.stanza');
    expect(codeOf(() => serialise(chain(100_000)))).toBe('codec.input');
  });

  test('XMP-20: refuses what is neither element nor text', () => {
    const cyclic = { name: 'a', attrs: {}, children: [] as unknown[] };
    cyclic.children.push(cyclic);
    const bad: unknown[] = [
      undefined,
      null,
      'text',
      7,
      {},
      { name: 'a', attrs: {} },
      { name: 7, attrs: {}, children: [] },
      { name: 'a', attrs: { b: 7 }, children: [] },
      { name: 'a', attrs: {}, children: [7] },
      { name: 'a', attrs: {}, children: [null] },
      cyclic,
    ];
    for (const node of bad) expect(codeOf(() => received(node, lookAtPlain))).toBe('xmpp.stanza');
  });

  test('XMP-21: a hostile attribute name stays a name', () => {
    const node = { name: 'a', attrs: JSON.parse('{"__proto__":"x","id":"1"}'), children: [] };
    const read = received(node, lookAtPlain);
    expect(Object.keys(read.attrs)).toEqual(['xmlns', '__proto__', 'id']);
    expect(Object.getPrototypeOf(read.attrs)).toBe(Object.prototype);
  });

  test('an attribute that a library left undefined is not there', () => {
    expect(received({ name: 'a', attrs: { to: undefined }, children: [] }, lookAtPlain).attrs).toEqual({
      xmlns: 'jabber:client',
    });
  });
});

describe('serialise', () => {
  test('writes one text: namespace first, attributes by name, no change of namespace twice', () => {
    const element = el(
      'm',
      { b: '2', a: "1'<", xmlns: 'u' },
      el('n', { xmlns: 'u' }),
      el('o', { xmlns: 'v' }, 'x>&'),
    );
    expect(serialise(element)).toBe("<m xmlns='u' a='1&apos;&lt;' b='2'><n/><o xmlns='v'>x&gt;&amp;</o></m>");
  });

  test('XMP-20: refuses characters and names that XML does not have', () => {
    for (const bad of ['\u0000', '\u0008', '\u001f', '\ufffe', '\ud800', 'a\udc00']) {
      expect(codeOf(() => serialise(el('a', {}, bad)))).toBe('codec.input');
      expect(codeOf(() => serialise(el('a', { b: bad })))).toBe('codec.input');
    }
    for (const bad of ['', '1', 'a b', 'a>', 'a:b:c', '-']) {
      expect(codeOf(() => serialise(el(bad)))).toBe('codec.input');
      expect(codeOf(() => serialise(el('a', { [bad]: 'x' })))).toBe('codec.input');
    }
  });

  const name = fc.constantFrom('a', 'body', 'x-y', 'mls');
  const content = fc
    .string({ unit: 'grapheme', minLength: 1 })
    .filter((one) => !/[\p{Cc}\p{Surrogate}\ufffe\uffff]/u.test(one));
  const { tree } = fc.letrec<{ tree: XmlElement }>((tie) => ({
    tree: fc
      .tuple(
        name,
        fc.dictionary(fc.constantFrom('id', 'to', 'xmlns'), content),
        fc.array(fc.oneof({ maxDepth: 4 }, content, tie('tree')), { maxLength: 4 }),
      )
      .map(([tag, attrs, children]) => el(tag, attrs, ...(children as (XmlElement | string)[]))),
  }));

  test('two parsers read back what was written', () => {
    fc.assert(
      fc.property(tree, (element) => {
        const expected = received(element, lookAtPlain);
        const text = serialise(element);
        expect(received(parse(text), lookAtPlain)).toEqual(expected);
        expect(serialise(received(parse(text), lookAtPlain))).toBe(serialise(expected));
        expect(new DOMParser().parseFromString(text, 'text/xml').documentElement?.localName).toBe(
          element.name,
        );
      }),
    );
  });

  test('XMP-21: whatever a lenient parser makes of damaged text, nothing but MlsError is thrown', () => {
    fc.assert(
      fc.property(
        tree,
        fc.nat(),
        fc.constantFrom('<', '&', '<!-- -->', "'", '>', '\u0000', '<![CDATA[x]]>'),
        (element, at, junk) => {
          const text = serialise(element);
          const place = at % (text.length + 1);
          let node: unknown;
          try {
            node = parse(text.slice(0, place) + junk + text.slice(place));
          } catch {
            return;
          }
          try {
            childText(received(node, lookAtPlain), 'body');
          } catch (error) {
            expect(error).toBeInstanceOf(MlsError);
          }
        },
      ),
    );
  });
});

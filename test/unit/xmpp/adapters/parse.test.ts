/** The parsers of the three libraries, given the same documents: one meaning or a refusal. */

import { EventEmitter } from 'node:events';
import { xml } from '@xmpp/client';
import fc from 'fast-check';
import { JXT } from 'stanza';
import { Strophe } from 'strophe.js';
import { describe, expect, test } from 'vitest';
import { MlsError } from '../../../../src/base/error.ts';
import { stanzaJsTransport } from '../../../../src/xmpp/adapters/stanzajs.ts';
import { stropheTransport } from '../../../../src/xmpp/adapters/strophe.ts';
import { xmppJsTransport } from '../../../../src/xmpp/adapters/xmppjs.ts';
import { el, type XmlElement } from '../../../../src/xmpp/element.ts';
import { serialise } from '../../../../src/xmpp/serialise.ts';
import type { Transport } from '../../../../src/xmpp/transport.ts';
import { sent } from '../../../support/xml.ts';

/** Stand-ins for connections that were never made: enough for `parse`. */
const offline = Object.assign(new EventEmitter(), {
  jid: '',
  status: 'offline',
  streamManagement: new EventEmitter(),
  stanzas: { define: () => undefined },
}) as never;

const TRANSPORTS: readonly (readonly [string, Transport])[] = [
  ['xmpp.js', xmppJsTransport(offline, xml)],
  ['StanzaJS', stanzaJsTransport(offline, JXT)],
  ['Strophe.js', stropheTransport(offline, Strophe)],
];

const content = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 6 })
  .filter((one) => !/[\p{Cc}\p{Surrogate}\ufffe\uffff]/u.test(one));
const { tree } = fc.letrec<{ tree: XmlElement }>((tie) => ({
  tree: fc
    .tuple(
      fc.constantFrom('envelope', 'body', 'x-y'),
      fc.dictionary(fc.constantFrom('id', 'to'), content),
      fc.constantFrom(undefined, 'urn:x', 'jabber:client'),
      fc.array(fc.oneof({ maxDepth: 3 }, content, tie('tree')), { maxLength: 3 }),
    )
    .map(([name, attrs, xmlns, children]) =>
      el(name, { ...attrs, xmlns }, ...(children as (XmlElement | string)[])),
    ),
}));

describe.each(TRANSPORTS)('%s', (_, transport) => {
  test('reads what we write', () => {
    fc.assert(
      fc.property(tree, (element) => {
        expect(transport.parse(serialise(element))).toEqual(sent(element));
      }),
    );
  });

  test.each(['\t', '\n', '\r', '\u0085', '\u00a0', '\u2028', '\u2029', '\u3000'])(
    'reads white space as it was written: %j',
    (space) => {
      const element = el('a', { id: `x${space}${space}y` }, `x${space}${space}y`);
      expect(transport.parse(serialise(element))).toEqual(sent(element));
    },
  );

  test.each([
    '',
    'x',
    ' ',
    '<a>',
    '</a>',
    '<a/><b/>',
    '<a></b>',
    '<a/>x',
    'x<a/>',
    '<p:a/>',
    '<a',
    '<a/></xmpp-mls-document><xmpp-mls-document>',
    '</stream><stream><a/>',
  ])('XMP-21: refuses %j', (bad) => expect(() => transport.parse(bad)).toThrow(MlsError));
});

test('XMP-21: of damaged text, no parser makes anything but an element or an MlsError', () => {
  const junk = fc.constantFrom(
    '<',
    '>',
    '&',
    '&#0;',
    "'",
    '"',
    '/',
    '</a>',
    '<a>',
    ' ',
    '&lt;',
    '&x;',
    ']]>',
    '=',
  );
  fc.assert(
    fc.property(tree, fc.nat(), junk, (element, place, what) => {
      const text = serialise(element);
      const at = place % (text.length + 1);
      for (const [, transport] of TRANSPORTS) {
        try {
          expect(transport.parse(text.slice(0, at) + what + text.slice(at))).toBeTypeOf('object');
        } catch (error) {
          expect(error).toBeInstanceOf(MlsError);
        }
      }
    }),
    { numRuns: 1000 },
  );
});

/** Stanzas out of text, as adapters hand them on. */

import { parse } from 'ltx';
import type { XmlElement } from '../../src/xmpp/element.ts';
import { lookAtPlain, received } from '../../src/xmpp/received.ts';

/** Read a text as a stanza. */
export function xml(text: string): XmlElement {
  return received(parse(text.replace(/>\s+</g, '><').trim()), lookAtPlain);
}

/** What a stanza of ours is once it was sent and read: namespaces everywhere. */
export function sent(element: XmlElement): XmlElement {
  return received(element, lookAtPlain);
}

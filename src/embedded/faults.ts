/** What a hostile server makes of a stanza: other text, another sender, another number. */

import { attr, elementsOf, is, isElement, type XmlElement } from '../xmpp/element.ts';
import { NS_FORWARD } from '../xmpp/stanza/forwarded.ts';
import { NS_MAM } from '../xmpp/stanza/mam.ts';
import { NS_SID } from '../xmpp/stanza/stanzaId.ts';
import { withAttrs } from './core.ts';

/** Numbers from 0 up to 1, of which one seed makes always the same. */
export type Dice = () => number;

/** Dice of a seed. Not for keys. */
export function diceOf(seed: number): Dice {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** One of several. */
export function oneOf<T>(all: readonly T[], dice: Dice): T | undefined {
  return all[Math.floor(dice() * all.length)];
}

/** Whether a message carries a result of an archive. */
export function isArchived(stanza: XmlElement): boolean {
  return elementsOf(stanza).some((one) => is(one, 'result', NS_MAM));
}

/** Change the message that a result of an archive holds, or a message that is none as such. */
export function inside(stanza: XmlElement, change: (message: XmlElement) => XmlElement): XmlElement {
  if (!isArchived(stanza)) return change(stanza);
  const path = (element: XmlElement, depth: number): XmlElement => ({
    ...element,
    children: element.children.map((one) => {
      if (!isElement(one)) return one;
      if (depth === 2) return one.name === 'message' ? change(one) : one;
      return isWrapper(one) ? path(one, depth + 1) : one;
    }),
  });
  return path(stanza, 0);
}

function isWrapper(element: XmlElement): boolean {
  return is(element, 'result', NS_MAM) || is(element, 'forwarded', NS_FORWARD);
}

/** One character of the payload is another, and still of base64. The same stanza if it has no text. */
export function forged(message: XmlElement, dice: Dice): XmlElement {
  let done = false;
  const walk = (element: XmlElement): XmlElement => ({
    ...element,
    children: element.children.map((one) => {
      if (done) return one;
      if (isElement(one)) return walk(one);
      done = true;
      const at = Math.floor(dice() * one.replace(/=+$/, '').length);
      return `${one.slice(0, at)}${one[at] === 'A' ? 'B' : 'A'}${one.slice(at + 1)}`;
    }),
  });
  const altered = walk(message);
  return done ? altered : message;
}

/** Another id of the archive: of the result, or of the `<stanza-id/>`. The same stanza if it has none. */
export function misnumbered(stanza: XmlElement, id: string): XmlElement {
  const numbered = (one: XmlElement): boolean => is(one, 'result', NS_MAM) || is(one, 'stanza-id', NS_SID);
  if (!elementsOf(stanza).some(numbered)) return stanza;
  return {
    ...stanza,
    children: stanza.children.map((one) => (isElement(one) && numbered(one) ? withAttrs(one, { id }) : one)),
  };
}

/** The nick or address that a message says it comes from. */
export function senderOf(message: XmlElement): string {
  return attr(message, 'from') ?? '';
}

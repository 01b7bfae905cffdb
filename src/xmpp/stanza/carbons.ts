/** XEP-0280 (1.0.1): copies of what our other devices send and receive. */

import { fail } from '../../base/error.ts';
import { attr, child, childrenOf, el, refuse, type XmlElement } from '../element.ts';
import { sameJid } from '../jid.ts';
import { type Forwarded, readForwarded } from './forwarded.ts';
import { iqSet } from './iq.ts';

/** Carbons. */
export const NS_CARBONS = 'urn:xmpp:carbons:2';

/** A copy: of what another device of ours sent, or received. */
export interface Carbon extends Forwarded {
  readonly direction: 'sent' | 'received';
}

/** Ask our server for copies. */
export function enableCarbons(): XmlElement {
  return iqSet(undefined, el('enable', { xmlns: NS_CARBONS }));
}

/**
 * Read a copy, or nothing if the message is none.
 * @param self our own bare address: the only one that may send copies
 * @throws `xmpp.sender` for copies of anybody else, whose content is not looked at; `xmpp.stanza` for those of a room's
 *   messages, which rooms send to every device themselves
 */
export function readCarbon(message: XmlElement, self: string): Carbon | undefined {
  const sent = childrenOf(message, 'sent', NS_CARBONS);
  const received = childrenOf(message, 'received', NS_CARBONS);
  if (message.name !== 'message' || sent.length + received.length === 0) return undefined;
  if (!sameJid(attr(message, 'from') ?? '', self)) fail('xmpp.sender', { at: 'carbon' });
  if (sent.length + received.length > 1) refuse('carbon', 'several');
  const direction = sent.length > 0 ? 'sent' : 'received';
  const wrapper = child(message, direction, NS_CARBONS) ?? refuse('carbon', 'missing');
  const forwarded = readForwarded(wrapper);
  if (attr(forwarded.message, 'type') === 'groupchat') refuse('carbon', 'groupchat');
  return { direction, ...forwarded };
}

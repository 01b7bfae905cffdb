/** XEP-0297 (1.0) and XEP-0203 (2.0): a message inside another, and when it was sent. */

import { attr, child, needAttr, needChild, refuse, type XmlElement } from '../element.ts';
import { readStamp } from './stamp.ts';

/** Stanzas inside others. */
export const NS_FORWARD = 'urn:xmpp:forward:0';
/** When a stanza was sent. */
export const NS_DELAY = 'urn:xmpp:delay';

/** A message that someone passes on. Whoever reads this has checked who passed it on. */
export interface Forwarded {
  readonly message: XmlElement;
  /** Seconds since 1970 by the clock of whoever says so: for display, never for order. */
  readonly stamp: number | undefined;
}

/** The message inside a wrapper. Messages inside that message are of no concern. @throws `xmpp.stanza` */
export function readForwarded(wrapper: XmlElement): Forwarded {
  const forwarded = needChild(wrapper, 'forwarded', NS_FORWARD);
  const message = needChild(forwarded, 'message', 'jabber:client');
  if (attr(message, 'type') === 'error') refuse('forwarded', 'error');
  return { message, stamp: readDelay(forwarded) };
}

/** When a stanza is said to have been sent. @throws `xmpp.stanza` */
export function readDelay(parent: XmlElement): number | undefined {
  const delay = child(parent, 'delay', NS_DELAY);
  return delay === undefined ? undefined : readStamp(needAttr(delay, 'stamp'));
}

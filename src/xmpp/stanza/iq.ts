/** Requests (RFC 6120, section 8.2.3). The `id` is set by the transport. */

import { el, type XmlElement } from '../element.ts';

/** A request for information. Without `to` it goes to our own account. */
export function iqGet(to: string | undefined, payload: XmlElement): XmlElement {
  return el('iq', { type: 'get', to }, payload);
}

/** A request for a change. Without `to` it goes to our own account. */
export function iqSet(to: string | undefined, payload: XmlElement): XmlElement {
  return el('iq', { type: 'set', to }, payload);
}

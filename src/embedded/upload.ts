/** HTTP upload (XEP-0363): slots by iq, and the store behind them without any HTTP. */

import { attr, el, type XmlElement } from '../xmpp/element.ts';
import { type Core, given, token } from './core.ts';
import { infoOf } from './disco.ts';
import { type Answer, BAD, byDialect, refusal } from './replies.ts';

/** The namespace of slots. */
export const NS_UPLOAD = 'urn:xmpp:http:upload:0';

/** The other side of the slots: HTTP, in a call. */
export interface Uploads {
  /**
   * PUT a file, and get the status that HTTP would give: 201; 401 without the header that came with the slot; 413 or 403
   * for a size that is not the promised one; 404 for no slot; 409 for one that is used.
   */
  put(url: string, bytes: Uint8Array, headers?: Readonly<Record<string, string>>): number;
  /** GET a file; nothing if there is none. The bytes belong to the caller. */
  fetch(url: string): Uint8Array | undefined;
}

/** What the service says of itself. */
export function uploadInfo(core: Core): XmlElement {
  const value = (name: string, content: string, type?: string): XmlElement =>
    el('field', { var: name, type }, el('value', {}, content));
  const form = el(
    'x',
    { xmlns: 'jabber:x:data', type: 'result' },
    value('FORM_TYPE', NS_UPLOAD, 'hidden'),
    value('max-file-size', String(core.limits.uploadBytes)),
  );
  return infoOf({ category: 'store', type: 'file', features: [NS_UPLOAD], form });
}

/** Promise a place for a file. */
export function answerSlot(core: Core, request: XmlElement): Answer {
  const [name, size] = [given(request, 'filename'), Number(attr(request, 'size'))];
  if (name === '' || !Number.isSafeInteger(size) || size <= 0) return BAD;
  if (size > core.limits.uploadBytes) {
    const most = el('max-file-size', {}, String(core.limits.uploadBytes));
    const extra = el('file-too-large', { xmlns: NS_UPLOAD }, most);
    return refusal('modify', 'not-acceptable', { text: 'File too large', extra });
  }
  const url = `https://${core.uploadService}/${token(core)}/${encodeName(name)}`;
  const authorization = core.dialect === 'prosody' ? `Bearer ${token(core)}` : undefined;
  core.slots.set(url, { size, authorization, bytes: undefined });
  const header =
    authorization === undefined ? undefined : el('header', { name: 'Authorization' }, authorization);
  return el('slot', { xmlns: NS_UPLOAD }, el('put', { url }, header), el('get', { url }));
}

/** The store of a server. */
export function uploadsOf(core: Core): Uploads {
  return {
    put: (url, bytes, headers = {}) => {
      const slot = core.slots.get(url);
      if (slot === undefined) return 404;
      const [, authorization] =
        Object.entries(headers).find(([name]) => name.toLowerCase() === 'authorization') ?? [];
      if (slot.authorization !== undefined && slot.authorization !== authorization) return 401;
      if (bytes.length !== slot.size) return byDialect(core, 413, 403);
      if (slot.bytes !== undefined) return 409;
      slot.bytes = bytes.slice();
      return 201;
    },
    fetch: (url) => core.slots.get(url)?.bytes?.slice(),
  };
}

function encodeName(name: string): string {
  return Array.from(new TextEncoder().encode(name), (byte) => {
    const letter = String.fromCharCode(byte);
    return /[A-Za-z0-9._-]/.test(letter) ? letter : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }).join('');
}

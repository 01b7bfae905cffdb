/** XEP-0363 (1.2.0): where a file can be put, and had from. */

import { attr, childrenOf, el, needAttr, needChild, refuse, text, type XmlElement } from '../element.ts';
import type { DiscoInfo } from './disco.ts';
import { iqGet } from './iq.ts';

/** Uploads. */
export const NS_UPLOAD = 'urn:xmpp:http:upload:0';

/** Headers of HTTP that a service may ask for: section 5. */
const HEADERS: readonly string[] = ['Authorization', 'Cookie', 'Expires'];
/** A host without user, and a path of ASCII; what a browser would correct is refused. */
const HTTPS = /^https:\/\/(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?(?:[/?][!-~]*)?$/;
const LOOPBACK =
  /^http:\/\/(?:localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\])(?::\d{1,5})?(?:[/?][!-~]*)?$/;

/** What is to be uploaded, as far as the service is told. */
export interface UploadRequest {
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  readonly mediaType?: string;
}

/** A place for a file. */
export interface Slot {
  readonly put: {
    readonly url: string;
    /** To be sent, in this order; a name may stand there more than once. */
    readonly headers: readonly (readonly [name: string, value: string])[];
  };
  readonly get: string;
}

/** Whether an entity takes uploads. */
export function isUploadService(info: DiscoInfo): boolean {
  return info.features.has(NS_UPLOAD);
}

/** The largest file that a service takes, bytes; nothing if it does not say. */
export function uploadLimit(info: DiscoInfo): number | undefined {
  const form = info.forms.find((one) => one.get('FORM_TYPE')?.[0] === NS_UPLOAD);
  const value = form?.get('max-file-size')?.[0];
  const limit = value !== undefined && /^\d{1,16}$/.test(value) ? Number(value) : Number.NaN;
  return Number.isSafeInteger(limit) ? limit : undefined;
}

/** Ask for a place. */
export function requestSlot(service: string, { name, size, mediaType }: UploadRequest): XmlElement {
  return iqGet(service, el('request', { xmlns: NS_UPLOAD, filename: name, size, 'content-type': mediaType }));
}

/**
 * Read the answer to {@link requestSlot}. Headers that are not allowed are left out.
 * @param isLocal whether HTTP on this machine is allowed, for tests
 * @throws `xmpp.stanza`
 */
export function readSlot(result: XmlElement, isLocal = false): Slot {
  const slot = needChild(result, 'slot', NS_UPLOAD);
  const put = needChild(slot, 'put');
  return {
    put: { url: urlOf(put, isLocal), headers: childrenOf(put, 'header').flatMap(readHeader) },
    get: urlOf(needChild(slot, 'get'), isLocal),
  };
}

/**
 * Whether an address is one that files may be put to or had from: HTTPS.
 * @param isLocal whether HTTP on this machine is allowed too: not for addresses from strangers, who would reach its services
 */
export function isFileUrl(url: string, isLocal = false): boolean {
  return HTTPS.test(url) || (isLocal && LOOPBACK.test(url));
}

function urlOf(element: XmlElement, isLocal: boolean): string {
  const url = needAttr(element, 'url');
  return isFileUrl(url, isLocal) ? url : refuse('url', 'malformed');
}

function readHeader(element: XmlElement): [string, string][] {
  const given = withoutBreaks(attr(element, 'name') ?? '');
  const name = HEADERS.find((one) => one.toLowerCase() === given.toLowerCase());
  return name === undefined ? [] : [[name, withoutBreaks(text(element))]];
}

function withoutBreaks(value: string): string {
  return value.replace(/[\r\n]/g, '');
}

/**
 * Files and where they can be had: XEP-0446 (0.2.0) what a file is, XEP-0447 (0.3.1) sharing, XEP-0448 (0.2.0) encrypted
 * sources, XEP-0300 (1.0.0) hashes, XEP-0103 (0.4.1) addresses, XEP-0449 (0.2.0) stickers.
 *
 * Nothing here fetches anything. Names of files are those of strangers: no part of a path.
 */

import { fromBase64, toBase64 } from '../../base/bytes.ts';
import {
  attr,
  bytesIn,
  child,
  childrenOf,
  childText,
  decimal,
  el,
  elBytes,
  needAttr,
  needChild,
  refuse,
  text,
  type XmlElement,
} from '../element.ts';
import { jidIn } from '../jid.ts';
import { readStamp, writeStamp } from '../stanza/stamp.ts';

/** Shared files. */
export const NS_SHARING = 'urn:xmpp:sfs:0';
/** What a file is. */
export const NS_FILE = 'urn:xmpp:file:metadata:0';
/** Encrypted sources. */
export const NS_ENCRYPTED_SOURCE = 'urn:xmpp:esfs:0';
/** AES-256-GCM with the tag behind the ciphertext: the one cipher that is written. */
export const CIPHER = 'urn:xmpp:ciphers:aes-256-gcm-nopadding:0';
/** Stickers. */
export const NS_STICKERS = 'urn:xmpp:stickers:0';
const NS_HASHES = 'urn:xmpp:hashes:2';
const NS_URL = 'http://jabber.org/protocol/url-data';
const NS_THUMBS = 'urn:xmpp:thumbs:1';

/** What a file is, as its sender says. Sizes in bytes, lengths in milliseconds, pixels, seconds since 1970. */
export interface FileMetadata {
  readonly mediaType?: string;
  readonly name?: string;
  readonly size?: number;
  readonly sha256?: Uint8Array;
  readonly description?: string;
  readonly modified?: number;
  readonly width?: number;
  readonly height?: number;
  readonly length?: number;
  readonly thumbnails?: readonly Thumbnail[];
}

/** A small picture of a file: XEP-0264 (0.4.2). */
export interface Thumbnail {
  readonly uri: string;
  readonly mediaType?: string;
  readonly width?: number;
  readonly height?: number;
}

/** Where a file can be had: in the clear, or encrypted with a key that only the readers of the message know. */
export type FileSource =
  | { readonly kind: 'url'; readonly url: string }
  | {
      readonly kind: 'encrypted';
      /** Namespace of the cipher. */
      readonly cipher: string;
      readonly key: Uint8Array;
      readonly iv: Uint8Array;
      /** Of what lies at the addresses. */
      readonly sha256?: Uint8Array;
      readonly urls: readonly string[];
    };

/** A file in a message. */
export interface SharedFile {
  readonly metadata: FileMetadata;
  /** Of the kinds that are known here; other kinds are left out. */
  readonly sources: readonly FileSource[];
  readonly disposition?: 'inline' | 'attachment';
  readonly id?: string;
}

/** Marks the file of a message as a sticker. */
export interface Sticker {
  readonly pack?: string;
  readonly jid?: string;
  readonly node?: string;
}

/** A shared file. */
export function fileSharingElement(file: SharedFile): XmlElement {
  return el(
    'file-sharing',
    { xmlns: NS_SHARING, disposition: file.disposition, id: file.id },
    fileElement(file.metadata),
    file.sources.length === 0 ? undefined : el('sources', {}, ...file.sources.map(sourceElement)),
  );
}

/** Read a shared file. @throws `xmpp.stanza`, `codec.base64` */
export function readFileSharing(element: XmlElement): SharedFile {
  const disposition = attr(element, 'disposition');
  const sources = child(element, 'sources');
  const id = attr(element, 'id');
  return {
    metadata: readFile(needChild(element, 'file', NS_FILE)),
    sources: sources === undefined ? [] : readSources(sources),
    ...((disposition === 'inline' || disposition === 'attachment') && { disposition }),
    ...(id !== undefined && { id }),
  };
}

/** What a file is. */
export function fileElement(file: FileMetadata): XmlElement {
  const field = (name: string, value: string | number | undefined): XmlElement | undefined =>
    value === undefined ? undefined : el(name, {}, String(value));
  return el(
    'file',
    { xmlns: NS_FILE },
    field('media-type', file.mediaType),
    field('name', file.name),
    field('size', file.size),
    field('date', file.modified === undefined ? undefined : writeStamp(file.modified)),
    field('width', file.width),
    field('height', file.height),
    field('length', file.length),
    file.sha256 && hashElement(file.sha256),
    field('desc', file.description),
    ...(file.thumbnails ?? []).map(thumbnailElement),
  );
}

/** Read what a file is. @throws `xmpp.stanza`, `codec.base64` */
export function readFile(element: XmlElement): FileMetadata {
  const number = (name: string): number | undefined => {
    const value = childText(element, name);
    return value === undefined ? undefined : decimal(value, name);
  };
  const date = childText(element, 'date');
  const thumbnails = childrenOf(element, 'thumbnail', NS_THUMBS).map(readThumbnail);
  // Descriptions may stand there in several languages.
  const [description] = childrenOf(element, 'desc').map(text);
  return present({
    mediaType: childText(element, 'media-type'),
    name: childText(element, 'name'),
    size: number('size'),
    sha256: readSha256(element),
    description,
    modified: date === undefined ? undefined : readStamp(date),
    width: number('width'),
    height: number('height'),
    length: number('length'),
    thumbnails: thumbnails.length === 0 ? undefined : thumbnails,
  });
}

/** A sticker's mark. */
export function stickerElement({ pack, jid, node }: Sticker): XmlElement {
  return el('sticker', { xmlns: NS_STICKERS, pack, jid, node });
}

/** Read a sticker's mark. @throws `xmpp.stanza` */
export function readSticker(element: XmlElement): Sticker {
  const jid = attr(element, 'jid');
  return present({
    pack: attr(element, 'pack'),
    jid: jid === undefined ? undefined : jidIn(jid),
    node: attr(element, 'node'),
  });
}

function sourceElement(source: FileSource): XmlElement {
  if (source.kind === 'url') return urlElement(source.url);
  return el(
    'encrypted',
    { xmlns: NS_ENCRYPTED_SOURCE, cipher: source.cipher },
    elBytes('key', {}, source.key),
    elBytes('iv', {}, source.iv),
    source.sha256 && hashElement(source.sha256),
    el('sources', { xmlns: NS_SHARING }, ...source.urls.map(urlElement)),
  );
}

function readSources(sources: XmlElement): FileSource[] {
  const open = urlsIn(sources).map((url): FileSource => ({ kind: 'url', url }));
  return [...childrenOf(sources, 'encrypted', NS_ENCRYPTED_SOURCE).map(readEncrypted), ...open];
}

function readEncrypted(element: XmlElement): FileSource {
  const sha256 = readSha256(element);
  return {
    kind: 'encrypted',
    cipher: needAttr(element, 'cipher'),
    key: bytesIn(needChild(element, 'key')),
    iv: bytesIn(needChild(element, 'iv')),
    ...(sha256 && { sha256 }),
    urls: urlsIn(needChild(element, 'sources', NS_SHARING)),
  };
}

function urlElement(target: string): XmlElement {
  return el('url-data', { xmlns: NS_URL, target });
}

function urlsIn(sources: XmlElement): string[] {
  return childrenOf(sources, 'url-data', NS_URL).map((one) => needAttr(one, 'target'));
}

function hashElement(sha256: Uint8Array): XmlElement {
  return el('hash', { xmlns: NS_HASHES, algo: 'sha-256' }, toBase64(sha256));
}

/** The SHA-256 among the hashes of an element. */
function readSha256(element: XmlElement): Uint8Array | undefined {
  const found = childrenOf(element, 'hash', NS_HASHES).filter((one) => attr(one, 'algo') === 'sha-256');
  const [only] = found;
  if (only === undefined) return undefined;
  const hash = fromBase64(text(only).trim());
  return found.length > 1 || hash.length !== 32 ? refuse('hash', 'malformed') : hash;
}

function thumbnailElement({ uri, mediaType, width, height }: Thumbnail): XmlElement {
  return el('thumbnail', { xmlns: NS_THUMBS, uri, 'media-type': mediaType, width, height });
}

function readThumbnail(element: XmlElement): Thumbnail {
  const number = (name: string): number | undefined => {
    const value = attr(element, name);
    return value === undefined ? undefined : decimal(value, name);
  };
  return {
    uri: needAttr(element, 'uri'),
    ...present({ mediaType: attr(element, 'media-type'), width: number('width'), height: number('height') }),
  };
}

/** An object without the fields that are `undefined`. */
function present<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

/**
 * Files over HTTP: encrypted (`fileCrypto.ts`), put where XEP-0363 (1.2.0) gives a place, had and checked when the user
 * wants them. Nothing is fetched by itself.
 *
 * The service learns how large a file is, about, and who uploads and downloads; not its name, kind or content.
 */

import { toHex } from '../../base/bytes.ts';
import { fail, MlsError } from '../../base/error.ts';
import type { Provider } from '../../index.ts';
import { discoInfo, discoItems, readDiscoInfo, readDiscoItems } from '../stanza/disco.ts';
import { refusedWith } from '../stanza/stanzaError.ts';
import {
  isFileUrl,
  isUploadService,
  readSlot,
  requestSlot,
  type Slot,
  uploadLimit,
} from '../stanza/upload.ts';
import type { Transport } from '../transport.ts';
import { checkHash, decryptFile, encryptedLength, encryptFile } from './fileCrypto.ts';
import type { FileMetadata, FileSource, SharedFile } from './fileSharing.ts';

/**
 * HTTP, done by the application. It follows no redirect to another scheme, sends no cookies of its own, and keeps nothing.
 * Whatever it throws is reported as `xmpp.refused`.
 */
export interface Http {
  /** Whether it reaches this machine by plain HTTP: for tests. @defaultValue false */
  readonly isLocal?: boolean;
  /** Upload. @returns the status of the answer */
  put(
    url: string,
    headers: readonly (readonly [name: string, value: string])[],
    bytes: Uint8Array,
  ): Promise<number>;
  /** Download, and stop after `maxBytes` + 1 bytes. @returns the status of the answer, and its body */
  get(url: string, maxBytes: number): Promise<{ readonly status: number; readonly bytes: Uint8Array }>;
}

/** Addresses that are tried for one file. */
const MOST_ATTEMPTS = 8;

/** What takes uploads. */
export interface UploadService {
  readonly jid: string;
  /** Bytes; nothing if it does not say. */
  readonly limit: number | undefined;
}

/**
 * Look for an entity of our server that takes uploads.
 * @param server domain of our account
 * @returns nothing if there is none
 * @throws `xmpp.timeout`, `xmpp.offline`, `xmpp.refused` or `xmpp.stanza` where the server does not list what it has
 */
export async function findUploadService(
  transport: Transport,
  server: string,
): Promise<UploadService | undefined> {
  const items = readDiscoItems(await transport.request(discoItems(server)));
  for (const jid of [...items.map((one) => one.jid), server]) {
    try {
      const info = readDiscoInfo(await transport.request(discoInfo(jid)));
      if (isUploadService(info)) return { jid, limit: uploadLimit(info) };
    } catch (error) {
      // One entity that does not answer says nothing about the next one.
      if (!(error instanceof MlsError) || error.code === 'xmpp.offline') throw error;
    }
  }
  return undefined;
}

/**
 * Encrypt a file and upload it, under a random name and without its kind.
 * @returns the file as a message shares it
 * @throws `xmpp.too-large`, `xmpp.refused` with `detail.status` where HTTP said no, `xmpp.timeout`, `xmpp.offline`,
 *   `xmpp.stanza`, and as {@link encryptFile}
 */
export async function shareFile(
  file: Uint8Array,
  metadata: Omit<FileMetadata, 'size' | 'sha256'>,
  { provider, transport, http, service }: Uploading,
): Promise<SharedFile> {
  const { ciphertext, size, sha256, source } = encryptFile(provider, file);
  const url = await upload(ciphertext, { provider, transport, http, service });
  return { metadata: { ...metadata, size, sha256 }, sources: [{ ...source, urls: [url] }] };
}

/** What is needed to upload. */
export interface Uploading {
  readonly provider: Provider;
  readonly transport: Transport;
  readonly http: Http;
  readonly service: UploadService;
}

/** Upload bytes as they are. @returns where they can be had @throws as {@link shareFile} */
export async function upload(
  bytes: Uint8Array,
  { provider, transport, http, service }: Uploading,
): Promise<string> {
  const { length } = bytes;
  if (service.limit !== undefined && length > service.limit)
    fail('xmpp.too-large', { length, limit: service.limit });
  const name = `${toHex(provider.random(16))}.bin`;
  const slot = await slotFor({ transport, http, service }, { name, size: length });
  const status = await asked(() => http.put(slot.put.url, slot.put.headers, bytes));
  if (status === 413) fail('xmpp.too-large', { status, length });
  if (!isSuccess(status)) fail('xmpp.refused', { condition: 'http', status });
  return slot.get;
}

/**
 * Have a shared file, from the first of its sources that has it. Called when the user wants the file: whoever hosts it
 * sees that it was fetched.
 * @param maxBytes the largest file that the user would take
 * @throws `xmpp.too-large` before anything is fetched, `xmpp.file` for another file than the message describes, also
 *   where it describes none that could be checked; `xmpp.refused` where no source has it
 */
export async function fetchFile(
  file: SharedFile,
  {
    provider,
    http,
    maxBytes,
  }: { readonly provider: Provider; readonly http: Http; readonly maxBytes: number },
): Promise<Uint8Array> {
  const { size, sha256 } = file.metadata;
  if (size === undefined) return fail('xmpp.file', { at: 'size' });
  if (size > maxBytes) fail('xmpp.too-large', { size, limit: maxBytes });
  let failure: MlsError | undefined;
  const ways = file.sources.flatMap((source) => attempts(provider, source, file.metadata));
  for (const { url, open } of ways.slice(0, MOST_ATTEMPTS)) {
    try {
      return open(await download(http, url, encryptedLength(size)));
    } catch (error) {
      if (!(error instanceof MlsError)) throw error;
      failure = error;
    }
  }
  if (failure) throw failure;
  return fail('xmpp.file', { at: sha256 === undefined ? 'hash' : 'sources' });
}

/** Download bytes. @throws `xmpp.stanza` for an address that may not be used, `xmpp.file` for too many bytes, `xmpp.refused` */
export async function download(http: Http, url: string, maxBytes: number): Promise<Uint8Array> {
  if (!isFileUrl(url, http.isLocal)) fail('xmpp.stanza', { part: 'url', why: 'malformed' });
  const { status, bytes } = await asked(() => http.get(url, maxBytes));
  if (!isSuccess(status)) fail('xmpp.refused', { condition: 'http', status });
  return bytes.length > maxBytes ? fail('xmpp.file', { at: 'size' }) : bytes;
}

interface Attempt {
  readonly url: string;
  readonly open: (bytes: Uint8Array) => Uint8Array;
}

/** Ways to a file through one source. What lies in the clear is somebody else's to change: it needs its hash. */
function attempts(provider: Provider, source: FileSource, metadata: FileMetadata): Attempt[] {
  if (source.kind === 'encrypted') {
    const open = (bytes: Uint8Array): Uint8Array => decryptFile(provider, bytes, source, metadata);
    return source.urls.map((url) => ({ url, open }));
  }
  const { sha256: expected, size } = metadata;
  if (expected === undefined) return [];
  const open = (bytes: Uint8Array): Uint8Array => {
    if (bytes.length !== size) fail('xmpp.file', { at: 'size' });
    checkHash(provider, bytes, expected, 'file');
    return bytes;
  };
  return [{ url: source.url, open }];
}

async function slotFor(
  { transport, http, service }: Pick<Uploading, 'transport' | 'http' | 'service'>,
  wanted: { readonly name: string; readonly size: number },
): Promise<Slot> {
  try {
    return readSlot(await transport.request(requestSlot(service.jid, wanted)), http.isLocal);
  } catch (error) {
    if (refusedWith(error, 'not-acceptable')) fail('xmpp.too-large', { size: wanted.size });
    throw error;
  }
}

async function asked<T>(request: () => Promise<T>): Promise<T> {
  try {
    return await request();
  } catch (error) {
    if (error instanceof MlsError) throw error;
    return fail('xmpp.refused', { condition: 'http' }, error);
  }
}

function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
}

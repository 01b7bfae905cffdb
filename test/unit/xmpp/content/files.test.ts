/** Files: encrypted, uploaded, had and checked; nothing is fetched that nobody asked for. */

import { describe, expect, test } from 'vitest';
import { toHex } from '../../../../src/base/bytes.ts';
import { nobleProvider } from '../../../../src/crypto/noble/index.ts';
import { nodeProvider } from '../../../../src/crypto/node/index.ts';
import { buildContent, readContent } from '../../../../src/xmpp/content/content.ts';
import { decryptFile, encryptFile } from '../../../../src/xmpp/content/fileCrypto.ts';
import type { SharedFile } from '../../../../src/xmpp/content/fileSharing.ts';
import {
  download,
  fetchFile,
  findUploadService,
  type Http,
  shareFile,
  type Uploading,
} from '../../../../src/xmpp/content/files.ts';
import { attr, needChild, type XmlElement } from '../../../../src/xmpp/element.ts';
import { failWith } from '../../../../src/xmpp/stanza/stanzaError.ts';
import {
  isFileUrl,
  NS_UPLOAD,
  readSlot,
  requestSlot,
  uploadLimit,
} from '../../../../src/xmpp/stanza/upload.ts';
import type { Transport } from '../../../../src/xmpp/transport.ts';
import { codeOf, errorOf } from '../../../support/refusals.ts';
import { sent, xml } from '../../../support/xml.ts';

const provider = nodeProvider;
const PROVIDERS = [nodeProvider, nobleProvider];
const FILE = Uint8Array.from({ length: 1000 }, (_, at) => at & 255);
const URL_GET = 'https://down.example/a/b.bin';
const SLOT = `<iq type='result'><slot xmlns='${NS_UPLOAD}'><put url='https://up.example/a'><header name='Authorization'>Basic x</header></put><get url='${URL_GET}'/></slot></iq>`;

/** The code of a promise that must be rejected. */
async function codeLater(promise: Promise<unknown>): Promise<string> {
  const result = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  return codeOf(() => {
    if (result !== undefined) throw result;
  });
}

/** A service that takes one file and keeps it, and whatever was asked of it. */
function service(change: Partial<Http> = {}, answer = SLOT) {
  const kept = new Map<string, Uint8Array>();
  const asked: XmlElement[] = [];
  const calls: string[] = [];
  const http: Http = {
    put: async (url, headers, bytes) => {
      calls.push(`put ${url} ${JSON.stringify(headers)}`);
      kept.set(URL_GET, bytes);
      return 201;
    },
    get: async (url) => {
      calls.push(`get ${url}`);
      const bytes = kept.get(url);
      return { status: bytes ? 200 : 404, bytes: bytes ?? new Uint8Array(0) };
    },
    ...change,
  };
  const transport = {
    request: async (iq: XmlElement) => {
      asked.push(iq);
      const result = xml(answer);
      return attr(result, 'type') === 'error' ? failWith(result) : result;
    },
  } as Pick<Transport, 'request'> as Transport;
  const uploading: Uploading = { provider, transport, http, service: { jid: 'up.example', limit: 5000 } };
  return { kept, asked, calls, http, uploading };
}

async function shared(): Promise<{ readonly file: SharedFile; readonly at: ReturnType<typeof service> }> {
  const at = service();
  return { at, file: await shareFile(FILE, { name: 'summit.jpg', mediaType: 'image/jpeg' }, at.uploading) };
}

describe('encryption', () => {
  test.each(PROVIDERS.flatMap((a) => PROVIDERS.map((b) => [a, b] as const)))(
    'by one back end, for the other',
    (a, b) => {
      for (const length of [0, 1, 255, 256, 257, 1000]) {
        const file = FILE.slice(0, length);
        const { ciphertext, size, sha256, source } = encryptFile(a, file);
        expect([source.key.length, source.iv.length, size]).toEqual([32, 12, length]);
        expect(ciphertext.length).toBe(
          Math.max(256, length <= 257 ? Math.ceil(length / 16) * 16 : 1024) + 16,
        );
        expect(decryptFile(b, ciphertext, source, { size, sha256 })).toEqual(file);
      }
    },
  );

  test('every file has a key of its own', () => {
    const keys = Array.from({ length: 8 }, () => toHex(encryptFile(provider, FILE).source.key));
    expect(new Set(keys).size).toBe(8);
  });

  test('what is not the file that the message describes is refused', () => {
    const { ciphertext, size, sha256, source } = encryptFile(provider, FILE);
    const other = encryptFile(provider, FILE);
    const bent = Uint8Array.from(ciphertext, (byte, at) => (at === 5 ? byte ^ 1 : byte));
    const { sha256: _, ...unhashed } = source;
    const at = (call: () => unknown) => {
      const error = errorOf(call);
      expect(error.code).toBe('xmpp.file');
      return error.detail['at'];
    };
    expect(at(() => decryptFile(provider, bent, source, { size, sha256 }))).toBe('ciphertext');
    expect(at(() => decryptFile(provider, bent, unhashed, { size, sha256 }))).toBe('tag');
    expect(at(() => decryptFile(provider, ciphertext.slice(0, 8), unhashed, { size, sha256 }))).toBe('tag');
    expect(at(() => decryptFile(provider, ciphertext, { ...source, key: other.source.key }, { size }))).toBe(
      'tag',
    );
    expect(at(() => decryptFile(provider, ciphertext, source, { size: 999, sha256 }))).toBe('file');
    expect(at(() => decryptFile(provider, ciphertext, source, { size: 5000 }))).toBe('size');
    expect(at(() => decryptFile(provider, ciphertext, source, {}))).toBe('size');
    expect(at(() => decryptFile(provider, ciphertext, { ...source, iv: new Uint8Array(16) }, { size }))).toBe(
      'cipher',
    );
    expect(codeOf(() => decryptFile(provider, ciphertext, { ...source, cipher: 'x' }, { size }))).toBe(
      'codec.unsupported',
    );
  });

  test('a back end without the algorithms says so', () => {
    const only = (...ids: number[]) => ({
      ...provider,
      suites: ids,
      suite: provider.suite,
      random: provider.random,
    });
    expect(codeOf(() => encryptFile(only(1, 2, 3), FILE))).toBe('crypto.unavailable');
    expect(codeOf(() => encryptFile(only(4, 5), FILE))).toBe('crypto.unavailable');
  });
});

describe('slots', () => {
  test('are asked for', () => {
    expect(sent(requestSlot('up.example', { name: 'a', size: 5, mediaType: 'text/plain' }))).toEqual(
      xml(
        `<iq type='get' to='up.example'><request xmlns='${NS_UPLOAD}' filename='a' size='5' content-type='text/plain'/></iq>`,
      ),
    );
  });

  test('have headers that are allowed, and no others', () => {
    const headers = [
      ['authorization', 'Basic\nx'],
      ['Host', 'evil.example'],
      ['COOKIE', 'a=b'],
      ['Cook\nie', 'c=d'],
      ['', ''],
    ].map(([name, value]) => `<header name='${name?.replace('\n', '&#10;')}'>${value}</header>`);
    const slot = readSlot(xml(SLOT.replace(/<header.*header>/, headers.join(''))));
    expect(slot).toEqual({
      put: {
        url: 'https://up.example/a',
        headers: [
          ['Authorization', 'Basicx'],
          ['Cookie', 'a=b'],
          ['Cookie', 'c=d'],
        ],
      },
      get: URL_GET,
    });
  });

  test.each([
    'http://up.example/a',
    'https://user@up.example/a',
    'https://up.example:port/a',
    'https://up.example/a b',
    'https://up.example/é',
    'https:///a',
    'https://up.example\\@evil.example/',
    'ftp://up.example/a',
    'file:///etc/passwd',
    'javascript:alert(1)',
    '//up.example/a',
    'https://up.example/a\n',
    'http://localhost.evil.example/a',
    'http://127.0.0.1/a',
    '',
  ])('do not lead to %j', (url) => {
    expect(isFileUrl(url)).toBe(false);
  });

  test('lead to HTTPS, and in tests to this machine', () => {
    for (const url of ['https://up.example', 'https://up.example:8443/a%20b?c=d', 'https://[::1]:5281/x']) {
      expect(isFileUrl(url)).toBe(true);
    }
    for (const url of ['http://127.0.0.1:5280/a', 'http://localhost/a', 'http://[::1]:80/']) {
      expect([isFileUrl(url), isFileUrl(url, true)]).toEqual([false, true]);
    }
    expect(isFileUrl('http://up.example/', true)).toBe(false);
    expect(codeOf(() => readSlot(xml(SLOT.replace('https://up', 'http://up'))))).toBe('xmpp.stanza');
    expect(readSlot(xml(SLOT.replace(URL_GET, 'http://localhost/a')), true).get).toBe('http://localhost/a');
  });

  test('are limited as the service says, if it says', () => {
    const info = (value: string) => ({
      identities: [],
      features: new Set([NS_UPLOAD]),
      forms: [
        new Map([
          ['FORM_TYPE', [NS_UPLOAD]],
          ['max-file-size', [value]],
        ]),
      ],
    });
    expect(['5242880', '-1', '1e9', '', '99999999999999999'].map((one) => uploadLimit(info(one)))).toEqual([
      5_242_880,
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
    expect(uploadLimit({ ...info(''), forms: [] })).toBeUndefined();
  });
});

describe('sharing', () => {
  test('a file goes up encrypted, under a name that says nothing, and comes down as it was', async () => {
    const { at, file } = await shared();
    expect(file).toMatchObject({
      metadata: { name: 'summit.jpg', mediaType: 'image/jpeg', size: 1000 },
      sources: [{ kind: 'encrypted', urls: [URL_GET] }],
    });
    const [iq] = at.asked;
    const request = iq && needChild(sent(iq), 'request', NS_UPLOAD);
    expect(request && attr(request, 'filename')).toMatch(/^[0-9a-f]{32}\.bin$/);
    expect(JSON.stringify(iq)).not.toMatch(/summit|jpeg/);
    expect(at.calls).toEqual(['put https://up.example/a [["Authorization","Basic x"]]']);
    const [element] = buildContent({ files: [file] });
    const { content } = readContent(element ? [sent(element)] : []);
    const [found] = content.files ?? [];
    expect(found).toEqual(file);
    const had = found && (await fetchFile(found, { provider, http: at.http, maxBytes: 1000 }));
    expect(had).toEqual(FILE);
  });

  test('XMP-35: reading a message fetches nothing', async () => {
    const { at, file } = await shared();
    readContent(buildContent({ files: [file], body: URL_GET }));
    expect(at.calls.filter((call) => call.startsWith('get'))).toEqual([]);
  });

  test('XMP-19: what is too large is not sent, nor fetched', async () => {
    const small = service();
    const { uploading } = small;
    const limited = { ...uploading, service: { jid: 'up.example', limit: 1039 } };
    expect(await codeLater(shareFile(FILE, {}, limited))).toBe('xmpp.too-large');
    expect([small.calls, small.asked]).toEqual([[], []]);
    const { at, file } = await shared();
    expect(await codeLater(fetchFile(file, { provider, http: at.http, maxBytes: 999 }))).toBe(
      'xmpp.too-large',
    );
    expect(at.calls).toHaveLength(1);
  });

  test('what the service or HTTP refuses is told', async () => {
    const error = (condition: string) =>
      `<iq type='error'><error type='modify'><${condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>`;
    const outcome = (change: Partial<Http>, answer?: string) =>
      codeLater(shareFile(FILE, {}, service(change, answer).uploading));
    expect(await outcome({}, error('not-acceptable'))).toBe('xmpp.too-large');
    expect(await outcome({}, error('forbidden'))).toBe('xmpp.refused');
    expect(await outcome({}, SLOT.replace('https://up', 'http://up'))).toBe('xmpp.stanza');
    expect(await outcome({ put: async () => 413 })).toBe('xmpp.too-large');
    expect(await outcome({ put: async () => 500 })).toBe('xmpp.refused');
    expect(await outcome({ put: () => Promise.reject(new TypeError('fetch failed')) })).toBe('xmpp.refused');
  });

  test('a download is bounded, whatever the far end sends', async () => {
    const { file } = await shared();
    const asked: number[] = [];
    const http: Http = {
      ...service().http,
      get: async (_, maxBytes) => {
        asked.push(maxBytes);
        return { status: 200, bytes: new Uint8Array(maxBytes + 1) };
      },
    };
    expect(await codeLater(fetchFile(file, { provider, http, maxBytes: 5000 }))).toBe('xmpp.file');
    expect(asked).toEqual([1024 + 16]);
    expect(await codeLater(download(http, 'http://127.0.0.1/a', 5))).toBe('xmpp.stanza');
    expect(asked).toHaveLength(1);
  });

  test('other sources are tried, eight at most', async () => {
    const { at, file } = await shared();
    const [source] = file.sources;
    if (source?.kind !== 'encrypted') throw new Error('not encrypted');
    const gone = Array.from({ length: 20 }, (_, n) => `https://gone.example/${n}`);
    const some = { ...file, sources: [{ ...source, urls: [...gone.slice(0, 7), URL_GET] }] };
    expect(await fetchFile(some, { provider, http: at.http, maxBytes: 1000 })).toEqual(FILE);
    at.calls.length = 0;
    const many = { ...file, sources: [{ ...source, urls: [...gone, URL_GET] }] };
    expect(await codeLater(fetchFile(many, { provider, http: at.http, maxBytes: 1000 }))).toBe(
      'xmpp.refused',
    );
    expect(at.calls).toHaveLength(8);
  });

  test('a file in the clear is taken only if its hash is known, and is right', async () => {
    const { at, file } = await shared();
    at.kept.set(URL_GET, FILE);
    const plain: SharedFile = { ...file, sources: [{ kind: 'url', url: URL_GET }] };
    const options = { provider, http: at.http, maxBytes: 1000 };
    expect(await fetchFile(plain, options)).toEqual(FILE);
    const { sha256: _, ...unhashed } = plain.metadata;
    expect(await codeLater(fetchFile({ ...plain, metadata: unhashed }, options))).toBe('xmpp.file');
    at.kept.set(URL_GET, FILE.slice().reverse());
    expect(await codeLater(fetchFile(plain, options))).toBe('xmpp.file');
    at.kept.set(URL_GET, FILE.slice(1));
    expect(await codeLater(fetchFile(plain, options))).toBe('xmpp.file');
    const { size: _size, ...unsized } = plain.metadata;
    expect(await codeLater(fetchFile({ ...plain, metadata: unsized }, options))).toBe('xmpp.file');
    expect(await codeLater(fetchFile({ ...plain, sources: [] }, options))).toBe('xmpp.file');
  });
});

describe('the service', () => {
  const finder = (answers: Readonly<Record<string, string>>) =>
    ({
      request: async (iq: XmlElement) => {
        const query = iq.children.find((one) => typeof one !== 'string');
        const key = `${attr(iq, 'to')} ${typeof query === 'object' ? attr(query, 'xmlns')?.split('#')[1] : ''}`;
        const result = xml(answers[key] ?? "<iq type='error'/>");
        return attr(result, 'type') === 'error' ? failWith(result) : result;
      },
    }) as Pick<Transport, 'request'> as Transport;
  const items = `<iq><query xmlns='http://jabber.org/protocol/disco#items'><item jid='muc.example'/><item jid='silent.example'/><item jid='up.example'/></query></iq>`;
  const info = (feature: string) =>
    `<iq><query xmlns='http://jabber.org/protocol/disco#info'><feature var='${feature}'/></query></iq>`;

  test('is found among what the server has, though one entity does not answer', async () => {
    const transport = finder({
      'example items': items,
      'muc.example info': info('http://jabber.org/protocol/muc'),
      'up.example info': info(NS_UPLOAD),
    });
    expect(await findUploadService(transport, 'example')).toEqual({ jid: 'up.example', limit: undefined });
  });

  test('is the server itself, or is not', async () => {
    const own = finder({ 'example items': items, 'example info': info(NS_UPLOAD) });
    expect(await findUploadService(own, 'example')).toMatchObject({ jid: 'example' });
    expect(await findUploadService(finder({ 'example items': items }), 'example')).toBeUndefined();
    expect(await codeLater(findUploadService(finder({}), 'example'))).toBe('xmpp.refused');
  });
});

/** The key schedule (RFC 9420 §8): every secret computed again with raw HKDF; PSKs, exporter, external init, transcript. */

import { describe, expect, test } from 'vitest';
import { concat, toHex, utf8 } from '../../../src/base/bytes.ts';
import { decode, encode } from '../../../src/codec/codec.ts';
import { deriveSecret, expandWithLabel } from '../../../src/crypto/labels.ts';
import { nodeProvider } from '../../../src/crypto/node/index.ts';
import type { SuiteCrypto } from '../../../src/crypto/provider.ts';
import {
  confirmationTag,
  deriveEpochSecrets,
  deriveJoinerSecret,
  deriveWelcomeSecret,
  externalKeyPair,
  fromEpochSecret,
  welcomeKeys,
} from '../../../src/schedule/epoch.ts';
import { mlsExporter, openExternalInit, sealExternalInit } from '../../../src/schedule/exporter.ts';
import { type Psk, pskSecret } from '../../../src/schedule/psk.ts';
import { confirmedTranscriptHash, interimTranscriptHash } from '../../../src/schedule/transcript.ts';
import { type AuthenticatedContent, FramedContent } from '../../../src/wire/content.ts';
import { GroupContext } from '../../../src/wire/groupContext.ts';
import { seeded, uint, vec } from '../../support/trees.ts';
import { codeOf } from '../wire/layout.ts';
import { rawOf } from './raw.ts';

const hex = toHex;
/** One suite per hash. */
const SUITES = nodeProvider.suites.filter((id) => [1, 5, 7].includes(id)).map((id) => nodeProvider.suite(id));
const [suite] = SUITES as [SuiteCrypto];
const random = seeded('schedule');
const context = encode(GroupContext, {
  version: 1,
  cipherSuite: 1,
  groupId: utf8('a group'),
  epoch: 7n,
  treeHash: utf8('tree'),
  confirmedTranscriptHash: utf8('transcript'),
  extensions: [
    { extensionType: 0xf002, extensionData: utf8('second first') },
    { extensionType: 0xf001, extensionData: utf8('first second') },
  ],
});

/** A suite that keeps what its KDF gave, to see whether it is wiped. */
function recording(inner: SuiteCrypto): { readonly suite: SuiteCrypto; readonly given: Uint8Array[] } {
  const given: Uint8Array[] = [];
  const keep = (bytes: Uint8Array): Uint8Array => {
    given.push(bytes);
    return bytes;
  };
  return {
    given,
    suite: {
      ...inner,
      hkdfExtract: (salt, ikm) => keep(inner.hkdfExtract(salt, ikm)),
      hkdfExpand: (prk, info, length) => keep(inner.hkdfExpand(prk, info, length)),
    },
  };
}
const zeroed = (given: readonly Uint8Array[]): boolean[] =>
  given.map((bytes) => bytes.every((byte) => byte === 0));

describe.each(SUITES.map((one) => [one.name, one] as const))('key schedule, %s', (_, one) => {
  const raw = rawOf(one);
  const size = one.sizes.hash;
  const [init, commit, psk] = [random(size), random(size), random(size)];
  const joiner = raw.label(raw.extract(init, commit), 'joiner', context, size);
  const member = raw.extract(joiner, psk);
  const epoch = raw.label(member, 'epoch', context, size);

  test('R8-01, R8-02 the labeled expansions', () => {
    expect(hex(expandWithLabel(one, init, 'some label', context, 77))).toBe(
      hex(raw.label(init, 'some label', context, 77)),
    );
    expect(hex(deriveSecret(one, init, 'some label'))).toBe(hex(raw.label(init, 'some label', '', size)));
    // A label long enough for a length of two bytes.
    const long = 'x'.repeat(60);
    expect(hex(expandWithLabel(one, init, long, context, 16))).toBe(hex(raw.label(init, long, context, 16)));
  });

  test('R8-04, R8-05 the joiner secret: the init secret is the salt', () => {
    expect(hex(deriveJoinerSecret(one, init, commit, context))).toBe(hex(joiner));
    expect(hex(deriveJoinerSecret(one, commit, init, context))).not.toBe(hex(joiner));
    // R8-09: the context is in it, order of extensions and all.
    expect(hex(deriveJoinerSecret(one, init, commit, context.slice(1)))).not.toBe(hex(joiner));
  });

  test('R8-06, R8-07 the welcome secret hangs on the intermediate one', () => {
    expect(hex(deriveWelcomeSecret(one, joiner, psk))).toBe(hex(raw.derive(member, 'welcome')));
    const none = pskSecret(one, []);
    expect(hex(none)).toBe('00'.repeat(size));
    expect(hex(deriveWelcomeSecret(one, joiner, none))).toBe(
      hex(raw.derive(raw.extract(joiner, new Uint8Array(size)), 'welcome')),
    );
  });

  test('R12.4.3.1-10 key and nonce of the Welcome', () => {
    const welcome = raw.derive(member, 'welcome');
    const { key, nonce } = welcomeKeys(one, welcome);
    expect(hex(key)).toBe(hex(raw.label(welcome, 'key', '', one.sizes.key)));
    expect(hex(nonce)).toBe(hex(raw.label(welcome, 'nonce', '', one.sizes.nonce)));
  });

  test('R8-08, R8-10..18, R8.7-01, extensions draft §4.4 every secret of the epoch', () => {
    const labels = {
      senderDataSecret: 'sender data',
      encryptionSecret: 'encryption',
      exporterSecret: 'exporter',
      applicationExportSecret: 'application_export',
      externalSecret: 'external',
      confirmationKey: 'confirm',
      membershipKey: 'membership',
      resumptionPsk: 'resumption',
      epochAuthenticator: 'authentication',
      initSecret: 'init',
    };
    const expected = Object.entries(labels).map(([name, label]) => [name, hex(raw.derive(epoch, label))]);
    const shown = (secrets: object): [string, string][] =>
      Object.entries(secrets).map(([name, secret]) => [name, hex(secret as Uint8Array)]);
    expect(shown(deriveEpochSecrets(one, joiner, psk, context))).toEqual(expected);
    expect(shown(fromEpochSecret(one, epoch))).toEqual(expected);
    const { externalSecret } = fromEpochSecret(one, epoch);
    // R8-19
    expect(externalKeyPair(one, externalSecret)).toEqual(one.deriveKeyPair(raw.derive(epoch, 'external')));
  });

  test('R8-20 no path: the commit secret is zeros', () => {
    const expected = raw.label(raw.extract(init, new Uint8Array(size)), 'joiner', context, size);
    expect(hex(deriveJoinerSecret(one, init, new Uint8Array(size), context))).toBe(hex(expected));
  });

  test('R8.2-02, R6.1-09 the confirmation tag is a MAC over the confirmed hash', () => {
    expect(hex(confirmationTag(one, init, commit))).toBe(hex(raw.extract(init, commit)));
  });

  test('R8.4-04..07, R8.4-09, R8.4-11 the chain of PSKs: external and resumption, of any length, in order', () => {
    const resumption = (usage: 1 | 2 | 3, epochNumber: bigint): Psk => ({
      id: { pskType: 2, usage, pskGroupId: utf8('old group'), pskEpoch: epochNumber, pskNonce: random(size) },
      secret: random(size),
    });
    const external = (length: number): Psk => ({
      id: { pskType: 1, pskId: utf8(`psk ${length}`), pskNonce: random(size) },
      secret: random(length),
    });
    const psks = [
      external(0),
      resumption(1, 3n),
      external(1000),
      resumption(3, 0xffff_ffff_ffff_ffffn),
      external(1),
    ];
    const encoded = ({ id }: Psk): Uint8Array =>
      id.pskType === 1
        ? concat(uint(1, 1), vec(id.pskId), vec(id.pskNonce))
        : concat(
            uint(2, 1),
            uint(id.usage, 1),
            vec(id.pskGroupId),
            uint(Number(id.pskEpoch >> 32n), 4),
            uint(Number(id.pskEpoch & 0xffff_ffffn), 4),
            vec(id.pskNonce),
          );
    const chain = (list: readonly Psk[]): string => {
      let secret: Uint8Array = new Uint8Array(size);
      list.forEach((entry, i) => {
        const extracted = raw.extract(new Uint8Array(size), entry.secret);
        const label = concat(encoded(entry), uint(i, 2), uint(list.length, 2));
        secret = raw.extract(raw.label(extracted, 'derived psk', label, size), secret);
      });
      return hex(secret);
    };
    for (let count = 0; count <= psks.length; count++) {
      expect(hex(pskSecret(one, psks.slice(0, count)))).toBe(chain(psks.slice(0, count)));
    }
    expect(hex(pskSecret(one, [...psks].reverse()))).toBe(chain([...psks].reverse()));
    expect(chain([...psks].reverse())).not.toBe(chain(psks));
  });

  test('R8.5-01, R8.5-02 the exporter', () => {
    const exporter = raw.derive(epoch, 'exporter');
    for (const [label, bytes, length] of [
      ['an application', context, 16],
      ['an application', new Uint8Array(0), 32],
      ['', utf8('x'), 1],
      ['7b22', utf8('x'), 255 * size],
      ['none', utf8('x'), 0],
    ] as const) {
      const expected = raw.label(raw.derive(exporter, label), 'exported', one.hash(bytes), length);
      expect(hex(mlsExporter(one, exporter, { label, context: bytes, length }))).toBe(hex(expected));
    }
  });

  test('R8-03 lengths beyond 255 times the hash, or 65535, throw', () => {
    for (const length of [255 * size + 1, 65_535, 65_536, 70_000, -1, 1.5, Number.NaN]) {
      expect(codeOf(() => mlsExporter(one, epoch, { label: 'x', context, length }))).toBe('crypto.limit');
    }
  });

  test('R8.3-01..03 external init: the joiner and the members get the exported secret', () => {
    const members = externalKeyPair(one, raw.derive(epoch, 'external'));
    const { kemOutput, initSecret } = sealExternalInit(one, members.publicKey, random);
    expect(initSecret).toHaveLength(size);
    expect(hex(openExternalInit(one, members, kemOutput))).toBe(hex(initSecret));
    const shared = one.decap(kemOutput, members);
    expect(hex(initSecret)).toBe(hex(raw.hpkeExport(shared, 'MLS 1.0 external init secret')));
  });

  test('R8.3-04, R8.3-05 the key pair is that of the epoch before; the secret takes the place of the init secret', () => {
    const members = externalKeyPair(one, raw.derive(epoch, 'external'));
    const later = externalKeyPair(one, raw.derive(one.hash(epoch), 'external'));
    const sealed = sealExternalInit(one, members.publicKey, random);
    const opened = openExternalInit(one, members, sealed.kemOutput);
    expect(hex(openExternalInit(one, later, sealed.kemOutput))).not.toBe(hex(opened));
    const expected = raw.label(raw.extract(sealed.initSecret, commit), 'joiner', context, size);
    expect(hex(deriveJoinerSecret(one, opened, commit, context))).toBe(hex(expected));
  });

  test('R8.3-01 bad keys and outputs', () => {
    const members = externalKeyPair(one, epoch);
    expect(codeOf(() => sealExternalInit(one, new Uint8Array(5), random))).toBe('crypto.public-key');
    for (const bad of [
      new Uint8Array(0),
      new Uint8Array(one.sizes.enc - 1).fill(4),
      new Uint8Array(one.sizes.enc),
    ]) {
      expect(codeOf(() => openExternalInit(one, members, bad))).toBe('crypto.kem');
    }
  });
});

describe('what is left behind', () => {
  const raw = rawOf(suite);
  const [a, b] = [random(32), random(32)];

  test('R8-21, R9.2-02, R9.2-07 intermediate secrets are wiped, inputs are not', () => {
    const before = [hex(a), hex(b)];
    const { suite: one, given } = recording(suite);
    const joiner = deriveJoinerSecret(one, a, b, context);
    expect(zeroed(given)).toEqual([true, false]);
    given.length = 0;
    deriveWelcomeSecret(one, joiner, b);
    expect(zeroed(given)).toEqual([true, false]);
    given.length = 0;
    const secrets = deriveEpochSecrets(one, joiner, b, context);
    expect(zeroed(given)).toEqual([true, true, ...new Array(10).fill(false)]);
    expect(hex(secrets.initSecret)).toBe(
      hex(raw.derive(raw.label(raw.extract(joiner, b), 'epoch', context, 32), 'init')),
    );
    given.length = 0;
    mlsExporter(one, a, { label: 'x', context, length: 16 });
    expect(zeroed(given)).toEqual([true, false]);
    expect([hex(a), hex(b)]).toEqual(before);
  });

  test('R8-21 extracted PSKs and their inputs are wiped, the PSKs themselves are not', () => {
    const psk: Psk = { id: { pskType: 1, pskId: utf8('id'), pskNonce: random(32) }, secret: random(32) };
    const before = hex(psk.secret);
    const { suite: one, given } = recording(suite);
    const secret = pskSecret(one, [psk, psk]);
    // Per PSK: extracted, input, and the secret so far.
    expect(given).toHaveLength(6);
    expect([0, 1, 3, 4].map((i) => zeroed(given)[i])).toEqual([true, true, true, true]);
    expect(secret.every((byte) => byte === 0)).toBe(false);
    expect(hex(psk.secret)).toBe(before);
  });
});

describe('the group context', () => {
  test('R8.1-05, R8-09 keeps the order of its extensions, on which every secret depends', () => {
    const value = decode(GroupContext, context);
    expect(value.extensions.map((extension) => extension.extensionType)).toEqual([0xf002, 0xf001]);
    expect(hex(encode(GroupContext, value))).toBe(hex(context));
    const reversed = encode(GroupContext, { ...value, extensions: [...value.extensions].reverse() });
    const joiner = (bytes: Uint8Array): string => hex(deriveJoinerSecret(suite, context, context, bytes));
    expect(joiner(reversed)).not.toBe(joiner(context));
    const [first, second] = [context, reversed].map((bytes) =>
      deriveEpochSecrets(suite, context, context, bytes),
    );
    expect(hex(first?.epochAuthenticator ?? context)).not.toBe(hex(second?.epochAuthenticator ?? context));
  });
});

describe('limits', () => {
  test('R8.4-12 more than 65535 PSKs, refused before anything is derived', () => {
    const psk: Psk = { id: { pskType: 1, pskId: utf8('id'), pskNonce: random(32) }, secret: random(32) };
    const { suite: one, given } = recording(suite);
    expect(codeOf(() => pskSecret(one, new Array<Psk>(65_536).fill(psk)))).toBe('codec.limit');
    expect(given).toEqual([]);
  });

  test('R8.4-12 65535 PSKs are not too many', () => {
    const psk: Psk = { id: { pskType: 1, pskId: utf8('id'), pskNonce: random(32) }, secret: random(32) };
    const begun = (): never => {
      throw new Error('deriving');
    };
    const psks = new Array<Psk>(65_535).fill(psk);
    expect(() => pskSecret({ ...suite, hkdfExtract: begun }, psks)).toThrow('deriving');
  });

  test('R8.5-04 an exported value is that of its epoch', () => {
    const exported = (epoch: Uint8Array): string =>
      hex(
        mlsExporter(suite, fromEpochSecret(suite, epoch).exporterSecret, { label: 'x', context, length: 32 }),
      );
    expect(exported(utf8('one'.repeat(12)))).not.toBe(exported(utf8('two'.repeat(12))));
  });
});

describe('transcript', () => {
  const content: FramedContent = {
    groupId: utf8('a group'),
    epoch: 6n,
    sender: { senderType: 1, leafIndex: 3 },
    authenticatedData: utf8('aad'),
    content: { contentType: 3, commit: { proposals: [], path: undefined } },
  };
  const framed = concat(
    vec(utf8('a group')),
    uint(0, 4),
    uint(6, 4),
    uint(1, 1),
    uint(3, 4),
    vec(utf8('aad')),
    uint(3, 1),
    vec(),
    uint(0, 1),
  );
  const signature = utf8('a signature');
  const interim = utf8('an interim hash of thirty-two ..');

  test('R8.2-01, R8.2-03, R8.2-06 the confirmed hash: interim hash, wire format, content of the epoch before, signature', () => {
    expect(hex(encode(FramedContent, content))).toBe(hex(framed));
    const expected = suite.hash(concat(interim, uint(1, 2), framed, vec(signature)));
    expect(hex(confirmedTranscriptHash(suite, interim, { wireFormat: 1, content, signature }))).toBe(
      hex(expected),
    );
    const first = suite.hash(concat(uint(1, 2), framed, vec(signature)));
    expect(
      hex(confirmedTranscriptHash(suite, new Uint8Array(0), { wireFormat: 1, content, signature })),
    ).toBe(hex(first));
    // No tag is in it, though the value may carry one.
    const whole = {
      wireFormat: 1,
      content,
      signature,
      auth: { signature, confirmationTag: utf8('tag') },
    } satisfies AuthenticatedContent & { signature: Uint8Array };
    expect(hex(confirmedTranscriptHash(suite, interim, whole))).toBe(hex(expected));
  });

  test('R8.2-08 the wire format is the one the commit was sent in', () => {
    const expected = suite.hash(concat(interim, uint(2, 2), framed, vec(signature)));
    expect(hex(confirmedTranscriptHash(suite, interim, { wireFormat: 2, content, signature }))).toBe(
      hex(expected),
    );
  });

  test('R8.2-02, R8.2-04, R8.2-05 the interim hash has the tag with its length; epoch 0 starts from nothing', () => {
    const tag = random(32);
    const expected = suite.hash(concat(interim, uint(32, 1), tag));
    expect(hex(interimTranscriptHash(suite, interim, tag))).toBe(hex(expected));
    const zero = interimTranscriptHash(suite, new Uint8Array(0), tag);
    expect(hex(zero)).toBe(hex(suite.hash(concat(uint(32, 1), tag))));
    expect(zero).toHaveLength(32);
  });
});

/** Leaf nodes (RFC 9420 §7.2, §7.3): what is signed, and the rules that a leaf can break on its own. */

import { describe, expect, test } from 'vitest';
import { leafIndex } from '../../../src/base/brand.ts';
import { concat, utf8 } from '../../../src/base/bytes.ts';
import { decode, encode } from '../../../src/codec/codec.ts';
import { nodeProvider } from '../../../src/crypto/node/index.ts';
import {
  signLeaf,
  validateLeafAlone,
  validateLifetimeNow,
  verifyLeafSignature,
} from '../../../src/tree/leafNode.ts';
import type { Extension } from '../../../src/wire/extension.ts';
import {
  type Capabilities,
  LeafNode,
  LeafNodeContent,
  type LeafNodeSource,
} from '../../../src/wire/leafNode.ts';
import type { LeafSource } from '../../../src/wire/registry.ts';
import {
  encryptionPair,
  GROUP_ID,
  leafContent,
  makeLeaf,
  person,
  suite,
  uint,
  vec,
} from '../../support/trees.ts';
import { codeOf } from '../wire/layout.ts';

const alice = person('alice');
const bob = person('bob');
const place = { groupId: GROUP_ID, leaf: leafIndex(3) };
const SOURCES: readonly LeafNodeSource[] = [
  { leafNodeSource: 1, lifetime: { notBefore: 1000n, notAfter: 2000n } },
  { leafNodeSource: 2 },
  { leafNodeSource: 3, parentHash: utf8('a parent hash') },
];
const YEAR = 365 * 86_400;
const base: Capabilities = {
  versions: [1],
  cipherSuites: [1],
  extensions: [],
  proposals: [],
  credentials: [1],
};
const capable = (change: Partial<Capabilities>): { capabilities: Capabilities } => ({
  capabilities: { ...base, ...change },
});
const judge = (change: Partial<LeafNodeContent>, source?: LeafSource, max = YEAR): string =>
  codeOf(() => validateLeafAlone(suite, makeLeaf(alice, change, 3), source, max));
const lived = (notBefore: bigint, notAfter: bigint): Partial<LeafNodeContent> => ({
  source: { leafNodeSource: 1, lifetime: { notBefore, notAfter } },
});

describe('the signature', () => {
  test('R7.2-05, R7.2-06 covers the content and, unless from a KeyPackage, group and place', () => {
    for (const source of SOURCES) {
      const content = leafContent(alice, { source });
      const body = encode(LeafNodeContent, content);
      const tbs = source.leafNodeSource === 1 ? body : concat(body, vec(GROUP_ID), uint(3, 4));
      const signed = concat(vec(utf8('MLS 1.0 LeafNodeTBS')), vec(tbs));
      const { signature } = signLeaf(suite, content, alice.signer.secretKey, place);
      expect(suite.verify(alice.signer.publicKey, signed, signature)).toBe(true);
      const own = { ...content, signature: suite.sign(alice.signer.secretKey, signed) };
      expect(codeOf(() => verifyLeafSignature(suite, own, place))).toBe('none');
    }
  });

  test('TRE-11, R7.2-07, R7.3-03 another group, another place, another key, another label', () => {
    for (const source of SOURCES.slice(1)) {
      for (const index of [0, 1, 3, 31]) {
        const leaf = makeLeaf(alice, { source }, index);
        const check = (groupId: Uint8Array, at: number, which = leaf): string =>
          codeOf(() => verifyLeafSignature(suite, which, { groupId, leaf: leafIndex(at) }));
        expect(check(GROUP_ID, index)).toBe('none');
        expect(check(GROUP_ID, index + 1)).toBe('crypto.signature');
        expect(check(utf8('another group'), index)).toBe('crypto.signature');
        expect(check(new Uint8Array(0), index)).toBe('crypto.signature');
        const here = { groupId: GROUP_ID, leaf: leafIndex(index) };
        const byBob = signLeaf(suite, leafContent(alice, { source }), bob.signer.secretKey, here);
        expect(check(GROUP_ID, index, byBob)).toBe('crypto.signature');
        const tbs = concat(encode(LeafNodeContent, leaf), vec(GROUP_ID), uint(index, 4));
        const wrong = suite.sign(
          alice.signer.secretKey,
          concat(vec(utf8('MLS 1.0 KeyPackageTBS')), vec(tbs)),
        );
        expect(check(GROUP_ID, index, { ...leaf, signature: wrong })).toBe('crypto.signature');
        const flipped = leaf.signature.map((byte, i) => (i === 5 ? byte ^ 1 : byte));
        expect(check(GROUP_ID, index, { ...leaf, signature: flipped })).toBe('crypto.signature');
        expect(check(GROUP_ID, index, { ...leaf, signature: new Uint8Array(0) })).toBe('crypto.signature');
      }
    }
  });

  test('R7.2-06 the id of the group may be longer than the leaf', () => {
    const groupId = new Uint8Array(5000).fill(7);
    const here = { groupId, leaf: leafIndex(3) };
    const leaf = signLeaf(
      suite,
      leafContent(alice, { source: { leafNodeSource: 2 } }),
      alice.signer.secretKey,
      here,
    );
    expect(codeOf(() => verifyLeafSignature(suite, leaf, here))).toBe('none');
    expect(codeOf(() => verifyLeafSignature(suite, leaf, { ...here, groupId: groupId.slice(1) }))).toBe(
      'crypto.signature',
    );
  });

  test('R7.2-05 a leaf from a KeyPackage holds anywhere, one from elsewhere needs its place', () => {
    const [packaged, updated, committed] = SOURCES.map((source) => makeLeaf(alice, { source }, 3)) as [
      LeafNode,
      LeafNode,
      LeafNode,
    ];
    expect(codeOf(() => verifyLeafSignature(suite, packaged))).toBe('none');
    expect(codeOf(() => verifyLeafSignature(suite, packaged, { ...place, leaf: leafIndex(9) }))).toBe('none');
    for (const leaf of [updated, committed]) {
      expect(codeOf(() => verifyLeafSignature(suite, leaf))).toBe('validation.leaf-source');
      expect(
        codeOf(() => signLeaf(suite, leafContent(alice, { source: leaf.source }), alice.signer.secretKey)),
      ).toBe('validation.leaf-source');
    }
  });

  test('R7.2-18 any other content needs another signature', () => {
    const leaf = makeLeaf(alice, { source: { leafNodeSource: 2 } }, 3);
    const changes: Partial<LeafNodeContent>[] = [
      { encryptionKey: encryptionPair('bob').publicKey },
      { credential: { credentialType: 1, identity: utf8('mallory') } },
      capable({ proposals: [0xf001] }),
      { source: { leafNodeSource: 3, parentHash: new Uint8Array(0) } },
      { extensions: [{ extensionType: 1, extensionData: vec(utf8('id')) }] },
      { signatureKey: bob.signer.publicKey },
    ];
    for (const change of changes) {
      expect(codeOf(() => verifyLeafSignature(suite, { ...leaf, ...change }, place))).toBe(
        'crypto.signature',
      );
    }
    // Decoded from bytes, so that the signed part is a view of them.
    const bytes = encode(LeafNode, leaf);
    for (let i = 0; i < bytes.length; i += 7) {
      const damaged = bytes.map((byte, j) => (i === j ? byte ^ 4 : byte));
      const code = codeOf(() => verifyLeafSignature(suite, decode(LeafNode, damaged), place));
      expect(code).not.toBe('none');
    }
    expect(codeOf(() => verifyLeafSignature(suite, decode(LeafNode, bytes), place))).toBe('none');
  });

  test('R7.2-06 other suites: ECDSA and Ed448', () => {
    for (const id of nodeProvider.suites.filter((one) => [2, 4].includes(one))) {
      const other = nodeProvider.suite(id);
      const signer = other.signatureKeyPair(new Uint8Array(other.sizes.signatureSeed).fill(7));
      const content = { ...leafContent(alice), signatureKey: signer.publicKey };
      const leaf = signLeaf(other, content, signer.secretKey);
      expect(codeOf(() => verifyLeafSignature(other, leaf))).toBe('none');
      expect(
        codeOf(() => verifyLeafSignature(other, { ...leaf, signatureKey: alice.signer.publicKey })),
      ).toBe('crypto.signature');
    }
  });
});

describe('a leaf alone', () => {
  test('TRE-12, R7.3-13..16 only the expected source, or any when none is expected', () => {
    for (const source of SOURCES) {
      for (const expected of [1, 2, 3] as const) {
        const code = source.leafNodeSource === expected ? 'none' : 'validation.leaf-source';
        expect(judge({ source }, expected)).toBe(code);
      }
      expect(judge({ source })).toBe('none');
    }
  });

  test('R7.3-21 keys of the suite', () => {
    for (const encryptionKey of [
      new Uint8Array(0),
      new Uint8Array(31).fill(9),
      new Uint8Array(33).fill(9),
      new Uint8Array(32),
    ]) {
      expect(judge({ encryptionKey })).toBe('crypto.public-key');
    }
    for (const signatureKey of [
      new Uint8Array(0),
      new Uint8Array(31).fill(9),
      alice.signer.publicKey.slice(1),
      new Uint8Array(57),
    ]) {
      expect(judge({ signatureKey })).toBe('crypto.public-key');
    }
  });

  test('R7.3-05, TRE-17 version and suite are listed', () => {
    expect(judge(capable({ versions: [] }))).toBe('validation.capabilities');
    expect(judge(capable({ versions: [2, 0x0a0a] }))).toBe('validation.capabilities');
    expect(judge(capable({ cipherSuites: [] }))).toBe('validation.capabilities');
    expect(judge(capable({ cipherSuites: [2, 3] }))).toBe('validation.capabilities');
    expect(judge(capable({ cipherSuites: [7, 1], versions: [0, 1] }))).toBe('none');
  });

  test('R7.2-12, TRE-17 the own credential type is listed, basic too', () => {
    expect(judge(capable({ credentials: [] }))).toBe('validation.capabilities');
    expect(judge(capable({ credentials: [2] }))).toBe('validation.capabilities');
    const x509 = { credential: { credentialType: 2, certificates: [utf8('der')] } as const };
    expect(judge({ ...x509, ...capable({ credentials: [1] }) })).toBe('validation.capabilities');
    expect(judge({ ...x509, ...capable({ credentials: [1, 2] }) })).toBe('none');
  });

  test('R7.2-11, R7.3-12, TRE-17 own extensions are listed, default types apart', () => {
    const extension = (extensionType: number): Extension => ({
      extensionType,
      extensionData: new Uint8Array(0),
    });
    expect(judge({ extensions: [extension(0xf001)] })).toBe('validation.capabilities');
    expect(judge({ extensions: [extension(0xf001)], ...capable({ extensions: [0xf002] }) })).toBe(
      'validation.capabilities',
    );
    expect(judge({ extensions: [extension(0xf001)], ...capable({ extensions: [0xf002, 0xf001] }) })).toBe(
      'none',
    );
    expect(judge({ extensions: [{ extensionType: 1, extensionData: vec(utf8('id')) }] })).toBe('none');
    expect(judge({ extensions: [extension(6)] })).toBe('validation.capabilities');
  });

  test('R7.3-20, TRE-20 other default types in a leaf have no meaning', () => {
    // Bodies that would be malformed, were they read.
    const junk = [2, 3, 4, 5].map((extensionType) => ({ extensionType, extensionData: utf8('junk') }));
    const leaf = makeLeaf(alice, { extensions: junk });
    expect(decode(LeafNode, encode(LeafNode, leaf)).extensions).toEqual(junk);
    expect(codeOf(() => validateLeafAlone(suite, leaf, 1, YEAR))).toBe('none');
  });

  test('R7.3-19 an extension type occurs once', () => {
    const twice = [1, 1].map((extensionType) => ({ extensionType, extensionData: vec(utf8('id')) }));
    expect(codeOf(() => makeLeaf(alice, { extensions: twice }))).toBe('codec.duplicate-extension');
  });

  test('R7.2-09, R7.2-13, R7.2-19, TRE-17 default, unknown and repeated capabilities are accepted and kept', () => {
    const odd = capable({
      versions: [0xffff, 1, 1],
      cipherSuites: [0x0a0a, 1, 0xf000, 1],
      extensions: [3, 1, 0x1a1a, 3],
      proposals: [1, 7, 0xeaea],
      credentials: [1, 1, 0x2a2a],
    });
    expect(judge(odd)).toBe('none');
    expect(decode(LeafNode, encode(LeafNode, makeLeaf(alice, odd))).capabilities).toEqual(odd.capabilities);
  });

  test('R7.2-15, TRE-16 a lifetime has a maximum, and an order', () => {
    expect(judge(lived(1000n, 1000n + BigInt(YEAR)))).toBe('none');
    expect(judge(lived(1000n, 1001n + BigInt(YEAR)))).toBe('policy.lifetime');
    expect(judge(lived(1001n, 1000n))).toBe('policy.lifetime');
    expect(judge(lived(1000n, 1000n), 1, 0)).toBe('none');
    expect(judge(lived(0n, 0xffff_ffff_ffff_ffffn))).toBe('policy.lifetime');
    expect(judge(lived(0xffff_ffff_ffff_ffffn, 0n))).toBe('policy.lifetime');
  });

  test('R7.3-09, R7.3-10, R7.2-17, TRE-16 the present is inside, both ends included, by the clock that is given', () => {
    const leaf = makeLeaf(alice, lived(1000n, 2000n));
    const at = (now: number): string => codeOf(() => validateLifetimeNow(leaf, now));
    expect([999, 1000, 1500, 2000, 2001].map(at)).toEqual([
      'policy.lifetime',
      'none',
      'none',
      'none',
      'policy.lifetime',
    ]);
    const far = makeLeaf(alice, lived(0n, 0xffff_ffff_ffff_ffffn));
    expect(codeOf(() => validateLifetimeNow(far, 4_000_000_000))).toBe('none');
    // Being expired is no fault of the leaf by itself: a tree may hold it.
    expect(codeOf(() => validateLeafAlone(suite, leaf, undefined, YEAR))).toBe('none');
  });

  test('R7.3-11 leaves of other sources have no lifetime', () => {
    for (const source of SOURCES.slice(1)) {
      expect(judge({ source }, undefined, 0)).toBe('none');
      expect(codeOf(() => validateLifetimeNow(makeLeaf(alice, { source }, 3), 0))).toBe('none');
    }
  });
});

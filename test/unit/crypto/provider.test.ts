import { describe, expect, it } from 'vitest';
import { EMPTY, utf8 } from '../../../src/base/bytes.ts';
import {
  createNobleProvider,
  provider as noble,
  nobleParts,
  nobleProvider,
} from '../../../src/crypto/noble/index.ts';
import {
  createNodeProvider,
  provider as node,
  nodeParts,
  nodeProvider,
} from '../../../src/crypto/node/index.ts';
import { SUITES } from '../../../src/crypto/suites.ts';

const code = (value: string) => expect.objectContaining({ code: value });
const BACK_ENDS = [
  { name: 'node', provider: nodeProvider, create: createNodeProvider, parts: nodeParts },
  { name: 'noble', provider: nobleProvider, create: createNobleProvider, parts: nobleParts },
];

describe.each(BACK_ENDS)('provider $name', ({ name, provider, create, parts }) => {
  it('R17.1-01 R17.1-02: offers the seven suites', () => {
    expect(provider.name).toBe(name);
    expect(provider.suites).toEqual([1, 2, 3, 4, 5, 6, 7]);
    for (const row of SUITES) {
      const suite = provider.suite(row.id);
      expect([suite.id, suite.name]).toEqual([row.id, row.name]);
      expect(suite.hpke).toEqual({ kem: row.kem, kdf: row.kdf, aead: row.aead });
      expect(provider.suite(row.id)).toBe(suite);
      expect(Object.isFrozen(suite)).toBe(true);
    }
    expect([node, noble]).toContain(provider);
  });

  it('R5.1-10 R5.1.1-02 R5.1-09: sizes', () => {
    const sizes = provider.suites.map((id) => {
      const { sizes: s } = provider.suite(id);
      expect(provider.suite(id).hmac(EMPTY, EMPTY).length).toBe(s.hash);
      return [s.hash, s.key, s.nonce, s.tag, s.kemSeed, s.encapSeed, s.enc, s.signatureSeed];
    });
    expect(sizes).toEqual([
      [32, 16, 12, 16, 32, 32, 32, 32],
      [32, 16, 12, 16, 32, 32, 65, 32],
      [32, 32, 12, 16, 32, 32, 32, 32],
      [64, 32, 12, 16, 56, 56, 56, 57],
      [64, 32, 12, 16, 66, 66, 133, 66],
      [64, 32, 12, 16, 56, 56, 56, 57],
      [48, 32, 12, 16, 48, 48, 97, 48],
    ]);
  });

  it('R5.1-13 CRY-18: unknown suites are unsupported, names of object members included', () => {
    const bad: unknown[] = [
      0,
      8,
      0x0a0a,
      0xffff,
      -1,
      1.5,
      '1',
      '__proto__',
      'constructor',
      undefined,
      null,
      {},
    ];
    for (const id of bad) expect(() => provider.suite(id as number)).toThrow(code('codec.unsupported'));
  });

  it('R17.1-03: further suites come as rows', () => {
    const row = { id: 0xf001, name: 'private', kem: 0x0020, kdf: 3, aead: 3, signature: 'ed25519' };
    const extended = create({ suites: [row] });
    expect(extended.suites).toEqual([1, 2, 3, 4, 5, 6, 7, 0xf001]);
    expect(extended.suite(0xf001).sizes.hash).toBe(64);
    expect(provider.suites).not.toContain(0xf001);
    const unknown = create({ suites: [{ ...row, kem: 0x0999, signature: 'toString' }] });
    expect(unknown.suites).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(() => unknown.suite(0xf001)).toThrow(
      expect.objectContaining({ detail: { suite: 0xf001, missing: 'kem 2457, toString' } }),
    );
  });

  it('CRY-18: a suite that lacks an algorithm is not offered, and says what is missing', () => {
    const masked = create({
      kems: new Map([[0x0021, undefined]]),
      aeads: new Map([[3, undefined]]),
      hashes: new Map([[2, undefined]]),
      signatures: new Map([['ecdsa_secp521r1_sha512', undefined]]),
    });
    expect(masked.suites).toEqual([1, 2]);
    expect(() => masked.suite(6)).toThrow(
      expect.objectContaining({ detail: { suite: 6, missing: 'kem 33, aead 3' } }),
    );
  });

  it('CRY-18: any algorithm can be lent by the other back end without a change of verdict', () => {
    const others = (name === 'node' ? nobleParts : nodeParts)();
    for (const borrowed of ['kems', 'aeads', 'hashes', 'signatures'] as const) {
      const mixed = create({ [borrowed]: others[borrowed] });
      for (const id of provider.suites) {
        const [a, b] = [mixed.suite(id), provider.suite(id)];
        const pair = a.deriveKeyPair(new Uint8Array(a.sizes.kemSeed).fill(1));
        const { enc, secret } = a.encap(pair.publicKey, new Uint8Array(a.sizes.encapSeed).fill(2));
        expect(b.decap(enc, pair)).toEqual(secret);
        const signer = b.signatureKeyPair(new Uint8Array(b.sizes.signatureSeed).fill(3));
        expect(a.verify(signer.publicKey, secret, b.sign(signer.secretKey, secret))).toBe(true);
        const key = new Uint8Array(a.sizes.key);
        const nonce = new Uint8Array(12);
        expect(b.open(key, nonce, enc, a.seal(key, nonce, enc, secret))).toEqual(secret);
      }
    }
    expect(parts().kems.size).toBe(5);
  });

  it('CRY-13 R5.1-11: every flipped bit of the tag, short input and other nonce lengths fail', () => {
    for (const id of [1, 3, 4]) {
      const suite = provider.suite(id);
      const key = new Uint8Array(suite.sizes.key).fill(1);
      const nonce = new Uint8Array(12).fill(2);
      const text = utf8('plaintext');
      const sealed = suite.seal(key, nonce, EMPTY, text);
      expect(sealed.length).toBe(text.length + 16);
      expect(suite.open(key, nonce, EMPTY, sealed)).toEqual(text);
      for (let bit = 0; bit < 128; bit++) {
        const bad = sealed.slice();
        bad[text.length + (bit >> 3)]! ^= 1 << (bit & 7);
        expect(suite.open(key, nonce, EMPTY, bad)).toBe(undefined);
      }
      for (let length = 0; length < sealed.length; length++) {
        expect(suite.open(key, nonce, EMPTY, sealed.subarray(0, length))).toBe(undefined);
      }
      expect(suite.open(key, nonce, EMPTY, sealed.slice().fill(0, text.length))).toBe(undefined);
      for (const length of [0, 8, 11, 13, 16]) {
        const other = new Uint8Array(length).fill(2);
        expect(suite.open(key, other, EMPTY, sealed)).toBe(undefined);
        expect(() => suite.seal(key, other, EMPTY, text)).toThrow(code('crypto.aead'));
      }
      for (const length of [0, 15, 17, 24, 31, 33]) {
        const other = new Uint8Array(length);
        expect(suite.open(other, nonce, EMPTY, sealed)).toBe(undefined);
        expect(() => suite.seal(other, nonce, EMPTY, text)).toThrow(code('crypto.aead'));
      }
    }
  });

  it('CRY-21: KDF lengths from 0 to 255 times the hash', () => {
    for (const id of [1, 7, 4]) {
      const suite = provider.suite(id);
      const most = 255 * suite.sizes.hash;
      expect(suite.hkdfExpand(EMPTY, EMPTY, 0).length).toBe(0);
      const long = suite.hkdfExpand(EMPTY, EMPTY, most);
      for (const length of [1, suite.sizes.hash, suite.sizes.hash + 1, most - 1]) {
        expect(suite.hkdfExpand(EMPTY, EMPTY, length)).toEqual(long.slice(0, length));
      }
      expect(() => suite.hkdfExpand(EMPTY, EMPTY, most + 1)).toThrow(code('crypto.limit'));
    }
  });

  it('CRY-20: EdDSA secrets of another length are refused', () => {
    for (const id of [1, 4]) {
      const suite = provider.suite(id);
      for (const length of [0, suite.sizes.signatureSeed - 1, suite.sizes.signatureSeed + 1]) {
        expect(() => suite.sign(new Uint8Array(length), EMPTY)).toThrow(code('crypto.private-key'));
        expect(() => suite.signatureKeyPair(new Uint8Array(length))).toThrow(code('crypto.private-key'));
      }
    }
  });

  it('a key whose array is overwritten is another key at once', () => {
    for (const id of [1, 2, 4]) {
      const suite = provider.suite(id);
      const [one, two] = [1, 2].map((f) =>
        suite.signatureKeyPair(new Uint8Array(suite.sizes.signatureSeed).fill(f)),
      );
      const secretKey = one!.secretKey.slice();
      expect(suite.verify(one!.publicKey, EMPTY, suite.sign(secretKey, EMPTY))).toBe(true);
      secretKey.set(two!.secretKey);
      const signature = suite.sign(secretKey, EMPTY);
      expect(suite.verify(two!.publicKey, EMPTY, signature)).toBe(true);
      const publicKey = two!.publicKey.slice();
      publicKey.set(one!.publicKey);
      expect(suite.verify(publicKey, EMPTY, signature)).toBe(false);
      const [a, b] = [1, 2].map((f) => suite.deriveKeyPair(new Uint8Array(suite.sizes.kemSeed).fill(f)));
      const { enc, secret } = suite.encap(a!.publicKey, new Uint8Array(suite.sizes.encapSeed).fill(3));
      const pair = { publicKey: a!.publicKey, secretKey: b!.secretKey.slice() };
      expect(suite.decap(enc, pair)).not.toEqual(secret);
      pair.secretKey.set(a!.secretKey);
      expect(suite.decap(enc, pair)).toEqual(secret);
    }
  });
});

describe('both back ends', () => {
  it('R5.1.2-04: EdDSA signatures are the same', () => {
    for (const id of [1, 4]) {
      const [a, b] = [nodeProvider.suite(id), nobleProvider.suite(id)];
      const { secretKey } = a.signatureKeyPair(new Uint8Array(a.sizes.signatureSeed).fill(1));
      const signature = a.sign(secretKey, utf8('text'));
      expect(b.sign(secretKey, utf8('text'))).toEqual(signature);
      expect(signature.length).toBe(2 * secretKey.length);
    }
  });

  it('more public keys than are remembered', () => {
    const suite = nodeProvider.suite(1);
    const { publicKey, secretKey } = suite.signatureKeyPair(new Uint8Array(32));
    const signature = suite.sign(secretKey, EMPTY);
    expect(suite.verify(publicKey, EMPTY, signature)).toBe(true);
    const other = new Uint8Array(32).fill(3);
    for (let i = 0; i < 8300; i++) {
      new DataView(other.buffer).setUint32(8, i);
      suite.verify(other, EMPTY, signature);
    }
    expect(suite.verify(publicKey, EMPTY, signature)).toBe(true);
  });
});

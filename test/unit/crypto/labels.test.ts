import { describe, expect, it } from 'vitest';
import { concat, EMPTY, fromHex, toHex, utf8 } from '../../../src/base/bytes.ts';
import { Writer } from '../../../src/codec/writer.ts';
import {
  decryptWithLabel,
  deriveSecret,
  deriveTreeSecret,
  encryptWithLabel,
  expandWithLabel,
  refHash,
  signWithLabel,
  verifyWithLabel,
} from '../../../src/crypto/labels.ts';
import { nobleProvider } from '../../../src/crypto/noble/index.ts';
import { nodeProvider } from '../../../src/crypto/node/index.ts';
import type { SuiteCrypto } from '../../../src/crypto/provider.ts';
import { vectorFile } from '../../support/vectorFiles.ts';

interface Basics {
  cipher_suite: number;
  ref_hash: { label: string; value: string; out: string };
  expand_with_label: { secret: string; label: string; context: string; length: number; out: string };
  derive_secret: { secret: string; label: string; out: string };
  derive_tree_secret: { secret: string; label: string; generation: number; length: number; out: string };
  sign_with_label: { priv: string; pub: string; content: string; label: string; signature: string };
  encrypt_with_label: Record<
    'priv' | 'pub' | 'label' | 'context' | 'plaintext' | 'kem_output' | 'ciphertext',
    string
  >;
}

const basics = vectorFile('mls-vectors', 'crypto-basics.json');
const code = (value: string) => expect.objectContaining({ code: value });
const PROVIDERS = [nodeProvider, nobleProvider];
const suite = nodeProvider.suite(1);
const secret = new Uint8Array(32).fill(1);

describe.skipIf(basics.skip)(`R5.1-02..08 R17.1-01 R17.1-02: ${basics.title}`, () => {
  const vectors = basics.skip ? [] : basics.json<Basics[]>();
  for (const provider of PROVIDERS) {
    it.each(vectors)(`suite $cipher_suite on ${provider.name}`, (v) =>
      check(provider.suite(v.cipher_suite), v),
    );
  }
  it('R17.1-01: the file has the seven suites', () => {
    expect(vectors.map((v) => v.cipher_suite)).toEqual([1, 2, 3, 4, 5, 6, 7]);
  });
});

function check(s: SuiteCrypto, v: Basics): void {
  const hash = v.ref_hash;
  expect(toHex(refHash(s, hash.label, fromHex(hash.value)))).toBe(hash.out);
  const ex = v.expand_with_label;
  expect(toHex(expandWithLabel(s, fromHex(ex.secret), ex.label, fromHex(ex.context), ex.length))).toBe(
    ex.out,
  );
  const ds = v.derive_secret;
  expect(toHex(deriveSecret(s, fromHex(ds.secret), ds.label))).toBe(ds.out);
  const dt = v.derive_tree_secret;
  expect(toHex(deriveTreeSecret(s, fromHex(dt.secret), dt.label, dt.generation, dt.length))).toBe(dt.out);
  const sg = v.sign_with_label;
  const pub = fromHex(sg.pub);
  const content = fromHex(sg.content);
  expect(verifyWithLabel(s, pub, sg.label, content, fromHex(sg.signature))).toBe(true);
  expect(verifyWithLabel(s, pub, `${sg.label}x`, content, fromHex(sg.signature))).toBe(false);
  const own = signWithLabel(s, fromHex(sg.priv), sg.label, content);
  expect(verifyWithLabel(s, pub, sg.label, content, own)).toBe(true);
  const en = v.encrypt_with_label;
  const pair = s.kemKeyPair(fromHex(en.priv));
  expect(toHex(pair.publicKey)).toBe(en.pub);
  const context = fromHex(en.context);
  const sealed = { kemOutput: fromHex(en.kem_output), ciphertext: fromHex(en.ciphertext) };
  expect(toHex(decryptWithLabel(s, pair, en.label, context, sealed))).toBe(en.plaintext);
  const again = encryptWithLabel(
    s,
    pair.publicKey,
    en.label,
    context,
    fromHex(en.plaintext),
    nodeProvider.random,
  );
  expect(toHex(decryptWithLabel(s, pair, en.label, context, again))).toBe(en.plaintext);
}

/** The labeled structures, written with the codec instead of by hand. */
function struct(label: string, content: Uint8Array, length?: number): Uint8Array {
  const w = new Writer();
  if (length !== undefined) w.uint16(length);
  w.opaque(utf8(label));
  w.opaque(content);
  return w.finish();
}

describe('labels', () => {
  const sizes = [0, 1, 63, 64, 255, 16_383, 16_384, 70_000];

  it('R5.1.2-02 R5.1.2-05 R8-01 R5.2-01 CRY-21: what is signed, hashed and expanded is the encoded struct', () => {
    const { publicKey, secretKey } = suite.signatureKeyPair(secret);
    for (const size of sizes) {
      const content = new Uint8Array(size).fill(7);
      const text = 'x'.repeat(size);
      for (const [label, value] of [
        ['FramedContentTBS', content],
        [text, EMPTY],
      ] as const) {
        const signature = signWithLabel(suite, secretKey, label, value);
        expect(suite.verify(publicKey, struct(`MLS 1.0 ${label}`, value), signature)).toBe(true);
        expect(toHex(refHash(suite, label, value))).toBe(toHex(suite.hash(struct(label, value))));
        expect(toHex(expandWithLabel(suite, secret, label, value, 40))).toBe(
          toHex(suite.hkdfExpand(secret, struct(`MLS 1.0 ${label}`, value, 40), 40)),
        );
      }
    }
  });

  it('R8-02: DeriveSecret expands to the hash length with an empty context', () => {
    for (const id of [1, 7, 4]) {
      const s = nodeProvider.suite(id);
      const out = deriveSecret(s, secret, 'epoch');
      expect(out).toEqual(expandWithLabel(s, secret, 'epoch', EMPTY, s.sizes.hash));
      expect(out.length).toBe(s.sizes.hash);
    }
  });

  it('R8-03 CRY-21: lengths up to 255 times the hash, and no more', () => {
    expect(expandWithLabel(suite, secret, 'l', EMPTY, 0)).toEqual(EMPTY);
    expect(expandWithLabel(suite, EMPTY, 'l', EMPTY, 255 * 32).length).toBe(255 * 32);
    for (const length of [255 * 32 + 1, 65_535, 65_536, 70_000, -1, 1.5, Number.NaN]) {
      expect(() => expandWithLabel(suite, secret, 'l', EMPTY, length)).toThrow(code('crypto.limit'));
    }
  });

  it('CRY-22: the generation is a uint32 and never wraps', () => {
    const last = deriveTreeSecret(suite, secret, 'key', 0xffff_ffff, 16);
    expect(last).toEqual(expandWithLabel(suite, secret, 'key', new Uint8Array(4).fill(0xff), 16));
    for (const generation of [2 ** 32, -1, 0.5]) {
      expect(() => deriveTreeSecret(suite, secret, 'key', generation, 16)).toThrow(code('crypto.limit'));
    }
  });

  it('R5.1.3-01..05 CRY-12: label and context are bound, AAD is empty, each encryption is fresh', () => {
    const pair = suite.deriveKeyPair(secret);
    const context = utf8('context');
    const text = utf8('text');
    const seal = () => encryptWithLabel(suite, pair.publicKey, 'Welcome', context, text, nodeProvider.random);
    const [one, two] = [seal(), seal()];
    expect(toHex(one.kemOutput)).not.toBe(toHex(two.kemOutput));
    expect(decryptWithLabel(suite, pair, 'Welcome', context, two)).toEqual(text);
    const aead = code('crypto.aead');
    expect(() => decryptWithLabel(suite, pair, 'UpdatePathNode', context, one)).toThrow(aead);
    expect(() => decryptWithLabel(suite, pair, 'Welcome', text, one)).toThrow(aead);
    const short = { ...one, kemOutput: one.kemOutput.subarray(1) };
    expect(() => decryptWithLabel(suite, pair, 'Welcome', context, short)).toThrow(code('crypto.kem'));
    const cut = { ...one, ciphertext: one.ciphertext.subarray(0, 3) };
    expect(() => decryptWithLabel(suite, pair, 'Welcome', context, cut)).toThrow(aead);
  });

  it('the memory for labels stays correct when it overflows', () => {
    for (let i = 0; i < 600; i++) {
      const out = refHash(suite, `label ${i % 300}`, secret);
      expect(out).toEqual(suite.hash(concat(struct(`label ${i % 300}`, secret))));
    }
  });
});

import { describe, expect, it } from 'vitest';
import { EMPTY, utf8 } from '../../../src/base/bytes.ts';
import { HpkeContext, openBase, sealBase, setupBaseR, setupBaseS } from '../../../src/crypto/hpke.ts';
import { nobleProvider } from '../../../src/crypto/noble/index.ts';
import { nodeProvider } from '../../../src/crypto/node/index.ts';

const code = (value: string) => expect.objectContaining({ code: value });
const info = utf8('info');
const seed = (length: number) => new Uint8Array(length).fill(5);

describe.each([1, 2, 3, 4, 5, 6, 7])('HPKE with suite %i', (id) => {
  it('R5.1-11 R5.1.3-02 CRY-12: what one back end seals the other opens', () => {
    const [a, b] = [nodeProvider.suite(id), nobleProvider.suite(id)];
    const pair = a.deriveKeyPair(seed(a.sizes.kemSeed));
    const sealed = sealBase(b, pair.publicKey, info, EMPTY, utf8('text'), seed(b.sizes.encapSeed));
    expect(sealed.kemOutput.length).toBe(a.sizes.enc);
    expect(sealed.ciphertext.length).toBe(4 + 16);
    expect(openBase(a, pair, info, EMPTY, sealed)).toEqual(utf8('text'));
    expect(() => openBase(a, pair, EMPTY, info, sealed)).toThrow(code('crypto.aead'));
  });

  it('R8.3-03: both sides export the same', () => {
    const [a, b] = [nodeProvider.suite(id), nobleProvider.suite(id)];
    const pair = a.deriveKeyPair(seed(a.sizes.kemSeed));
    const label = utf8('MLS 1.0 external init secret');
    const { enc, context } = setupBaseS(a, pair.publicKey, EMPTY, seed(a.sizes.encapSeed));
    const other = setupBaseR(b, enc, pair, EMPTY);
    expect(other.export(label, a.sizes.hash)).toEqual(context.export(label, a.sizes.hash));
    expect(other.export(utf8('other'), a.sizes.hash)).not.toEqual(context.export(label, a.sizes.hash));
    expect(() => context.export(label, 255 * a.sizes.hash + 1)).toThrow(code('crypto.limit'));
    expect(() => context.export(label, 65_536)).toThrow(code('crypto.limit'));
  });
});

describe('HPKE contexts', () => {
  it('open in order, and a failure does not move the sequence', () => {
    const suite = nodeProvider.suite(1);
    const make = () => new HpkeContext(suite, new Uint8Array(16), new Uint8Array(12), new Uint8Array(32));
    const [sender, receiver] = [make(), make()];
    const [one, two] = [sender.seal(EMPTY, utf8('1')), sender.seal(EMPTY, utf8('2'))];
    expect(() => receiver.open(EMPTY, two)).toThrow(code('crypto.aead'));
    expect(receiver.open(EMPTY, one)).toEqual(utf8('1'));
    expect(receiver.open(EMPTY, two)).toEqual(utf8('2'));
    expect(() => receiver.open(EMPTY, two)).toThrow(code('crypto.aead'));
  });

  it('the seed must have its length', () => {
    const suite = nodeProvider.suite(1);
    const { publicKey } = suite.deriveKeyPair(seed(32));
    expect(() => sealBase(suite, publicKey, info, EMPTY, EMPTY, seed(31))).toThrow(code('codec.input'));
  });
});

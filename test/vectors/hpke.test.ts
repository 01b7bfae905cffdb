/** The base-mode vectors of RFC 9180, on both back ends. */

import { describe, expect, it } from 'vitest';
import { fromHex, toHex } from '../../src/base/bytes.ts';
import { openBase, sealBase, setupBaseR, setupBaseS } from '../../src/crypto/hpke.ts';
import { createNobleProvider } from '../../src/crypto/noble/index.ts';
import { createNodeProvider } from '../../src/crypto/node/index.ts';
import type { AeadPart, ProviderOptions } from '../../src/crypto/parts.ts';
import { vectorFile } from '../support/vectorFiles.ts';

type Field =
  | 'info'
  | 'ikmR'
  | 'ikmE'
  | 'skRm'
  | 'skEm'
  | 'pkRm'
  | 'pkEm'
  | 'enc'
  | 'shared_secret'
  | 'key'
  | 'base_nonce'
  | 'exporter_secret';
type Vector = Record<Field, string> & {
  mode: number;
  kem_id: number;
  kdf_id: number;
  aead_id: number;
  encryptions: { aad: string; ct: string; nonce: string; pt: string }[];
  exports: { exporter_context: string; L: number; exported_value: string }[];
};

/** The export-only AEAD: no key, no nonce. */
const exportOnly: AeadPart = {
  key: 0,
  nonce: 0,
  tag: 0,
  seal: () => {
    throw new Error('export only');
  },
  open: () => undefined,
};

const file = vectorFile('hpke-vectors', 'rfc9180-base-mode.json');

describe.skipIf(file.skip)(`HPKE R5.1-12 R5.1.3-01 R5.1.3-02 R8.3-03 R17.1-04: ${file.title}`, () => {
  const vectors = file.skip ? [] : file.json<Vector[]>();
  it.each([
    ['node', createNodeProvider],
    ['noble', createNobleProvider],
  ] as const)('all vectors on %s', (_name, create) => {
    let count = 0;
    for (const vector of vectors) {
      check(create, vector);
      count++;
    }
    expect(count).toBe(32);
  });

  it.each([
    ['node', createNodeProvider],
    ['noble', createNobleProvider],
  ] as const)(
    'CRY-12: any flipped bit of enc, ciphertext, info or aad, and other suite ids, fail on %s',
    (_name, create) => {
      for (const vector of vectors.filter(({ kem_id, aead_id }) => kem_id === 32 && aead_id !== 0xffff)) {
        checkFlips(create, vector);
      }
    },
  );
});

function options(...ids: [kem: number, kdf: number, aead: number]): ProviderOptions {
  const [kem, kdf, aead] = ids;
  const row = { id: 0xf001, name: 'test', kem, kdf, aead, signature: 'ed25519' };
  return { suites: [row], aeads: new Map([[0xffff, exportOnly]]) };
}

function check(create: typeof createNodeProvider, v: Vector): void {
  const suite = create(options(v.kem_id, v.kdf_id, v.aead_id)).suite(0xf001);
  const receiver = suite.deriveKeyPair(fromHex(v.ikmR));
  expect(toHex(receiver.secretKey)).toBe(v.skRm);
  expect(toHex(receiver.publicKey)).toBe(v.pkRm);
  expect(toHex(suite.kemKeyPair(fromHex(v.skRm)).publicKey)).toBe(v.pkRm);
  expect(toHex(suite.deriveKeyPair(fromHex(v.ikmE)).secretKey)).toBe(v.skEm);
  const encapsulated = suite.encap(receiver.publicKey, fromHex(v.ikmE));
  expect(toHex(encapsulated.secret)).toBe(v.shared_secret);
  expect(toHex(encapsulated.enc)).toBe(v.enc);
  const { enc, context: sender } = setupBaseS(suite, receiver.publicKey, fromHex(v.info), fromHex(v.ikmE));
  const opener = setupBaseR(suite, enc, receiver, fromHex(v.info));
  for (const context of [sender, opener]) {
    expect(toHex(context.key)).toBe(v.key);
    expect(toHex(context.baseNonce)).toBe(v.base_nonce);
    expect(toHex(context.exporterSecret)).toBe(v.exporter_secret);
    for (const { exporter_context, L, exported_value } of v.exports) {
      expect(toHex(context.export(fromHex(exporter_context), L))).toBe(exported_value);
    }
  }
  // The sequence number of a shown encryption is what its nonce and the base nonce differ by.
  const base = BigInt(`0x0${v.base_nonce}`);
  const numbers = v.encryptions.map(({ nonce }) => Number(BigInt(`0x${nonce}`) ^ base));
  for (let sequence = 0; sequence <= Math.max(-1, ...numbers); sequence++) {
    const shown = v.encryptions[numbers.indexOf(sequence)];
    const aad = fromHex(shown?.aad ?? '');
    const plaintext = fromHex(shown?.pt ?? '00');
    const sealed = sender.seal(aad, plaintext);
    if (shown !== undefined) expect(toHex(sealed)).toBe(shown.ct);
    expect(opener.open(aad, sealed)).toEqual(plaintext);
  }
}

function checkFlips(create: typeof createNodeProvider, v: Vector): void {
  const suite = create(options(v.kem_id, v.kdf_id, v.aead_id)).suite(0xf001);
  const pair = suite.kemKeyPair(fromHex(v.skRm));
  const info = fromHex(v.info);
  const aad = fromHex(v.encryptions[0]!.aad);
  const text = fromHex(v.encryptions[0]!.pt);
  const sealed = sealBase(suite, pair.publicKey, info, aad, text, fromHex(v.ikmE));
  expect(toHex(sealed.ciphertext)).toBe(v.encryptions[0]!.ct);
  expect(openBase(suite, pair, info, aad, sealed)).toEqual(text);
  const aead = expect.objectContaining({ code: 'crypto.aead' });
  for (let i = 0; i < sealed.ciphertext.length; i++) {
    const ciphertext = flip(sealed.ciphertext, i);
    expect(() => openBase(suite, pair, info, aad, { ...sealed, ciphertext })).toThrow(aead);
  }
  for (let i = 0; i < sealed.kemOutput.length; i++) {
    const kemOutput = flip(sealed.kemOutput, i);
    expect(() => openBase(suite, pair, info, aad, { ...sealed, kemOutput })).toThrow(aead);
  }
  expect(() => openBase(suite, pair, flip(info, 0), aad, sealed)).toThrow(aead);
  expect(() => openBase(suite, pair, info, flip(aad, 0), sealed)).toThrow(aead);
  const short = { ...sealed, ciphertext: sealed.ciphertext.subarray(0, 15) };
  expect(() => openBase(suite, pair, info, aad, short)).toThrow(aead);
  const kem = expect.objectContaining({ code: 'crypto.kem' });
  const cut = { ...sealed, kemOutput: sealed.kemOutput.subarray(1) };
  expect(() => openBase(suite, pair, info, aad, cut)).toThrow(kem);
  const otherAead = v.aead_id === 2 ? 3 : 2;
  const other = create(options(v.kem_id, v.kdf_id, otherAead)).suite(0xf001);
  expect(() => openBase(other, pair, info, aad, sealed)).toThrow(aead);
}

function flip(bytes: Uint8Array, index: number): Uint8Array {
  const out = bytes.slice();
  out[index]! ^= 1;
  return out;
}

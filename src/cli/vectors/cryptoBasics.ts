/** Vectors of kind crypto-basics: the labelled operations of a suite (RFC 9420 §5.1, §5.2, §8, §9.1). */

import {
  decryptWithLabel,
  deriveSecret,
  deriveTreeSecret,
  encryptWithLabel,
  expandWithLabel,
  refHash,
  signWithLabel,
  verifyWithLabel,
} from '../../crypto/labels.ts';
import type { Provider, SuiteCrypto } from '../../crypto/provider.ts';
import {
  bytesOf,
  expectBytes,
  expectHex,
  expectTrue,
  hexOf,
  type Json,
  kemKeyPairOf,
  numberOf,
  objectOf,
  signatureKeyOf,
  textOf,
  type Verifier,
  within,
} from './verifier.ts';

/** Six operations; signing and encrypting are also done afresh and undone. */
export const verifyCryptoBasics: Verifier = (provider, vector) => {
  const suite = provider.suite(numberOf(vector, 'cipher_suite'));
  for (const [operation, check] of CHECKS) {
    within(operation, () => check({ provider, suite, part: objectOf(vector, operation) }));
  }
};

interface Part {
  readonly provider: Provider;
  readonly suite: SuiteCrypto;
  readonly part: Json;
}

function checkRefHash({ suite, part }: Part): void {
  expectHex('out', refHash(suite, textOf(part, 'label'), bytesOf(part, 'value')), hexOf(part, 'out'));
}

function checkExpand({ suite, part }: Part): void {
  const secret = bytesOf(part, 'secret');
  const length = numberOf(part, 'length');
  const out = expandWithLabel(suite, secret, textOf(part, 'label'), bytesOf(part, 'context'), length);
  expectHex('out', out, hexOf(part, 'out'));
}

function checkDerive({ suite, part }: Part): void {
  expectHex('out', deriveSecret(suite, bytesOf(part, 'secret'), textOf(part, 'label')), hexOf(part, 'out'));
}

function checkDeriveTree({ suite, part }: Part): void {
  const secret = bytesOf(part, 'secret');
  const length = numberOf(part, 'length');
  const out = deriveTreeSecret(suite, secret, textOf(part, 'label'), numberOf(part, 'generation'), length);
  expectHex('out', out, hexOf(part, 'out'));
}

function checkSign({ suite, part }: Part): void {
  const label = textOf(part, 'label');
  const content = bytesOf(part, 'content');
  const publicKey = bytesOf(part, 'pub');
  const given = verifyWithLabel(suite, publicKey, label, content, bytesOf(part, 'signature'));
  expectTrue('signature: does not verify', given);
  const fresh = signWithLabel(suite, signatureKeyOf(suite, part, 'priv'), label, content);
  expectTrue('new signature: does not verify', verifyWithLabel(suite, publicKey, label, content, fresh));
}

function checkEncrypt({ provider, suite, part }: Part): void {
  const label = textOf(part, 'label');
  const context = bytesOf(part, 'context');
  const plaintext = bytesOf(part, 'plaintext');
  const keyPair = kemKeyPairOf(suite, part, 'priv');
  expectHex('pub', keyPair.publicKey, hexOf(part, 'pub'));

  const given = { kemOutput: bytesOf(part, 'kem_output'), ciphertext: bytesOf(part, 'ciphertext') };
  expectBytes('plaintext', decryptWithLabel(suite, keyPair, label, context, given), plaintext);
  const random = (length: number): Uint8Array => provider.random(length);
  const fresh = encryptWithLabel(suite, bytesOf(part, 'pub'), label, context, plaintext, random);
  expectBytes('new plaintext', decryptWithLabel(suite, keyPair, label, context, fresh), plaintext);
}

const CHECKS: readonly (readonly [operation: string, check: (part: Part) => void])[] = [
  ['ref_hash', checkRefHash],
  ['expand_with_label', checkExpand],
  ['derive_secret', checkDerive],
  ['derive_tree_secret', checkDeriveTree],
  ['sign_with_label', checkSign],
  ['encrypt_with_label', checkEncrypt],
];

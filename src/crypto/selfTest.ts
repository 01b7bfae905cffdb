/** A check that a suite computes what it should, for platforms that were patched, polyfilled or upgraded. */

import { equal, fromHex, utf8 } from '../base/bytes.ts';
import { fail } from '../base/error.ts';
import type { SuiteCrypto } from './provider.ts';

/**
 * One valid and one must-reject case per primitive; for the suites of RFC 9420 also a hash over all deterministic
 * results, compared with the known one. Takes a few milliseconds natively.
 * @throws `crypto.self-test` naming the primitive
 */
export function selfTest(suite: SuiteCrypto): void {
  run('hash', () => testHash(suite));
  run('aead', () => testAead(suite));
  run('kem', () => testKem(suite));
  run('signature', () => testSignature(suite));
  const known = KNOWN.get(suite.id);
  if (known !== undefined) run('answers', () => equal(answers(suite).subarray(0, 16), fromHex(known)));
}

/** First 16 bytes of the hash over all deterministic results of a suite. */
const KNOWN: ReadonlyMap<number, string> = /* @__PURE__ */ new Map([
  [1, '05574aeef913870810a0e17dfc340abd'],
  [2, 'd630324429ffce0d23c1f5954e458844'],
  [3, '2ae3e3fb849fa71ed50ee3746b640b62'],
  [4, 'fdbffe6374963946f47e69492cd74c48'],
  [5, '1523421e8562615a0ab591c8a59bf846'],
  [6, '70358b92c409570649c4a3f2a52aad35'],
  [7, 'd5cff8479a44577b49152a24ef6404b9'],
]);

/** Hash over MAC, KDF, AEAD, KEM and key derivation on fixed inputs; signatures only where they are deterministic. */
export function answers(suite: SuiteCrypto): Uint8Array {
  const { sizes } = suite;
  const pair = suite.deriveKeyPair(filled(sizes.kemSeed, 1));
  const { secret, enc } = suite.encap(pair.publicKey, filled(sizes.encapSeed, 2));
  const signer = suite.signatureKeyPair(filled(sizes.signatureSeed, 3));
  const sealed = suite.seal(filled(sizes.key, 4), filled(sizes.nonce, 5), utf8('aad'), utf8('text'));
  let sum = suite.hkdfExpand(suite.hkdfExtract(utf8('salt'), utf8('ikm')), utf8('info'), 2 * sizes.hash + 1);
  for (const part of [pair.secretKey, pair.publicKey, secret, enc, signer.publicKey, sealed]) {
    sum = suite.hmac(suite.hash(part), sum);
  }
  return sum;
}

function run(primitive: string, test: () => boolean): void {
  let passed: boolean;
  try {
    passed = test();
  } catch (cause) {
    fail('crypto.self-test', { primitive }, cause);
  }
  if (!passed) fail('crypto.self-test', { primitive });
}

function testHash(suite: SuiteCrypto): boolean {
  const text = utf8('abc');
  const digest = suite.hash(text);
  const mac = suite.hmac(digest, text);
  const other = suite.hmac(digest, utf8('abd'));
  return digest.length === suite.sizes.hash && mac.length === suite.sizes.hash && !equal(mac, other);
}

function testAead(suite: SuiteCrypto): boolean {
  const key = filled(suite.sizes.key, 6);
  const nonce = filled(suite.sizes.nonce, 7);
  const text = utf8('self test');
  const sealed = suite.seal(key, nonce, text, text);
  const opened = suite.open(key, nonce, text, sealed);
  if (opened === undefined || !equal(opened, text)) return false;
  return suite.open(key, nonce, text, flipped(sealed)) === undefined;
}

function testKem(suite: SuiteCrypto): boolean {
  const pair = suite.deriveKeyPair(filled(suite.sizes.kemSeed, 8));
  const { secret, enc } = suite.encap(pair.publicKey, filled(suite.sizes.encapSeed, 9));
  if (!suite.isKemPublicKey(pair.publicKey) || !equal(suite.decap(enc, pair), secret)) return false;
  // All zero is of low order for one kind of KEM and no point for the other.
  const zero = new Uint8Array(suite.sizes.enc);
  if (suite.isKemPublicKey(zero)) return false;
  try {
    suite.decap(zero, pair);
    return false;
  } catch {
    return true;
  }
}

function testSignature(suite: SuiteCrypto): boolean {
  const pair = suite.signatureKeyPair(filled(suite.sizes.signatureSeed, 10));
  const text = utf8('self test');
  const signature = suite.sign(pair.secretKey, text);
  if (!suite.isSignaturePublicKey(pair.publicKey)) return false;
  if (!suite.verify(pair.publicKey, text, signature)) return false;
  return !suite.verify(pair.publicKey, utf8('another'), signature);
}

function filled(length: number, value: number): Uint8Array {
  return new Uint8Array(length).fill(value);
}

function flipped(bytes: Uint8Array): Uint8Array {
  const out = bytes.slice();
  out[0] = (out[0] ?? 0) ^ 1;
  return out;
}

/** HPKE in base mode (RFC 9180 §5, §6) over the primitives of a suite. */

import { at, concat, EMPTY } from '../base/bytes.ts';
import { fail } from '../base/error.ts';
import { wipe } from '../base/secret.ts';
import { labeledExpand, labeledExtract, type Mac, suiteId } from './hkdf.ts';
import type { KeyPair, SuiteCrypto } from './provider.ts';

/** What single-shot encryption gives: `HPKECiphertext` of RFC 9420 §7.6. */
export interface SealedBase {
  /** `sizes.enc` bytes. */
  readonly kemOutput: Uint8Array;
  /** Ciphertext ‖ tag. */
  readonly ciphertext: Uint8Array;
}

/** The parts of a key schedule that do not depend on one use. */
interface ScheduleBase {
  readonly mac: Mac;
  readonly id: Uint8Array;
  readonly pskIdHash: Uint8Array;
}

const bases = /* @__PURE__ */ new WeakMap<SuiteCrypto, ScheduleBase>();

/** The mode byte of mode_base. */
const MODE_BASE = new Uint8Array([0]);

/**
 * SealBase (RFC 9180 §6.1).
 * @param seed `sizes.encapSeed` fresh random bytes
 * @throws `crypto.public-key`, `crypto.kem`
 */
export function sealBase(
  suite: SuiteCrypto,
  publicKey: Uint8Array,
  info: Uint8Array,
  aad: Uint8Array,
  plaintext: Uint8Array,
  seed: Uint8Array,
): SealedBase {
  const { secret: shared, enc } = suite.encap(publicKey, seed);
  const { key, nonce, secret } = keySchedule(suite, shared, info);
  const ciphertext = suite.seal(key, nonce, aad, plaintext);
  wipe(shared, secret, key);
  return { kemOutput: enc, ciphertext };
}

/** OpenBase (RFC 9180 §6.1). @throws `crypto.kem`, `crypto.aead` */
export function openBase(
  suite: SuiteCrypto,
  keyPair: KeyPair,
  info: Uint8Array,
  aad: Uint8Array,
  sealed: SealedBase,
): Uint8Array {
  const shared = suite.decap(sealed.kemOutput, keyPair);
  const { key, nonce, secret } = keySchedule(suite, shared, info);
  const plaintext = suite.open(key, nonce, aad, sealed.ciphertext);
  wipe(shared, secret, key);
  return plaintext ?? fail('crypto.aead', { length: sealed.ciphertext.length });
}

/**
 * SetupBaseS (RFC 9180 §5.1.1).
 * @param seed `sizes.encapSeed` fresh random bytes
 * @throws `crypto.public-key`, `crypto.kem`
 */
export function setupBaseS(
  suite: SuiteCrypto,
  publicKey: Uint8Array,
  info: Uint8Array,
  seed: Uint8Array,
): { readonly enc: Uint8Array; readonly context: HpkeContext } {
  const { secret, enc } = suite.encap(publicKey, seed);
  return { enc, context: contextOf(suite, secret, info) };
}

/** SetupBaseR (RFC 9180 §5.1.1). @throws `crypto.kem` */
export function setupBaseR(
  suite: SuiteCrypto,
  enc: Uint8Array,
  keyPair: KeyPair,
  info: Uint8Array,
): HpkeContext {
  return contextOf(suite, suite.decap(enc, keyPair), info);
}

/** An HPKE context: encrypts or decrypts a sequence of messages in order, and exports secrets. */
export class HpkeContext {
  /** `sizes.key` bytes. */
  readonly key: Uint8Array;
  /** `sizes.nonce` bytes. */
  readonly baseNonce: Uint8Array;
  /** `sizes.hash` bytes. */
  readonly exporterSecret: Uint8Array;
  readonly #suite: SuiteCrypto;
  #sequence = 0;

  constructor(suite: SuiteCrypto, key: Uint8Array, baseNonce: Uint8Array, exporterSecret: Uint8Array) {
    this.#suite = suite;
    this.key = key;
    this.baseNonce = baseNonce;
    this.exporterSecret = exporterSecret;
  }

  /** ContextS.Seal: the next message. @throws `crypto.limit` when the sequence is used up */
  seal(aad: Uint8Array, plaintext: Uint8Array): Uint8Array {
    const ciphertext = this.#suite.seal(this.key, this.#nonce(), aad, plaintext);
    this.#sequence++;
    return ciphertext;
  }

  /** ContextR.Open: the next message; a failure leaves the sequence where it was. @throws `crypto.aead`, `crypto.limit` */
  open(aad: Uint8Array, ciphertext: Uint8Array): Uint8Array {
    const plaintext = this.#suite.open(this.key, this.#nonce(), aad, ciphertext);
    if (plaintext === undefined) return fail('crypto.aead', { sequence: this.#sequence });
    this.#sequence++;
    return plaintext;
  }

  /** Context.Export (RFC 9180 §5.3). @returns `length` bytes @throws `crypto.limit` above 65535 or 255·Nh */
  export(exporterContext: Uint8Array, length: number): Uint8Array {
    const { mac, id } = baseOf(this.#suite);
    return labeledExpand(mac, id, this.exporterSecret, 'sec', exporterContext, length);
  }

  #nonce(): Uint8Array {
    if (this.#sequence >= Number.MAX_SAFE_INTEGER) fail('crypto.limit', { sequence: this.#sequence });
    const nonce = this.baseNonce.slice();
    let rest = this.#sequence;
    for (let i = nonce.length - 1; rest > 0 && i >= 0; i--) {
      nonce[i] = at(nonce, i) ^ (rest % 256);
      rest = Math.floor(rest / 256);
    }
    return nonce;
  }
}

function baseOf(suite: SuiteCrypto): ScheduleBase {
  const known = bases.get(suite);
  if (known !== undefined) return known;
  const mac = { size: suite.sizes.hash, hmac: suite.hmac };
  const id = suiteId('HPKE', suite.hpke.kem, suite.hpke.kdf, suite.hpke.aead);
  const fresh = { mac, id, pskIdHash: labeledExtract(mac, id, EMPTY, 'psk_id_hash', EMPTY) };
  bases.set(suite, fresh);
  return fresh;
}

/** The key schedule of RFC 9180 §5.1 without the exporter secret, which single-shot use has no need of. */
function keySchedule(suite: SuiteCrypto, shared: Uint8Array, info: Uint8Array) {
  const { mac, id, pskIdHash } = baseOf(suite);
  const infoHash = labeledExtract(mac, id, EMPTY, 'info_hash', info);
  const context = concat(MODE_BASE, pskIdHash, infoHash);
  const secret = labeledExtract(mac, id, shared, 'secret', EMPTY);
  const key = labeledExpand(mac, id, secret, 'key', context, suite.sizes.key);
  const nonce = labeledExpand(mac, id, secret, 'base_nonce', context, suite.sizes.nonce);
  return { secret, context, key, nonce };
}

function contextOf(suite: SuiteCrypto, shared: Uint8Array, info: Uint8Array): HpkeContext {
  const { secret, context, key, nonce } = keySchedule(suite, shared, info);
  const { mac, id } = baseOf(suite);
  const exporter = labeledExpand(mac, id, secret, 'exp', context, suite.sizes.hash);
  wipe(shared, secret);
  return new HpkeContext(suite, key, nonce, exporter);
}

/**
 * Signatures and encryption on behalf of a component (draft-ietf-mls-extensions-10 §4.2, §4.3): the labeled operations
 * of RFC 9420 under a label that names the component, so that neither MLS nor another component mistakes the result.
 */

import { encode } from '../codec/codec.ts';
import type { SealedBase } from '../crypto/hpke.ts';
import { decryptWithLabel, encryptWithLabel, signWithLabel, verifyWithLabel } from '../crypto/labels.ts';
import type { KeyPair, SuiteCrypto } from '../crypto/provider.ts';
import { ComponentOperationLabel } from '../wire/component.ts';

/** SafeSignWithLabel (§4.3). @param label made by `componentLabel`, of the component that signs @throws `crypto.private-key` */
export function safeSignWithLabel(
  suite: SuiteCrypto,
  secretKey: Uint8Array,
  label: ComponentOperationLabel,
  content: Uint8Array,
): Uint8Array {
  return signWithLabel(suite, secretKey, encode(ComponentOperationLabel, label), content);
}

/** SafeVerifyWithLabel (§4.3). Never throws for bad keys or signatures. */
export function safeVerifyWithLabel(
  suite: SuiteCrypto,
  publicKey: Uint8Array,
  label: ComponentOperationLabel,
  signed: { readonly content: Uint8Array; readonly signature: Uint8Array },
): boolean {
  const encoded = encode(ComponentOperationLabel, label);
  return verifyWithLabel(suite, publicKey, encoded, signed.content, signed.signature);
}

/**
 * SafeEncryptWithLabel (§4.2): the plaintext opens for this component and context only.
 * @param random gives the ephemeral seed
 * @throws `crypto.public-key`, `crypto.kem`, and what `random` throws
 */
export function safeEncryptWithLabel(
  suite: SuiteCrypto,
  publicKey: Uint8Array,
  label: ComponentOperationLabel,
  message: { readonly context: Uint8Array; readonly plaintext: Uint8Array },
  random: (length: number) => Uint8Array,
): SealedBase {
  const encoded = encode(ComponentOperationLabel, label);
  return encryptWithLabel(suite, publicKey, encoded, message.context, message.plaintext, random);
}

/** SafeDecryptWithLabel (§4.2). @param label of the component that decrypts @throws `crypto.kem`, `crypto.aead` */
export function safeDecryptWithLabel(
  suite: SuiteCrypto,
  keyPair: KeyPair,
  label: ComponentOperationLabel,
  context: Uint8Array,
  sealed: SealedBase,
): Uint8Array {
  return decryptWithLabel(suite, keyPair, encode(ComponentOperationLabel, label), context, sealed);
}

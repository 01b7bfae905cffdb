/** The key of an account, which signs the keys of its devices: MLS for XMPP, version 0, sections 3.1 and 3.3. */

import { concat, equal, toHex, utf8 } from '../../base/bytes.ts';
import { fail } from '../../base/error.ts';
import { type Codec, encode, opaque, struct, uint16 } from '../../codec/codec.ts';
import type { KeyPair, SuiteCrypto } from '../../index.ts';

/** Public key of an account. Version 0 knows one scheme, `ed25519`. */
export interface AccountKey {
  /** SignatureScheme of TLS (RFC 8446, section 4.2.3). */
  readonly scheme: number;
  readonly key: Uint8Array;
}

/** SignatureScheme numbers of TLS. */
export const SignatureScheme = /* @__PURE__ */ Object.freeze({
  ecdsaP256: 0x0403,
  ecdsaP384: 0x0503,
  ecdsaP521: 0x0603,
  ed25519: 0x0807,
  ed448: 0x0808,
} as const);

/** `AccountKey` as it is signed and hashed. */
export const AccountKey: Codec<AccountKey> = /* @__PURE__ */ struct<AccountKey>({
  scheme: uint16,
  key: opaque,
});

/** What accounts sign, each behind a prefix of its own, so that no signature counts for another purpose. */
export type SignedPurpose = 'device' | 'devices' | 'rollover';

/** Schemes by cipher suite: what the signature keys of its leaves are (RFC 9420, section 17.1). */
const SCHEMES: ReadonlyMap<number, number> = /* @__PURE__ */ new Map([
  [1, SignatureScheme.ed25519],
  [2, SignatureScheme.ecdsaP256],
  [3, SignatureScheme.ed25519],
  [4, SignatureScheme.ed448],
  [5, SignatureScheme.ecdsaP521],
  [6, SignatureScheme.ed448],
  [7, SignatureScheme.ecdsaP384],
]);

/** The scheme of a cipher suite's signature keys; nothing for a suite that version 0 does not name. */
export function schemeOf(cipherSuite: number): number | undefined {
  return SCHEMES.get(cipherSuite);
}

/** The account key in a key pair of cipher suite 1. */
export function accountKeyOf({ publicKey }: Pick<KeyPair, 'publicKey'>): AccountKey {
  return { scheme: SignatureScheme.ed25519, key: publicKey.slice() };
}

/** Whether it can be the key of an account: of the known scheme, canonical, and not of small order. */
export function isAccountKey(suite1: SuiteCrypto, { scheme, key }: AccountKey): boolean {
  return scheme === SignatureScheme.ed25519 && suite1.isSignaturePublicKey(key);
}

/** Whether two account keys are one. */
export function sameAccountKey(a: AccountKey, b: AccountKey): boolean {
  return a.scheme === b.scheme && equal(a.key, b.key);
}

/** AikId, "the fingerprint": 32 bytes over the scheme and the key. @param suite1 cipher suite 1, for its SHA-256 */
export function aikId(suite1: SuiteCrypto, key: AccountKey): Uint8Array {
  return suite1.hash(concat(utf8('XMPP MLS 0 aik\0'), encode(AccountKey, key)));
}

/** AikId in lower-case hexadecimal, as keys of maps and records. */
export function aikName(suite1: SuiteCrypto, key: AccountKey): string {
  return toHex(aikId(suite1, key));
}

/** Sign as an account. @param aik key pair of cipher suite 1 @throws `crypto.private-key` */
export function signAs(
  suite1: SuiteCrypto,
  aik: KeyPair,
  purpose: SignedPurpose,
  content: Uint8Array,
): Uint8Array {
  requireSuite1(suite1);
  return suite1.sign(aik.secretKey, prefixed(purpose, content));
}

/** Whether an account signed this. Never throws for bad input. */
export function isSignedBy(
  suite1: SuiteCrypto,
  key: AccountKey,
  signed: { readonly purpose: SignedPurpose; readonly content: Uint8Array },
  signature: Uint8Array,
): boolean {
  requireSuite1(suite1);
  return (
    isAccountKey(suite1, key) && suite1.verify(key.key, prefixed(signed.purpose, signed.content), signature)
  );
}

function prefixed(purpose: SignedPurpose, content: Uint8Array): Uint8Array {
  return concat(utf8(`XMPP MLS 0 ${purpose}\0`), content);
}

/** Another suite would verify with another algorithm, and every member has to come to one verdict. */
function requireSuite1(suite: SuiteCrypto): void {
  if (suite.id !== 1) fail('codec.input', { expected: 'cipher suite 1', suite: suite.id });
}

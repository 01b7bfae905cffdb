/** What a KeyPackage has to be before we add anybody with it: MLS for XMPP, version 0, section 2.3. */

import { fail } from '../base/error.ts';
import { decode } from '../codec/codec.ts';
import type { SuiteCrypto } from '../index.ts';
import type { RequiredCapabilities } from '../wire/extension.ts';
import type { KeyPackage } from '../wire/keyPackage.ts';
import type { Capabilities, Lifetime } from '../wire/leafNode.ts';
import { MlsMessage } from '../wire/message.ts';
import {
  CredentialType,
  isDefaultExtension,
  isDefaultProposal,
  LeafSource,
  MLS10,
  WireFormat,
} from '../wire/registry.ts';
import { sameAccountKey, schemeOf } from './identity/accountKey.ts';
import { checkDeviceCert, DEVICE_CERT, type DeviceCert, isCurrent } from './identity/deviceCert.ts';
import { isListed, isRevoked } from './identity/deviceList.ts';
import type { Pin } from './pins.ts';
import type { KeyPackageItem } from './stanza/mlsItems.ts';

/** Extension of the GroupContext that says what a group is for. */
const BINDING = 0xf0e1;
/** Longest lifetime, seconds. */
export const MOST_LIFETIME = 91n * 86_400n;
/** How far the clock of whoever made a KeyPackage may be off, seconds. */
const SKEW = 3600n;

/** Extensions that every leaf of the binding has to know; for `Policy.extensionTypes` of our own clients. */
export const LEAF_EXTENSIONS: readonly number[] = /* @__PURE__ */ Object.freeze([DEVICE_CERT, BINDING]);

/** Where a KeyPackage was found, and what we know of its account. */
export interface Found {
  /** Normalised bare JID of the owner of the node. */
  readonly jid: string;
  /** Id of the item. */
  readonly deviceId: string;
  readonly pin: Pin;
}

/** What a KeyPackage is checked with. */
export interface Checking {
  /** Cipher suite 1 of the provider. */
  readonly suite1: SuiteCrypto;
  /** RFC 9420's checks for one suite: `validateKeyPackage` of our client in it; nothing for a suite without one. */
  readonly validate: (suite: number) => ((message: Uint8Array) => unknown) | undefined;
  /** What the group demands. */
  readonly required: RequiredCapabilities;
  /** Seconds since 1970. */
  readonly now: number;
}

/**
 * Check a KeyPackage: the rules of section 2.3 in their order, but rule 3 before rule 2. The first one that it breaks is reported.
 * @throws `validation.key-package`, `policy.identity-unverified`, `policy.identity-changed`, `policy.lifetime`,
 *   `validation.capabilities`, `codec.*`
 */
export function checkKeyPackage(how: Checking, found: Found, item: KeyPackageItem): void {
  const keyPackage = keyPackageIn(item);
  const cert = requirePlace(how, found, keyPackage);
  const validate = how.validate(item.suite) ?? fail('validation.key-package', { suite: item.suite });
  requireLifetime(keyPackage, how.now);
  validate(item.message);
  requireIdentity(how, found, { cert, keyPackage });
  requireCapabilities(keyPackage, how.required);
}

/** The KeyPackage in an item, if it is what the item says. */
function keyPackageIn({ message, suite }: KeyPackageItem): KeyPackage {
  const decoded = decode(MlsMessage, message);
  if (decoded.wireFormat !== WireFormat.keyPackage)
    return fail('validation.key-package', { wireFormat: decoded.wireFormat });
  const { keyPackage } = decoded;
  if (keyPackage.cipherSuite !== suite)
    fail('validation.key-package', { suite: keyPackage.cipherSuite, named: suite });
  return keyPackage;
}

/** Rule 1: it says the account and the device that it was found at. */
function requirePlace(
  { suite1 }: Checking,
  { jid, deviceId }: Found,
  { leafNode, cipherSuite }: KeyPackage,
): DeviceCert {
  const verdict = checkDeviceCert(suite1, { ...leafNode, cipherSuite });
  if (verdict.kind === 'refused') return fail('policy.identity-unverified', { rule: verdict.reason });
  const { identity, cert } = verdict;
  // The node's owner is normalised, so an identity that equals it is too.
  if (identity.jid !== jid) fail('policy.identity-unverified', { rule: 'account', named: identity.jid, jid });
  if (identity.deviceId !== deviceId)
    fail('policy.identity-unverified', { rule: 'device', named: identity.deviceId, deviceId });
  return cert;
}

/** Rule 3. What has not begun by our clock is refused by rule 2 all the same, so the skew counts for the end only there. */
function requireLifetime({ leafNode }: KeyPackage, now: number): void {
  const { source } = leafNode;
  if (source.leafNodeSource !== LeafSource.keyPackage)
    fail('validation.key-package', { source: source.leafNodeSource });
  const { notBefore, notAfter }: Lifetime = source.lifetime;
  const at = BigInt(now);
  if (at + SKEW < notBefore || at - SKEW > notAfter) fail('policy.lifetime', { notBefore, notAfter, now });
  if (notAfter - notBefore > MOST_LIFETIME)
    fail('policy.lifetime', { notBefore, notAfter, rule: 'too long' });
}

/** Rules 4 and 5: certified by the key of the account, listed, and not revoked. */
function requireIdentity(
  { now }: Checking,
  { pin, deviceId }: Found,
  { cert, keyPackage }: { readonly cert: DeviceCert; readonly keyPackage: KeyPackage },
): void {
  const { list } = pin.signed;
  if (!sameAccountKey(cert.accountKey, list.accountKey))
    fail('policy.identity-changed', { deviceId, rule: 'account key' });
  if (!isCurrent(cert, now)) fail('policy.identity-unverified', { deviceId, rule: 'certificate dates' });
  if (isRevoked(list, deviceId)) fail('policy.identity-unverified', { deviceId, rule: 'revoked' });
  const { leafNode, cipherSuite } = keyPackage;
  const key = { scheme: schemeOf(cipherSuite) ?? 0, key: leafNode.signatureKey };
  if (!isListed(list, deviceId, key)) fail('policy.identity-unverified', { deviceId, rule: 'not listed' });
}

/** Rule 6. Default types count as supported (RFC 9420, section 7.2). */
function requireCapabilities({ leafNode, cipherSuite }: KeyPackage, required: RequiredCapabilities): void {
  const { capabilities } = leafNode;
  const extensions = [...LEAF_EXTENSIONS, ...required.extensionTypes];
  const credentials = [CredentialType.basic, ...required.credentialTypes];
  const proposals = required.proposalTypes;
  requireAll(capabilities, 'versions', [MLS10]);
  requireAll(capabilities, 'cipherSuites', [cipherSuite]);
  requireAll(capabilities, 'credentials', credentials);
  requireAll(
    capabilities,
    'extensions',
    extensions.filter((type) => !isDefaultExtension(type)),
  );
  requireAll(
    capabilities,
    'proposals',
    proposals.filter((type) => !isDefaultProposal(type)),
  );
}

function requireAll(have: Capabilities, field: keyof Capabilities, wanted: readonly number[]): void {
  const missing = wanted.find((value) => !have[field].includes(value));
  if (missing !== undefined) fail('validation.capabilities', { field, missing });
}

/** The signature key in a KeyPackage. @throws `codec.*`, `validation.key-package` for another kind of message */
export function signatureKeyIn(message: Uint8Array): Uint8Array {
  const decoded = decode(MlsMessage, message);
  if (decoded.wireFormat !== WireFormat.keyPackage)
    return fail('validation.key-package', { wireFormat: decoded.wireFormat });
  return decoded.keyPackage.leafNode.signatureKey;
}

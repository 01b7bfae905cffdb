/**
 * What a leaf says of its device: identity, and the certificate by the account's key. MLS for XMPP, version 0,
 * sections 3.2 and 3.3, and rule V1 of section 7.2.
 *
 * {@link checkDeviceCert} decides validity of commits, so it knows no clock, no pin and no Unicode table.
 */

import { fromUtf8, utf8 } from '../../base/bytes.ts';
import { fail, MlsError } from '../../base/error.ts';
import {
  type Codec,
  decode,
  encode,
  oneOf,
  opaque,
  struct,
  uint8,
  uint16,
  uint64,
} from '../../codec/codec.ts';
import type { KeyPair, SuiteCrypto } from '../../index.ts';
import type { BasicCredential, Credential } from '../../wire/credential.ts';
import type { Extension } from '../../wire/extension.ts';
import { CredentialType } from '../../wire/registry.ts';
import { AccountKey, accountKeyOf, isAccountKey, isSignedBy, schemeOf, signAs } from './accountKey.ts';

/** Extension type of leaf nodes `xmpp_device_cert`. */
export const DEVICE_CERT = 0xf0e0;

/** Longest identity, bytes. */
export const MOST_IDENTITY_BYTES = 3071;

/** Body of {@link DEVICE_CERT}. */
export interface DeviceCert {
  readonly version: 0;
  readonly accountKey: AccountKey;
  /** Bit 0: the device holds the account's key. Others have no meaning, and are signed like it. */
  readonly flags: number;
  /** Seconds since 1970, both included. */
  readonly notBefore: bigint;
  readonly notAfter: bigint;
  /** By the account key over prefix and {@link DeviceCertTBS}. */
  readonly signature: Uint8Array;
}

/** What is signed: the certificate with what the leaf says elsewhere. */
export interface DeviceCertTBS extends Omit<DeviceCert, 'signature'> {
  /** `identity` of the credential. */
  readonly identity: Uint8Array;
  readonly suiteScheme: number;
  /** Signature key of the leaf. */
  readonly deviceKey: Uint8Array;
}

/** An identity in its parts. */
export interface DeviceIdentity {
  /** Bare JID. */
  readonly jid: string;
  /** 16 lower-case hexadecimal digits. */
  readonly deviceId: string;
}

/** What of a leaf the check needs. */
export interface CertifiedLeaf {
  readonly credential: Credential;
  readonly signatureKey: Uint8Array;
  readonly extensions: readonly Extension[];
  /** The suite of the group or KeyPackage that the leaf is in. */
  readonly cipherSuite: number;
}

/** Why a leaf is not valid. */
export type CertReason =
  | 'credential-type'
  | 'identity-length'
  | 'identity-text'
  | 'identity-jid'
  | 'identity-device'
  | 'certificate-missing'
  | 'certificate-several'
  | 'certificate-malformed'
  | 'account-key'
  | 'suite'
  | 'signature';

/** What the check found. */
export type CertVerdict =
  | { readonly kind: 'certified'; readonly identity: DeviceIdentity; readonly cert: DeviceCert }
  | { readonly kind: 'refused'; readonly reason: CertReason };

const version0 = /* @__PURE__ */ oneOf(uint8, [0], 'codec.unsupported');

/** Body of {@link DEVICE_CERT}. @throws `codec.unsupported` for another version */
export const DeviceCert: Codec<DeviceCert> = /* @__PURE__ */ struct<DeviceCert>({
  version: version0,
  accountKey: AccountKey,
  flags: uint8,
  notBefore: uint64,
  notAfter: uint64,
  signature: opaque,
});

/** What is signed. */
export const DeviceCertTBS: Codec<DeviceCertTBS> = /* @__PURE__ */ struct<DeviceCertTBS>({
  version: version0,
  identity: opaque,
  suiteScheme: uint16,
  deviceKey: opaque,
  accountKey: AccountKey,
  flags: uint8,
  notBefore: uint64,
  notAfter: uint64,
});

/** Bit of {@link DeviceCert.flags}: the device holds the account's key. */
export const MANAGER_FLAG = 1;

/** What {@link signDeviceCert} takes beside the keys. */
export interface NewDeviceCert extends DeviceIdentity {
  readonly cipherSuite: number;
  /** Signature public key of the device in that suite. */
  readonly deviceKey: Uint8Array;
  readonly manager: boolean;
  readonly notBefore: bigint;
  readonly notAfter: bigint;
}

/** The credential of a device. @throws `codec.utf8` */
export function deviceCredential({ jid, deviceId }: DeviceIdentity): BasicCredential {
  return { credentialType: CredentialType.basic, identity: utf8(`${jid}/${deviceId}`) };
}

/**
 * Certify a device: the extension for its leaves.
 * @param aik the account's key pair, of cipher suite 1
 * @throws `validation.credential` for an identity or a suite that no leaf may have, `crypto.private-key`
 */
export function signDeviceCert(suite1: SuiteCrypto, aik: KeyPair, device: NewDeviceCert): Extension {
  const { cipherSuite, deviceKey, manager, notBefore, notAfter } = device;
  const credential = deviceCredential(device);
  const identity = readIdentity(credential);
  const suiteScheme = schemeOf(cipherSuite);
  if (typeof identity === 'string') fail('validation.credential', { reason: identity });
  if (suiteScheme === undefined) fail('validation.credential', { reason: 'suite', cipherSuite });
  const content = {
    version: 0,
    accountKey: accountKeyOf(aik),
    flags: manager ? MANAGER_FLAG : 0,
    notBefore,
    notAfter,
  } as const;
  const signed = encode(DeviceCertTBS, {
    ...content,
    identity: credential.identity,
    suiteScheme,
    deviceKey,
  });
  const signature = signAs(suite1, aik, 'device', signed);
  return { extensionType: DEVICE_CERT, extensionData: encode(DeviceCert, { ...content, signature }) };
}

/**
 * Rule V1: whether a leaf is one of this binding. Depends on the leaf alone, so all members agree.
 * @param suite1 cipher suite 1 of the provider
 */
export function checkDeviceCert(suite1: SuiteCrypto, leaf: CertifiedLeaf): CertVerdict {
  const identity = readIdentity(leaf.credential);
  if (typeof identity === 'string') return refused(identity);
  const cert = readCert(leaf.extensions);
  if (typeof cert === 'string') return refused(cert);
  if (!isAccountKey(suite1, cert.accountKey)) return refused('account-key');
  const suiteScheme = schemeOf(leaf.cipherSuite);
  if (suiteScheme === undefined) return refused('suite');
  const { signature, ...content } = cert;
  const signed = encode(DeviceCertTBS, {
    ...content,
    identity: (leaf.credential as BasicCredential).identity,
    suiteScheme,
    deviceKey: leaf.signatureKey,
  });
  const valid = isSignedBy(suite1, cert.accountKey, { purpose: 'device', content: signed }, signature);
  return valid ? { kind: 'certified', identity, cert } : refused('signature');
}

/** Whether a certificate's dates include a moment. Never part of the validity of a commit. @param now seconds since 1970 */
export function isCurrent({ notBefore, notAfter }: DeviceCert, now: number): boolean {
  const at = BigInt(Math.floor(now));
  return notBefore <= at && at <= notAfter;
}

/** Whether the certificate says that its device holds the account's key. */
export function isManager({ flags }: DeviceCert): boolean {
  return (flags & MANAGER_FLAG) !== 0;
}

/** The parts of a credential's identity, or why it is none: the syntax of V1, which no Unicode version can change. */
export function readIdentity(credential: Credential): DeviceIdentity | CertReason {
  if (!('identity' in credential) || credential.credentialType !== CredentialType.basic)
    return 'credential-type';
  const { identity } = credential;
  if (identity.length > MOST_IDENTITY_BYTES) return 'identity-length';
  const text = textOf(identity);
  if (text === undefined || CONTROLS.test(text)) return 'identity-text';
  const slash = text.indexOf('/');
  const jid = slash < 0 ? text : text.slice(0, slash);
  if (!BARE_JID.test(jid)) return 'identity-jid';
  const deviceId = slash < 0 ? '' : text.slice(slash + 1);
  return DEVICE_ID.test(deviceId) ? { jid, deviceId } : 'identity-device';
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROLS = /[\u0000-\u001f]/;
/** One `@` with something on both sides, no ASCII upper case. */
const BARE_JID = /^[^@A-Z]+@[^@A-Z]+$/;
const DEVICE_ID = /^[0-9a-f]{16}$/;

function textOf(bytes: Uint8Array): string | undefined {
  try {
    return fromUtf8(bytes);
  } catch (error) {
    if (error instanceof MlsError) return undefined;
    throw error;
  }
}

function readCert(extensions: readonly Extension[]): DeviceCert | CertReason {
  const [found, ...more] = extensions.filter(({ extensionType }) => extensionType === DEVICE_CERT);
  if (found === undefined) return 'certificate-missing';
  if (more.length > 0) return 'certificate-several';
  try {
    return decode(DeviceCert, found.extensionData);
  } catch (error) {
    if (error instanceof MlsError) return 'certificate-malformed';
    throw error;
  }
}

function refused(reason: CertReason): CertVerdict {
  return { kind: 'refused', reason };
}

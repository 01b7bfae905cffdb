/** Certificates of devices: V1, one field broken at a time. */

import { describe, expect, test } from 'vitest';
import { concat, fromHex, toHex, utf8 } from '../../../../src/base/bytes.ts';
import { decode, encode } from '../../../../src/codec/codec.ts';
import { nobleProvider } from '../../../../src/crypto/noble/index.ts';
import { nodeProvider } from '../../../../src/crypto/node/index.ts';
import { basicCredential } from '../../../../src/index.ts';
import type { Credential } from '../../../../src/wire/credential.ts';
import {
  AccountKey,
  accountKeyOf,
  aikId,
  isAccountKey,
  sameAccountKey,
  schemeOf,
  signAs,
} from '../../../../src/xmpp/identity/accountKey.ts';
import {
  type CertifiedLeaf,
  checkDeviceCert,
  DEVICE_CERT,
  DeviceCert,
  DeviceCertTBS,
  deviceCredential,
  isCurrent,
  isManager,
  readIdentity,
  signDeviceCert,
} from '../../../../src/xmpp/identity/deviceCert.ts';
import { codeOf } from '../../../support/refusals.ts';
import { seeded } from '../../../support/seeded.ts';

const provider = seeded(1);
const suite1 = provider.suite(1);
const aik = suite1.signatureKeyPair(provider.random(32));
const otherAik = suite1.signatureKeyPair(provider.random(32));
const device = suite1.signatureKeyPair(provider.random(32));
const JID = 'juliet@capulet.example';
const ID = '9f3c1a5b7e2d4860';
const NEW = {
  jid: JID,
  deviceId: ID,
  cipherSuite: 1,
  deviceKey: device.publicKey,
  manager: true,
  notBefore: 100n,
  notAfter: 200n,
};

function leafOf(change: Partial<CertifiedLeaf> = {}): CertifiedLeaf {
  return {
    credential: deviceCredential(NEW),
    signatureKey: device.publicKey,
    extensions: [signDeviceCert(suite1, aik, NEW)],
    cipherSuite: 1,
    ...change,
  };
}

/** The leaf with another certificate in place of its own. */
function withCert(change: (cert: DeviceCert) => DeviceCert): CertifiedLeaf {
  const [extension] = leafOf().extensions;
  const cert = decode(DeviceCert, extension?.extensionData ?? new Uint8Array());
  return leafOf({
    extensions: [{ extensionType: DEVICE_CERT, extensionData: encode(DeviceCert, change(cert)) }],
  });
}

function reason(leaf: CertifiedLeaf): string {
  const verdicts = [nodeProvider, nobleProvider].map((one) => checkDeviceCert(one.suite(1), leaf));
  const [verdict, other] = verdicts;
  expect(other).toEqual(verdict);
  return verdict?.kind === 'refused' ? verdict.reason : 'certified';
}

describe('a certified leaf', () => {
  test('is read into account, device and certificate', () => {
    const verdict = checkDeviceCert(suite1, leafOf());
    if (verdict.kind !== 'certified') throw new Error(verdict.reason);
    expect(verdict.identity).toEqual({ jid: JID, deviceId: ID });
    expect(sameAccountKey(verdict.cert.accountKey, accountKeyOf(aik))).toBe(true);
    expect(isManager(verdict.cert)).toBe(true);
    expect([99, 100, 200.9, 201].map((now) => isCurrent(verdict.cert, now))).toEqual([
      false,
      true,
      true,
      false,
    ]);
  });

  test('IDN-03: stays valid for commits when it has expired: dates are no part of the check', () => {
    expect(
      reason(leafOf({ extensions: [signDeviceCert(suite1, aik, { ...NEW, notBefore: 0n, notAfter: 0n })] })),
    ).toBe('certified');
  });

  test.each([1, 2, 3, 4, 5, 6, 7])('can be of suite %i', (cipherSuite) => {
    const suite = provider.suite(cipherSuite);
    const key = suite.signatureKeyPair(provider.random(suite.sizes.signatureSeed)).publicKey;
    const extension = signDeviceCert(suite1, aik, { ...NEW, cipherSuite, deviceKey: key });
    expect(reason(leafOf({ cipherSuite, signatureKey: key, extensions: [extension] }))).toBe('certified');
    const another = cipherSuite === 2 ? 1 : 2;
    expect(reason(leafOf({ cipherSuite: another, signatureKey: key, extensions: [extension] }))).toBe(
      'signature',
    );
  });

  test('is signed over the bytes of section 3.3, behind a prefix of its own', () => {
    const signed = encode(DeviceCertTBS, {
      version: 0,
      identity: utf8(`${JID}/${ID}`),
      suiteScheme: 0x0807,
      deviceKey: device.publicKey,
      accountKey: accountKeyOf(aik),
      flags: 1,
      notBefore: 100n,
      notAfter: 200n,
    });
    const hex = toHex(signed);
    expect(hex.startsWith(`0027${toHex(utf8(`${JID}/${ID}`))}080720`)).toBe(true);
    expect(hex.endsWith('0100000000000000640000000000000' + '0c8')).toBe(true);
    const signature = suite1.sign(aik.secretKey, concat(utf8('XMPP MLS 0 device\0'), signed));
    expect(reason(withCert((cert) => ({ ...cert, signature })))).toBe('certified');
  });
});

describe('IDN-02: a certificate is refused', () => {
  test('for another device key, account, device, or with another flag or date', () => {
    expect(reason(leafOf({ signatureKey: otherAik.publicKey }))).toBe('signature');
    expect(reason(leafOf({ credential: basicCredential(`romeo@montague.example/${ID}`) }))).toBe('signature');
    expect(reason(leafOf({ credential: basicCredential(`${JID}/0f3c1a5b7e2d4860`) }))).toBe('signature');
    expect(reason(withCert((cert) => ({ ...cert, flags: 0 })))).toBe('signature');
    expect(reason(withCert((cert) => ({ ...cert, notBefore: 99n })))).toBe('signature');
    expect(reason(withCert((cert) => ({ ...cert, notAfter: 201n })))).toBe('signature');
  });

  test('when another key is named, or signed it', () => {
    expect(reason(withCert((cert) => ({ ...cert, accountKey: accountKeyOf(otherAik) })))).toBe('signature');
    const content = encode(DeviceCertTBS, {
      version: 0,
      identity: utf8(`${JID}/${ID}`),
      suiteScheme: 0x0807,
      deviceKey: device.publicKey,
      accountKey: accountKeyOf(aik),
      flags: 1,
      notBefore: 100n,
      notAfter: 200n,
    });
    const signature = signAs(suite1, otherAik, 'device', content);
    expect(reason(withCert((cert) => ({ ...cert, signature })))).toBe('signature');
  });

  test('when it was signed for another purpose, or with another prefix', () => {
    const content = encode(DeviceCertTBS, {
      version: 0,
      identity: utf8(`${JID}/${ID}`),
      suiteScheme: 0x0807,
      deviceKey: device.publicKey,
      accountKey: accountKeyOf(aik),
      flags: 1,
      notBefore: 100n,
      notAfter: 200n,
    });
    for (const purpose of ['devices', 'rollover'] as const)
      expect(
        reason(withCert((cert) => ({ ...cert, signature: signAs(suite1, aik, purpose, content) }))),
      ).toBe('signature');
    for (const prefix of ['', 'XMPP MLS 0 device', 'XMPP MLS 1 device\0', 'XMPP MLS 0 Device\0']) {
      const signature = suite1.sign(aik.secretKey, concat(utf8(prefix), content));
      expect(reason(withCert((cert) => ({ ...cert, signature })))).toBe('signature');
    }
  });

  test('when it is missing, there twice, of another version, truncated, or longer', () => {
    const [extension] = leafOf().extensions;
    if (extension === undefined) throw new Error('no extension');
    const data = extension.extensionData;
    const as = (extensionData: Uint8Array): CertifiedLeaf =>
      leafOf({ extensions: [{ extensionType: DEVICE_CERT, extensionData }] });
    expect(reason(leafOf({ extensions: [] }))).toBe('certificate-missing');
    expect(reason(leafOf({ extensions: [extension, extension] }))).toBe('certificate-several');
    expect(reason(as(concat(Uint8Array.of(1), data.subarray(1))))).toBe('certificate-malformed');
    expect(reason(as(concat(data, Uint8Array.of(0))))).toBe('certificate-malformed');
    for (let length = 0; length < data.length; length++)
      expect(reason(as(data.subarray(0, length)))).toBe('certificate-malformed');
    expect(reason(as(data))).toBe('certified');
  });

  test('for an account key of another scheme, of small order, or not canonical', () => {
    const key = (scheme: number, bytes: Uint8Array): string =>
      reason(withCert((cert) => ({ ...cert, accountKey: { scheme, key: bytes } })));
    expect(key(0x0808, aik.publicKey)).toBe('account-key');
    expect(key(0x0403, aik.publicKey)).toBe('account-key');
    expect(key(0x0807, aik.publicKey.subarray(1))).toBe('account-key');
    expect(key(0x0807, new Uint8Array(32))).toBe('account-key');
    expect(key(0x0807, fromHex(`01${'00'.repeat(31)}`))).toBe('account-key');
    expect(key(0x0807, fromHex(`f0${'ff'.repeat(30)}7f`))).toBe('account-key');
    expect(isAccountKey(suite1, accountKeyOf(aik))).toBe(true);
  });

  test('in a suite that version 0 does not name', () => {
    expect(reason(leafOf({ cipherSuite: 8 }))).toBe('suite');
    expect(schemeOf(8)).toBeUndefined();
  });
});

describe('an identity', () => {
  const read = (identity: Uint8Array | string): unknown => readIdentity(basicCredential(identity));
  const long = (bytes: number): string => `${'a'.repeat(bytes - ID.length - 3)}@b/${ID}`;

  test('is split at the first slash', () => {
    expect(read(`${JID}/${ID}`)).toEqual({ jid: JID, deviceId: ID });
    expect(read(`жульета@капулетти.рф/${ID}`)).toEqual({ jid: 'жульета@капулетти.рф', deviceId: ID });
    expect(read(`\u212aelvin@capulet.example/${ID}`)).toMatchObject({ deviceId: ID });
  });

  test('IDN-11: has a bounded length, and is text without controls', () => {
    expect(read(long(3071))).toMatchObject({ deviceId: ID });
    expect(read(long(3072))).toBe('identity-length');
    expect(read(new Uint8Array(65_536))).toBe('identity-length');
    expect(read(concat(Uint8Array.of(0xff), utf8(`${JID}/${ID}`)))).toBe('identity-text');
    expect(read(concat(fromHex('c0af'), utf8(`${JID}/${ID}`)))).toBe('identity-text');
    for (const control of ['\u0000', '\u0001', '\n', '\u001f'])
      expect(read(`a${control}${JID}/${ID}`)).toBe('identity-text');
    expect(read('')).toBe('identity-jid');
  });

  test('IDN-09: has one @, and no ASCII upper case in the address', () => {
    for (const jid of [
      '',
      '@',
      'a@',
      '@b',
      'a@b@c',
      'capulet.example',
      'Juliet@capulet.example',
      'juliet@Capulet.example',
    ])
      expect(read(`${jid}/${ID}`), jid).toBe('identity-jid');
  });

  test('IDN-10: is not what looks the same', () => {
    expect(read(`juli\u0435t@capulet.example/${ID}`)).not.toEqual(read(`${JID}/${ID}`));
  });

  test('IDN-12: ends in a device id of 16 lower-case hexadecimal digits', () => {
    for (const id of [
      '',
      ID.slice(1),
      `${ID}0`,
      ID.toUpperCase(),
      `g${ID.slice(1)}`,
      ` ${ID}`,
      `${ID}\u2028`,
      `x/${ID}`,
    ])
      expect(read(`${JID}/${id}`), id).toBe('identity-device');
    expect(read(JID)).toBe('identity-device');
  });

  test('is in a basic credential', () => {
    const x509: Credential = { credentialType: 2, certificates: [utf8(`${JID}/${ID}`)] };
    expect(reason(leafOf({ credential: x509 }))).toBe('credential-type');
    expect(reason(leafOf({ credential: { credentialType: 0xf000, body: utf8(`${JID}/${ID}`) } }))).toBe(
      'credential-type',
    );
  });

  test('that no leaf may have is not certified', () => {
    expect(codeOf(() => signDeviceCert(suite1, aik, { ...NEW, jid: 'Juliet@capulet.example' }))).toBe(
      'validation.credential',
    );
    expect(codeOf(() => signDeviceCert(suite1, aik, { ...NEW, deviceId: 'x' }))).toBe(
      'validation.credential',
    );
    expect(codeOf(() => signDeviceCert(suite1, aik, { ...NEW, cipherSuite: 9 }))).toBe(
      'validation.credential',
    );
    expect(codeOf(() => signDeviceCert(provider.suite(2), aik, NEW))).toBe('codec.input');
  });
});

test('IDN-12: the fingerprint covers type and key', () => {
  const key = accountKeyOf(aik);
  expect(toHex(aikId(suite1, key))).toBe(
    toHex(suite1.hash(concat(utf8('XMPP MLS 0 aik\0'), encode(AccountKey, key)))),
  );
  expect(toHex(encode(AccountKey, key))).toBe(`080720${toHex(aik.publicKey)}`);
  expect(aikId(suite1, { ...key, scheme: 0x0808 })).not.toEqual(aikId(suite1, key));
});

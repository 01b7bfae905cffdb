/** The DHKEMs by OpenSSL. */

import { createECDH, createPublicKey, diffieHellman, getCurves } from 'node:crypto';
import { type DhEngine, type DhGroup, dhkems, montgomeryGroup, nistGroup } from '../dhkem.ts';
import type { KemPart } from '../parts.ts';
import { X448, X25519 } from '../strict.ts';
import { P256, P384, P521 } from '../weierstrass.ts';
import { sha256Part, sha384Part, sha512Part } from './hash.ts';
import { base64url, importPrivate, importPublic, offersOkp, plain, secretCache } from './keys.ts';

function montgomeryEngine(crv: 'X25519' | 'X448'): DhEngine {
  const privateKey = secretCache((secretKey) =>
    importPrivate({ kty: 'OKP', crv, x: '', d: base64url(secretKey) }),
  );
  // Not remembered: peers' keys of a KEM are mostly used once, and importing them is cheap.
  const publicKeyObject = (publicKey: Uint8Array) =>
    importPublic({ kty: 'OKP', crv, x: base64url(publicKey) });
  return {
    publicKey: (secretKey) => {
      const jwk = createPublicKey(privateKey(secretKey)).export({ format: 'jwk' });
      return new Uint8Array(Buffer.from(jwk.x ?? '', 'base64url'));
    },
    dh: (secretKey, publicKey) =>
      plain(diffieHellman({ privateKey: privateKey(secretKey), publicKey: publicKeyObject(publicKey) })),
  };
}

function nistEngine(curve: string): DhEngine {
  const agreement = (secretKey: Uint8Array) => {
    const ecdh = createECDH(curve);
    ecdh.setPrivateKey(secretKey);
    return ecdh;
  };
  return {
    publicKey: (secretKey) => plain(agreement(secretKey).getPublicKey()),
    dh: (secretKey, publicKey) => plain(agreement(secretKey).computeSecret(publicKey)),
  };
}

/** The groups that OpenSSL was built with, by the identifier of their KEM (RFC 9180 §7.1). */
export function dhGroups(): ReadonlyMap<number, DhGroup> {
  const groups = new Map<number, DhGroup>();
  const curves = getCurves();
  const nist = [
    [0x0010, P256, 'prime256v1'],
    [0x0011, P384, 'secp384r1'],
    [0x0012, P521, 'secp521r1'],
  ] as const;
  for (const [id, rules, curve] of nist) {
    if (curves.includes(curve)) groups.set(id, nistGroup(rules, nistEngine(curve)));
  }
  const montgomery = [
    [0x0020, X25519, 'X25519'],
    [0x0021, X448, 'X448'],
  ] as const;
  for (const [id, rules, crv] of montgomery) {
    if (offersOkp(crv, rules.size)) groups.set(id, montgomeryGroup(rules, montgomeryEngine(crv)));
  }
  return groups;
}

/** KEMs by HPKE identifier (RFC 9180 §7.1). */
export function kems(): ReadonlyMap<number, KemPart> {
  return dhkems(dhGroups(), sha256Part, sha384Part, sha512Part);
}

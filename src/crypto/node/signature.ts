/** EdDSA and ECDSA by OpenSSL. */

import { createECDH, createPublicKey, getCurves, type KeyObject, sign, verify } from 'node:crypto';
import type { Mac } from '../hkdf.ts';
import type { SignaturePart } from '../parts.ts';
import { ecdsaPart, eddsaPart, type SignatureEngine } from '../signature.ts';
import { ED448, ED25519 } from '../strict.ts';
import { P256, P384, P521, type WeierstrassRules } from '../weierstrass.ts';
import { torsionAgrees } from './ed448.ts';
import { sha256Part, sha384Part, sha512Part } from './hash.ts';
import {
  base64url,
  importPrivate,
  importPublic,
  offersOkp,
  plain,
  publicCache,
  secretCache,
} from './keys.ts';

function edwardsEngine(crv: 'Ed25519' | 'Ed448'): SignatureEngine {
  const privateKey = secretCache((secretKey) =>
    importPrivate({ kty: 'OKP', crv, x: '', d: base64url(secretKey) }),
  );
  const publicKeyObject = publicCache((publicKey) =>
    importPublic({ kty: 'OKP', crv, x: base64url(publicKey) }),
  );
  return {
    publicKey: (secretKey) => {
      const jwk = createPublicKey(privateKey(secretKey)).export({ format: 'jwk' });
      return new Uint8Array(Buffer.from(jwk.x ?? '', 'base64url'));
    },
    sign: (secretKey, message) => plain(sign(undefined, message, privateKey(secretKey))),
    verify: (publicKey, message, signature) =>
      verify(undefined, message, publicKeyObject(publicKey), signature),
  };
}

/** OpenSSL verifies Ed448 up to points of small order; the strict verdict needs a look at those. */
function ed448Engine(): SignatureEngine {
  const engine = edwardsEngine('Ed448');
  return {
    ...engine,
    verify: (publicKey, message, signature) =>
      engine.verify(publicKey, message, signature) && torsionAgrees(publicKey, message, signature),
  };
}

function ecdsaEngine(rules: WeierstrassRules, crv: string, curve: string, hash: string): SignatureEngine {
  const publicKeyOf = (secretKey: Uint8Array): Uint8Array => {
    const ecdh = createECDH(curve);
    ecdh.setPrivateKey(secretKey);
    return plain(ecdh.getPublicKey());
  };
  const point = (publicKey: Uint8Array) => ({
    kty: 'EC',
    crv,
    x: base64url(publicKey.subarray(1, 1 + rules.size)),
    y: base64url(publicKey.subarray(1 + rules.size)),
  });
  const privateKey = secretCache((secretKey) =>
    importPrivate({ ...point(publicKeyOf(secretKey)), d: base64url(secretKey) }),
  );
  const publicKeyObject = publicCache((publicKey) => importPublic(point(publicKey)));
  // The fixed-width form, so that our own DER code is the only one at work in either back end.
  const raw = (key: KeyObject) => ({ key, dsaEncoding: 'ieee-p1363' }) as const;
  return {
    publicKey: publicKeyOf,
    sign: (secretKey, message) => plain(sign(hash, message, raw(privateKey(secretKey)))),
    verify: (publicKey, message, compact) => verify(hash, message, raw(publicKeyObject(publicKey)), compact),
  };
}

function ecdsa(rules: WeierstrassRules, crv: string, curve: string, hash: string, mac: Mac) {
  if (!getCurves().includes(curve)) return undefined;
  return ecdsaPart(rules, mac, ecdsaEngine(rules, crv, curve, hash));
}

/** Signature schemes by their TLS names, those that OpenSSL was built with. */
export function signatures(): ReadonlyMap<string, SignaturePart | undefined> {
  const ed25519 = offersOkp('Ed25519', 32) ? eddsaPart(ED25519, edwardsEngine('Ed25519')) : undefined;
  const ed448 = offersOkp('Ed448', 57) ? eddsaPart(ED448, ed448Engine()) : undefined;
  return new Map([
    ['ed25519', ed25519],
    ['ed448', ed448],
    ['ecdsa_secp256r1_sha256', ecdsa(P256, 'P-256', 'prime256v1', 'sha256', sha256Part)],
    ['ecdsa_secp384r1_sha384', ecdsa(P384, 'P-384', 'secp384r1', 'sha384', sha384Part)],
    ['ecdsa_secp521r1_sha512', ecdsa(P521, 'P-521', 'secp521r1', 'sha512', sha512Part)],
  ]);
}

/**
 * The 15 Wycheproof files on both back ends. The expected verdict of every case follows from its result and the rules
 * written down here; both back ends must give it.
 */

import { describe, expect, it } from 'vitest';
import { fromHex, toHex } from '../../src/base/bytes.ts';
import { nobleParts, nobleProvider } from '../../src/crypto/noble/index.ts';
import { dhGroups as nobleGroups } from '../../src/crypto/noble/kem.ts';
import { nodeParts, nodeProvider } from '../../src/crypto/node/index.ts';
import { dhGroups as nodeGroups } from '../../src/crypto/node/kem.ts';
import { vectorFile } from '../support/vectorFiles.ts';

type Result = 'valid' | 'invalid' | 'acceptable';
type Field =
  | 'salt'
  | 'ikm'
  | 'info'
  | 'okm'
  | 'key'
  | 'iv'
  | 'aad'
  | 'ct'
  | 'tag'
  | 'msg'
  | 'public'
  | 'private'
  | 'shared'
  | 'sig';
interface Case extends Record<Field, string> {
  tcId: number;
  comment: string;
  flags: string[];
  result: Result;
  size: number;
}
interface Group {
  tests: Case[];
  publicKey?: { pk?: string; uncompressed?: string };
  ivSize?: number;
  tagSize?: number;
  keySize?: number;
}
type Rule = readonly [flag: string, accepted: boolean, reason: string];

const BACK_ENDS = [
  { name: 'node', provider: nodeProvider, parts: nodeParts(), groups: nodeGroups() },
  { name: 'noble', provider: nobleProvider, parts: nobleParts(), groups: nobleGroups() },
];

/** Verdicts of 'acceptable' cases: the first rule whose flag a case has decides. */
const ACCEPTABLE: readonly Rule[] = [
  ['ZeroSharedSecret', false, 'RFC 9180 §7.1.4: an all-zero shared secret is refused'],
  ['CompressedPoint', false, 'RFC 9420 §5.1.1: EC points are uncompressed'],
  ['NonCanonicalPublic', true, 'RFC 7748 §5: u is taken modulo p'],
  [
    'LowOrderPublic',
    true,
    'flagged in the file, but the shared secret is not zero: an ordinary key on the twist',
  ],
  ['Twist', true, 'RFC 7748: keys on the twist are keys like others'],
];

function expected({ result, flags, tcId }: Case): boolean {
  if (result !== 'acceptable') return result === 'valid';
  const rule = ACCEPTABLE.find(([flag]) => flags.includes(flag));
  if (rule === undefined) throw new Error(`case ${tcId} has no rule`);
  return rule[1];
}

const bytes = fromHex;

/** Run each case on both back ends. `run` gives the verdict, or undefined for what the suites cannot express. */
function file(
  ids: string,
  name: string,
  total: number,
  run: (backEnd: (typeof BACK_ENDS)[number], test: Case, group: Group) => boolean,
  verdict: (test: Case, group: Group) => boolean = expected,
): void {
  const vectors = vectorFile('wycheproof', name);
  describe.skipIf(vectors.skip)(`Wycheproof ${ids}: ${vectors.title}`, () => {
    const groups = vectors.skip ? [] : vectors.json<{ testGroups: Group[] }>().testGroups;
    it.each(BACK_ENDS)('every verdict on $name', (backEnd) => {
      let count = 0;
      const wrong: string[] = [];
      for (const group of groups) {
        for (const test of group.tests) {
          const want = verdict(test, group);
          const got = run(backEnd, test, group);
          if (got !== want) wrong.push(`${test.tcId} ${test.comment} [${test.flags}]: ${got}, want ${want}`);
          count++;
        }
      }
      expect(wrong).toEqual([]);
      expect(count).toBe(total);
    });
  });
}

/** Whether a computation gives the expected bytes; a wrong result is an error of its own. */
function gives(step: () => Uint8Array | undefined, hex: unknown): boolean {
  let out: Uint8Array | undefined;
  try {
    out = step();
  } catch {
    return false;
  }
  if (out === undefined) return false;
  if (toHex(out) !== hex) throw new Error(`accepted with the wrong result ${toHex(out)}, want ${hex}`);
  return true;
}

const HKDF = [
  ['hkdf_sha256_test.json', 1, 86],
  ['hkdf_sha384_test.json', 7, 83],
  ['hkdf_sha512_test.json', 5, 83],
] as const;
for (const [name, id, total] of HKDF) {
  file('CRY-21', name, total, ({ provider }, t) => {
    const suite = provider.suite(id);
    const step = () =>
      suite.hkdfExpand(suite.hkdfExtract(bytes(t.salt), bytes(t.ikm)), bytes(t.info), t.size);
    return gives(step, t.okm);
  });
}

// The suites know 12-byte nonces, and no AES-192: what the file calls valid beyond that is refused by length.
const fitsSuite = (t: Case, g: Group) => t.result === 'valid' && g.ivSize === 96 && g.keySize !== 192;
const AEADS = [
  ['aes_gcm_test.json', 316],
  ['chacha20_poly1305_test.json', 325],
] as const;
for (const [name, total] of AEADS) {
  file(
    'CRY-13',
    name,
    total,
    ({ provider }, t, g) => {
      const suite = provider.suite(name.startsWith('chacha') ? 3 : g.keySize === 128 ? 1 : 7);
      const [key, nonce, aad] = [bytes(t.key), bytes(t.iv), bytes(t.aad)];
      const sealed = `${t.ct}${t.tag}`;
      const opened = gives(() => suite.open(key, nonce, aad, fromHex(sealed)), t.msg);
      // Sealing gives the same bytes; for the cases that modify a result there is nothing to compare.
      if (opened) expect(toHex(suite.seal(key, nonce, aad, bytes(t.msg)))).toBe(sealed);
      return opened;
    },
    fitsSuite,
  );
}

const XDH = [
  ['x25519_test.json', 0x0020, 518],
  ['x448_test.json', 0x0021, 510],
] as const;
for (const [name, id, total] of XDH) {
  file('CRY-10 CRY-11 R5.1-14', name, total, ({ groups, parts }, t) => {
    const group = groups.get(id)!;
    const publicKey = bytes(t.public);
    const usable = group.isPublicKey(publicKey);
    expect(parts.kems.get(id)!.isPublicKey(publicKey)).toBe(usable);
    if (!usable) return false;
    return gives(() => group.dh(bytes(t.private), publicKey), t.shared);
  });
}

const ECDH = [
  ['ecdh_secp256r1_ecpoint_test.json', 0x0010, 355],
  ['ecdh_secp384r1_ecpoint_test.json', 0x0011, 790],
  ['ecdh_secp521r1_ecpoint_test.json', 0x0012, 661],
] as const;
for (const [name, id, total] of ECDH) {
  file('CRY-08 CRY-09 R5.1.1-04', name, total, ({ groups }, t) => {
    const group = groups.get(id)!;
    const secret = fitted(bytes(t.private), group.secretSize);
    const publicKey = bytes(t.public);
    if (!group.isSecretKey(secret) || !group.isPublicKey(publicKey)) return false;
    return gives(() => group.dh(secret, publicKey), t.shared);
  });
}

const SIGNATURES = [
  ['ed25519_test.json', 1, 151],
  ['ed448_test.json', 4, 87],
  ['ecdsa_secp256r1_sha256_test.json', 2, 484],
  ['ecdsa_secp384r1_sha384_test.json', 7, 504],
  ['ecdsa_secp521r1_sha512_test.json', 5, 542],
] as const;
for (const [name, id, total] of SIGNATURES) {
  file('CRY-03 CRY-04 CRY-05 R5.1.2-07', name, total, ({ provider }, t, g) => {
    const publicKey = fromHex(g.publicKey?.pk ?? g.publicKey?.uncompressed ?? '');
    return provider.suite(id).verify(publicKey, bytes(t.msg), bytes(t.sig));
  });
}

/** Scalars in the files are integers without leading zeros, or with one too many; ours have a fixed width. */
function fitted(scalar: Uint8Array, size: number): Uint8Array {
  const out = new Uint8Array(size);
  const digits = scalar.length > size ? scalar.subarray(scalar.length - size) : scalar;
  out.set(digits, size - digits.length);
  return out;
}

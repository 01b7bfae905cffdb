/** HKDF, the labeled expansions and HPKE's export, written out over `node:crypto` alone, to compute everything again. */

import { createHmac } from 'node:crypto';
import { concat, utf8 } from '../../../src/base/bytes.ts';
import type { SuiteCrypto } from '../../../src/crypto/provider.ts';
import { uint, vec } from '../../support/trees.ts';

const NAMES: Readonly<Record<number, string>> = { 32: 'sha256', 48: 'sha384', 64: 'sha512' };

export interface Raw {
  extract(salt: Uint8Array, ikm: Uint8Array): Uint8Array;
  expand(prk: Uint8Array, info: Uint8Array, length: number): Uint8Array;
  /** ExpandWithLabel (RFC 9420 §8); a text context stands for its ASCII bytes. */
  label(secret: Uint8Array, label: string, context: Uint8Array | string, length: number): Uint8Array;
  /** DeriveSecret. */
  derive(secret: Uint8Array, label: string): Uint8Array;
  /** DeriveTreeSecret (§9.1). */
  tree(secret: Uint8Array, label: string, generation: number, length: number): Uint8Array;
  /** Context.Export of a base mode context over a KEM secret, info empty (RFC 9180 §5.1, §5.3). */
  hpkeExport(shared: Uint8Array, context: string): Uint8Array;
}

export function rawOf(suite: SuiteCrypto): Raw {
  const { hash } = suite.sizes;
  const extract = (salt: Uint8Array, ikm: Uint8Array): Uint8Array =>
    new Uint8Array(
      createHmac(NAMES[hash] as string, salt)
        .update(ikm)
        .digest(),
    );
  const expand = (prk: Uint8Array, info: Uint8Array, length: number): Uint8Array => {
    let block: Uint8Array = new Uint8Array(0);
    const blocks: Uint8Array[] = [];
    for (let i = 1; blocks.length * hash < length; i++) {
      block = extract(prk, concat(block, info, Uint8Array.of(i)));
      blocks.push(block);
    }
    return concat(...blocks).slice(0, length);
  };
  const label: Raw['label'] = (secret, text, context, length) => {
    const bytes = typeof context === 'string' ? utf8(context) : context;
    return expand(secret, concat(uint(length, 2), vec(utf8(`MLS 1.0 ${text}`)), vec(bytes)), length);
  };
  const hpkeExport = (shared: Uint8Array, context: string): Uint8Array => {
    const { kem, kdf, aead } = suite.hpke;
    const id = concat(utf8('HPKE'), uint(kem, 2), uint(kdf, 2), uint(aead, 2));
    const none = new Uint8Array(0);
    const labeled = (salt: Uint8Array, text: string, ikm: Uint8Array): Uint8Array =>
      extract(salt, concat(utf8('HPKE-v1'), id, utf8(text), ikm));
    const longer = (prk: Uint8Array, text: string, info: Uint8Array): Uint8Array =>
      expand(prk, concat(uint(hash, 2), utf8('HPKE-v1'), id, utf8(text), info), hash);
    const schedule = concat(uint(0, 1), labeled(none, 'psk_id_hash', none), labeled(none, 'info_hash', none));
    const exporter = longer(labeled(shared, 'secret', none), 'exp', schedule);
    return longer(exporter, 'sec', utf8(context));
  };
  return {
    extract,
    expand,
    label,
    derive: (secret, text) => label(secret, text, '', hash),
    tree: (secret, text, generation, length) => label(secret, text, uint(generation, 4), length),
    hpkeExport,
  };
}

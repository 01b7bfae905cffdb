/** Reproducible randomness: the same seed and label give the same bytes. Keys made with it are public knowledge. */

import { sha256 } from '@noble/hashes/sha2.js';
import { concat, utf8 } from '../../src/base/bytes.ts';
import { signatures as nobleSignatures } from '../../src/crypto/noble/signature.ts';
import { createNodeProvider } from '../../src/crypto/node/index.ts';
import { signatures as nodeSignatures } from '../../src/crypto/node/signature.ts';
import type { SignaturePart } from '../../src/crypto/parts.ts';
import type { Provider } from '../../src/crypto/provider.ts';

/**
 * The fast back end with all randomness taken from a seed. ECDSA of `node:crypto` draws from a source of its own, so
 * that the noble libraries sign in its place: they derive the nonce (RFC 6979), as EdDSA does anyway.
 * @param label what is made with it: a case keeps its bytes whatever is drawn for others
 */
export function seededProvider(seed: number, label: string): Provider {
  return createNodeProvider({
    random: stream(`xmpp-mls vectors ${seed} ${label}`),
    signatures: deterministic(),
  });
}

function deterministic(): Map<string, SignaturePart | undefined> {
  const noble = nobleSignatures();
  return new Map(
    [...nodeSignatures()].map(([name, part]) => {
      const sign = noble.get(name)?.sign;
      return [name, part && sign && name.startsWith('ecdsa') ? { ...part, sign } : part];
    }),
  );
}

/** SHA-256 over a label and a counter, block by block. */
function stream(label: string): (length: number) => Uint8Array {
  let counter = 0;
  let rest = new Uint8Array(0);
  return (length) => {
    while (rest.length < length) {
      rest = concat(rest, sha256(utf8(`${label} ${counter}`))) as Uint8Array<ArrayBuffer>;
      counter += 1;
    }
    const out = rest.slice(0, length);
    rest = rest.slice(length);
    return out;
  };
}

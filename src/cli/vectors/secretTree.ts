/** Vectors of kind secret-tree: message keys of every leaf, and keys of sender data (RFC 9420 §9, §6.3.2). */

import { leafIndex } from '../../base/brand.ts';
import { equal } from '../../base/bytes.ts';
import { encode } from '../../codec/codec.ts';
import { Writer } from '../../codec/writer.ts';
import type { SuiteCrypto } from '../../crypto/provider.ts';
import { openSenderData } from '../../framing/privateMessage.ts';
import {
  createSecretTree,
  type RatchetKind,
  type SecretTree,
  takeReceiveKey,
} from '../../schedule/secretTree.ts';
import { SenderData } from '../../wire/message.ts';
import { ContentType } from '../../wire/registry.ts';
import {
  bytesOf,
  differ,
  expectHex,
  expectSame,
  expectTrue,
  hexOf,
  isJson,
  type Json,
  listOf,
  numberOf,
  objectOf,
  type Verifier,
  within,
} from './verifier.ts';

/** One entry of `leaves` per leaf, each a list of generations. */
export const verifySecretTree: Verifier = (provider, vector) => {
  const suite = provider.suite(numberOf(vector, 'cipher_suite'));
  within('sender_data', () => verifySenderDataKeys(suite, objectOf(vector, 'sender_data')));

  const leaves = listOf(vector, 'leaves');
  let tree = createSecretTree(leaves.length, bytesOf(vector, 'encryption_secret'));
  leaves.forEach((generations, leaf) => {
    within(`leaf ${leaf}`, () => {
      for (const kind of KINDS) tree = verifyRatchet(suite, tree, { leaf, kind, generations });
    });
  });
};

const KINDS: readonly RatchetKind[] = ['handshake', 'application'];

interface LeafKeys {
  readonly leaf: number;
  readonly kind: RatchetKind;
  readonly generations: unknown;
}

/** @returns the tree after the keys were taken, so that later leaves prove that nothing they need was lost */
function verifyRatchet(
  suite: SuiteCrypto,
  tree: SecretTree,
  { leaf, kind, generations }: LeafKeys,
): SecretTree {
  let next = tree;
  const entries = Array.isArray(generations) ? generations : differ('not a list');
  for (const entry of entries.map((value: unknown) => (isJson(value) ? value : differ('not an object')))) {
    const generation = numberOf(entry, 'generation');
    const limits = { maxForward: generation, keptKeys: generation };
    const taken = takeReceiveKey(suite, next, { leaf: leafIndex(leaf), kind, generation }, limits);
    expectSame('generation', taken.generation, generation);
    expectHex(`${kind}_key of generation ${generation}`, taken.key, hexOf(entry, `${kind}_key`));
    expectHex(`${kind}_nonce of generation ${generation}`, taken.nonce, hexOf(entry, `${kind}_nonce`));
    next = taken.next;
  }
  return next;
}

/** Sender data that was sealed under the given key and nonce opens for a receiver, who has to derive both. */
function verifySenderDataKeys(suite: SuiteCrypto, part: Json): void {
  const key = bytesOf(part, 'key');
  const nonce = bytesOf(part, 'nonce');
  expectSame('length of key', key.length, suite.sizes.key);
  expectSame('length of nonce', nonce.length, suite.sizes.nonce);
  const groupId = new Uint8Array(0);
  const aad = new Writer();
  aad.opaque(groupId);
  aad.uint64(0n);
  aad.uint8(ContentType.application);
  const plaintext = encode(SenderData, { leafIndex: 1, generation: 2, reuseGuard: new Uint8Array(4) });
  const message = {
    groupId,
    epoch: 0n,
    contentType: ContentType.application,
    authenticatedData: new Uint8Array(0),
    encryptedSenderData: suite.seal(key, nonce, aad.finish(), plaintext),
    ciphertext: bytesOf(part, 'ciphertext'),
  };
  const opened = within('key or nonce', () =>
    openSenderData(suite, bytesOf(part, 'sender_data_secret'), message),
  );
  expectTrue('opened sender data', equal(encode(SenderData, opened), plaintext));
}

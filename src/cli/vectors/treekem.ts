/** Vectors of kind treekem: update paths, received by every member and made by every member (RFC 9420 §7.4 to §7.6). */

import { type LeafIndex, leafIndex, type NodeIndex, nodeIndex } from '../../base/brand.ts';
import { EMPTY } from '../../base/bytes.ts';
import { decode, encode } from '../../codec/codec.ts';
import type { KeyPair, Provider, SuiteCrypto } from '../../crypto/provider.ts';
import { treeHash } from '../../tree/hash.ts';
import { signLeaf, verifyLeafSignature } from '../../tree/leafNode.ts';
import { covers, leafNodeIndex } from '../../tree/math.ts';
import { applyPath, draftPath, openPath, sealPath } from '../../tree/path.ts';
import { matchingKeyPair, type PrivatePath } from '../../tree/privatePath.ts';
import { leafAt, subtreeAt, type Tree, treeFromNodes } from '../../tree/tree.ts';
import { UpdatePath } from '../../wire/commit.ts';
import { GroupContext } from '../../wire/groupContext.ts';
import type { LeafNode } from '../../wire/leafNode.ts';
import { LeafSource, MLS10 } from '../../wire/registry.ts';
import { RatchetTree } from '../../wire/treeNode.ts';
import {
  bytesOf,
  differ,
  expectBytes,
  expectHex,
  expectSame,
  expectTrue,
  hexListOf,
  hexOf,
  type Json,
  kemKeyPairOf,
  numberOf,
  objectsOf,
  signatureKeyOf,
  uint64Of,
  type Verifier,
  within,
} from './verifier.ts';

/** Private keys fit the tree; given paths open for everybody else; so do fresh paths of each member. */
export const verifyTreekem: Verifier = (provider, vector) => {
  const suite = provider.suite(numberOf(vector, 'cipher_suite'));
  const tree = treeFromNodes(decode(RatchetTree, bytesOf(vector, 'ratchet_tree')));
  const group: TestGroup = { provider, suite, tree, vector, groupId: bytesOf(vector, 'group_id') };
  const members = objectsOf(vector, 'leaves_private').map((entry) => {
    const leaf = leafIndex(numberOf(entry, 'index'));
    return within(`leaf ${leaf}`, () => readMember(group, leaf, entry));
  });
  objectsOf(vector, 'update_paths').forEach((update, i) => {
    within(`update_paths[${i}]`, () => verifyGivenPath(group, members, update));
  });
  for (const member of members) {
    within(`new path of leaf ${member.leaf}`, () => verifyNewPath(group, members, member));
  }
};

interface TestGroup {
  readonly provider: Provider;
  readonly suite: SuiteCrypto;
  readonly tree: Tree;
  readonly vector: Json;
  readonly groupId: Uint8Array;
}

interface TestMember {
  readonly leaf: LeafIndex;
  readonly leafNode: LeafNode;
  readonly signatureKey: Uint8Array;
  readonly privatePath: PrivatePath;
}

function readMember({ suite, tree }: TestGroup, leaf: LeafIndex, entry: Json): TestMember {
  const leafNode = leafAt(tree, leaf) ?? differ('blank in the tree');
  const keyPair = kemKeyPairOf(suite, entry, 'encryption_priv');
  expectBytes('public key of encryption_priv', keyPair.publicKey, leafNode.encryptionKey);

  const signatureKey = signatureKeyOf(suite, entry, 'signature_priv');
  const signature = suite.sign(signatureKey, EMPTY);
  expectTrue('signature_priv: not that of the leaf', suite.verify(leafNode.signatureKey, EMPTY, signature));

  const privatePath = new Map<NodeIndex, KeyPair>([[leafNodeIndex(leaf), keyPair]]);
  for (const secret of objectsOf(entry, 'path_secrets')) {
    const node = nodeIndex(numberOf(secret, 'node'));
    expectTrue(`path_secrets: node ${node} is not above the leaf`, covers(node, leaf));
    const { encryptionKey } = subtreeAt(tree, node)?.parent ?? differ(`path_secrets: node ${node} is blank`);
    privatePath.set(node, matchingKeyPair(suite, bytesOf(secret, 'path_secret'), encryptionKey, node));
  }
  return { leaf, leafNode, signatureKey, privatePath };
}

function verifyGivenPath(group: TestGroup, members: readonly TestMember[], update: Json): void {
  const { suite, tree, groupId } = group;
  const sender = leafIndex(numberOf(update, 'sender'));
  const path = decode(UpdatePath, bytesOf(update, 'update_path'));
  verifyLeafSignature(suite, path.leafNode, { groupId, leaf: sender });
  const merged = applyPath(suite, tree, sender, { path, added: NOBODY });
  expectHex('tree_hash_after', treeHash(suite, merged.tree.root), hexOf(update, 'tree_hash_after'));

  const context = provisionalContext(group, merged.tree);
  const secrets = hexListOf(update, 'path_secrets');
  const receivers = members.filter((member) => member.leaf !== sender);
  for (const receiver of receivers) {
    within(`leaf ${receiver.leaf}`, () => {
      const opened = openPath(suite, receiver, merged, { path, added: NOBODY, context });
      expectHex('commit_secret', opened.commitSecret, hexOf(update, 'commit_secret'));
      expectHex('path_secret', opened.spent[0], secrets[receiver.leaf] ?? differ('path_secret: none'));
    });
  }
  const given = secrets.filter((secret) => secret !== undefined).length;
  expectSame('path_secrets: entries', given, receivers.length);
}

function verifyNewPath(group: TestGroup, members: readonly TestMember[], sender: TestMember): void {
  const { suite, tree, groupId } = group;
  const random = (length: number): Uint8Array => group.provider.random(length);
  const { leaf, leafNode, signatureKey } = sender;
  const { publicKey: encryptionKey } = suite.deriveKeyPair(random(suite.sizes.kemSeed));
  const draft = draftPath(suite, tree, leaf, {
    random,
    makeLeaf: (parentHash) => {
      const { signature: _, ...content } = leafNode;
      const source = { leafNodeSource: LeafSource.commit, parentHash };
      return signLeaf(suite, { ...content, encryptionKey, source }, signatureKey, { groupId, leaf });
    },
  });
  const context = provisionalContext(group, draft.tree);
  const sealed = sealPath(suite, draft, { random, context, added: NOBODY });

  const path = decode(UpdatePath, encode(UpdatePath, sealed));
  verifyLeafSignature(suite, path.leafNode, { groupId, leaf });
  const merged = applyPath(suite, tree, leaf, { path, added: NOBODY });
  expectBytes('tree hash', treeHash(suite, merged.tree.root), treeHash(suite, draft.tree.root));
  for (const receiver of members.filter((member) => member.leaf !== leaf)) {
    within(`leaf ${receiver.leaf}`, () => {
      const opened = openPath(suite, receiver, merged, { path, added: NOBODY, context });
      expectBytes('commit secret', opened.commitSecret, draft.commitSecret);
    });
  }
}

/** The context that path secrets are encrypted under: the new tree, the old transcript. */
function provisionalContext({ suite, vector, groupId }: TestGroup, tree: Tree): Uint8Array {
  return GroupContext.bytes({
    version: MLS10,
    cipherSuite: suite.id,
    groupId,
    epoch: uint64Of(vector, 'epoch'),
    treeHash: treeHash(suite, tree.root),
    confirmedTranscriptHash: bytesOf(vector, 'confirmed_transcript_hash'),
    extensions: [],
  });
}

const NOBODY: ReadonlySet<number> = new Set();

/**
 * Groups of any size with every parent populated, in time that suits a test: leaves come from synthetic KeyPackages, the
 * path of every second leaf is drawn without encrypting it to anybody, and members are made where they are wanted, from
 * the private keys that the builder still knows.
 */

import { type LeafIndex, leafIndex, type NodeIndex } from '../../src/base/brand.ts';
import type { KeyPair } from '../../src/crypto/provider.ts';
import { firstState } from '../../src/group/create.ts';
import type { Environment } from '../../src/group/environment.ts';
import { createKeyPackage } from '../../src/group/keyPackage.ts';
import { enterEpoch } from '../../src/group/nextEpoch.ts';
import { confirmationTag, fromEpochSecret } from '../../src/schedule/epoch.ts';
import { interimTranscriptHash } from '../../src/schedule/transcript.ts';
import { treeHash } from '../../src/tree/hash.ts';
import { signLeaf } from '../../src/tree/leafNode.ts';
import { directPath, leafNodeIndex } from '../../src/tree/math.ts';
import { draftPath } from '../../src/tree/path.ts';
import { addLeaf, singleLeafTree, type Tree, treeFromNodes, treeToNodes } from '../../src/tree/tree.ts';
import { basicCredential } from '../../src/wire/credential.ts';
import type { GroupContext } from '../../src/wire/groupContext.ts';
import type { LeafNode } from '../../src/wire/leafNode.ts';
import { environment, Peer } from './peers.ts';

/** A filled group of which any member can be made. */
export interface FilledGroup {
  readonly tree: Tree;
  /** The member at a leaf, with an environment of its own; its tree remembers nothing that another has computed. */
  member(leaf: number, env: Environment): Peer;
}

/** Build a group with `count` leaves; with a power of two every parent is populated. */
export function filledGroup(count: number): FilledGroup {
  const env = environment();
  const { suite, random } = env;
  const groupId = new Uint8Array(16).fill(count);
  const signers: KeyPair[] = [];
  const pairs = new Map<NodeIndex, KeyPair>();
  const makeLeaf = (leaf: LeafIndex): LeafNode => {
    const signer = suite.signatureKeyPair(random(suite.sizes.signatureSeed));
    const own = createKeyPackage(env, { credential: basicCredential(`member ${leaf}`), signer });
    signers.push(signer);
    pairs.set(leafNodeIndex(leaf), own.encryption);
    return own.keyPackage.leafNode;
  };
  let tree = singleLeafTree(makeLeaf(leafIndex(0)));
  for (let i = 1; i < count; i++) ({ tree } = addLeaf(tree, makeLeaf(leafIndex(i))));
  for (let i = 0; i < count; i += 2)
    tree = withPath(env, tree, { groupId, leaf: leafIndex(i), signers, pairs });
  const context: GroupContext = {
    version: 1,
    cipherSuite: suite.id,
    groupId,
    epoch: 5n,
    treeHash: treeHash(suite, tree.root),
    confirmedTranscriptHash: new Uint8Array(suite.sizes.hash).fill(1),
    extensions: [],
  };
  const epochSecret = random(suite.sizes.hash);
  const nodes = treeToNodes(tree);
  return {
    tree,
    member: (leaf, own) => {
      const self = leafIndex(leaf);
      const secrets = fromEpochSecret(suite, epochSecret);
      const tag = confirmationTag(suite, secrets.confirmationKey, context.confirmedTranscriptHash);
      const interimHash = interimTranscriptHash(suite, context.confirmedTranscriptHash, tag);
      const path = [leafNodeIndex(self), ...directPath(leafNodeIndex(self), tree.width)];
      const privatePath = new Map(path.flatMap((node) => copyOf(node, pairs.get(node))));
      const signer = signers[leaf] as KeyPair;
      const fresh = treeFromNodes(nodes);
      treeHash(suite, fresh.root);
      const entered = enterEpoch(
        { context, secrets, confirmationTag: tag, interimHash },
        { tree: fresh, self, privatePath, signer },
      );
      return new Peer(own, `member ${leaf}`, signer, firstState(entered));
    },
  };
}

function copyOf(node: NodeIndex, pair: KeyPair | undefined): (readonly [NodeIndex, KeyPair])[] {
  return pair === undefined ? [] : [[node, { ...pair, secretKey: pair.secretKey.slice() }]];
}

/** The tree after a commit with path of a leaf, as far as it is public; the private keys go into `pairs`. */
function withPath(
  env: Environment,
  tree: Tree,
  at: {
    readonly groupId: Uint8Array;
    readonly leaf: LeafIndex;
    readonly signers: readonly KeyPair[];
    readonly pairs: Map<NodeIndex, KeyPair>;
  },
): Tree {
  const { suite, random } = env;
  const { groupId, leaf, pairs } = at;
  const signer = at.signers[leaf] as KeyPair;
  const encryption = suite.deriveKeyPair(random(suite.sizes.kemSeed));
  const makeLeaf = (parentHash: Uint8Array): LeafNode =>
    signLeaf(
      suite,
      {
        encryptionKey: encryption.publicKey,
        signatureKey: signer.publicKey,
        credential: basicCredential(`member ${leaf}`),
        capabilities: {
          versions: [1],
          cipherSuites: [suite.id],
          extensions: [],
          proposals: [],
          credentials: [1],
        },
        source: { leafNodeSource: 3, parentHash },
        extensions: [],
      },
      signer.secretKey,
      { groupId, leaf },
    );
  const draft = draftPath(suite, tree, leaf, { random, makeLeaf });
  pairs.set(leafNodeIndex(leaf), encryption);
  draft.steps.forEach(({ node }, i) => {
    pairs.set(node, draft.keyPairs[i] as KeyPair);
  });
  return draft.tree;
}

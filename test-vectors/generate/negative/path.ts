/** Commits whose UpdatePath is wrong (RFC 9420 §7.3, §7.9, §12.4.2), everything around it being right. */

import { type LeafIndex, leafIndex } from '../../../src/base/brand.ts';
import { equal } from '../../../src/base/bytes.ts';
import type { KeyPair } from '../../../src/crypto/provider.ts';
import { leafAt } from '../../../src/tree/tree.ts';
import type { UpdatePath } from '../../../src/wire/commit.ts';
import { forgeCommit, kemPair, type PathTweaks } from '../../../test/support/forge.ts';
import type { Setting } from '../story.ts';
import { flipped, inline, Trial, type Verdict } from './trial.ts';

type Nodes = UpdatePath['nodes'];

const nodes =
  (change: (all: Nodes) => Nodes): NonNullable<PathTweaks['path']> =>
  (path) => ({ ...path, nodes: change(path.nodes) });

/** Change the ciphertexts of the top node. */
const served = (
  change: (all: Nodes[number]['encryptedPathSecret']) => Nodes[number]['encryptedPathSecret'],
) =>
  nodes((all) =>
    all.map((one, i) =>
      i === all.length - 1 ? { ...one, encryptedPathSecret: change(one.encryptedPathSecret) } : one,
    ),
  );

/** The families about paths, in one place: bob commits, at leaf 1, with nodes 1 and 3 above him. */
class PathTrial extends Trial {
  /** What was wrong, if a path was. */
  wrong(title: string, code: Verdict, update: PathTweaks): void {
    const { env, state } = this.bob;
    const handshake = this.record.epochs.length % 3 === 0 ? 'private' : 'public';
    this.refuse(title, code, forgeCommit(env, state, [], { update, handshake }).message);
  }

  /** A key that stands in the tree, with any private half: nobody will ever need it. */
  leafKey(leaf: LeafIndex): KeyPair {
    const publicKey = leafAt(this.bob.state.epoch.tree, leaf)?.encryptionKey ?? new Uint8Array(0);
    const own = [...this.bob.state.epoch.privatePath.values()].find((one) => equal(one.publicKey, publicKey));
    return own ?? { publicKey, secretKey: kemPair(this.env()).secretKey };
  }
}

/** The number of nodes and ciphertexts, the leaf and its parent hash. */
export function pathShape(setting: Setting): Trial {
  const trial = new PathTrial(setting, 'path: shape and leaf');
  const { bob, ann } = trial;
  const other = trial.stranger('eve').signer.secretKey;
  const garbage = () => new Uint8Array(bob.env.suite.sizes.hash).fill(7);
  trial.wrong('a node too few | PRO-17', 'validation.path', { path: nodes((all) => all.slice(1)) });
  trial.wrong('a node too many | PRO-17', 'validation.path', {
    path: nodes((all) => [...all, ...all.slice(-1)]),
  });
  trial.wrong('a ciphertext too few | PRO-17', 'validation.path', { path: served((all) => all.slice(1)) });
  trial.wrong('a ciphertext too many | PRO-17', 'validation.path', {
    path: served((all) => [...all, ...all.slice(0, 1)]),
  });
  trial.wrong('a wrong parent hash | PRO-18 R12.4.2-13', 'validation.parent-hash', {
    leaf: (one) => ({ ...one, source: { leafNodeSource: 3, parentHash: garbage() } }),
  });
  trial.wrong('a leaf with source update | PRO-18 R12.4.2-10', 'validation.leaf-source', {
    leaf: (one) => ({ ...one, source: { leafNodeSource: 2 } }),
  });
  trial.wrong('a leaf signed for another place | PRO-18 R12.4.2-10', 'crypto.signature', {
    place: (at) => ({ ...at, leaf: leafIndex(2) }),
  });
  trial.wrong('a leaf signed by another key | PRO-18 R12.4.2-10', 'crypto.signature', {
    leafSecretKey: other,
  });
  trial.wrong('a leaf that does not list its own credential type | R12.4.2-10', 'validation.capabilities', {
    leaf: (one) => ({ ...one, capabilities: { ...one.capabilities, credentials: [2] } }),
  });
  const without = forgeCommit(bob.env, bob.state, [], { omitPath: true });
  trial.refuse('no path, and no proposal | PRO-16 R12.4-07', 'validation.path-required', without.message);
  const removal = [inline(bob, { proposalType: 3, removed: ann.self })];
  const lacking = forgeCommit(bob.env, bob.state, removal, { omitPath: true });
  trial.refuse('no path, with a Remove | PRO-16 R12.4-08', 'validation.path-required', lacking.message);
  return trial;
}

/** Keys, and the secrets that should give them. */
export function pathKeys(setting: Setting): Trial {
  const trial = new PathTrial(setting, 'path: keys and secrets');
  const { bob, cid } = trial;
  const fresh = kemPair(bob.env);
  trial.wrong('the old encryption key | PRO-18 R12.4.2-11', 'validation.path', {
    encryption: trial.leafKey(bob.self),
  });
  trial.wrong('the leaf key of another member | R12.4.2-12 R12.2-15', 'validation.duplicate-key', {
    encryption: trial.leafKey(cid.self),
  });
  trial.wrong('the signature key of another member | R12.4.2-12 R12.2-15', 'validation.duplicate-key', {
    signer: cid.signer,
  });
  trial.wrong('a node key equal to a leaf key | R12.4.2-12 TRE-14', 'validation.duplicate-key', {
    keyPair: (one, i) => (i === 0 ? trial.leafKey(cid.self) : one),
  });
  trial.wrong('one key twice in the path | R12.4.2-12 TRE-14', 'validation.duplicate-key', {
    keyPair: () => fresh,
  });
  trial.wrong('a node key that is none | CRY-08 R12.4.2-12', 'crypto.public-key', {
    path: nodes((all) =>
      all.map((one, i) => (i === 0 ? { ...one, encryptionKey: one.encryptionKey.slice(1) } : one)),
    ),
  });
  trial.wrong('another secret for the passive client | PRO-19 R12.4.2-14', 'validation.path', {
    secret: (one, i) => (i === 1 ? flipped(one) : one),
  });
  trial.wrong('a secret of the wrong length | PRO-19 R12.4.2-14', 'validation.path', {
    secret: (one, i) => (i === 1 ? one.subarray(1) : one),
  });
  trial.wrong('a ciphertext with a flipped bit | PRO-19 R12.4.2-14', 'crypto.aead', {
    ciphertext: (one, i) => (i === 1 ? { ...one, ciphertext: flipped(one.ciphertext) } : one),
  });
  trial.wrong('a KEM output cut short | PRO-19 R12.4.2-14', 'crypto.kem', {
    ciphertext: (one, i) => (i === 1 ? { ...one, kemOutput: one.kemOutput.subarray(1) } : one),
  });
  return trial;
}

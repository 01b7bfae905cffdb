/** A group's state from its records. Whatever is missing, damaged or older than the rest is noticed. */

import { nodeIndex } from '../base/brand.ts';
import { equal } from '../base/bytes.ts';
import { fail } from '../base/error.ts';
import type { Codec } from '../codec/codec.ts';
import type { KeyPair } from '../crypto/provider.ts';
import type { Environment } from '../group/environment.ts';
import type {
  CachedProposal,
  EpochState,
  GroupState,
  HeldMessage,
  PastEpoch,
  PendingCommit,
} from '../group/state.ts';
import { createSecretTree, ratchetOf, type SecretTree } from '../schedule/secretTree.ts';
import { subtreeAt, type Tree } from '../tree/tree.ts';
import { addToDigest, NO_RECORDS } from './changes.ts';
import type { Written } from './image.ts';
import { epochFromShort, fromShort, type GroupKeys, partsOf } from './keys.ts';
import {
  EpochPart,
  encode,
  Flags,
  Head,
  HeldPart,
  PastPart,
  PathPart,
  PendingPart,
  ProposalPart,
  RatchetPart,
  readRecord,
} from './records.ts';
import type { Reserved } from './reserved.ts';
import { SecretsReader } from './secretRecords.ts';
import { ageOf, earlierTree, laterTree, TreeReader } from './treeRecords.ts';

/** A group as it was written. */
export interface Restored {
  readonly state: GroupState;
  readonly written: Written;
}

/** Names and values of all records of a group. */
export type Records = AsyncIterable<readonly [key: string, value: Uint8Array]>;

/** Put a group together. @throws `storage.corrupt` */
export async function restore(env: Environment, keys: GroupKeys, records: Records): Promise<Restored> {
  const parts = new Parts(env);
  for await (const [key, value] of records) parts.take(keys, key, value);
  return parts.finish(keys);
}

/** Records as they come. */
class Parts {
  readonly #env: Environment;
  readonly #digest = NO_RECORDS.slice();
  readonly #tree: TreeReader;
  readonly #single = new Map<string, Uint8Array>();
  readonly #path: (readonly [node: number, keyPair: KeyPair])[] = [];
  readonly #secrets = new Map<bigint, SecretsReader>();
  readonly #past = new Map<bigint, PastPart>();
  readonly #resumption = new Map<bigint, Uint8Array>();
  readonly #proposals = new Map<number, CachedProposal>();
  readonly #held = new Map<number, HeldMessage>();

  constructor(env: Environment) {
    this.#env = env;
    this.#tree = new TreeReader(env.decoding);
  }

  take(keys: GroupKeys, key: string, value: Uint8Array): void {
    const [letter = '', ...rest] = partsOf(key, keys.prefix);
    // The tree hash covers leaves, their age apart, and parents; nothing covers the head.
    if (letter === 'l') addToDigest(this.#env.suite, this.#digest, key, ageOf(value));
    else if (letter !== 'n' && key !== keys.head) addToDigest(this.#env.suite, this.#digest, key, value);
    const take = this.#takers[letter];
    if (take === undefined) this.#single.set(key, value);
    else take(value, rest);
  }

  /** By the letter of a name; what is there once is looked at in the end. */
  readonly #takers: Readonly<Record<string, (value: Uint8Array, name: readonly string[]) => void>> = {
    l: (value, [leaf]) => this.#tree.leaf(leaf, value),
    n: (value, [node]) => this.#tree.parent(node, value),
    y: (value, [node]) => this.#path.push([fromShort(node), readRecord(PathPart, value)]),
    s: (value, [epoch, node]) => this.#secretsOf(epoch).secret(node, value),
    r: (value, [epoch, sender]) => this.#secretsOf(epoch).ratchet(sender, value),
    t: (value, [epoch, sender, page]) => this.#secretsOf(epoch).skipped(sender, page, value),
    p: (value, [epoch]) => this.#past.set(epochFromShort(epoch), this.#read(PastPart, value)),
    o: (value, [epoch]) => this.#resumption.set(epochFromShort(epoch), value),
    b: (value, [number]) => this.#proposals.set(fromShort(number), this.#read(ProposalPart, value)),
    d: (value, [number]) => this.#held.set(fromShort(number), readRecord(HeldPart, value)),
  };

  /** @throws `storage.corrupt` */
  finish(keys: GroupKeys): Restored {
    const { suite, decoding } = this.#env;
    const head = readRecord(Head, this.#required(keys.head));
    if (!equal(head.digest, this.#digest)) fail('storage.corrupt', { record: 'digest' });
    const part = readRecord(EpochPart, this.#required(keys.epoch), decoding);
    const { context, width, ...rest } = part.epoch;
    if (context.cipherSuite !== suite.id) fail('storage.corrupt', { suite: context.cipherSuite });
    const { tree, renewals } = this.#tree.finish(suite, width, context.treeHash);
    const privatePath = new Map(this.#path.map(([node, keyPair]) => [nodeIndex(node), keyPair]));
    const { signer } = part;
    const epoch: EpochState = Object.freeze({ context, ...rest, signer, tree, privatePath });
    const flags = this.#single.get(keys.flags);
    const secretTree = this.#keysOf(context.epoch, width);
    const state: GroupState = Object.freeze({
      status: part.status,
      epoch,
      secretTree,
      exporterTree: part.exporterTree,
      renewals,
      proposals: sorted(this.#proposals),
      pending: this.#pending(keys, epoch),
      past: this.#pastEpochs(tree),
      resumption: newestFirst(this.#resumption).map(([at, secret]) => ({ epoch: at, secret })),
      held: sorted(this.#held),
      ...(flags === undefined ? NO_FLAGS : readRecord(Flags, flags)),
      reinit: part.reinit,
    });
    return { state, written: { head, numbers: this.#numbers(), reserved: reservedOf(keys, state) } };
  }

  #read<T>(codec: Codec<T>, value: Uint8Array): T {
    return readRecord(codec, value, this.#env.decoding);
  }

  #required(key: string): Uint8Array {
    return this.#single.get(key) ?? fail('storage.corrupt', { missing: key });
  }

  #secretsOf(name: string | undefined): SecretsReader {
    const epoch = epochFromShort(name);
    const known = this.#secrets.get(epoch) ?? new SecretsReader(this.#env.suite);
    this.#secrets.set(epoch, known);
    return known;
  }

  #keysOf(epoch: bigint, width: number): SecretTree {
    return (this.#secrets.get(epoch) ?? fail('storage.corrupt', { missing: 'message keys' })).finish(width);
  }

  #pastEpochs(current: Tree): readonly PastEpoch[] {
    let next = current;
    return newestFirst(this.#past).map(([at, { width, replaced, ...rest }]) => {
      next = earlierTree(next, width, replaced);
      return { ...rest, tree: next, secretTree: this.#keysOf(at, width) };
    });
  }

  #pending(keys: GroupKeys, current: EpochState): PendingCommit | undefined {
    const record = this.#single.get(keys.pending);
    if (record === undefined) return undefined;
    const { epoch, nodes, path, encryptionSecret, exporterTree, reinit, ...rest } = readRecord(
      PendingPart,
      record,
      this.#env.decoding,
    );
    const { width, ...bare } = epoch;
    const tree = laterTree(current.tree, width, nodes);
    const privatePath = new Map(
      path.map(({ node, secretKey }) => [nodeIndex(node), pairAt(tree, node, secretKey)]),
    );
    const secretTree = createSecretTree(width, encryptionSecret);
    const signer = rest.signer ?? current.signer;
    const next = {
      epoch: Object.freeze({ ...bare, signer, tree, privatePath }),
      secretTree,
      exporterTree,
      reinit,
    };
    const { changes, proposals, isFresh } = rest;
    const commit = Object.freeze({
      origin: 'own' as const,
      epoch: bare.context.epoch,
      committer: current.self,
      changes,
      message: this.#required(`${keys.pending}/message`),
      welcome: this.#single.get(`${keys.pending}/welcome`),
      groupInfo: this.#single.get(`${keys.pending}/groupInfo`),
    });
    return { commit, next, proposals, isFresh };
  }

  #numbers(): ReadonlyMap<object, number> {
    const items: Iterable<readonly [number, object]> = [...this.#proposals, ...this.#held];
    return new Map([...items].map(([number, item]) => [item, number]));
  }
}

const NO_FLAGS: Flags = /* @__PURE__ */ Object.freeze({ ahead: [], dropped: [], isSetBack: false });

/** Our own ratchets go on where they were written. */
function reservedOf(keys: GroupKeys, { epoch, secretTree, past }: GroupState): ReadonlyMap<string, Reserved> {
  const reserved = new Map<string, Reserved>();
  const all = [{ context: epoch.context, self: epoch.self, secretTree }, ...past];
  for (const { context, self, secretTree: tree } of all) {
    for (const kind of ['handshake', 'application'] as const) {
      const ratchet = ratchetOf(tree, self, kind);
      if (ratchet === undefined) continue;
      const key = keys.ratchet(context.epoch, self, kind);
      reserved.set(key, { record: encode(RatchetPart, ratchet), until: ratchet.next });
    }
  }
  return reserved;
}

/** @throws `storage.corrupt` when the tree has no key there */
function pairAt(tree: Tree, node: number, secretKey: Uint8Array): KeyPair {
  const subtree = subtreeAt(tree, nodeIndex(node));
  const { encryptionKey: publicKey } = subtree?.leaf ?? subtree?.parent ?? fail('storage.corrupt', { node });
  return { publicKey, secretKey };
}

function sorted<T>(items: ReadonlyMap<number, T>): readonly T[] {
  return [...items].sort(([a], [b]) => a - b).map(([, item]) => item);
}

function newestFirst<T>(items: ReadonlyMap<bigint, T>): readonly (readonly [bigint, T])[] {
  return [...items].sort(([a], [b]) => (a < b ? 1 : -1));
}

/** An observer follows whatever the members of a group do in public, and agrees with them in every epoch. */

import { describe, expect, test } from 'vitest';
import { equal, utf8 } from '../../src/base/bytes.ts';
import { decode, encode } from '../../src/codec/codec.ts';
import { joinExternally } from '../../src/group/external.ts';
import { createGroupInfo } from '../../src/group/groupInfo.ts';
import type { PublicGroup } from '../../src/group/observer.ts';
import {
  add,
  externalPsk,
  type NewProposal,
  type ProposalInput,
  reinit,
  remove,
  resumptionPsk,
  setExtensions,
  stored,
  update,
} from '../../src/group/proposals.ts';
import { mlsMessage } from '../../src/group/protect.ts';
import { acceptAnyCredential, observe, observeSaved } from '../../src/index.ts';
import { treeToNodes } from '../../src/tree/tree.ts';
import { basicCredential } from '../../src/wire/credential.ts';
import {
  type Extension,
  ExternalSenders,
  makeExtension,
  RequiredCapabilities,
} from '../../src/wire/extension.ts';
import { MlsMessage } from '../../src/wire/message.ts';
import { ExtensionType, WireFormat } from '../../src/wire/registry.ts';
import { RatchetTree } from '../../src/wire/treeNode.ts';
import { Random } from '../fuzz/random.ts';
import { forgeProposal, signaturePair } from '../support/forge.ts';
import { environment, join, type Newcomer, newcomer, Peer, room } from '../support/peers.ts';

const PUBLIC = { policy: { handshake: 'public' } } as const;
/** The time of the peers. */
const NOW = environment().clock;
const MOST = 12;
/** What a history of some length must have seen. */
const KINDS = ['add', 'remove', 'update', 'psk', 'extensions', 'request', 'external join', 'resync'].concat(
  ['add', 'remove', 'psk', 'extensions'].map((kind) => `external ${kind}`),
);

/** A group that lives at random, and those who watch it. */
class History {
  readonly random: Random;
  readonly suite: number;
  readonly service = signaturePair(environment());
  members: Peer[];
  watchers: PublicGroup[] = [];
  /** How often what happened. */
  readonly log = new Map<string, number>();
  #names = 0;

  constructor(seed: number, suite: number) {
    this.random = new Random(seed);
    this.suite = suite;
    this.service = signaturePair(environment({ suite }));
    const group = { extensions: [this.listed()] };
    this.members = room(['a', 'b', 'c'], { ...PUBLIC, suite, group });
    const { env, state } = this.someone();
    const groupInfo = createGroupInfo(env, state.epoch, { ratchetTree: false, externalPub: true });
    const message = mlsMessage({ wireFormat: WireFormat.groupInfo, groupInfo });
    const tree = encode(RatchetTree, treeToNodes(state.epoch.tree));
    for (const checks of ['full', 'light'] as const)
      this.watchers.push(
        observe({ validateCredential: acceptAnyCredential, checks, clock: NOW }, message, tree),
      );
    this.agree();
  }

  listed(): Extension {
    const { publicKey: signatureKey } = this.service;
    const senders = [{ signatureKey, credential: basicCredential('service') }];
    return makeExtension(ExtensionType.externalSenders, ExternalSenders, senders);
  }
  someone(): Peer {
    return this.random.pick(this.members);
  }
  newcomer(): Newcomer {
    return newcomer(`n${this.#names++}`, { ...PUBLIC, suite: this.suite });
  }
  count(what: string): void {
    this.log.set(what, (this.log.get(what) ?? 0) + 1);
  }

  /** Any proposal that `by` may make; adding hands out the newcomer. */
  proposal(by: Peer | undefined): { readonly input: NewProposal; readonly late?: Newcomer } {
    const { random } = this;
    const kinds = [
      this.members.length < MOST ? 'add' : 'psk',
      'psk',
      'extensions',
      ...(by === undefined ? [] : ['update']),
    ];
    if (this.members.length > 3) kinds.push('remove');
    const kind = random.pick(kinds);
    this.count(`${by === undefined ? 'external ' : ''}${kind}`);
    switch (kind) {
      case 'add': {
        const late = this.newcomer();
        return { input: add(late.keyPackage), late };
      }
      case 'remove': {
        const other = random.pick(this.members.filter((peer) => peer !== by));
        return { input: remove(other.self) };
      }
      case 'update':
        return { input: update() };
      case 'extensions': {
        const required = { extensionTypes: [], proposalTypes: [], credentialTypes: [1] };
        const more = makeExtension(ExtensionType.requiredCapabilities, RequiredCapabilities, required);
        return { input: setExtensions(random.below(2) === 0 ? [this.listed()] : [more, this.listed()]) };
      }
      default:
        return { input: externalPsk(random.bytes(4)) };
    }
  }

  /** Everybody takes in a proposal message. */
  deliver(message: Uint8Array, from?: Peer): void {
    for (const peer of this.members) if (peer !== from) expect(peer.process(message).kind).toBe('proposal');
    for (const watcher of this.watchers) {
      expect(watcher.process(message).kind).toBe('proposal');
      expect(watcher.process(message).kind).toBe('duplicate');
    }
  }

  propose(waiting: Newcomer[]): void {
    const by = this.random.below(4) === 0 ? undefined : this.someone();
    const { input, late } = this.proposal(by);
    if (late !== undefined) waiting.push(late);
    if (by === undefined) this.deliver(this.watchers[0]!.propose(input, { signer: this.service }).message);
    else this.deliver(by.propose(input), by);
  }

  /** A stranger asks to be let in. @returns the reference */
  request(waiting: Newcomer[]): Uint8Array {
    const late = this.newcomer();
    const { env, state } = this.someone();
    const { own } = late;
    const from = { sender: { senderType: 3 }, secretKey: own.signer.secretKey } as const;
    const asked = forgeProposal(env, state, { proposalType: 1, keyPackage: own.keyPackage }, { from });
    this.deliver(asked.message);
    this.count('request');
    waiting.push(late);
    return asked.item.ref;
  }

  commit(): void {
    const waiting: Newcomer[] = [];
    const { random } = this;
    for (let i = random.below(4); i > 0; i--) this.propose(waiting);
    const by = this.someone();
    const asked: ProposalInput[] = random.below(5) === 0 ? [stored(this.request(waiting))] : [];
    if (waiting.length === 0 && random.below(3) === 0) {
      const { groupId, epoch } = by.state.epoch.context;
      asked.push(resumptionPsk(groupId, epoch));
    }
    const path = random.below(3) === 0 ? 'omit' : 'always';
    const built = by.commit(asked, { path });
    this.count(path);
    this.follow(built.message, by);
    by.accept(built);
    this.members = this.members.filter(({ state }) => state.status === 'active');
    for (const late of waiting) {
      // Who was proposed and left out stays outside.
      const isIn = this.watchers[0]!.members.some((one) =>
        equal(one.signatureKey, late.own.signer.publicKey),
      );
      if (isIn) this.members.push(join(late, built.welcome!));
    }
    this.agree();
  }

  /** Somebody comes in by what an observer hands out; it may be a member that lost its state. */
  external(): void {
    const watcher = this.watchers[0]!;
    const member = this.someone();
    const groupInfo = createGroupInfo(member.env, member.state.epoch, {
      ratchetTree: this.random.below(2) === 0,
      externalPub: true,
    });
    const message = mlsMessage({ wireFormat: WireFormat.groupInfo, groupInfo });
    for (const one of this.watchers) expect(one.offer(message)).toEqual({ kind: 'kept' });
    const resync = this.random.below(4) === 0 || this.members.length >= MOST;
    this.count(resync ? 'resync' : 'external join');
    const lost = resync ? this.someone() : undefined;
    const { env, own, name } = lost === undefined ? this.newcomer() : { ...this.newcomer(), ...lost };
    const signer = lost?.signer ?? own.signer;
    const handed = decode(MlsMessage, watcher.groupInfo!);
    if (handed.wireFormat !== WireFormat.groupInfo) throw new Error('no GroupInfo');
    const joiner = { credential: basicCredential(name), signer, resync };
    const joined = joinExternally(env, handed.groupInfo, joiner, watcher.ratchetTree);
    this.members = this.members.filter((peer) => peer !== lost);
    this.follow(joined.message);
    this.members.push(new Peer(env, name, signer, joined.state));
    this.agree();
  }

  follow(message: Uint8Array, from?: Peer): void {
    for (const peer of this.members) if (peer !== from) peer.follow(message);
    this.watchers = this.watchers.map((watcher) => {
      const seen = watcher.process(message);
      if (seen.kind !== 'commit') throw new Error(JSON.stringify(seen));
      watcher.accept(seen.commit);
      expect(watcher.process(message)).toEqual({ kind: 'duplicate' });
      if (this.random.below(4) > 0) return watcher;
      // The server starts anew.
      const record = watcher.save();
      const again = observeSaved({ validateCredential: acceptAnyCredential, clock: NOW }, record);
      expect(again.save()).toEqual(record);
      return again;
    });
  }

  agree(): void {
    const { env, state } = this.members[0]!;
    const { context, tree } = state.epoch;
    for (const peer of this.members) expect(peer.authenticator()).toBe(this.members[0]!.authenticator());
    for (const watcher of this.watchers) {
      expect(watcher.epoch).toBe(context.epoch);
      expect(watcher.treeHash).toEqual(context.treeHash);
      expect(watcher.confirmedTranscriptHash).toEqual(context.confirmedTranscriptHash);
      expect(watcher.extensions).toEqual(context.extensions);
      expect(watcher.ratchetTree).toEqual(encode(RatchetTree, treeToNodes(tree)));
      expect(watcher.members).toHaveLength(this.members.length);
      expect(watcher.proposals).toEqual([]);
      // The whole context byte for byte, and the confirmation tag.
      const groupInfo = createGroupInfo(env, state.epoch, { ratchetTree: true, externalPub: true });
      const offered = watcher.offer(mlsMessage({ wireFormat: WireFormat.groupInfo, groupInfo }));
      expect(offered).toEqual({ kind: 'kept' });
    }
  }

  /** The group is closed in favour of another. */
  end(): void {
    const by = this.someone();
    const built = by.commit([reinit({ groupId: utf8('next'), suite: this.suite })]);
    this.follow(built.message, by);
    for (const watcher of this.watchers) expect(watcher.status).toBe('closed');
  }
}

describe.each([
  [1, 1],
  [2, 2],
  [3, 7],
])('seed %i, suite %i', (seed, suite) => {
  test('R12.1.8-02 R12.4.3.2-03 R12.4.2-09 a long public history of every kind of proposal', () => {
    const history = new History(seed, suite);
    const epochs = suite === 1 ? 100 : 20;
    for (let i = 0; i < epochs; i++) {
      if (history.random.below(4) === 0) history.external();
      else history.commit();
    }
    history.end();
    console.log(`seed ${seed}: ${[...history.log].map(([what, count]) => `${what} ${count}`).join(', ')}`);
    if (suite === 1) for (const what of KINDS) expect(history.log.get(what) ?? 0, what).toBeGreaterThan(0);
  });
});

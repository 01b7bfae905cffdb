/** A group of peers as plain states, so that a test can try a message on all of them and take nothing back. */

import { expect } from 'vitest';
import { toHex, utf8 } from '../../src/base/bytes.ts';
import type { MlsErrorCode } from '../../src/base/codes.ts';
import { MlsError } from '../../src/base/error.ts';
import { decode } from '../../src/codec/codec.ts';
import type { OpenTypes } from '../../src/codec/reader.ts';
import { nodeProvider } from '../../src/crypto/node/index.ts';
import type { KeyPair } from '../../src/crypto/provider.ts';
import { createGroupState } from '../../src/group/create.ts';
import { enterMove, leaveMove } from '../../src/group/decide.ts';
import type { Environment } from '../../src/group/environment.ts';
import { type Joined, joinFromWelcome } from '../../src/group/join.ts';
import { createKeyPackage, type OwnKeyPackage } from '../../src/group/keyPackage.ts';
import { storeProposal } from '../../src/group/moves.ts';
import { type CredentialValidator, DEFAULT_POLICY, type Policy } from '../../src/group/policy.ts';
import { processMove, type Taken } from '../../src/group/process.ts';
import { type BuiltCommit, buildCommit, type CommitOptions } from '../../src/group/sendCommit.ts';
import type { GroupState, NextEpoch, ProposalItem } from '../../src/group/state.ts';
import type { Transition } from '../../src/group/transition.ts';
import type { Tree } from '../../src/tree/tree.ts';
import type { Credential } from '../../src/wire/credential.ts';
import type { Extension } from '../../src/wire/extension.ts';
import { MlsMessage } from '../../src/wire/message.ts';
import type { Proposal } from '../../src/wire/proposal.ts';
import type { PreSharedKeyId } from '../../src/wire/psk.ts';
import { ProposalType, WireFormat } from '../../src/wire/registry.ts';
import { type ForgedProposal, signaturePair } from './forge.ts';
import { usable } from './peers.ts';
import { recordOf } from './refusals.ts';
import { watchCommit, watchRefusal } from './watching.ts';

export interface PeerOptions {
  readonly suite?: number;
  readonly policy?: Partial<Policy>;
  readonly openTypes?: OpenTypes;
  readonly signer?: KeyPair;
  readonly credential?: Credential;
}

/** One client, without secrets being wiped behind the test's back. */
export class Peer {
  readonly name: string;
  readonly options: PeerOptions;
  readonly env: Environment;
  readonly credential: Credential;
  readonly signer: KeyPair;
  /** The authentication service. */
  judge: CredentialValidator = () => true;
  /** PSKs at hand. */
  psk: (id: PreSharedKeyId) => Uint8Array | undefined = () => utf8('shared');
  now = 1_800_000_000;
  #state: GroupState | undefined;

  constructor(name: string, options: PeerOptions = {}) {
    this.name = name;
    this.options = options;
    this.env = {
      suite: nodeProvider.suite(options.suite ?? 1),
      random: (length) => nodeProvider.random(length),
      policy: { ...DEFAULT_POLICY, grease: false, ...options.policy },
      validateCredential: (claim) => this.judge(claim),
      psks: (id) => this.psk(id),
      clock: () => this.now,
      decoding: options.openTypes === undefined ? {} : { openTypes: options.openTypes },
    };
    this.credential = options.credential ?? { credentialType: 1, identity: utf8(name) };
    this.signer = options.signer ?? signaturePair(this.env);
  }

  get state(): GroupState {
    if (this.#state === undefined) throw new Error(`${this.name} is in no group`);
    return this.#state;
  }
  set state(state: GroupState) {
    this.#state = state;
  }
  get self(): number {
    return this.state.epoch.self;
  }
  get tree(): Tree {
    return this.state.epoch.tree;
  }

  /** The same client in the same state, going its own way from here. */
  fork(): Peer {
    const copy = new Peer(this.name, { ...this.options, signer: this.signer, credential: this.credential });
    copy.judge = this.judge;
    copy.psk = this.psk;
    copy.now = this.now;
    if (this.#state !== undefined) copy.state = this.#state;
    return copy;
  }

  keyPackage(): OwnKeyPackage {
    return createKeyPackage(this.env, { credential: this.credential, signer: this.signer });
  }

  /** What a message would come to. The state stays. */
  try(message: Uint8Array): Taken {
    return this.#processed(message).result;
  }

  #processed(message: Uint8Array): Transition<GroupState, Taken> {
    return this.#untouched(() => {
      const transition = processMove(this.env, this.state, message);
      usable(transition.result);
      return transition;
    });
  }

  /** Moves are functions: whatever comes of them, they leave the state that they are given alone, byte for byte. */
  #untouched<T>(move: () => T): T {
    const before = recordOf(this);
    try {
      return move();
    } finally {
      expect(recordOf(this)).toBe(before);
    }
  }

  /** The epoch a commit would make; `undefined` when it removes us. */
  tryCommit(message: Uint8Array): NextEpoch | undefined {
    const taken = this.try(message);
    if (taken.kind !== 'checked-commit') throw new Error(`${this.name}: ${taken.kind}`);
    return taken.checked.next;
  }

  /** Take a message in; a commit is entered. What is refused changes nothing, byte for byte. */
  take(message: Uint8Array): Taken {
    const { next, result } = this.#processed(message);
    this.state = next;
    if (result.kind === 'checked-commit') {
      const epoch = result.checked.next;
      this.state = (epoch === undefined ? leaveMove(this.env, next) : enterMove(this.env, next, epoch)).next;
    }
    return result;
  }

  /** An honest commit over exactly these proposals. The state stays. */
  build(items: readonly ProposalItem[] = [], options: CommitOptions = {}): BuiltCommit {
    return this.#untouched(() => buildCommit(this.env, this.state, items, options));
  }

  enter(next: NextEpoch): void {
    this.state = enterMove(this.env, this.state, next).next;
  }

  /** A proposal by value in a commit of ours. */
  inline(proposal: Proposal): ProposalItem {
    return { proposal, sender: { kind: 'member', leaf: this.state.epoch.self }, ref: undefined };
  }

  join(welcome: Uint8Array, own: OwnKeyPackage | readonly OwnKeyPackage[], tree?: Uint8Array): Joined {
    const message = decode(MlsMessage, welcome, this.env.decoding);
    if (message.wireFormat !== WireFormat.welcome) throw new Error('no Welcome');
    const owned = Array.isArray(own) ? (own as readonly OwnKeyPackage[]) : [own as OwnKeyPackage];
    const find = (ref: Uint8Array): OwnKeyPackage | undefined =>
      owned.find((one) => toHex(one.ref) === toHex(ref));
    return joinFromWelcome(this.env, message.welcome, find, { ratchetTree: tree });
  }
}

/** Members of one group. */
export class World {
  readonly peers: readonly Peer[];

  constructor(peers: readonly Peer[]) {
    this.peers = peers;
  }

  at(index: number): Peer {
    const peer = this.peers[index];
    if (peer === undefined) throw new Error(`no peer ${index}`);
    return peer;
  }

  others(peer: Peer): readonly Peer[] {
    return this.peers.filter((other) => other !== peer);
  }

  fork(): World {
    return new World(this.peers.map((peer) => peer.fork()));
  }

  /** Hand a proposal to everybody, its maker included. */
  deliver(from: Peer | undefined, { message, item }: ForgedProposal): ProposalItem {
    for (const peer of this.peers) {
      if (peer === from) peer.state = storeProposal(peer.env, peer.state, item);
      else expect(peer.take(message).kind).toBe('proposal');
    }
    return item;
  }

  /** Commit honestly, and everybody follows. Returns the Welcome, if any. */
  commit(peer: Peer, items: readonly ProposalItem[] = [], options: CommitOptions = {}): BuiltCommit {
    const built = peer.build(items, options);
    this.follow(peer, built);
    return built;
  }

  follow(peer: Peer, made: { readonly message: Uint8Array; readonly next: NextEpoch }): void {
    for (const other of this.others(peer))
      if (other.state.status === 'active') expect(other.take(made.message).kind).toBe('checked-commit');
    peer.enter(made.next);
    this.agree();
  }

  agree(): void {
    const [first, ...rest] = this.peers.filter(({ state }) => state.status === 'active');
    for (const peer of rest) expect(authenticator(peer.state)).toBe(authenticator(first!.state));
  }

  /** Everybody but the maker refuses with this code, nothing changes, and an honest commit would still apply. */
  refuses(
    from: Peer | undefined,
    message: Uint8Array,
    code: MlsErrorCode,
    by: readonly Peer[] = this.peers.filter((peer) => peer !== from),
  ): void {
    const [watched] = by;
    if (watched !== undefined) watchRefusal(watched, message, code);
    for (const peer of by) {
      const before = peer.state;
      const bytes = recordOf(peer);
      expect(
        codeOf(() => peer.take(message)),
        `verdict of ${peer.name}`,
      ).toBe(code);
      expect(peer.state).toBe(before);
      expect(recordOf(peer)).toBe(bytes);
    }
    this.works();
  }

  /** Everybody but the maker accepts, and comes to the same epoch. Nobody moves. */
  accepts(from: Peer | undefined, made: { readonly message: Uint8Array; readonly next: NextEpoch }): void {
    const [watched] = this.peers.filter((peer) => peer !== from);
    if (watched !== undefined) watchCommit(watched, made.message, made.next);
    for (const peer of this.peers) {
      if (peer === from) continue;
      const next = peer.tryCommit(made.message);
      if (next !== undefined) expect(authenticator(next)).toBe(authenticator(made.next));
    }
  }

  /** An honest commit of the first and the last member would apply. Nobody moves. */
  works(): void {
    for (const peer of new Set([this.at(0), this.peers.at(-1)!])) this.accepts(peer, peer.build());
  }
}

export interface WorldOptions extends PeerOptions {
  readonly extensions?: readonly Extension[];
  readonly peers?: Readonly<Record<string, PeerOptions>>;
  /** Let everybody commit once, so that no parent stays blank. @defaultValue true */
  readonly settled?: boolean;
  /** Add everybody without a path, so that every parent is blank. @defaultValue false */
  readonly blank?: boolean;
}

/** A group of the given names in which everybody follows. */
export function makeWorld(names: readonly string[], options: WorldOptions = {}): World {
  const { extensions, peers: special = {}, blank = false, settled = !blank, ...common } = options;
  const peers = names.map((name) => new Peer(name, { ...common, ...special[name] }));
  const [first, ...rest] = peers as [Peer, ...Peer[]];
  first.state = createGroupState(first.env, first.keyPackage(), extensions ? { extensions } : {});
  if (rest.length > 0) {
    const packages = rest.map((peer) => peer.keyPackage());
    const items = packages.map((own) => first.inline(addOf(own)));
    const built = first.build(items, { path: blank ? 'omit' : 'always' });
    first.enter(built.next);
    rest.forEach((peer, i) => {
      peer.state = peer.join(built.welcome!, packages[i]!).state;
    });
  }
  const world = new World(peers);
  if (settled) for (const peer of peers) world.commit(peer);
  return world;
}

export function addOf({ keyPackage }: Pick<OwnKeyPackage, 'keyPackage'>): Proposal {
  return { proposalType: ProposalType.add, keyPackage };
}

export function removeOf(leaf: number): Proposal {
  return { proposalType: ProposalType.remove, removed: leaf };
}

export function extensionsOf(extensions: readonly Extension[]): Proposal {
  return { proposalType: ProposalType.groupContextExtensions, extensions };
}

export function authenticator({ epoch }: Pick<GroupState, 'epoch'>): string {
  return toHex(epoch.secrets.epochAuthenticator);
}

/** The code of the error that a step throws; what is not an MlsError is thrown on. */
export function codeOf(step: () => unknown): MlsErrorCode | undefined {
  try {
    step();
  } catch (error) {
    if (error instanceof MlsError) return error.code;
    throw error;
  }
  return undefined;
}

/** Bytes with the only occurrence of one sequence exchanged for another. */
export function replaceBytes(bytes: Uint8Array, from: readonly number[], to: readonly number[]): Uint8Array {
  const places: number[] = [];
  for (let i = 0; i + from.length <= bytes.length; i++) {
    if (from.every((byte, j) => bytes[i + j] === byte)) places.push(i);
  }
  if (places.length !== 1) throw new Error(`${places.length} occurrences`);
  const [place] = places as [number];
  return Uint8Array.from([...bytes.subarray(0, place), ...to, ...bytes.subarray(place + from.length)]);
}

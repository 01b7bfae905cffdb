/**
 * Members at the level of states: each transition of a group runs in its real `Cell`, but the state stays in sight, for
 * insiders who forge messages, for searching secrets, and for setting up what the public methods would not.
 */

import { type LeafIndex, leafIndex } from '../../src/base/brand.ts';
import { toHex } from '../../src/base/bytes.ts';
import { decode } from '../../src/codec/codec.ts';
import type { DecodeOptions } from '../../src/codec/reader.ts';
import { nodeProvider } from '../../src/crypto/node/index.ts';
import type { KeyPair, Provider } from '../../src/crypto/provider.ts';
import { createGroupState, type NewGroup } from '../../src/group/create.ts';
import { consumeMove, enterMove, leaveMove } from '../../src/group/decide.ts';
import type { Environment } from '../../src/group/environment.ts';
import { joinFromWelcome } from '../../src/group/join.ts';
import { createKeyPackage, type OwnKeyPackage } from '../../src/group/keyPackage.ts';
import { commitMove, encryptMove, proposeMove } from '../../src/group/moves.ts';
import { acceptAnyCredential, DEFAULT_POLICY, type Policy } from '../../src/group/policy.ts';
import { processMove, type Taken } from '../../src/group/process.ts';
import { add, type NewProposal, type ProposalInput } from '../../src/group/proposals.ts';
import { mlsMessage, type SendOptions } from '../../src/group/protect.ts';
import type { BuiltCommit, CommitOptions } from '../../src/group/sendCommit.ts';
import type { GroupState } from '../../src/group/state.ts';
import { Cell } from '../../src/group/transition.ts';
import { basicCredential } from '../../src/wire/credential.ts';
import { MlsMessage } from '../../src/wire/message.ts';
import { WireFormat } from '../../src/wire/registry.ts';

/** How to make peers. */
export interface PeerOptions {
  readonly provider?: Provider;
  readonly suite?: number;
  readonly policy?: Partial<Policy>;
  readonly group?: NewGroup;
  readonly decoding?: DecodeOptions;
}

/** An environment as a client would have it, with the PSK `utf8('psk')` for every id. */
export function environment(options: PeerOptions = {}): Environment {
  const provider = options.provider ?? nodeProvider;
  return {
    suite: provider.suite(options.suite ?? 1),
    random: (length) => provider.random(length),
    policy: { ...DEFAULT_POLICY, ...options.policy },
    validateCredential: acceptAnyCredential,
    psks: () => new Uint8Array(32).fill(7),
    clock: () => 1_800_000_000,
    decoding: options.decoding ?? {},
  };
}

/** One member whose state can be looked at. */
export class Peer {
  readonly env: Environment;
  readonly name: string;
  readonly signer: KeyPair;
  cell: Cell<GroupState>;

  constructor(env: Environment, name: string, signer: KeyPair, state: GroupState) {
    this.env = env;
    this.name = name;
    this.signer = signer;
    this.cell = new Cell(state);
  }

  get state(): GroupState {
    return this.cell.state;
  }
  get self(): LeafIndex {
    return this.state.epoch.self;
  }
  get epoch(): bigint {
    return this.state.epoch.context.epoch;
  }
  encrypt(data: Uint8Array, options: SendOptions = {}): Uint8Array {
    return this.cell.run((state) => encryptMove(this.env, state, data, options));
  }
  propose(input: NewProposal, options: SendOptions = {}): Uint8Array {
    return this.cell.run((state) => proposeMove(this.env, state, input, options)).message;
  }
  commit(inputs: readonly ProposalInput[] = [], options: CommitOptions = {}): BuiltCommit {
    return this.cell.run((state) => commitMove(this.env, state, inputs, options));
  }
  process(message: Uint8Array): Taken {
    return usable(this.cell.run((state) => processMove(this.env, state, message)));
  }
  /** Enter the epoch of what `process` or `commit` gave. */
  accept(taken: Taken | BuiltCommit): void {
    this.cell.run((state) => {
      const isOwn = 'welcome' in taken;
      if (!isOwn && taken.kind !== 'checked-commit') throw new Error(`no commit: ${taken.kind}`);
      const next = isOwn ? taken.next : taken.checked.next;
      const used = isOwn ? undefined : taken.used;
      const consumed = used === undefined ? undefined : consumeMove(this.env, state, used);
      const before = consumed?.next ?? state;
      const move = next === undefined ? leaveMove(this.env, before) : enterMove(this.env, before, next);
      return { ...move, spent: [...(consumed?.spent ?? []), ...(move.spent ?? [])] };
    });
  }
  /** Take in a commit and accept it. */
  follow(message: Uint8Array): void {
    this.accept(this.process(message));
  }
  authenticator(): string {
    return toHex(this.state.epoch.secrets.epochAuthenticator);
  }
}

/** The outcome, unless it is a commit that leads nowhere: then its error is thrown, as for other refusals. */
export function usable(taken: Taken): Taken {
  if (taken.kind === 'desynchronised' && taken.evidence.kind === 'unusable-commit')
    throw taken.evidence.error;
  return taken;
}

/** A client that is in no group yet. */
export interface Newcomer {
  readonly env: Environment;
  readonly name: string;
  readonly own: OwnKeyPackage;
  /** Its KeyPackage as an MLSMessage. */
  readonly keyPackage: Uint8Array;
}

/** Make a client with one KeyPackage. */
export function newcomer(name: string, options: PeerOptions = {}, signer?: KeyPair): Newcomer {
  const env = environment(options);
  const pair = signer ?? env.suite.signatureKeyPair(env.random(env.suite.sizes.signatureSeed));
  const own = createKeyPackage(env, { credential: basicCredential(name), signer: pair });
  const keyPackage = mlsMessage({ wireFormat: WireFormat.keyPackage, keyPackage: own.keyPackage });
  return { env, name, own, keyPackage };
}

/** A group of one. */
export function found(name: string, options: PeerOptions = {}): Peer {
  const { env, own } = newcomer(name, options);
  return new Peer(env, name, own.signer, createGroupState(env, own, options.group ?? {}));
}

/** Join by Welcome. */
export function join({ env, name, own }: Newcomer, welcome: Uint8Array): Peer {
  const message = decode(MlsMessage, welcome);
  if (message.wireFormat !== WireFormat.welcome) throw new Error('not a Welcome');
  const { state } = joinFromWelcome(env, message.welcome, (ref) =>
    toHex(ref) === toHex(own.ref) ? own : undefined,
  );
  return new Peer(env, name, own.signer, state);
}

/** One member commits, all others follow. @returns the members that remain */
export function settle(
  all: readonly Peer[],
  by: Peer,
  inputs: readonly ProposalInput[] = [],
  options: CommitOptions = {},
): Peer[] {
  const built = by.commit(inputs, options);
  for (const peer of all) if (peer !== by) peer.follow(built.message);
  by.accept(built);
  return all.filter((peer) => peer.state.status === 'active');
}

/** A group of several members, at leaves 0, 1, … in the order of their names; everybody is where everybody is. */
export function room(names: readonly string[], options: PeerOptions = {}): Peer[] {
  const [first = 'a', ...rest] = names;
  const founder = found(first, options);
  if (rest.length === 0) return [founder];
  const others = rest.map((name) => newcomer(name, options));
  const built = founder.commit(others.map(({ keyPackage }) => add(keyPackage)));
  founder.accept(built);
  return [founder, ...others.map((other) => join(other, built.welcome as Uint8Array))];
}

/** The member at a place of a list. */
export function nth(peers: readonly Peer[], index: number): Peer {
  return peers[index] as Peer;
}

/** A leaf index for a test. */
export const leaf = (value: number): LeafIndex => leafIndex(value);

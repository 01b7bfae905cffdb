/** A group in the hands of an application: each public method is one transition (see `transition.ts`). */

import { type LeafIndex, leafIndex } from '../base/brand.ts';
import { ownedCopy, toHex } from '../base/bytes.ts';
import { fail, guarded, MlsError } from '../base/error.ts';
import { mlsExporter } from '../schedule/exporter.ts';
import { renewalOf } from '../tree/renewals.ts';
import { treeToNodes } from '../tree/tree.ts';
import type { Extension } from '../wire/extension.ts';
import { WireFormat } from '../wire/registry.ts';
import type { TreeNode } from '../wire/treeNode.ts';
import { worthProposing } from './again.ts';
import { type ComponentKeys, componentKeys } from './component.ts';
import { consumeMove, discardMove, enterMove, leaveMove, markOf } from './decide.ts';
import type { Environment } from './environment.ts';
import { createGroupInfo, type GroupInfoOptions } from './groupInfo.ts';
import { commitMove, encryptMove, proposeMove } from './moves.ts';
import { processMove, type Taken } from './process.ts';
import {
  type Accepted,
  type Processed,
  type ProcessOptions,
  type StoredProposal,
  saysNothing,
} from './processed.ts';
import { add, leave, type NewProposal, type ProposalInput } from './proposals.ts';
import { mlsMessage, requireActive, type SendOptions } from './protect.ts';
import { encodeState } from './record.ts';
import type { CommitOptions } from './sendCommit.ts';
import { lostSecrets, stateSecrets } from './spent.ts';
import { StagedCommits } from './stagedCommits.ts';
import type { GroupState } from './state.ts';
import { Cell } from './transition.ts';
import {
  type Member,
  type MemberLeaf,
  memberAt,
  memberLeafAt,
  membersIn,
  type OwnCommit,
  type Renewal,
  type StagedCommit,
} from './views.ts';

/** What is behind a handle, for a client and a store. */
interface Inside {
  readonly env: Environment;
  readonly cell: Cell<GroupState>;
  readonly staged: StagedCommits;
}

const insides = /* @__PURE__ */ new WeakMap<Group, Inside>();

/**
 * The state of one MLS group in one epoch, and the moves that change it.
 *
 * Every method either succeeds completely or throws `MlsError` and leaves the group as it was. Nothing here waits:
 * results are bytes to send and facts to act on.
 */
export class Group {
  readonly #env: Environment;
  readonly #cell: Cell<GroupState>;
  readonly #staged = new StagedCommits();

  /** For `Client`, which makes and joins groups. */
  constructor(env: Environment, state: GroupState) {
    this.#env = env;
    this.#cell = new Cell(state);
    insides.set(this, { env, cell: this.#cell, staged: this.#staged });
  }

  /** Group id, which never changes. */
  get id(): Uint8Array {
    return this.#state.epoch.context.groupId.slice();
  }
  /** Epoch counter (RFC 9420 §8.1). */
  get epoch(): bigint {
    return this.#state.epoch.context.epoch;
  }
  /** Cipher suite number (§17.1). */
  get suite(): number {
    return this.#env.suite.id;
  }
  /** Our leaf in this epoch. */
  get self(): LeafIndex {
    return this.#state.epoch.self;
  }
  /** `closed`: a ReInit took effect; `removed`: we are no longer a member. Both only read. */
  get status(): 'active' | 'removed' | 'closed' {
    return this.#state.status;
  }
  /** Whether this handle was not closed. */
  get isOpen(): boolean {
    return this.#cell.isOpen;
  }
  /** Whether we are a member: neither removed, nor the group or this handle closed. */
  get isActive(): boolean {
    return this.#cell.isOpen && this.#state.status === 'active';
  }
  /** In leaf order; gathered anew, O(N). */
  get members(): readonly Member[] {
    return [...membersIn(this.#state.epoch.tree)];
  }
  /** When members last renewed their keys, in leaf order: whoever has not for long should be asked to, or removed (§16.6). */
  get renewals(): readonly Renewal[] {
    const { epoch, renewals } = this.#state;
    const { width } = epoch.tree;
    return this.members.map((member) => ({ member, epoch: renewalOf(renewals, width, member.leaf) }));
  }
  /** Extensions of the group. */
  get extensions(): readonly Extension[] {
    return this.#state.epoch.context.extensions;
  }
  /** Proposals that wait for a commit. */
  get proposals(): readonly StoredProposal[] {
    const { tree } = this.#state.epoch;
    return this.#state.proposals.map(({ ref, proposal, sender }) => ({
      ref: ref.slice(),
      type: proposal.proposalType,
      sender: sender.kind === 'member' ? memberAt(tree, sender.leaf) : undefined,
    }));
  }
  /** Our own commit that awaits {@link accept} or {@link discard}, if any. */
  get pending(): OwnCommit | undefined {
    return this.#state.pending?.commit;
  }
  /** Equal for all members who agree on this epoch's history (§8.7). Hash-length bytes. */
  get epochAuthenticator(): Uint8Array {
    return this.#state.epoch.secrets.epochAuthenticator.slice();
  }
  /** The tree hash of this epoch (§7.8). */
  get treeHash(): Uint8Array {
    return this.#state.epoch.context.treeHash.slice();
  }
  /** The ratchet tree in array order (§12.4.3.3), for delivering it apart and for drawing it. */
  get ratchetTree(): readonly (TreeNode | undefined)[] {
    return treeToNodes(this.#state.epoch.tree);
  }

  /** Protect application data (§15). @throws `state.proposals-pending`, `state.closed`, `state.not-member`, `codec.limit` */
  encrypt(data: Uint8Array, options: SendOptions = {}): Uint8Array {
    return this.#cell.run((state) => encryptMove(this.#env, state, ownedCopy(data), options));
  }

  /** Send a proposal by reference (§12.1). @throws `state.closed`, `validation.*`, `policy.lifetime` */
  propose(
    input: NewProposal,
    options: SendOptions = {},
  ): { readonly message: Uint8Array; readonly ref: Uint8Array } {
    return this.#cell.run((state) => proposeMove(this.#env, state, input, options));
  }

  /** Ask to be taken out (extensions draft §6.3): a SelfRemove, always in public. @throws `codec.unsupported`, `state.closed` */
  leave(): { readonly message: Uint8Array; readonly ref: Uint8Array } {
    return this.propose(leave());
  }

  /**
   * Build a commit over every proposal seen plus `inputs` (§12.4). The group does not move, and of its secrets only a
   * handshake key is spent: send `message`, learn its fate from the server, then {@link accept} or {@link discard}.
   * @throws `state.pending-commit`, `state.closed`, `validation.*`, `state.missing-psk`, `policy.lifetime`
   */
  commit(inputs: readonly ProposalInput[] = [], options: CommitOptions = {}): OwnCommit {
    return this.#cell.run((state) => commitMove(this.#env, state, inputs, options)).commit;
  }

  /** A commit that adds clients, whose result always carries a Welcome. @param keyPackages as MLSMessages, at least one */
  invite(
    keyPackages: readonly Uint8Array[],
    options: CommitOptions = {},
  ): OwnCommit & { readonly welcome: Uint8Array } {
    if (keyPackages.length === 0) fail('codec.input', { expected: 'key packages' });
    return this.commit(keyPackages.map(add), options) as OwnCommit & { readonly welcome: Uint8Array };
  }

  /**
   * Take in any message and say what became of it: see {@link Processed}. Nothing that was received makes this throw.
   * @throws `state.closed-handle`, `codec.input` for no bytes, and `crypto.*` or `internal.bug` when a back end fails
   */
  process(message: Uint8Array, options: ProcessOptions = {}): Processed {
    const bytes = guarded(() => ownedCopy(message));
    const taken = this.#taken(bytes, options);
    if (taken.kind !== 'checked-commit') return taken;
    const { checked, origin, used, authenticatedData } = taken;
    const { committer, changes, next } = checked;
    const commit: StagedCommit = Object.freeze({ origin, epoch: this.epoch + 1n, committer, changes });
    const surplus = this.#staged.add(commit, { next, used, end: { mark: markOf(bytes), isOwn: false } });
    // Making room is no decision: the key that opened the surplus one stays.
    if (surplus !== undefined) this.#cell.run((state) => discardMove(state, surplus.next));
    return { kind: 'commit', commit, authenticatedData };
  }

  /** Enter the epoch that a staged commit creates; a pending commit of ours that lost is dropped. @throws `state.stale-handle` */
  accept(commit: StagedCommit): Accepted {
    const { next, used, end } = this.#staged.find(this.#state, commit);
    const lost = this.#staged.losers(next);
    const decided = this.#cell.run((state) => {
      const consumed = used === undefined ? undefined : consumeMove(this.#env, state, used);
      const before = consumed?.next ?? state;
      const move =
        next === undefined ? leaveMove(this.#env, before) : enterMove(this.#env, before, next, end);
      const again = worthProposing(this.#env, before, move.next, commit);
      const spent = [...(consumed?.spent ?? []), ...(move.spent ?? []), ...lostSecrets(before, next, lost)];
      const released = before.held.filter(({ epoch }) => epoch === commit.epoch && next !== undefined);
      return { next: move.next, result: { again, released }, spent };
    });
    this.#staged.clear();
    const released = decided.released.map(({ message }) => message);
    return { epoch: this.epoch, changes: commit.changes, released, again: decided.again };
  }

  /** Drop a staged commit and wipe what it held. Dropping one that others accept leaves us behind. @throws `state.stale-handle` */
  discard(commit: StagedCommit): void {
    const { next, used } = this.#staged.find(this.#state, commit);
    this.#cell.run((state) => {
      const consumed = used === undefined ? undefined : consumeMove(this.#env, state, used);
      const move = discardMove(consumed?.next ?? state, next);
      return { ...move, spent: [...(consumed?.spent ?? []), ...(move.spent ?? [])] };
    });
    this.#staged.delete(commit);
  }

  /** MLS-Exporter (§8.5). @param length bytes wanted, 0..255·Nh @throws `crypto.limit`, `codec.input` without a label */
  export(label: string, context: Uint8Array, length: number): Uint8Array {
    return guarded(() => {
      requireActive(this.#state);
      if (label === '') fail('codec.input', { expected: 'label' });
      const { exporterSecret } = this.#state.epoch.secrets;
      return mlsExporter(this.#env.suite, exporterSecret, { label, context: ownedCopy(context), length });
    });
  }

  /** The keys of the group for one component of the application (extensions draft §4). @param id 16 bits @throws `codec.input` */
  component(id: number): ComponentKeys {
    return componentKeys(this.#env, this.#cell, id);
  }

  /** A signed GroupInfo as an MLSMessage, for external joiners (§12.4.3). Both extensions are included by default. */
  groupInfo(options: Partial<GroupInfoOptions> = {}): Uint8Array {
    return guarded(() => {
      requireActive(this.#state);
      const wanted = { ratchetTree: true, externalPub: true, ...options };
      const groupInfo = createGroupInfo(this.#env, this.#state.epoch, wanted);
      return mlsMessage({ wireFormat: WireFormat.groupInfo, groupInfo });
    });
  }

  /** The member at a leaf of this epoch; `undefined` when it is blank. */
  member(leaf: number): Member | undefined {
    return memberAt(this.#state.epoch.tree, leafIndex(leaf));
  }
  /** As {@link member}, with the extensions and capabilities of its leaf node. */
  leafNode(leaf: number): MemberLeaf | undefined {
    return memberLeafAt(this.#state.epoch.tree, leafIndex(leaf));
  }

  /**
   * The whole state as bytes, secrets and a pending commit included; `Client.load` takes it back. Write it before
   * anything that a method returned is released, and never load an older one: keys would be used twice.
   */
  save(): Uint8Array {
    return guarded(() => encodeState(this.#env, this.#state));
  }

  /** Wipe every secret and refuse further use. */
  close(): void {
    const staged = this.#staged.losers(undefined);
    this.#staged.clear();
    this.#cell.close((state) => [...stateSecrets(state), ...lostSecrets(state, undefined, staged)]);
  }

  /** `Group(<hex id>, epoch 7)`: never a secret. */
  toString(): string {
    return `Group(${toHex(this.id)}, epoch ${this.epoch})`;
  }

  get #state(): GroupState {
    return this.#cell.state;
  }

  #taken(bytes: Uint8Array, options: ProcessOptions): Taken | Extract<Processed, { kind: 'rejected' }> {
    try {
      return this.#cell.run((state) => processMove(this.#env, state, bytes, options));
    } catch (error) {
      if (error instanceof MlsError && !saysNothing(error)) return { kind: 'rejected', error };
      throw error;
    }
  }
}

/** For `Client`, which founds groups on others: the state behind a handle. @throws `state.closed-handle` */
export function stateOf(group: Group): GroupState {
  return insideOf(group).cell.state;
}

/** For `Client` and stores. @throws `codec.input` for anything but a group */
export function insideOf(group: Group): Inside {
  return insides.get(group) ?? fail('codec.input', { expected: 'group' });
}

/** A group in the hands of somebody who is not in it: each public method is one transition (see `transition.ts`). */

import { leafIndex } from '../base/brand.ts';
import { ownedCopy, toHex } from '../base/bytes.ts';
import { fail, guarded, MlsError } from '../base/error.ts';
import { decodeOwned } from '../codec/codec.ts';
import type { CipherSuite } from '../crypto/provider.ts';
import type { Extension } from '../wire/extension.ts';
import { MlsMessage } from '../wire/message.ts';
import { WireFormat } from '../wire/registry.ts';
import type { Environment } from './environment.ts';
import { followMove, type NextPublicEpoch, observeMove, type Seen } from './follow.ts';
import type { Observed, Offered } from './observed.ts';
import { encodedTree, offerMove } from './offer.ts';
import { type CommonOptions, environmentOf } from './options.ts';
import { type ExternalSigner, proposeFromOutside } from './outside.ts';
import { acceptAnyCredential } from './policy.ts';
import { type Accepted, type ProcessOptions, type StoredProposal, saysNothing } from './processed.ts';
import type { NewProposal } from './proposals.ts';
import { decodePublicState, encodePublicState, suiteOfPublicRecord } from './publicRecord.ts';
import { firstPublicState, type PublicState } from './publicState.ts';
import { Cell } from './transition.ts';
import { type Member, memberAt, membersIn, type StagedCommit } from './views.ts';

/** How to observe: as a client, without what only members have. The suite is that of the group. */
export interface ObserveOptions extends CommonOptions {
  /**
   * How much is checked.
   *
   * `full`, at the start: the tree against the signed context (tree hash, shape, parent hashes, unmerged leaves, unique
   * keys), the signature of the GroupInfo by a member, what all members must support, that the group's extensions are
   * known to the policy, and each leaf with its keys, capabilities, lifetime span, signature and credential, as well as
   * the keys and credentials of the external senders. For every message: its form, group, epoch, sender and signature.
   * For a proposal, and for each one of a commit: §12.1, with KeyPackages, leaf signatures and credentials. For a
   * commit: the rules for the list (§12.2), whether it needs a path, the path's leaf, length, numbers of ciphertexts,
   * keys and parent hash, unique keys, mutual support, and the lengths of its KEM output and tags.
   *
   * `light` leaves out: at the start, the checks of each single leaf and of the external senders, about which the signer
   * of the GroupInfo is believed; always, credentials and whether extensions of the group are known. Everything else is
   * the same: signatures of leaves and KeyPackages that a message brings are verified, since only those count that
   * members take.
   *
   * Neither can check what takes secrets: membership tags, whether a path decrypts, PSKs, and confirmation tags. A
   * member can therefore make an observer follow a commit that no member can take; and whoever carries a commit can
   * exchange its confirmation tag, which no signature covers. Then `offer` refuses the members' GroupInfo, and
   * signatures fail from the second epoch after.
   * @defaultValue 'full'
   */
  readonly checks?: 'full' | 'light';
}

/** Received commits that may be staged at a time: whoever has more to choose from drops the oldest. */
const MAX_STAGED = 16;

/**
 * What can be known of an MLS group from its public handshakes alone: for servers, bots and external senders.
 *
 * Every method either succeeds completely or throws `MlsError` and leaves everything as it was. Nothing here waits, and
 * nothing here is secret.
 */
export class PublicGroup {
  readonly #env: Environment;
  readonly #cell: Cell<PublicState>;
  /** Commits of this epoch that wait for a decision. */
  readonly #staged = new Map<StagedCommit, NextPublicEpoch>();

  /** For `observe` and `observeSaved`. */
  constructor(env: Environment, state: PublicState) {
    this.#env = env;
    this.#cell = new Cell(state);
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
  get suite(): CipherSuite {
    return this.#env.suite.id;
  }
  /** `closed`: a ReInit took effect, and nothing follows. */
  get status(): 'active' | 'closed' {
    return this.#state.status;
  }
  /** In leaf order; gathered anew, O(N). */
  get members(): readonly Member[] {
    return [...membersIn(this.#state.epoch.tree)];
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
  /** The tree hash of this epoch (§7.8). */
  get treeHash(): Uint8Array {
    return this.#state.epoch.context.treeHash.slice();
  }
  /** The confirmed transcript hash of this epoch (§8.2): equal for all who saw the same commits. Empty in epoch 0. */
  get confirmedTranscriptHash(): Uint8Array {
    return this.#state.epoch.context.confirmedTranscriptHash.slice();
  }
  /** The encoded ratchet tree, for delivery beside a GroupInfo or Welcome (§12.4.3.3). O(N). */
  get ratchetTree(): Uint8Array {
    return guarded(() => encodedTree(this.#state.epoch));
  }
  /** The newest verified GroupInfo of this epoch, as an MLSMessage for external joiners; `undefined` until one is offered. */
  get groupInfo(): Uint8Array | undefined {
    return this.#state.offer?.slice();
  }

  /** The member at a leaf of this epoch; `undefined` when it is blank. */
  member(leaf: number): Member | undefined {
    return memberAt(this.#state.epoch.tree, leafIndex(leaf));
  }

  /**
   * Take in any message and say what became of it: see {@link Observed}. Nothing that was received makes this throw.
   * @throws `codec.input` for no bytes, and `crypto.*` or `internal.bug` when a back end fails
   */
  process(message: Uint8Array, options: Pick<ProcessOptions, 'wanted'> = {}): Observed {
    const bytes = guarded(() => ownedCopy(message));
    const seen = orRejected<Seen>(() =>
      this.#cell.run((state) => observeMove(this.#env, state, bytes, options)),
    );
    if (seen.kind !== 'checked-commit') return seen;
    const { next, origin, committer, changes, authenticatedData } = seen;
    const { epoch } = next.epoch.context;
    const commit: StagedCommit = Object.freeze({ origin, epoch, committer, changes });
    const [oldest] = this.#staged.keys();
    if (oldest !== undefined && this.#staged.size >= MAX_STAGED) this.#staged.delete(oldest);
    this.#staged.set(commit, next);
    return { kind: 'commit', commit, authenticatedData };
  }

  /** Enter the epoch that a staged commit creates. @throws `state.stale-handle` */
  accept(commit: StagedCommit): Pick<Accepted, 'epoch' | 'changes'> {
    const next = this.#find(commit);
    this.#cell.run((state) => followMove(this.#env, state, next));
    this.#staged.clear();
    return { epoch: this.epoch, changes: commit.changes };
  }

  /** Drop a staged commit. @throws `state.stale-handle` */
  discard(commit: StagedCommit): void {
    this.#find(commit);
    this.#staged.delete(commit);
  }

  /**
   * Verify a member's GroupInfo of this epoch and keep it for external joiners, in place of an older one: it must carry
   * an external_pub, which nobody outside can check. Nothing that was received makes this throw.
   * @param groupInfo MLSMessage
   * @throws `codec.input` for no bytes, and `crypto.*` or `internal.bug` when a back end fails
   */
  offer(groupInfo: Uint8Array): Offered {
    const bytes = guarded(() => ownedCopy(groupInfo));
    return orRejected(() => this.#cell.run((state) => offerMove(this.#env, state, bytes)));
  }

  /**
   * Propose something as an external sender of the group (§12.1.8): a PublicMessage to send. Nothing changes here until
   * it comes back by {@link process}.
   * @throws `validation.sender` when the group does not list the key, or such a proposal is not for external senders;
   * `state.closed`, `validation.*`, `codec.*`
   */
  propose(
    input: NewProposal,
    sender: ExternalSigner,
  ): { readonly message: Uint8Array; readonly ref: Uint8Array } {
    return guarded(() => proposeFromOutside(this.#env, this.#state, input, sender));
  }

  /** Everything that is known, as bytes; `observeSaved` takes it back. Commits that are staged are not part of it. O(N). */
  save(): Uint8Array {
    return guarded(() => encodePublicState(this.#env, this.#state));
  }

  /** `PublicGroup(<hex id>, epoch 7)`. */
  toString(): string {
    return `PublicGroup(${toHex(this.id)}, epoch ${this.epoch})`;
  }

  get #state(): PublicState {
    return this.#cell.state;
  }

  #find(commit: StagedCommit): NextPublicEpoch {
    return this.#staged.get(commit) ?? fail('state.stale-handle', { epoch: this.epoch });
  }
}

/** See `observe` of the package. */
export function observeGroup(
  options: ObserveOptions,
  groupInfo: Uint8Array,
  ratchetTree: Uint8Array | undefined,
): PublicGroup {
  return guarded(() => {
    const message = ownedCopy(groupInfo);
    const { decoding } = environmentOf(options, options.provider.suites[0] ?? 1, () => undefined);
    const decoded = decodeOwned(MlsMessage, message, decoding);
    if (decoded.wireFormat !== WireFormat.groupInfo)
      return fail('validation.group-info', { wireFormat: decoded.wireFormat });
    const env = observing(options, decoded.groupInfo.groupContext.cipherSuite);
    const checks = options.checks === 'light' ? 'believed' : 'checked';
    const state = firstPublicState(env, decoded.groupInfo, { message, ratchetTree }, checks);
    return new PublicGroup(env, state);
  });
}

/** See `observeSaved` of the package. */
export function observeRecord(options: ObserveOptions, record: Uint8Array): PublicGroup {
  return guarded(() => {
    const env = observing(options, suiteOfPublicRecord(record));
    return new PublicGroup(env, decodePublicState(env, record));
  });
}

function observing(options: ObserveOptions, suite: CipherSuite): Environment {
  const env = environmentOf(options, suite, () => undefined);
  return options.checks === 'light'
    ? { ...env, validateCredential: acceptAnyCredential, anyExtension: true }
    : env;
}

/** What a received message comes to, or why it is refused. */
function orRejected<T>(step: () => T): T | { readonly kind: 'rejected'; readonly error: MlsError } {
  try {
    return step();
  } catch (error) {
    if (error instanceof MlsError && !saysNothing(error)) return { kind: 'rejected', error };
    throw error;
  }
}

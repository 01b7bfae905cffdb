/**
 * One entry of a group's order after another: which commit counts, and what becomes of everything else (design, 4.2).
 *
 * The position is written in the batch of the step that an entry leads to, so that nothing is taken twice or left out.
 */

import { EMPTY, equal } from '../../base/bytes.ts';
import { failure, type MlsError } from '../../base/error.ts';
import type { Accepted, Divergence, Group, Member, StagedCommit } from '../../index.ts';
import type { InboxMessage, MlsStore, Records, StoredGroup, StoredProcessed } from '../../storage/index.ts';
import { branchTag } from '../binding.ts';
import { el, type XmlElement } from '../element.ts';
import type { Entry, Position } from '../sequencer/contract.ts';
import { digestOf } from '../sequencer/entry.ts';
import type { MlsContent } from '../stanza/mls.ts';
import { headerOf } from './header.ts';
import { outline, welcomeStanza } from './outgoing.ts';
import { Bundle, type Names, Origin, Outgoing, PositionRecord, readRecord, record } from './records.ts';

/** A message of the group as it came. */
export interface Arrived {
  readonly message: Uint8Array;
  /** Tag of the epoch that it says it was made in. */
  readonly branch: Uint8Array | undefined;
  /** Whom the service says that it came from: a share of what is held for later. */
  readonly source: string;
  readonly origin: Origin;
  /** SHA-256 of what arrived, in hex. */
  readonly digest: string;
  /** Its place in the order; nothing for a message that is not part of it. */
  readonly place: { readonly id: string; readonly nextBranch: Uint8Array | undefined } | undefined;
}

/** What became of an arrival; it is durable when this is told. */
export type Followed =
  | { readonly kind: 'message'; readonly message: InboxMessage; readonly origin: Origin }
  /** A message of our own has its place. */
  | { readonly kind: 'own'; readonly digest: string }
  | {
      readonly kind: 'commit';
      readonly commit: StagedCommit;
      readonly accepted: Accepted;
      readonly by: Member | undefined;
      readonly isOwn: boolean;
      readonly authenticatedData: Uint8Array;
    }
  | { readonly kind: 'proposal' }
  /** A commit or proposal that counts for nobody. */
  | { readonly kind: 'refused'; readonly error: MlsError }
  /** A message that cannot be read. */
  | { readonly kind: 'unreadable'; readonly error: MlsError; readonly origin: Origin; readonly epoch: bigint }
  /** A commit that counts, and that does not work for us. */
  | { readonly kind: 'unusable'; readonly epoch: bigint; readonly branch: Uint8Array | undefined }
  /** Something of a later epoch than ours. */
  | { readonly kind: 'ahead'; readonly epoch: bigint; readonly branch: Uint8Array | undefined }
  /** A commit that ends another epoch of our number. */
  | { readonly kind: 'other-branch' }
  | { readonly kind: 'diverged'; readonly evidence: Divergence }
  | { readonly kind: 'nothing' };

const NOTHING: Followed = { kind: 'nothing' };
const NO_STANZA: XmlElement = /* @__PURE__ */ el('message');

/** Takes what arrives for one group. */
export class Follower {
  readonly #store: MlsStore;
  readonly #names: Names;
  readonly #hash: (bytes: Uint8Array) => Uint8Array;
  #group: StoredGroup;
  #branch: { readonly epoch: bigint; readonly tag: Uint8Array } | undefined;

  constructor(store: MlsStore, group: StoredGroup, names: Names, hash: (bytes: Uint8Array) => Uint8Array) {
    this.#store = store;
    this.#group = group;
    this.#names = names;
    this.#hash = hash;
  }

  /** The state that follows; another one after a rejoin. */
  get group(): StoredGroup {
    return this.#group;
  }
  set group(group: StoredGroup) {
    this.#group = group;
    this.#branch = undefined;
  }

  /** Tag of the present epoch: 8 bytes. */
  get branch(): Uint8Array {
    const { group } = this.#group;
    if (this.#branch?.epoch !== group.epoch) this.#branch = { epoch: group.epoch, tag: branchTag(group) };
    return this.#branch.tag;
  }

  /**
   * Take an entry that holds a message of a group. Of one that is `ahead` the position is not kept: the order has a hole
   * before it, and it is to come again.
   */
  async follow(entry: Entry, position: Position): Promise<Followed> {
    const arrived = arrivedIn(entry);
    const keep = (records: Records): void =>
      records.put(this.#names.position, record(PositionRecord, position));
    if (arrived === undefined) {
      await this.#store.write(keep);
      return NOTHING;
    }
    return this.take(arrived, keep);
  }

  /** Take a message. @param keep what else is to be written with it */
  async take(arrived: Arrived, keep: (records: Records) => void = () => {}): Promise<Followed> {
    const { group } = this.#group;
    const header = headerOf(arrived.message);
    if (header === undefined || !equal(header.groupId, group.id) || !group.isActive) {
      await this.#store.write(keep);
      return NOTHING;
    }
    if (header.epoch > group.epoch) return { kind: 'ahead', epoch: header.epoch, branch: arrived.branch };
    if (header.content === 'commit' && header.epoch === group.epoch && this.#isElsewhere(arrived)) {
      await this.#store.write(keep);
      return { kind: 'other-branch' };
    }
    return this.#process(arrived, keep);
  }

  /** Keep a message of a later epoch until a commit leads there, over restarts. */
  async hold({ message, source, digest, origin }: Arrived): Promise<void> {
    await this.#group.process(message, { source }, (result, records) => {
      if (result.kind === 'held') records.put(this.#names.origin + digest, record(Origin, origin));
    });
  }

  /** Take what commits have released. */
  async settleDue(): Promise<readonly Followed[]> {
    const followed: Followed[] = [];
    for (const message of this.#group.due) {
      const digest = digestOf(
        NO_STANZA,
        { branch: undefined, content: { kind: 'app', message } },
        this.#hash,
      );
      const name = this.#names.origin + digest;
      const kept = await this.#store.get(name);
      const origin =
        kept === undefined ? { id: digest, stanza: '', time: undefined } : readRecord(Origin, kept);
      const arrived = { message, branch: undefined, source: '', origin, digest, place: undefined };
      followed.push(await this.#process(arrived, (records) => records.del(name)));
    }
    return followed;
  }

  #isElsewhere({ branch, place }: Arrived): boolean {
    return place !== undefined && branch !== undefined && !equal(branch, this.branch);
  }

  async #process(arrived: Arrived, keep: (records: Records) => void): Promise<Followed> {
    const { message, source, origin, digest } = arrived;
    const before = this.#group.group.epoch;
    const outcome = await this.#group.process(message, { source }, (result, records) => {
      if (result.kind === 'commit' || result.kind === 'own-commit') return;
      keep(records);
      if (result.kind === 'application') records.put(this.#names.origin + result.id, record(Origin, origin));
      if (result.kind === 'own-message') records.del(this.#names.outgoing + digest);
    });
    return this.#became(outcome, arrived, before, keep);
  }

  async #became(
    outcome: StoredProcessed,
    arrived: Arrived,
    before: bigint,
    keep: (records: Records) => void,
  ): Promise<Followed> {
    const { origin, digest } = arrived;
    switch (outcome.kind) {
      case 'application':
        return { kind: 'message', message: outcome, origin };
      case 'own-message':
        return { kind: 'own', digest };
      case 'proposal':
        return { kind: 'proposal' };
      case 'commit':
        return this.#accept(outcome.commit, arrived, keep, outcome.authenticatedData);
      case 'own-commit':
        return this.#accept(outcome.commit, arrived, keep, EMPTY);
      case 'rejected':
        return headerOf(arrived.message)?.content === 'application'
          ? { kind: 'unreadable', error: outcome.error, origin, epoch: before }
          : { kind: 'refused', error: outcome.error };
      case 'expired':
        return this.#expired(arrived, outcome.epoch);
      case 'desynchronised':
        return outcome.evidence.kind === 'unusable-commit'
          ? { kind: 'unusable', epoch: outcome.evidence.epoch, branch: arrived.place?.nextBranch }
          : { kind: 'diverged', evidence: outcome.evidence };
      default:
        return NOTHING;
    }
  }

  /** Commits and proposals of the past have lost; a message that is ours was read when it was written. */
  async #expired({ message, origin, digest }: Arrived, epoch: bigint): Promise<Followed> {
    if (headerOf(message)?.content !== 'application') return NOTHING;
    const ours = await this.#store.get(this.#names.outgoing + digest);
    if (ours === undefined)
      return { kind: 'unreadable', error: failure('state.epoch-past', { epoch }), origin, epoch };
    await this.#store.write((records) => records.del(this.#names.outgoing + digest));
    return { kind: 'own', digest };
  }

  async #accept(
    commit: StagedCommit,
    { place }: Arrived,
    keep: (records: Records) => void,
    authenticatedData: Uint8Array,
  ): Promise<Followed> {
    const isOwn = commit.origin === 'own';
    const by = committerOf(this.#group.group, commit);
    const kept = isOwn ? await this.#store.get(this.#names.bundle) : undefined;
    const bundle = kept && readRecord(Bundle, kept);
    const accepted = await this.#group.accept(commit, (_, records) => {
      keep(records);
      records.del(this.#names.bundle);
      for (const invitation of bundle?.invitations ?? []) {
        const { digest, stanza } = welcomeStanza(invitation, place?.id, this.#hash);
        records.put(
          this.#names.outgoing + digest,
          record(Outgoing, { isOrdered: false, stanza, number: 0n }),
        );
      }
    });
    return { kind: 'commit', commit, accepted, by, isOwn, authenticatedData };
  }
}

/** The message of a group that an entry holds. */
export function arrivedIn(entry: Entry): Arrived | undefined {
  const content = entry.payload?.content;
  const message = content && messageOf(content);
  if (content === undefined || message === undefined) return undefined;
  const nextBranch = content.kind === 'commit' ? content.groupInfo?.branch : undefined;
  return {
    message,
    branch: entry.payload?.branch,
    source: entry.message.attrs['from'] ?? '',
    origin: originOf(entry),
    digest: entry.digest,
    place: { id: entry.id, nextBranch },
  };
}

function messageOf(content: MlsContent): Uint8Array | undefined {
  return content.kind === 'app' || content.kind === 'proposal' || content.kind === 'commit'
    ? content.message
    : undefined;
}

/** In rooms messages are referred to by the ids of the archive. */
function originOf({ id, message, time }: Entry): Origin {
  return { id, stanza: outline(message), time };
}

function committerOf(group: Group, { origin, committer, changes }: StagedCommit): Member | undefined {
  return origin === 'new-member'
    ? changes.added.find(({ leaf }) => leaf === committer)
    : group.member(committer);
}

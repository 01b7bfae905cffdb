/**
 * Reaches goals of a group by commits, against whoever else commits (design, 4.3).
 *
 * A goal says what is to be so, not what to send: after a lost race it is looked at again, and often another has met it. A
 * commit is durable before it leaves, and after any doubt the same bytes leave again.
 */

import { toHex } from '../../base/bytes.ts';
import { fail, MlsError } from '../../base/error.ts';
import { type Group, type LeafChange, type ProposalInput, preview } from '../../index.ts';
import type { MlsStore, StoredGroup } from '../../storage/index.ts';
import { branchTag } from '../binding.ts';
import type { Appended, Sequencer } from '../sequencer/contract.ts';
import { serialise } from '../serialise.ts';
import type { Timers } from '../timers.ts';
import type { Transport } from '../transport.ts';
import type { Handout } from './handout.ts';
import { type Invited, invitationsOf } from './invitations.ts';
import { Online } from './online.ts';
import { bundleStanza, orderedStanza, requireFitting } from './outgoing.ts';
import { Bundle, type Names, readRecord, record } from './records.ts';

/** What a goal asks for in one state of the group. */
export interface Plan {
  readonly inputs: readonly ProposalInput[];
  /** Authenticated in the clear: a HandshakeNote. */
  readonly note?: Uint8Array;
  /** Accounts of those who are added, in the order of their proposals among `inputs`. */
  readonly invited?: readonly Invited[];
  readonly leaf?: LeafChange;
}

/** Something that is to be so. */
export interface Goal {
  readonly name: string;
  /**
   * What is missing in this state; nothing if it is met. What it throws ends the goal.
   * @param most Adds that fit into a stanza, as far as is known
   */
  plan(group: Group, most: number): Promise<Plan | undefined>;
}

/** What the committer of one group works with. */
export interface CommitterOptions {
  readonly store: MlsStore;
  readonly names: Names;
  readonly transport: Transport;
  readonly timers: Timers;
  readonly random: (length: number) => Uint8Array;
  /** The state of the group, which a rejoin replaces. */
  readonly group: () => StoredGroup;
  readonly sequencer: () => Sequencer;
  /** Tag of the present epoch. */
  readonly branch: () => Uint8Array;
  /** Take in everything that the order has. */
  readonly catchUp: () => Promise<void>;
  /** What goes with a commit. */
  readonly handout: Pick<Handout, 'carriesTree' | 'publish'>;
  /** Told of races that others have won. */
  readonly onLost?: () => void;
}

type Fate = 'won' | 'lost';
/** How often the same bytes are tried before the goal is given back as unknown. */
const TRIES = 6;
/** Losses after which the wish is once left to others as proposals: if nobody commits them, we do. */
const PATIENCE = 5;
/** How long an archived entry may be on its way to us before the archive is asked. */
const TURN_MS = 10_000;
const BACKOFF_MS = { shortest: 250, longest: 30_000 };

/** One after another, the goals of one group. */
export class Committer {
  readonly #options: CommitterOptions;
  #queue: Promise<void> = Promise.resolve();
  #waiting: { readonly epoch: bigint; readonly decide: (fate: Fate) => void } | undefined;
  #isStopped = false;
  readonly #online: Online;
  /** Adds that a commit may have: less after one did not fit. */
  #most = Number.POSITIVE_INFINITY;

  constructor(options: CommitterOptions) {
    this.#options = options;
    this.#online = new Online(options.transport);
  }

  /**
   * Resolves when the goal is met, by us or by others.
   * @throws what planning throws, `xmpp.refused`, `xmpp.server-unfit`, `xmpp.too-large`, `xmpp.timeout`, `storage.*`
   */
  reach(goal: Goal): Promise<void> {
    const reached = this.#queue.then(() => this.#reach(goal));
    this.#queue = reached.catch(() => {});
    return reached;
  }

  /** A commit of ours that a restart has left undecided is sent again. */
  resume(): Promise<void> {
    return this.reach({ name: 'resume', plan: async () => undefined });
  }

  /** The group has moved: for whom that was awaited. */
  moved(epoch: bigint, isOwn: boolean): void {
    if (this.#waiting !== undefined && this.#waiting.epoch < epoch)
      this.#waiting.decide(isOwn && this.#waiting.epoch + 1n === epoch ? 'won' : 'lost');
  }

  /** Nothing more is sent. */
  stop(): void {
    this.#isStopped = true;
    this.#online.stop();
    this.#waiting?.decide('lost');
  }

  async #reach(goal: Goal): Promise<void> {
    this.#most = Number.POSITIVE_INFINITY;
    for (let losses = 0; !this.#isStopped; ) {
      if (this.#group.pending !== undefined) {
        await this.#push();
        continue;
      }
      const isMade = await this.#make(goal, losses > 0 && losses % PATIENCE === 0);
      if (isMade === 'met') return;
      if (isMade === 'again') continue;
      if (isMade === 'proposed' || (await this.#push()) === 'lost') {
        losses += 1;
        await this.#backOff(losses);
      }
    }
    fail('state.closed-handle');
  }

  get #group(): Group {
    return this.#options.group().group;
  }

  /** Make what the goal asks for now, and write it down. */
  async #make(goal: Goal, isTired: boolean): Promise<'met' | 'made' | 'proposed' | 'again'> {
    if (!this.#group.isActive) fail('state.not-member');
    const { epoch } = this.#group;
    const plan = await goal.plan(this.#group, this.#most);
    if (plan === undefined) return 'met';
    if (isTired && (await this.#propose(plan, epoch))) return 'proposed';
    return (await this.#commitSmaller(plan, epoch)) ? 'made' : 'again';
  }

  /** As {@link #commit}; of Adds that do not fit into a stanza fewer are tried the next time. */
  async #commitSmaller(plan: Plan, epoch: bigint): Promise<boolean> {
    try {
      return await this.#commit(plan, epoch);
    } catch (error) {
      const adds = plan.inputs.filter(({ kind }) => kind === 'add').length;
      const isTooLarge = error instanceof MlsError && error.code === 'xmpp.too-large';
      if (!isTooLarge || adds < 2 || error.detail['what'] !== 'commit') throw error;
      this.#most = Math.floor(adds / 2);
      return false;
    }
  }

  /** @returns whether the group was still where the plan was made @throws `xmpp.too-large`, nothing having been made */
  #commit({ inputs, note, invited = [], leaf }: Plan, epoch: bigint): Promise<boolean> {
    const { names, group, branch, handout, random } = this.#options;
    return group().update((now, records) => {
      if (now.epoch !== epoch || now.pending !== undefined) return false;
      const ratchetTree = handout.carriesTree(now, inputs);
      const made = now.commit(inputs, {
        ...(note && { authenticatedData: note }),
        ...(leaf && { leaf }),
        groupInfo: true,
        ratchetTree,
      });
      const next = preview(now) ?? fail('internal.bug');
      const { groupInfo, treePatch } = handout.publish(now, made, next, ratchetTree);
      const bundle = bundleStanza(made.message, {
        branch: branch(),
        id: newId('c', random),
        groupInfo: groupInfo && { message: groupInfo, branch: branchTag(next) },
        ...(treePatch && { treePatch }),
      });
      const invitations = invitationsOf(made.welcome, invited, this.#options.sequencer().jid);
      const stanza = serialise(bundle);
      requireFitting(stanza, invitations);
      records.put(names.bundle, record(Bundle, { epoch, stanza, invitations }));
      return true;
    });
  }

  /** Leave it to whoever wins. @returns whether there was something that others can do */
  async #propose({ inputs, note }: Plan, epoch: bigint): Promise<boolean> {
    const { group, branch, random, sequencer } = this.#options;
    const stanzas = await group().update((now) => {
      if (now.epoch !== epoch) return [];
      return inputs.flatMap((input) => {
        if (input.kind !== 'add' && input.kind !== 'remove') return [];
        const { message } = now.propose(input, note === undefined ? {} : { authenticatedData: note });
        return [orderedStanza({ kind: 'proposal', message }, newId('p', random), branch())];
      });
    });
    for (const stanza of stanzas) {
      const appended = await sequencer().append(stanza);
      if (appended.kind === 'refused') throw appended.error;
    }
    return stanzas.length > 0;
  }

  /** Send the pending commit until its fate is known. @throws what `reach` says; then it is dropped, or it is unknown */
  async #push(): Promise<Fate> {
    const kept = await this.#options.store.get(this.#options.names.bundle);
    const { pending } = this.#group;
    if (pending === undefined) return 'lost';
    if (kept === undefined) return this.#drop();
    const { stanza } = readRecord(Bundle, kept);
    let fate: Fate | undefined;
    const fated = new Promise<void>((resolve) => {
      this.#waiting = {
        epoch: pending.epoch - 1n,
        decide: (decided) => {
          fate = decided;
          resolve();
        },
      };
    });
    try {
      for (let tries = 0; fate === undefined && tries < TRIES; tries++) {
        const appended = await this.#append(stanza);
        await Promise.race([fated, this.#settle(appended)]);
      }
    } finally {
      this.#waiting = undefined;
    }
    return fate ?? fail('xmpp.timeout', { what: 'commit' });
  }

  async #append(stanza: string): Promise<Appended> {
    try {
      return await this.#options.sequencer().append(this.#options.transport.parse(stanza));
    } catch (error) {
      // Too large, or no stanza: it never left.
      await this.#drop();
      throw error;
    }
  }

  /** What is to be done after an attempt. @throws after a refusal, the commit being dropped */
  async #settle(appended: Appended): Promise<void> {
    switch (appended.kind) {
      case 'not-archived':
        await this.#drop();
        return fail('xmpp.server-unfit', { missing: 'archive' });
      case 'refused':
        await this.#drop();
        throw appended.error;
      case 'unknown':
        if (appended.error.code === 'xmpp.offline') await this.#online.wait();
        return this.#options.catchUp();
      case 'archived':
        // Its turn comes by itself while we follow.
        if (this.#options.sequencer().isCurrent) await this.#pause(TURN_MS);
        return this.#waiting === undefined ? undefined : this.#options.catchUp();
    }
  }

  async #drop(): Promise<Fate> {
    const { pending } = this.#group;
    if (pending !== undefined) await this.#options.group().discard(pending);
    await this.#options.store.write((records) => records.del(this.#options.names.bundle));
    return 'lost';
  }

  async #backOff(losses: number): Promise<void> {
    this.#options.onLost?.();
    const { random } = this.#options;
    const longest = Math.min(BACKOFF_MS.longest, BACKOFF_MS.shortest * 2 ** losses);
    await this.#pause(longest * (0.5 + uniform(random)));
    await this.#options.catchUp();
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.#options.timers.after(ms, resolve));
  }
}

/** A number from 0 to 1, 1 excluded. */
export function uniform(random: (length: number) => Uint8Array): number {
  return random(4).reduce((value, byte) => value * 256 + byte, 0) / 2 ** 32;
}

/** An id for a stanza. */
export function newId(kind: string, random: (length: number) => Uint8Array): string {
  return `${kind}-${toHex(random(12))}`;
}

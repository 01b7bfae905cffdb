/**
 * What of a group is in the store, and what a move changes there. Two states are compared where they refer to different
 * objects, so that the work is that of the change. What was written is encoded again from the state before, for the
 * digest; only what differs from the state on purpose is remembered here.
 *
 * On purpose: of our own ratchets a later generation is written than the one in use. Messages up to there go out without
 * waiting for the store; after a crash, the generations in between are left out. Their keys are not in the store either.
 */

import type { SuiteCrypto } from '../crypto/provider.ts';
import type { EpochState, GroupState, PastEpoch, PendingCommit } from '../group/state.ts';
import type { SecretTree } from '../schedule/secretTree.ts';
import type { PrivatePath } from '../tree/privatePath.ts';
import type { StoreOp } from './backend.ts';
import { Changes, NO_RECORDS, type Value } from './changes.ts';
import type { GroupKeys } from './keys.ts';
import {
  type Bare,
  EpochPart,
  encode,
  Flags,
  Head,
  HeldPart,
  PastPart,
  PathPart,
  PendingPart,
  ProposalPart,
} from './records.ts';
import { type Reserved, type Reserving, reserve } from './reserved.ts';
import { diffSecrets, writeRatchet } from './secretRecords.ts';
import { newNodes, replacedLeaves, writeTree } from './treeRecords.ts';

/** What is remembered beside the state: how things were numbered, and our own ratchets. */
export interface Written {
  readonly head: Head;
  readonly numbers: ReadonlyMap<object, number>;
  readonly reserved: ReadonlyMap<string, Reserved>;
}

/** Nothing was written. */
export const NOTHING_WRITTEN: Written = /* @__PURE__ */ Object.freeze({
  head: { digest: NO_RECORDS, counter: 0 },
  numbers: new Map<object, number>(),
  reserved: new Map<string, Reserved>(),
});

/** Records to write, and what is remembered once they are. */
export interface Delta {
  readonly ops: readonly StoreOp[];
  readonly written: Written;
  /** For how many batches it stands: each allows for so many generations of ours, and leads to the next epoch at most. */
  readonly weight: number;
}

/** The records that a move changes. @param before `undefined` for a group that is not in the store yet */
export function deltaOf(
  suite: SuiteCrypto,
  keys: GroupKeys,
  written: Written,
  states: { readonly before: GroupState | undefined; readonly after: GroupState },
): Delta {
  const { before, after } = states;
  if (before === after) return { ops: [], written, weight: 0 };
  const changes = new Changes(suite, written.head.digest);
  const numbers = new Map(written.numbers);
  const reserved = new Map(written.reserved);
  let { counter } = written.head;
  const weight = {
    batches: before === undefined ? 1 : Number(after.epoch.context.epoch - before.epoch.context.epoch),
  };
  const diff: Diff = { suite, keys, changes, numbers, reserved, weight, next: () => counter++ };
  writeEpoch(diff, before, after);
  writePending(diff, before, after);
  writeKeys(diff, before, after);
  writePast(diff, before, after);
  writeLists(diff, before, after);
  if (changes.ops.length === 0) return { ops: [], written, weight: weight.batches };
  const head = { digest: changes.digest, counter };
  changes.write(keys.head, undefined, encode(Head, head));
  return { ops: changes.ops, written: { head, numbers, reserved }, weight: weight.batches };
}

interface Diff extends Reserving {
  readonly numbers: Map<object, number>;
  /** The next number for a record. */
  readonly next: () => number;
}

type State = GroupState | undefined;

function writeEpoch({ keys, changes }: Diff, before: State, after: GroupState): void {
  if (
    before?.epoch !== after.epoch ||
    before.exporterTree !== after.exporterTree ||
    before.status !== after.status
  )
    changes.change(keys.epoch, before && epochRecord(before), epochRecord(after));
  changes.change(keys.flags, before && flagsRecord(before), flagsRecord(after));
  if (before?.epoch === after.epoch && before.status === after.status) return;
  writeTree(changes, keys, before && aged(before), aged(after));
  const [old, now] = [before === undefined ? NO_PATH : pathOf(before), pathOf(after)];
  for (const node of new Set([...old.keys(), ...now.keys()])) {
    const [a, b] = [old.get(node), now.get(node)];
    if (a !== b) changes.change(keys.path(node), a && encode(PathPart, a), b && encode(PathPart, b));
  }
}

const NO_PATH: PrivatePath = /* @__PURE__ */ new Map();

function aged({ epoch: { tree }, renewals }: GroupState): Parameters<typeof writeTree>[2] {
  return { tree, renewals };
}

/** Whoever was removed keeps no keys of the tree; those that the state refers to are wiped. */
function pathOf({ status, epoch }: GroupState): PrivatePath {
  return status === 'removed' ? NO_PATH : epoch.privatePath;
}

function epochRecord(state: GroupState): Uint8Array {
  const { status, epoch, exporterTree, reinit } = state;
  if (status !== 'removed') return encode(EpochPart, { status, epoch: bareOf(epoch), exporterTree, reinit });
  const { senderDataSecret, resumptionPsk } = epoch.secrets;
  const wiped = Object.entries(epoch.secrets).map(([name, secret]) => [name, new Uint8Array(secret.length)]);
  const secrets = { ...(Object.fromEntries(wiped) as typeof epoch.secrets), senderDataSecret, resumptionPsk };
  const ended = { root: { exported: true } } as const;
  return encode(EpochPart, { status, epoch: { ...bareOf(epoch), secrets }, exporterTree: ended, reinit });
}

function bareOf({ tree, privatePath: _, ...rest }: EpochState): Bare {
  return { ...rest, width: tree.width };
}

function flagsRecord({ ahead: reported, dropped, isSetBack }: GroupState): Value {
  if (reported.length === 0 && dropped.length === 0 && !isSetBack) return undefined;
  return encode(Flags, { ahead: reported, dropped, isSetBack });
}

function writePending({ keys, changes }: Diff, before: State, after: GroupState): void {
  const [old, now] = [before?.pending, after.pending];
  if (old === now) return;
  changes.change(keys.pending, old && pendingRecord(old, before), now && pendingRecord(now, after));
  for (const part of ['message', 'welcome', 'groupInfo'] as const)
    changes.change(`${keys.pending}/${part}`, old?.commit[part], now?.commit[part]?.slice());
}

function pendingRecord({ commit, next, proposals, isFresh }: PendingCommit, state: State): Value {
  if (state === undefined) return undefined;
  return encode(PendingPart, {
    epoch: bareOf(next.epoch),
    nodes: newNodes(state.epoch.tree, next.epoch.tree),
    path: [...next.epoch.privatePath].map(([node, keyPair]) => ({ node, keyPair })),
    encryptionSecret: (next.secretTree.root as { readonly secret: Uint8Array }).secret,
    exporterTree: next.exporterTree,
    reinit: next.reinit,
    changes: commit.changes,
    proposals,
    isFresh,
  });
}

/** Message keys of the current epoch and of those that late messages may come from. */
function writeKeys(diff: Diff, before: State, after: GroupState): void {
  const [old, now] = [keysByEpoch(before), keysByEpoch(after)];
  for (const epoch of new Set([...old.keys(), ...now.keys()])) {
    const [a, b] = [old.get(epoch), now.get(epoch)];
    if (a?.tree === b?.tree) continue;
    const self = (b ?? a)?.self;
    diffSecrets(
      a?.tree,
      b?.tree,
      (node, was, is) => diff.changes.change(diff.keys.secret(epoch, node), was, is?.slice()),
      (sender, was, is) => {
        if (sender.leaf === self) reserve(diff, epoch, sender, is);
        else writeRatchet(diff.changes, { keys: diff.keys, epoch, sender }, was, is);
      },
    );
  }
}

interface MessageKeys {
  readonly tree: SecretTree;
  readonly self: number;
}

function keysByEpoch(state: State): ReadonlyMap<bigint, MessageKeys> {
  const keys = new Map<bigint, MessageKeys>();
  if (state === undefined) return keys;
  const { context, self } = state.epoch;
  keys.set(context.epoch, { tree: state.secretTree, self });
  for (const past of state.past) keys.set(past.context.epoch, { tree: past.secretTree, self: past.self });
  return keys;
}

function writePast({ keys, changes }: Diff, before: State, after: GroupState): void {
  const [old, now] = [pastByEpoch(before), pastByEpoch(after)];
  for (const epoch of new Set([...old.keys(), ...now.keys()])) {
    // What is kept of an epoch, message keys apart, never changes.
    if (old.has(epoch) && now.has(epoch)) continue;
    changes.change(keys.past(epoch), pastRecord(old.get(epoch)), pastRecord(now.get(epoch)));
  }
}

interface Kept {
  readonly past: PastEpoch;
  readonly next: EpochState['tree'];
}

function pastByEpoch(state: State): ReadonlyMap<bigint, Kept> {
  const kept = new Map<bigint, Kept>();
  let next = state?.epoch.tree;
  for (const past of state?.past ?? []) {
    if (next !== undefined) kept.set(past.context.epoch, { past, next });
    next = past.tree;
  }
  return kept;
}

function pastRecord(kept: Kept | undefined): Value {
  if (kept === undefined) return undefined;
  const { past, next } = kept;
  const { secretTree: _, tree, ...rest } = past;
  return encode(PastPart, { ...rest, width: tree.width, replaced: replacedLeaves(tree, next) });
}

function writeLists({ keys, changes, numbers, next }: Diff, before: State, after: GroupState): void {
  const write = <T extends object>(
    old: readonly T[],
    now: readonly T[],
    keyOf: (item: T, number: number) => string,
    recordOf: (item: T) => Uint8Array,
  ): void => {
    if (old === now) return;
    const [gone, come] = [new Set(old), new Set(now)];
    for (const item of old) {
      if (come.has(item)) continue;
      changes.change(keyOf(item, numbers.get(item) ?? 0), recordOf(item), undefined);
      numbers.delete(item);
    }
    for (const item of now) {
      if (gone.has(item)) continue;
      const number = next();
      numbers.set(item, number);
      changes.change(keyOf(item, number), undefined, recordOf(item));
    }
  };
  write(
    before?.proposals ?? [],
    after.proposals,
    (_, number) => keys.proposal(number),
    (item) => encode(ProposalPart, item),
  );
  write(
    before?.held ?? [],
    after.held,
    (_, number) => keys.held(number),
    (item) => encode(HeldPart, item),
  );
  write(
    before?.resumption ?? [],
    after.resumption,
    ({ epoch }) => keys.resumption(epoch),
    ({ secret }) => secret.slice(),
  );
}

/** Which secrets a state holds, and which of them a move makes useless. */

import { exporterSecrets } from '../schedule/safeExporter.ts';
import { type SecretTree, secretsOf } from '../schedule/secretTree.ts';
import type { PrivatePath } from '../tree/privatePath.ts';
import type { GroupState, NextEpoch, PastEpoch } from './state.ts';

/** Every secret of a state, for wiping it as a whole. */
export function* stateSecrets(state: GroupState): Generator<Uint8Array> {
  yield* Object.values(state.epoch.secrets);
  yield* secretsOf(state.secretTree.root);
  yield* exporterSecrets(state.exporterTree.root);
  for (const pair of state.epoch.privatePath.values()) yield pair.secretKey;
  for (const past of state.past) yield* epochSecrets(past);
  for (const { secret } of state.resumption) yield secret;
  yield* updateKeys(state);
  if (state.pending !== undefined) yield* everythingOf(state.pending.next);
}

/** Secrets that end with their epoch; what late messages and resumption need is not among them. */
export function epochOnly({ epoch, exporterTree }: GroupState): Uint8Array[] {
  const { senderDataSecret: _kept, resumptionPsk: _listed, ...ended } = epoch.secrets;
  return [...Object.values(ended), ...exporterSecrets(exporterTree.root)];
}

/** What a past epoch keeps for late messages. */
export function epochSecrets(past: PastEpoch): Uint8Array[] {
  return [past.senderDataSecret, ...secretsOf(past.secretTree.root)];
}

/** What is left of a state's own keys when a commit removes us; late messages can still be read. */
export function removedSecrets(state: GroupState): Uint8Array[] {
  const pending = state.pending === undefined ? [] : everythingOf(state.pending.next);
  return [...epochOnly(state), ...secretKeysOf(state.epoch.privatePath), ...pending, ...updateKeys(state)];
}

/** Private keys that the next epoch does not hold any more, and what a pending commit or an Update that lost had. */
export function replacedSecrets(state: GroupState, next: NextEpoch): Uint8Array[] {
  const kept = new Set(secretKeysOf(next.epoch.privatePath));
  const lost = state.pending !== undefined && state.pending.next !== next ? state.pending.next : undefined;
  const keys = [
    ...secretKeysOf(state.epoch.privatePath),
    ...(lost === undefined ? [] : secretKeysOf(lost.epoch.privatePath)),
    ...updateKeys(state),
  ];
  return [...(lost === undefined ? [] : epochAndMessages(lost)), ...keys.filter((key) => !kept.has(key))];
}

/** What only a staged commit held that was dropped. */
export function droppedSecrets(state: GroupState, dropped: NextEpoch): Uint8Array[] {
  const kept = new Set([...secretKeysOf(state.epoch.privatePath), ...updateKeys(state)]);
  const own = secretKeysOf(dropped.epoch.privatePath).filter((key) => !kept.has(key));
  return [...epochAndMessages(dropped), ...own];
}

/** What staged commits held that another one has beaten. */
export function lostSecrets(
  before: GroupState,
  winner: NextEpoch | undefined,
  lost: readonly NextEpoch[],
): Uint8Array[] {
  const kept = new Set(winner === undefined ? [] : secretKeysOf(winner.epoch.privatePath));
  return lost.flatMap((next) => droppedSecrets(before, next)).filter((secret) => !kept.has(secret));
}

/** Secrets of a secret tree. */
export function messageSecrets({ root }: SecretTree): Uint8Array[] {
  return [...secretsOf(root)];
}

function everythingOf(next: NextEpoch): Uint8Array[] {
  return [...epochAndMessages(next), ...secretKeysOf(next.epoch.privatePath)];
}

function epochAndMessages({ epoch, secretTree, exporterTree }: NextEpoch): Uint8Array[] {
  const exporter = exporterSecrets(exporterTree.root);
  return [...Object.values(epoch.secrets), ...messageSecrets(secretTree), ...exporter];
}

function secretKeysOf(privatePath: PrivatePath): Uint8Array[] {
  return [...privatePath.values()].map((pair) => pair.secretKey);
}

/** Private keys of our own pending Updates. */
function updateKeys({ proposals }: GroupState): Uint8Array[] {
  return proposals.flatMap(({ ownKeys }) => (ownKeys === undefined ? [] : [ownKeys.encryption.secretKey]));
}

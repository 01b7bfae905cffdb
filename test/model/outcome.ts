/** Outcomes, commits and members in words, for comparing what came with what must. */

import type { Group, Processed, StagedCommit } from '../../src/index.ts';
import type { CommitFact } from './facts.ts';
import type { Proof } from './room.ts';

/** Outcomes after which the state may be another. */
export const CHANGING = new Set(['application', 'proposal', 'held', 'desynchronised ahead']);

/** An outcome in one word or two. */
export function describe(outcome: Processed): string {
  if (outcome.kind === 'rejected') return `rejected ${outcome.error.code}`;
  return outcome.kind === 'desynchronised' ? `desynchronised ${outcome.evidence.kind}` : outcome.kind;
}

/** What a commit changes, by names. */
export function changesOf({ changes }: StagedCommit): unknown {
  const { added, removed, updated, extensions, psks, reinit } = changes;
  return {
    added: added.map(nameOf).sort(),
    removed: removed.map(nameOf).sort(),
    updated: updated.map(({ after }) => nameOf(after)).sort(),
    extensions: extensions !== undefined,
    psks: psks.length,
    reinit,
  };
}

/** The same from the model. */
export function expectedChanges({
  added,
  removed,
  updated,
  extensions,
  psks,
  successor,
}: CommitFact): unknown {
  return {
    added: [...added].sort(),
    removed: [...removed].sort(),
    updated: [...updated].sort(),
    extensions: extensions !== undefined,
    psks: psks.length,
    reinit: successor !== undefined,
  };
}

/** Name of a member. */
export function nameOf(member: ReturnType<Group['member']>): string | undefined {
  return member && 'identity' in member.credential
    ? new TextDecoder().decode(member.credential.identity)
    : undefined;
}

/** For comparing bytes. */
export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

/** What a member shows of its epoch. */
export function proofOf(group: Group, label: string): Proof {
  const exported = hex(group.export('model', new TextEncoder().encode(label), 32));
  return { authenticator: hex(group.epochAuthenticator), treeHash: hex(group.treeHash), exported };
}

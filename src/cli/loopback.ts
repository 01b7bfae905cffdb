/** A group on one machine: members, and a server that hands every message to all of them in one order. */

import { toHex } from '../base/bytes.ts';
import { fail } from '../base/error.ts';
import type { Group, OwnCommit, Processed } from '../index.ts';

/** One member of the loopback group. */
export interface Participant {
  readonly name: string;
  readonly group: Group;
}

/** A plaintext that somebody read. */
export interface Reading {
  readonly reader: string;
  readonly author: string;
  readonly text: string;
}

/** What one delivery did: plaintexts, and who followed a commit. */
export interface Delivery {
  readonly readings: readonly Reading[];
  readonly outcomes: ReadonlyMap<string, Processed['kind']>;
}

/** Hand a message to every participant; commits are accepted, as a server's order decides. */
export function deliver(participants: readonly Participant[], message: Uint8Array): Delivery {
  const readings: Reading[] = [];
  const outcomes = new Map<string, Processed['kind']>();
  for (const { name, group } of participants) {
    const outcome = group.process(message);
    outcomes.set(name, outcome.kind);
    if (outcome.kind === 'commit' || outcome.kind === 'own-commit') group.accept(outcome.commit);
    if (outcome.kind === 'application') {
      const author = nameOf(participants, outcome.sender.signatureKey) ?? 'somebody';
      readings.push({ reader: name, author, text: new TextDecoder().decode(outcome.data) });
    }
  }
  return { readings, outcomes };
}

/** The Welcome of a commit that adds somebody. */
export function welcomeOf(commit: OwnCommit): Uint8Array {
  return commit.welcome ?? fail('internal.bug', { missing: 'welcome' });
}

/** Whether all participants are in the same epoch with the same history (RFC 9420 §8.7). */
export function agree(participants: readonly Participant[]): boolean {
  return (
    new Set(participants.map(({ group }) => `${group.epoch}:${toHex(group.epochAuthenticator)}`)).size === 1
  );
}

function nameOf(participants: readonly Participant[], signatureKey: Uint8Array): string | undefined {
  const wanted = toHex(signatureKey);
  return participants.find(({ group }) => {
    const own = group.member(group.self);
    return own !== undefined && toHex(own.signatureKey) === wanted;
  })?.name;
}

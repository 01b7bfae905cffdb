/** Groups as an application has them: only what the public door offers, behind a server that keeps order. */

import { expect } from 'vitest';
import { toHex } from '../../src/base/bytes.ts';
import { nodeProvider } from '../../src/crypto/node/index.ts';
import {
  acceptAnyCredential,
  basicCredential,
  type Client,
  type ClientOptions,
  type CommitOptions,
  createClient,
  type Extension,
  type Group,
  type OwnCommit,
  type Processed,
  type ProposalInput,
} from '../../src/index.ts';
import { codeOf } from './refusals.ts';

/** A moment within every lifetime. */
export const NOW = 1_800_000_000;

/** A client that believes everybody; bytes that it makes have no reserved values in them. */
export function clientOf(name: string, options: Partial<ClientOptions> = {}): Client {
  return createClient({
    credential: basicCredential(name),
    validateCredential: acceptAnyCredential,
    provider: nodeProvider,
    clock: () => NOW,
    ...options,
    policy: { grease: false, ...options.policy },
  });
}

/** One KeyPackage of each client, as MLSMessages. */
export function keyPackagesOf(clients: readonly Client[]): Uint8Array[] {
  return clients.map((client) => client.createKeyPackage().message);
}

/** A group of these clients, founded by the first; each is at the leaf of its place. */
export function gather(
  clients: readonly [Client, ...Client[]],
  extensions: readonly Extension[] = [],
): [Group, ...Group[]] {
  const [founder, ...others] = clients;
  const group = founder.createGroup({ extensions });
  if (others.length === 0) return [group];
  const commit = group.invite(keyPackagesOf(others));
  group.accept(commit);
  const { welcome } = commit;
  return [group, ...others.map((other) => other.prepareJoin(welcome).accept())];
}

/** One member commits, all active ones follow, and those who stay agree. */
export function settle(
  groups: readonly Group[],
  by: Group,
  inputs: readonly ProposalInput[] = [],
  options: CommitOptions = {},
): OwnCommit {
  const commit = by.commit(inputs, options);
  follow(groups, commit.message);
  return commit;
}

/** Every active member takes a commit in and accepts it. */
export function follow(groups: readonly Group[], message: Uint8Array): void {
  for (const group of groups) if (group.isActive) take(group, message);
  agree(groups);
}

/** Take a message in that must be a commit, ours or another's, and accept it. */
export function take(group: Group, message: Uint8Array): void {
  const outcome = group.process(message);
  if (outcome.kind === 'rejected') throw outcome.error;
  if (outcome.kind !== 'commit' && outcome.kind !== 'own-commit') throw new Error(outcome.kind);
  group.accept(outcome.commit);
}

/** Every active member but its maker stores a proposal. */
export function deliver(groups: readonly Group[], from: Group | undefined, message: Uint8Array): void {
  for (const group of groups)
    if (group !== from && group.isActive) expect(verdict(group.process(message))).toBe('proposal');
}

/** All active members are in the same state. */
export function agree(groups: readonly Group[]): void {
  const active = groups.filter(({ isActive }) => isActive);
  const authenticators = new Set(active.map((group) => `${group.epoch} ${toHex(group.epochAuthenticator)}`));
  expect(authenticators.size).toBeLessThanOrEqual(1);
}

/** The code of a refusal, or the kind of any other outcome. */
export function verdict(outcome: Processed): string {
  return outcome.kind === 'rejected' ? outcome.error.code : outcome.kind;
}

/** A message is refused with a code, and the group stays as it is, byte for byte. */
export function refuses(group: Group, message: Uint8Array, code: string): void {
  const before = group.save();
  expect(verdict(group.process(message))).toBe(code);
  expect(group.save()).toEqual(before);
}

/** A call fails with a code, and the groups stay as they are, byte for byte. */
export function fails(groups: readonly Group[], call: () => unknown, code: string): void {
  const before = groups.map((group) => group.save());
  expect(codeOf(call)).toBe(code);
  expect(groups.map((group) => group.save())).toEqual(before);
}

/** Everybody can still read and follow. */
export function works(groups: readonly Group[]): void {
  const active = groups.filter(({ isActive }) => isActive);
  const [first] = active;
  if (first === undefined) throw new Error('nobody is left');
  settle(active, first);
  const message = first.encrypt(new Uint8Array([1, 2, 3]));
  for (const group of active)
    expect(group.process(message).kind).toBe(group === first ? 'own-message' : 'application');
}

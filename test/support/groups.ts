/** Members as an application has them, each a `Group`, with a `Peer` beside it where an insider is needed. */

import { expect } from 'vitest';
import { utf8 } from '../../src/base/bytes.ts';
import { nodeProvider } from '../../src/crypto/node/index.ts';
import { Client } from '../../src/group/client.ts';
import { Group } from '../../src/group/group.ts';
import type { ClientOptions } from '../../src/group/options.ts';
import { acceptAnyCredential, type Policy } from '../../src/group/policy.ts';
import type { Accepted } from '../../src/group/processed.ts';
import type { ProposalInput } from '../../src/group/proposals.ts';
import { decodeState } from '../../src/group/record.ts';
import type { CommitOptions } from '../../src/group/sendCommit.ts';
import type { OwnCommit, StagedCommit } from '../../src/group/views.ts';
import { basicCredential } from '../../src/wire/credential.ts';
import { type Peer, type PeerOptions, room } from './peers.ts';

/** A client with the PSK `utf8('shared')` for every id. */
export function clientOf(
  name: string,
  policy: Partial<Policy> = {},
  options: Partial<ClientOptions> = {},
): Client {
  return new Client({
    credential: basicCredential(name),
    validateCredential: acceptAnyCredential,
    provider: nodeProvider,
    policy,
    psks: () => utf8('shared'),
    ...options,
  });
}

/** A group of several clients, at leaves 0, 1, … in the order of their names. */
export function groupsOf(
  names: readonly string[],
  policy: Partial<Policy> = {},
  options: Partial<ClientOptions> = {},
): Group[] {
  const [first, ...rest] = names.map((name) => clientOf(name, policy, options)) as [Client, ...Client[]];
  const group = first.createGroup();
  const made = group.invite(rest.map((client) => client.createKeyPackage().message));
  group.accept(made);
  return [group, ...rest.map((client) => client.prepareJoin(made.welcome).accept())];
}

/** The staged commit of a message. */
export function commitOf(group: Group, message: Uint8Array): StagedCommit {
  const taken = group.process(message);
  if (taken.kind !== 'commit' && taken.kind !== 'own-commit') throw new Error(`no commit: ${taken.kind}`);
  return taken.commit;
}

/** Everybody takes a commit in and accepts it, its maker included. @returns what it led to, for each */
export function followAll(groups: readonly Group[], message: Uint8Array): Accepted[] {
  return groups.map((group) => group.accept(commitOf(group, message)));
}

/** One commits, and everybody follows. */
export function moveAll(
  groups: readonly Group[],
  by: Group,
  inputs: readonly ProposalInput[] = [],
  options: CommitOptions = {},
): OwnCommit {
  const made = by.commit(inputs, options);
  followAll(groups, made.message);
  agree(groups.filter((group) => group.status !== 'removed'));
  return made;
}

/** All are in one epoch with one history. */
export function agree(groups: readonly Group[]): void {
  for (const group of groups) expect(group.epochAuthenticator).toEqual(groups[0]?.epochAuthenticator);
}

/** Everybody hears everybody. */
export function talk(groups: readonly Group[]): void {
  for (const from of groups) {
    const message = from.encrypt(utf8('hello'));
    for (const to of groups)
      if (to !== from)
        expect(to.process(message)).toMatchObject({ kind: 'application', data: utf8('hello') });
  }
}

/** Three members: `a` and `c` can be made to break rules, `b` is looked at as an application sees it. */
export interface Stage {
  readonly a: Peer;
  readonly b: Peer;
  readonly c: Peer;
  readonly group: Group;
}

/** Set up a {@link Stage}. The peer `b` lends its environment; its own state is left behind at once. */
export function stageOf(options: PeerOptions = {}): Stage {
  const [a, b, c] = room(['a', 'b', 'c'], options) as [Peer, Peer, Peer];
  return { a, b, c, group: new Group(b.env, b.state) };
}

/** A second handle, from the record of the first. */
export function reloaded({ env }: Pick<Peer, 'env'>, record: Uint8Array): Group {
  return new Group(env, decodeState(env, record));
}

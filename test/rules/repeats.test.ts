/** A proposal is what its reference says (RFC 9420 §5.2), however often it is sent. */

import { expect, test } from 'vitest';
import { nodeProvider } from '../../src/crypto/node/index.ts';
import { Client } from '../../src/group/client.ts';
import type { Group } from '../../src/group/group.ts';
import { acceptAnyCredential } from '../../src/group/policy.ts';
import { remove } from '../../src/group/proposals.ts';
import { basicCredential } from '../../src/wire/credential.ts';

function groups(handshake: 'private' | 'public'): [Group, Group, Group] {
  const [alice, ...others] = ['a', 'b', 'c'].map((name) => {
    const common = { validateCredential: acceptAnyCredential, provider: nodeProvider, policy: { handshake } };
    return new Client({ credential: basicCredential(name), ...common });
  }) as [Client, Client, Client];
  const a = alice.createGroup();
  const made = a.invite(others.map((client) => client.createKeyPackage().message));
  a.accept(made);
  return [a, ...(others.map((client) => client.prepareJoin(made.welcome).accept()) as [Group, Group])];
}

test.each(['private', 'public'] as const)(
  'R5.2-01 R12.4-12 whoever sends the same proposal twice has it once, as everybody else has, sent %sly',
  (handshake) => {
    const [a, b] = groups(handshake);
    const sent = [a.propose(remove(2)), a.propose(remove(2))];
    expect(sent[0]?.ref).toEqual(sent[1]?.ref);
    expect(sent.map(({ message }) => b.process(message).kind)).toEqual(['proposal', 'duplicate']);
    expect(a.proposals).toEqual(b.proposals);
    expect(sent.map(({ message }) => a.process(message).kind)).toEqual(['own-message', 'own-message']);
    const made = a.commit();
    const taken = b.process(made.message);
    if (taken.kind !== 'commit') throw new Error(taken.kind);
    b.accept(taken.commit);
    a.accept(made);
    expect(a.epochAuthenticator).toEqual(b.epochAuthenticator);
  },
);

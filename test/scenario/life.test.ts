/** The life of a group through the public doors, in every suite, on both back ends, in both framings. */

import { describe, expect, test } from 'vitest';
import { nobleProvider } from '../../src/crypto/noble/index.ts';
import { nodeProvider } from '../../src/crypto/node/index.ts';
import {
  acceptAnyCredential,
  add,
  basicCredential,
  type Client,
  type CommitOptions,
  createClient,
  externalPsk,
  type Group,
  type NewProposal,
  type OwnCommit,
  type Policy,
  type ProposalInput,
  remove,
  setExtensions,
  update,
  utf8,
} from '../../src/index.ts';

const PROVIDERS = [nodeProvider, nobleProvider];
const RUNS = PROVIDERS.flatMap((provider) =>
  provider.suites.flatMap((suite) =>
    (['private', 'public'] as const)
      // The slow back end shows each suite once: framing does not depend on it.
      .filter((handshake) => provider === nodeProvider || (handshake === 'private') === (suite % 2 === 1))
      .map((handshake) => ({ provider, suite, handshake })),
  ),
);

describe.each(RUNS)(
  '$provider.name, suite $suite, $handshake handshakes',
  ({ provider, suite, handshake }) => {
    test('R3.2-03 R3.3-01 R11-05 R12.4.3.2-05 R16.12-02: create, add, talk, update, remove, join, resync', () => {
      const client = (name: string, policy: Partial<Policy> = { handshake }): Client =>
        createClient({
          credential: basicCredential(name),
          validateCredential: acceptAnyCredential,
          suite,
          provider,
          policy,
          psks: () => utf8('shared'),
        });
      const [alice, bob, carol, dave, eve] = ['alice', 'bob', 'carol', 'dave', 'eve'].map((name) =>
        client(name),
      ) as [Client, Client, Client, Client, Client];
      const group = alice.createGroup();
      const invitation = group.invite([bob.createKeyPackage().message, carol.createKeyPackage().message]);
      group.accept(invitation);
      const [ofBob, ofCarol] = [bob, carol].map((one) => one.prepareJoin(invitation.welcome).accept()) as [
        Group,
        Group,
      ];
      const members = new Members([group, ofBob, ofCarol]);

      for (const speaker of [group, ofBob, ofBob, ofCarol]) members.speak(speaker);
      for (const committer of [ofBob, ofCarol]) members.commit(committer);
      members.commit(group, [externalPsk(utf8('psk'))], { path: 'omit' });

      const adding = members.commit(ofCarol, [add(dave.createKeyPackage().message)]);
      const ofDave = members.join(dave.prepareJoin(adding.welcome as Uint8Array).accept());
      for (const speaker of [ofDave, group]) members.speak(speaker);

      members.propose(ofBob, update());
      members.commit(ofDave);
      members.speak(ofBob);
      members.commit(ofBob);
      members.commit(group, [remove(ofCarol.self)]);
      expect(ofCarol.status).toBe('removed');
      members.commit(ofDave, [setExtensions([])]);

      const joining = eve.prepareExternalJoin(group.groupInfo());
      members.follow(joining.message);
      members.speak(members.join(joining.accept()));
      const resync = eve.prepareExternalJoin(group.groupInfo(), { resync: true });
      members.drop();
      members.follow(resync.message);
      members.speak(members.join(resync.accept()));
      members.commit(group);
      members.commit(members.last);
    });
  },
);

/** The members of one group behind a server that keeps order. */
class Members {
  #groups: Group[];

  constructor(groups: readonly Group[]) {
    this.#groups = [...groups];
    this.agree();
  }

  get last(): Group {
    return this.#groups.at(-1) as Group;
  }

  join(group: Group): Group {
    this.#groups.push(group);
    this.agree();
    return group;
  }

  drop(): void {
    this.#groups.pop();
  }

  agree(): void {
    for (const group of this.#groups) {
      expect(group.epochAuthenticator).toEqual(this.#groups[0]?.epochAuthenticator);
      expect(group.treeHash).toEqual(this.#groups[0]?.treeHash);
      const exported = group.export('test', utf8('context'), 40);
      expect(exported).toEqual(this.#groups[0]?.export('test', utf8('context'), 40));
    }
  }

  speak(speaker: Group): void {
    const data = utf8(`epoch ${speaker.epoch}`);
    const message = speaker.encrypt(data);
    for (const group of this.#groups) {
      const kinds = [group.process(message), group.process(message)];
      if (group === speaker) expect(kinds.map(({ kind }) => kind)).toEqual(['own-message', 'own-message']);
      else expect(kinds).toMatchObject([{ kind: 'application', data }, { kind: 'duplicate' }]);
    }
  }

  propose(proposer: Group, input: NewProposal): void {
    const { message } = proposer.propose(input);
    for (const group of this.#groups) {
      expect(group.process(message).kind).toBe(group === proposer ? 'own-message' : 'proposal');
    }
  }

  commit(committer: Group, inputs: readonly ProposalInput[] = [], options: CommitOptions = {}): OwnCommit {
    const commit = committer.commit(inputs, options);
    this.follow(commit.message, committer);
    return commit;
  }

  follow(message: Uint8Array, committer?: Group): void {
    for (const group of this.#groups) {
      const outcome = group.process(message);
      expect(outcome.kind).toBe(group === committer ? 'own-commit' : 'commit');
      if (outcome.kind === 'commit' || outcome.kind === 'own-commit') group.accept(outcome.commit);
    }
    this.#groups = this.#groups.filter(({ isActive }) => isActive);
    if (committer !== undefined) this.agree();
  }
}

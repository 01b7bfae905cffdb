/** The authentication service (RFC 9420 §5.3.1): asked wherever a credential or a key enters, and believed. */

import { describe, expect, test } from 'vitest';
import { utf8 } from '../../src/base/bytes.ts';
import { nodeProvider } from '../../src/crypto/node/index.ts';
import { Client } from '../../src/group/client.ts';
import { joinExternally } from '../../src/group/external.ts';
import { createGroupInfo } from '../../src/group/groupInfo.ts';
import { proposeMove } from '../../src/group/moves.ts';
import type { CredentialClaim } from '../../src/group/policy.ts';
import { add, update } from '../../src/group/proposals.ts';
import { externalKeyPair } from '../../src/schedule/epoch.ts';
import { leafAt } from '../../src/tree/tree.ts';
import { ApplicationId, ExternalSenders, makeExtension } from '../../src/wire/extension.ts';
import {
  forgeCommit,
  forgeExternalCommit,
  forgeGroupInfo,
  forgeProposal,
  forgeUpdateLeaf,
  groupInfoMessage,
  keyPackageMessage,
  signaturePair,
} from '../support/forge.ts';
import { addOf, codeOf, extensionsOf, makeWorld, Peer, type World } from '../support/world.ts';

const names = ['ann', 'bob', 'cid', 'dot'];
const other = { credentialType: 1, identity: utf8('mallory') } as const;
/** What all these claims have in common. */
const claimed = { cipherSuite: 1, extensions: [], role: 'member' } as const;

/** All that a peer's service was asked. */
function listen(peer: Peer, verdict: (claim: CredentialClaim) => boolean = () => true): CredentialClaim[] {
  const claims: CredentialClaim[] = [];
  peer.judge = (claim) => {
    claims.push(claim);
    return verdict(claim);
  };
  return claims;
}

function refuseNewcomers(world: World): void {
  for (const peer of world.peers)
    peer.judge = ({ credential }) => JSON.stringify(credential) !== JSON.stringify(eve.credential);
}

const eve = new Peer('eve');

describe('when it is asked', () => {
  test('R5.3.1-01 R5.3.1-02 R5.3.1-04 for the KeyPackage of an Add, fetched, received and committed', () => {
    const world = makeWorld(names);
    const [ann, bob] = [world.at(0), world.at(1)];
    const own = eve.keyPackage();
    const claims = listen(ann);
    ann.try(forgeProposal(bob.env, bob.state, addOf(own)).message);
    expect(claims).toEqual([
      { ...claimed, credential: eve.credential, signatureKey: eve.signer.publicKey, previous: undefined },
    ]);
    refuseNewcomers(world);
    const proposed = forgeProposal(bob.env, bob.state, addOf(own));
    world.refuses(bob, proposed.message, 'validation.credential');
    world.refuses(
      bob,
      forgeCommit(bob.env, bob.state, [bob.inline(addOf(own))]).message,
      'validation.credential',
    );
    expect(codeOf(() => proposeMove(bob.env, bob.state, add(keyPackageMessage(own)), {}))).toBe(
      'validation.credential',
    );
    expect(codeOf(() => bob.build([bob.inline(addOf(own))]))).toBe('validation.credential');
    const { credential, signer, env } = bob;
    const client = new Client({
      credential,
      signer,
      validateCredential: env.validateCredential,
      provider: nodeProvider,
      clock: env.clock,
    });
    expect(codeOf(() => client.validateKeyPackage(keyPackageMessage(own)))).toBe('validation.credential');
  });

  test('R5.3.1-03 for every leaf, when joining by Welcome or from outside', () => {
    const world = makeWorld(names);
    const bob = world.at(1);
    const own = eve.keyPackage();
    const { welcome } = bob.build([bob.inline(addOf(own))]);
    const joiner = eve.fork();
    const claims = listen(joiner);
    joiner.join(welcome!, own);
    expect(claims.map((claim) => claim.credential)).toEqual(
      [...world.peers, eve].map((peer) => peer.credential),
    );
    for (const peer of world.peers) {
      listen(joiner, ({ signatureKey }) => String(signatureKey) !== String(peer.signer.publicKey));
      expect(codeOf(() => joiner.join(welcome!, own))).toBe('validation.credential');
      const externalPub = externalKeyPair(bob.env.suite, bob.state.epoch.secrets.externalSecret).publicKey;
      const groupInfo = groupInfoMessage(forgeGroupInfo(bob.env, bob.state, { externalPub }));
      const { credential, signer, env } = joiner;
      const client = new Client({
        credential,
        signer,
        validateCredential: env.validateCredential,
        provider: nodeProvider,
      });
      expect(codeOf(() => client.prepareExternalJoin(groupInfo))).toBe('validation.credential');
    }
    listen(joiner);
    expect(joiner.join(welcome!, own).inviter).toBe(1);
  });

  test('R5.3.1-05 R5.3.1-08 R5.3.1-09 for an Update, with what it replaces, even if only the key changes', () => {
    const world = makeWorld(names);
    const [ann, bob] = [world.at(0), world.at(1)];
    const previous = { credential: bob.credential, signatureKey: bob.signer.publicKey, extensions: [] };
    const signer = signaturePair(bob.env);
    const cases = [
      {
        leaf: forgeUpdateLeaf(bob.env, bob.state, { leaf: (one) => ({ ...one, credential: other }) }),
        credential: other,
      },
      {
        leaf: forgeUpdateLeaf(bob.env, bob.state, {
          leaf: (one) => ({ ...one, signatureKey: signer.publicKey }),
          leafSecretKey: signer.secretKey,
        }),
        credential: bob.credential,
      },
    ];
    for (const { leaf, credential } of cases) {
      const { message } = forgeProposal(bob.env, bob.state, { proposalType: 2, leafNode: leaf });
      const claims = listen(ann);
      ann.try(message);
      expect(claims).toEqual([{ ...claimed, credential, signatureKey: leaf.signatureKey, previous }]);
      listen(ann, (claim) => claim.previous === undefined);
      expect(codeOf(() => ann.try(message))).toBe('policy.successor');
      listen(ann);
      expect(ann.try(message).kind).toBe('proposal');
    }
  });

  test('R5.3.1-06 R5.3.1-08 for the leaf of a path, and for who joins from outside', () => {
    const world = makeWorld(names);
    const [ann, bob] = [world.at(0), world.at(1)];
    const claims = listen(ann);
    const update = { leaf: <T extends object>(one: T) => ({ ...one, credential: other }) };
    const forged = forgeCommit(bob.env, bob.state, [], { update });
    ann.try(forged.message);
    const previous = { credential: bob.credential, signatureKey: bob.signer.publicKey, extensions: [] };
    expect(claims).toEqual([{ ...claimed, credential: other, signatureKey: bob.signer.publicKey, previous }]);
    for (const peer of world.peers)
      listen(
        peer,
        ({ credential }) =>
          credential.credentialType === 1 &&
          !('identity' in credential && String(credential.identity) === String(other.identity)),
      );
    world.refuses(bob, forged.message, 'policy.successor');
    const outside = forgeExternalCommit(eve.env, ann.state, { credential: other, signer: eve.signer });
    world.refuses(undefined, outside.message, 'validation.credential');
    world.accepts(undefined, forgeExternalCommit(eve.env, ann.state, eve));
  });

  test('R5.3.1-06 R5.3.1-08 R5.3.1-09 for what is new of our own leaf in our own commit, and for nothing else', () => {
    const bob = makeWorld(names).at(1);
    const previous = { credential: bob.credential, signatureKey: bob.signer.publicKey };
    const signer = signaturePair(bob.env);
    const id = makeExtension(1, ApplicationId, { applicationId: utf8('bob') });
    const claims = listen(bob);
    bob.build();
    expect(claims).toEqual([]);
    for (const [leaf, claim] of [
      [{ credential: other }, { ...previous, credential: other }],
      [{ signer }, { ...previous, signatureKey: signer.publicKey }],
      [{ extensions: [id] }, { ...previous, extensions: [id] }],
    ] as const) {
      const asked = listen(bob);
      bob.build([], { leaf });
      expect(asked).toMatchObject([{ ...claim, role: 'member', previous }]);
      listen(bob, () => false);
      expect(codeOf(() => bob.build([], { leaf }))).toBe('policy.successor');
    }
  });

  test('R5.3.1-07 R12.1.7-06 for every external sender of new extensions', () => {
    const world = makeWorld(names);
    const bob = world.at(1);
    const senders = [eve.credential, other].map((credential) => ({
      credential,
      signatureKey: signaturePair(eve.env).publicKey,
    }));
    const list = extensionsOf([makeExtension(5, ExternalSenders, senders)]);
    const claims = listen(world.at(0));
    const forged = forgeCommit(bob.env, bob.state, [bob.inline(list)]);
    world.at(0).try(forged.message);
    const external = claims.filter(({ role }) => role === 'external-sender');
    expect(external.map(({ credential }) => credential)).toEqual([eve.credential, other]);
    world.accepts(bob, forged);
    for (const peer of world.peers)
      peer.judge = ({ role, credential }) => role === 'member' || credential === undefined;
    world.refuses(bob, forged.message, 'validation.credential');
    const keyless = [{ credential: other, signatureKey: new Uint8Array(5) }];
    const wrong = extensionsOf([makeExtension(5, ExternalSenders, keyless)]);
    world.refuses(bob, forgeCommit(bob.env, bob.state, [bob.inline(wrong)]).message, 'crypto.public-key');
  });
});

describe('who joins', () => {
  test('R5.3.1-07 asks about every external sender of the group, by Welcome and from outside', () => {
    const sender = { credential: other, signatureKey: signaturePair(eve.env).publicKey };
    const extensions = [makeExtension(5, ExternalSenders, [sender])];
    const bob = makeWorld(['ann', 'bob'], { extensions }).at(1);
    const joiner = eve.fork();
    const own = joiner.keyPackage();
    const welcome = bob.build([bob.inline(addOf(own))]).welcome as Uint8Array;
    const groupInfo = createGroupInfo(bob.env, bob.state.epoch, { ratchetTree: true, externalPub: true });
    const { env, credential, signer } = joiner;
    for (const join of [
      () => joiner.join(welcome, own),
      () => joinExternally(env, groupInfo, { credential, signer }, undefined),
    ]) {
      const claims = listen(joiner);
      join();
      expect(claims.filter(({ role }) => role === 'external-sender')).toMatchObject([
        { ...sender, role: 'external-sender', previous: undefined },
      ]);
      listen(joiner, ({ role }) => role === 'member');
      expect(codeOf(join)).toBe('validation.credential');
    }
  });
});

describe('what it is not asked', () => {
  test('R5.3.2-01 R5.3.2-02 R5.3.2-05 a member whose credential is no longer good can still sign, above all to renew it', () => {
    const world = makeWorld(names);
    const [ann, bob] = [world.at(0), world.at(1)];
    // Bob's present credential has expired; only a fresh one is good.
    const fresh = { credentialType: 1, identity: utf8('bob, renewed') } as const;
    for (const peer of world.peers) {
      peer.judge = ({ credential }) =>
        !('identity' in credential) || String(credential.identity) !== String(utf8('bob'));
    }
    const { message } = forgeProposal(bob.env, bob.state, { proposalType: 3, removed: 3 });
    expect(ann.try(message).kind).toBe('proposal');
    const built = bob.build([], { leaf: { credential: fresh } });
    world.follow(bob, built);
    expect(leafAt(ann.tree, 1)?.credential).toEqual(fresh);
  });

  test('R5.3.2-04 R12.4.1-10 our own credential and key are replaced by Update and by commit', () => {
    const world = makeWorld(names);
    const bob = world.at(1);
    const signer = signaturePair(bob.env);
    const credential = { credentialType: 1, identity: utf8('bob the second') } as const;
    const made = proposeMove(bob.env, bob.state, update({ credential, signer }), {});
    bob.state = made.next;
    for (const peer of world.others(bob)) peer.take(made.result.message);
    world.commit(world.at(0), world.at(0).state.proposals);
    expect(bob.state.epoch.signer.publicKey).toEqual(signer.publicKey);
    expect(leafAt(bob.tree, 1)?.credential).toEqual(credential);
    world.commit(bob);
    world.commit(bob, [], { leaf: { credential: bob.credential, signer: bob.signer } });
    world.commit(bob);
  });

  test('R5.3.3-02 R5.3.3-03 R5.3.3-04 TRE-20 application_id is carried, proves nothing and may collide', () => {
    const id = makeExtension(1, ApplicationId, { applicationId: utf8('same') });
    const world = makeWorld(names);
    for (const peer of [world.at(0), world.at(1)]) {
      const claims = listen(world.at(2));
      const built = peer.build([], { leaf: { extensions: [id] } });
      world.follow(peer, built);
      for (const claim of claims) expect(claim.credential).toEqual(peer.credential);
    }
    for (const leaf of [0, 1]) expect(leafAt(world.at(2).tree, leaf)?.extensions).toEqual([id]);
  });
});

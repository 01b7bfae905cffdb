/** What an observer does with what it sees, through the public door: outcomes, decisions, joiners, restarts, the end. */

import { describe, expect, test } from 'vitest';
import { fail } from '../../src/base/error.ts';
import { nodeProvider } from '../../src/crypto/node/index.ts';
import type { Provider } from '../../src/crypto/provider.ts';
import { stateOf } from '../../src/group/group.ts';
import {
  acceptAnyCredential,
  add,
  basicCredential,
  type Client,
  type ClientOptions,
  createClient,
  type Group,
  type ObserveOptions,
  observe,
  observeSaved,
  type PublicGroup,
  reinit,
  remove,
  type StagedCommit,
  setExtensions,
  update,
  utf8,
} from '../../src/index.ts';
import { ExternalSenders, makeExtension } from '../../src/wire/extension.ts';
import { ExtensionType, ProposalType } from '../../src/wire/registry.ts';
import { Faulty } from '../support/faulty.ts';
import { forgeProposal, signaturePair } from '../support/forge.ts';
import { environment } from '../support/peers.ts';
import { codeOf } from '../support/refusals.ts';
import { flipped } from '../support/sealing.ts';

const OPEN = { validateCredential: acceptAnyCredential };

function client(name: string, options: Partial<ClientOptions> = {}): Client {
  const credential = basicCredential(name);
  return createClient({ credential, ...OPEN, policy: { handshake: 'public' }, ...options });
}

/** Two members and who watches them. */
function watched(options: Partial<ObserveOptions> = {}) {
  const [ann, bob] = [client('ann'), client('bob')];
  const a = ann.createGroup();
  const made = a.invite([bob.createKeyPackage().message]);
  a.accept(made);
  const b = bob.prepareJoin(made.welcome).accept();
  const watcher = observe({ ...OPEN, ...options }, a.groupInfo());
  return { ann, bob, a, b, watcher };
}

function staged(watcher: PublicGroup, message: Uint8Array): StagedCommit {
  const seen = watcher.process(message);
  if (seen.kind !== 'commit') throw new Error(seen.kind);
  return seen.commit;
}

/** A commit of one member that all take. */
function move(by: Group, others: readonly (Group | PublicGroup)[], ...input: Parameters<Group['commit']>) {
  const sent = by.commit(...input);
  for (const other of others) {
    const taken = other.process(sent.message);
    if (taken.kind !== 'commit') throw new Error(taken.kind);
    other.accept(taken.commit);
  }
  by.accept(sent);
  return sent;
}

describe('outcomes', () => {
  test('the state of the beginning', () => {
    const { a, watcher } = watched();
    expect([watcher.id, watcher.epoch, watcher.suite]).toEqual([a.id, a.epoch, a.suite]);
    expect(watcher.members).toEqual(a.members);
    expect(watcher.member(1)).toEqual(a.member(1));
    expect(watcher.member(7)).toBeUndefined();
    expect([watcher.treeHash, watcher.status]).toEqual([a.treeHash, 'active']);
    expect(watcher.toString()).toMatch(/^PublicGroup\([0-9a-f]{64}, epoch 1\)$/);
  });

  test('R14-01 a commit is staged, with what it changes, and taken or dropped', () => {
    const { a, b, watcher } = watched();
    const dot = client('dot');
    const before = watcher.save();
    const sent = a.commit([add(dot.createKeyPackage().message), setExtensions([])], {
      authenticatedData: utf8('seen'),
    });
    const seen = watcher.process(sent.message);
    if (seen.kind !== 'commit') throw new Error(seen.kind);
    expect(seen.authenticatedData).toEqual(utf8('seen'));
    const { commit } = seen;
    expect(commit).toMatchObject({ origin: 'member', epoch: 2n, committer: 0 });
    expect(commit.changes.added).toMatchObject([{ leaf: 2, signatureKey: dot.signatureKey }]);
    expect(commit.changes.updated).toMatchObject([{ before: { leaf: 0 } }]);
    expect(commit.changes).toMatchObject({ extensions: [], reinit: false, removesSelf: false, removed: [] });
    expect(watcher.save()).toEqual(before);
    watcher.discard(commit);
    expect(codeOf(() => watcher.accept(commit))).toBe('state.stale-handle');
    const rival = staged(watcher, b.commit().message);
    expect(watcher.accept(staged(watcher, sent.message))).toEqual({ epoch: 2n, changes: commit.changes });
    expect(codeOf(() => watcher.accept(rival))).toBe('state.stale-handle');
    expect(codeOf(() => watcher.discard(rival))).toBe('state.stale-handle');
    expect(watcher.members).toHaveLength(3);
  });

  test('R14-01 FRM-10 duplicates, late and early messages, and those of others', () => {
    const { a, b, watcher } = watched();
    const late = b.propose(update()).message;
    const first = move(a, [b, watcher]);
    expect(watcher.process(first.message)).toEqual({ kind: 'duplicate' });
    expect(watcher.process(late)).toEqual({ kind: 'expired', epoch: 1n });
    const skipped = move(b, [a]);
    const next = a.commit();
    expect(watcher.process(next.message)).toEqual({ kind: 'ahead', epoch: 3n });
    expect(watcher.process(skipped.message).kind).toBe('commit');
    const other = watched();
    const theirs = other.a.commit().message;
    expect(watcher.process(theirs)).toEqual({ kind: 'foreign', wireFormat: 1, groupId: other.a.id });
    expect(watcher.process(a.groupInfo())).toEqual({ kind: 'foreign', wireFormat: 4, groupId: undefined });
  });

  test('R16.4-01 of PrivateMessages only group, epoch and content type are visible', () => {
    const { a, watcher } = watched();
    const before = watcher.save();
    const of = (content: string) => ({ kind: 'opaque', groupId: a.id, epoch: 1n, content });
    expect(watcher.process(a.encrypt(utf8('hello')))).toEqual(of('application'));
    const hidden = { handshake: 'private' } as const;
    expect(watcher.process(a.propose(update(), hidden).message)).toEqual(of('proposal'));
    expect(watcher.process(a.commit([], hidden).message)).toEqual(of('commit'));
    const other = watched().a.encrypt(utf8('hello'));
    expect(watcher.process(other)).toMatchObject({ kind: 'foreign', wireFormat: 2 });
    expect(watcher.save()).toEqual(before);
  });

  test('nothing that is received makes it throw; what is no bytes does', () => {
    const { a, watcher } = watched();
    const before = watcher.save();
    const { message } = a.commit();
    for (let cut = 0; cut < message.length; cut += 7) {
      expect(watcher.process(message.subarray(0, cut)).kind).toBe('rejected');
      const changed = watcher.process(flipped(message, cut));
      expect(changed.kind).toMatch(/^(rejected|foreign|ahead|expired|commit)$/);
      expect(watcher.offer(flipped(message, cut)).kind).toMatch(/^(rejected|foreign)$/);
    }
    expect(watcher.save()).toEqual(before);
    expect(codeOf(() => watcher.process('hello' as unknown as Uint8Array))).toBe('codec.input');
    expect(codeOf(() => watcher.offer(undefined as unknown as Uint8Array))).toBe('codec.input');
  });

  test('a back end that fails says nothing about what was received', () => {
    const faulty = new Faulty(nodeProvider);
    const { a, watcher } = watched({ provider: faulty.provider });
    const { message } = a.commit();
    faulty.arm(1);
    expect(codeOf(() => watcher.process(message))).toBe('internal.bug');
    expect(watcher.process(message).kind).toBe('commit');
  });

  test('of more commits than may be staged the oldest are dropped', () => {
    const { a, watcher } = watched();
    const commits = Array.from({ length: 17 }, () => {
      const made = a.commit();
      a.discard(made);
      return staged(watcher, made.message);
    });
    const [first, second] = commits as [StagedCommit, StagedCommit];
    expect(codeOf(() => watcher.accept(first))).toBe('state.stale-handle');
    expect(watcher.accept(second).epoch).toBe(2n);
  });

  test('FRM-10 of commits as many are known again as the policy says', () => {
    const { a, b, watcher } = watched({ policy: { pastEpochs: 1 } });
    const [first, second] = [move(a, [b, watcher]), move(a, [b, watcher])];
    expect(watcher.process(second.message)).toEqual({ kind: 'duplicate' });
    expect(watcher.process(first.message)).toEqual({ kind: 'expired', epoch: 1n });
  });

  test('proposals are kept within bounds, beyond them when a commit refers to them', () => {
    const { a, b, watcher } = watched({ policy: { keptProposalsPerSender: 2 } });
    const sent = [0, 1, 2].map(() => b.propose(update()).message);
    const kinds = sent.map((message) => watcher.process(message).kind);
    expect(kinds).toEqual(['proposal', 'proposal', 'rejected']);
    expect(watcher.process(sent[0] as Uint8Array).kind).toBe('duplicate');
    for (const message of sent) a.process(message);
    const { message } = a.commit();
    const refused = watcher.process(message);
    expect(refused.kind === 'rejected' && refused.error.code).toBe('validation.unknown-proposal-ref');
    expect(watcher.process(sent[2] as Uint8Array, { wanted: true }).kind).toBe('proposal');
    expect(watcher.proposals.map(({ type, sender }) => [type, sender?.leaf])).toEqual([
      [2, 1],
      [2, 1],
      [2, 1],
    ]);
    watcher.accept(staged(watcher, message));
    expect(watcher.proposals).toEqual([]);
  });
});

describe('what is handed out', () => {
  test('says who proposed, and what the group has', () => {
    const { a, b, watcher } = watched();
    const signer = signaturePair(environment());
    const service = { signatureKey: signer.publicKey, credential: basicCredential('service') };
    const listed = makeExtension(ExtensionType.externalSenders, ExternalSenders, [service]);
    move(a, [b, watcher], [setExtensions([listed])]);
    expect(watcher.extensions).toEqual([listed]);
    expect(watcher.confirmedTranscriptHash).toEqual(stateOf(a).epoch.context.confirmedTranscriptHash);
    const sender = a.member(1);
    const theirs = watcher.process(b.propose(update()).message);
    expect(theirs).toMatchObject({ kind: 'proposal', proposal: { type: 2, sender } });
    const foreign = watcher.process(watcher.propose(remove(1), { signer }).message);
    expect(foreign).toMatchObject({ kind: 'proposal', proposal: { type: 3, sender: undefined } });
    expect(watcher.proposals.map((one) => one.sender)).toEqual([sender, undefined]);
  });

  test('is the caller’s: whoever alters it alters nothing here', () => {
    const { a, b, watcher } = watched();
    move(a, [b, watcher]);
    watcher.offer(a.groupInfo());
    const authenticatedData = utf8('aad');
    const proposed = watcher.process(b.propose(update(), { authenticatedData }).message);
    const before = watcher.save();
    const committed = watcher.process(a.commit([], { authenticatedData }).message);
    const other = watched();
    const foreign = watcher.process(other.a.encrypt(utf8('hello')));
    const opaque = watcher.process(a.encrypt(utf8('hello')));
    if (proposed.kind !== 'proposal' || committed.kind !== 'commit') throw new Error('another outcome');
    if (foreign.kind !== 'foreign' || opaque.kind !== 'opaque') throw new Error('another outcome');
    // Of a message that was taken in they are copies as well: nobody keeps the whole of it for the sake of a part.
    const parts = [proposed.authenticatedData, committed.authenticatedData, foreign.groupId, opaque.groupId];
    for (const bytes of parts) expect(bytes?.buffer.byteLength).toBe(bytes?.length);
    const { id, treeHash, confirmedTranscriptHash, groupInfo, ratchetTree } = watcher;
    const refs = [proposed.proposal.ref, watcher.proposals[0]?.ref];
    for (const bytes of [id, treeHash, confirmedTranscriptHash, groupInfo, ratchetTree, ...refs, ...parts])
      bytes?.fill(0);
    expect(watcher.save()).toEqual(before);
    const { context } = stateOf(a).epoch;
    expect([watcher.id, watcher.treeHash]).toEqual([context.groupId, context.treeHash]);
    expect(watcher.confirmedTranscriptHash).toEqual(context.confirmedTranscriptHash);
  });
});

test('R17.1-01 a provider that has only the suite of the group is enough', () => {
  const provider: Provider = {
    name: 'one suite',
    suites: [2],
    suite: (id) => (id === 2 ? nodeProvider.suite(id) : fail('codec.unsupported')),
    random: (length) => nodeProvider.random(length),
  };
  const watcher = observe({ ...OPEN, provider }, client('ann', { suite: 2 }).createGroup().groupInfo());
  expect(watcher.suite).toBe(2);
});

describe('joiners', () => {
  test('R12.4.3.2-03 R12.4.3-04 a stranger gets in by what is handed out', () => {
    const { a, b, watcher } = watched();
    move(a, [b, watcher]);
    expect(watcher.groupInfo).toBeUndefined();
    expect(watcher.offer(b.groupInfo({ ratchetTree: false }))).toEqual({ kind: 'kept' });
    const eve = client('eve');
    const { ratchetTree } = watcher;
    const offer = eve.prepareExternalJoin(watcher.groupInfo as Uint8Array, { ratchetTree });
    const commit = staged(watcher, offer.message);
    expect(commit).toMatchObject({ origin: 'new-member', committer: 2 });
    expect(commit.changes.added).toMatchObject([{ leaf: 2, signatureKey: eve.signatureKey }]);
    watcher.accept(commit);
    for (const group of [a, b]) {
      const taken = group.process(offer.message);
      if (taken.kind === 'commit') group.accept(taken.commit);
    }
    const e = offer.accept();
    expect(e.epochAuthenticator).toEqual(a.epochAuthenticator);
    expect(watcher.treeHash).toEqual(e.treeHash);
    move(e, [a, b, watcher], [remove(1)]);
    expect(watcher.members.map(({ leaf }) => leaf)).toEqual([0, 2]);
  });

  test('the GroupInfo of the beginning serves as well, if it can', () => {
    const { a, watcher } = watched();
    expect(watcher.groupInfo).toBeDefined();
    const bare = observe(OPEN, a.groupInfo({ externalPub: false }));
    expect(bare.groupInfo).toBeUndefined();
  });
});

describe('restart', () => {
  test('everything but staged commits is there again', () => {
    const { a, b, watcher } = watched();
    move(a, [b, watcher]);
    watcher.offer(a.groupInfo());
    const { message } = b.propose(update());
    a.process(message);
    watcher.process(message);
    const again = observeSaved(OPEN, watcher.save());
    expect(again.save()).toEqual(watcher.save());
    expect([again.groupInfo, again.proposals]).toEqual([watcher.groupInfo, watcher.proposals]);
    expect(again.process(message)).toEqual({ kind: 'duplicate' });
    move(a, [b, watcher, again]);
    expect(again.save()).toEqual(watcher.save());
    expect(again.treeHash).toEqual(a.treeHash);
  });

  test('records of others, damaged ones, and those of unknown suites', () => {
    const { ann, a, watcher } = watched();
    const record = watcher.save();
    expect(codeOf(() => observeSaved(OPEN, a.save()))).toBe('storage.version');
    expect(codeOf(() => ann.load(record))).toBe('storage.version');
    expect(codeOf(() => observeSaved(OPEN, record.subarray(1)))).toMatch(/^storage\./);
    for (let cut = 4; cut < record.length; cut += 97)
      expect(codeOf(() => observeSaved(OPEN, record.subarray(0, cut)))).toBe('storage.corrupt');
    expect(codeOf(() => observeSaved(OPEN, flipped(record, 3, 0x40)))).toBe('codec.unsupported');
  });
});

test('R12.4.2-19 after a ReInit nothing follows', () => {
  const { a, b, watcher } = watched();
  const late = b.commit();
  b.discard(late);
  const rest = [b.propose(update()).message, a.groupInfo()] as const;
  move(a, [b, watcher], [reinit({ groupId: utf8('next'), suite: 1 })]);
  expect(watcher.status).toBe('closed');
  expect(watcher.process(rest[0])).toEqual({ kind: 'expired', epoch: 1n });
  expect(watcher.offer(rest[1])).toEqual({ kind: 'expired', epoch: 1n });
  const again = observeSaved(OPEN, watcher.save());
  expect(again.status).toBe('closed');
  // Only an insider still makes something for the epoch in which nothing is to be said.
  const removal = { proposalType: ProposalType.remove, removed: 0 } as const;
  const seen = again.process(forgeProposal(environment(), stateOf(b), removal).message);
  expect(seen.kind === 'rejected' && seen.error.code).toBe('state.closed');
  const signer = { publicKey: new Uint8Array(32), secretKey: new Uint8Array(32) };
  expect(codeOf(() => again.propose(remove(0), { signer }))).toBe('state.closed');
});

test('R5.3.1-03/04/06 `full` asks about every credential, `light` about none', () => {
  const { a, b } = watched();
  const asked: string[] = [];
  const validateCredential: ObserveOptions['validateCredential'] = ({ credential, previous }) => {
    asked.push(previous === undefined ? 'new' : 'again');
    return 'identity' in credential && String.fromCharCode(...(credential.identity as Uint8Array)) !== 'eve';
  };
  const full = observe({ validateCredential }, a.groupInfo());
  expect(asked.splice(0)).toEqual(['new', 'new']);
  const light = observe({ validateCredential, checks: 'light' }, a.groupInfo());
  move(a, [b, full, light]);
  expect(asked.splice(0)).toEqual(['again']);
  const { message } = a.commit([add(client('eve').createKeyPackage().message)]);
  const refused = full.process(message);
  expect(refused.kind === 'rejected' && refused.error.code).toBe('validation.credential');
  asked.splice(0);
  expect(light.process(message).kind).toBe('commit');
  expect(asked).toEqual([]);
  expect(codeOf(() => observe({} as ObserveOptions, a.groupInfo()))).toBe('codec.input');
});

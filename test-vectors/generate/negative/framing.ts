/** Messages that are framed, tagged, signed or confirmed wrongly (RFC 9420 §6, §8.2). */

import { concat } from '../../../src/base/bytes.ts';
import type { Content } from '../../../src/wire/content.ts';
import { ContentType, SenderType } from '../../../src/wire/registry.ts';
import { forgeCommit, forgeProposal } from '../../../test/support/forge.ts';
import {
  application,
  type Deviation,
  privateMessage,
  privateOf,
  publicMessage,
  publicOf,
  sealPrivateBy,
  sealPublicBy,
  tagged,
} from '../../../test/support/sealing.ts';
import type { Setting } from '../story.ts';
import { flipped, Trial, type Verdict } from './trial.ts';

const remove = (removed: number) => ({ proposalType: 3, removed }) as const;
const removal = (leaf: number): Content => ({ contentType: ContentType.proposal, proposal: remove(leaf) });
const DATA = /* @__PURE__ */ new Uint8Array([1, 2, 3]);

/** Wire format, group, epoch, sender and padding. */
export function framing(setting: Setting): Trial {
  const trial = new Trial(setting, 'framing');
  badPublic(trial);
  badPrivate(trial);
  misplaced(trial);
  return trial;
}

function badPublic(trial: Trial): void {
  const { bob } = trial;
  const member = { senderType: SenderType.member, leafIndex: bob.self } as const;
  const data = publicMessage(sealPublicBy(bob, member, application(DATA)));
  trial.refuse('application data in a PublicMessage | R6-03 FRM-16', 'validation.wire-format', data);
  const nobody = publicMessage(sealPublicBy(bob, { ...member, leafIndex: 9 }, removal(2)));
  trial.refuse('a sender at a leaf where nobody is | R6.1-06 FRM-07', 'validation.sender', nobody);
}

function badPrivate(trial: Trial): void {
  const { ann, bob } = trial;
  const refuse = (title: string, code: Verdict, how: Deviation, content = application(DATA)): void => {
    trial.refuse(title, code, sealPrivateBy(bob, content, how));
  };
  const asPublic = 'content signed as public, sent as private | R6.1-04 FRM-17';
  refuse(asPublic, 'crypto.signature', { signedFormat: 1 }, removal(2));
  refuse('padding that is not zero | R6.3.1-03 FRM-14', 'codec.padding', { padding: Uint8Array.of(0, 0, 1) });
  const nobody = 'sender data that name a leaf where nobody is | R6.3.2-07 FRM-07';
  refuse(nobody, 'validation.sender', { claimedLeaf: 9 });
  const another = 'sender data that name another member | FRM-06';
  refuse(another, 'crypto.aead', { claimedLeaf: ann.self });
  const sealed = privateOf(sealPrivateBy(bob, application(DATA)));
  const relabelled = privateMessage({ ...sealed, authenticatedData: DATA });
  trial.refuse('authenticated data exchanged on the way | R6.3.1-08 FRM-13', 'crypto.aead', relabelled);
}

function misplaced(trial: Trial): void {
  const { ann, bob } = trial;
  const commit = (): Uint8Array => forgeCommit(bob.env, bob.state, []).message;
  trial.refuse('a byte behind the message | R2.1-05', 'codec.trailing', concat(commit(), Uint8Array.of(0)));
  const version = commit().map((byte, i) => (i === 1 ? 2 : byte));
  trial.refuse('another version | R6-01', 'codec.unsupported', version);
  const elsewhere = forgeCommit(bob.env, bob.state, [], { framed: (one) => ({ ...one, groupId: DATA }) });
  trial.refuse('a commit for another group | R12.4.2-01 FRM-12', 'foreign', elsewhere.message);
  const late = commit();
  trial.honest(ann, { path: true });
  trial.refuse('a commit of the epoch before | R6-10 R14-01', 'expired', late);
}

/** §6.2 */
export function membershipTag(setting: Setting): Trial {
  const trial = new Trial(setting, 'membership tag');
  const { ann, bob } = trial;
  const sent = () => publicOf(forgeCommit(bob.env, bob.state, []).message);
  const refuse = (title: string, tag: (right: Uint8Array) => Uint8Array): void => {
    const message = sent();
    const membershipTag = tag(message.membershipTag ?? DATA);
    trial.refuse(title, 'crypto.membership-tag', publicMessage({ ...message, membershipTag }));
  };
  refuse('a flipped bit | R6.2-03 FRM-15', (tag) => flipped(tag));
  refuse('a tag cut short | R6.2-03 FRM-15', (tag) => tag.subarray(0, -1));
  refuse('no bytes at all | R6.2-03 FRM-15', () => new Uint8Array(0));
  const old = sent().membershipTag;
  trial.honest(ann, { path: true });
  refuse('the tag of the epoch before | R6.2-04 FRM-15', (tag) => old ?? tag);
  const proposal = publicOf(forgeProposal(bob.env, bob.state, remove(2)).message);
  trial.refuse(
    'a proposal with a flipped bit in its tag | R6.2-03 FRM-15',
    'crypto.membership-tag',
    publicMessage({ ...proposal, membershipTag: flipped(proposal.membershipTag ?? DATA) }),
  );
  const outside = { senderType: SenderType.newMemberProposal } as const;
  const joiner = trial.stranger('eve');
  const keyPackage = trial.keyPackage(joiner).keyPackage;
  const asked = sealPublicBy(
    bob,
    outside,
    { contentType: ContentType.proposal, proposal: { proposalType: 1, keyPackage } },
    { secretKey: joiner.signer.secretKey },
  );
  trial.refuse(
    'a tag behind a message from outside | R12.1.8-01 FRM-15',
    'codec.trailing',
    concat(publicMessage(asked), Uint8Array.of(32), new Uint8Array(32)),
  );
  return trial;
}

/** §5.1.2, §6.1 */
export function signature(setting: Setting): Trial {
  const trial = new Trial(setting, 'signature');
  const { ann, bob } = trial;
  const { secretKey } = ann.signer;
  const refuse = (title: string, tweaks: Parameters<typeof forgeCommit>[3]): void => {
    trial.refuse(title, 'crypto.signature', forgeCommit(bob.env, bob.state, [], tweaks).message);
  };
  refuse('a commit signed by another member | R6.1-06 R6.1-11', { secretKey });
  refuse('the same in a PrivateMessage | R6.1-11 FRM-08', { secretKey, handshake: 'private' });
  refuse('a flipped bit, under a right membership tag | R6.1-11 R6.2-02', {
    signature: (one) => flipped(one, one.length - 1),
  });
  refuse('no signature | R6.1-11', { signature: () => new Uint8Array(0) });
  const { context } = bob.state.epoch;
  const signedContext = { ...context, treeHash: flipped(context.treeHash) };
  refuse('a signature over another GroupContext | R6.1-03', { signedContext, handshake: 'private' });
  const proposal = forgeProposal(bob.env, bob.state, remove(2), { secretKey }).message;
  trial.refuse('a proposal signed by another member | R12.1-03 R6.1-11', 'crypto.signature', proposal);
  const data = sealPrivateBy(bob, application(DATA), { secretKey });
  trial.refuse('application data signed by another member | FRM-08 R6.1-11', 'crypto.signature', data);
  return trial;
}

/** §8.1, §12.4.2 */
export function confirmationTag(setting: Setting): Trial {
  const trial = new Trial(setting, 'confirmation tag');
  const { bob } = trial;
  const refuse = (title: string, tweaks: Parameters<typeof forgeCommit>[3]): void => {
    trial.refuse(title, 'crypto.confirmation-tag', forgeCommit(bob.env, bob.state, [], tweaks).message);
  };
  refuse('a flipped bit | R12.4.2-17 FRM-21', { tag: (one) => flipped(one) });
  refuse('a tag cut short | R12.4.2-17 FRM-21', { tag: (one) => one.subarray(1), handshake: 'private' });
  refuse('another init secret | R12.4.2-17 R12.4.2-16', { initSecret: (one) => flipped(one) });
  refuse('another commit secret | R12.4.2-17 R12.4.2-16', { commitSecret: (one) => flipped(one) });
  const sent = publicOf(forgeCommit(bob.env, bob.state, []).message);
  const auth = { ...sent.auth, confirmationTag: new Uint8Array(0) };
  trial.refuse(
    'an empty tag | R12.4.2-17 FRM-21',
    'crypto.confirmation-tag',
    publicMessage(tagged(bob, { ...sent, auth })),
  );
  return trial;
}

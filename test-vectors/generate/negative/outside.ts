/** External commits and proposals from outside that break a rule (RFC 9420 §12.1.8, §12.2, §12.4.3.2). */

import type { KeyPair } from '../../../src/crypto/provider.ts';
import type { ProposalItem } from '../../../src/group/state.ts';
import { basicCredential } from '../../../src/wire/credential.ts';
import { ExternalSenders, makeExtension } from '../../../src/wire/extension.ts';
import type { Proposal } from '../../../src/wire/proposal.ts';
import { ExtensionType } from '../../../src/wire/registry.ts';
import {
  type CommitTweaks,
  type ExternalTweaks,
  forgeCommit,
  forgeExternalCommit,
  forgeProposal,
  forgeUpdateLeaf,
  type Identity,
} from '../../../test/support/forge.ts';
import type { Setting } from '../story.ts';
import { Trial, type Verdict } from './trial.ts';

const item = (proposal: Proposal): ProposalItem => ({
  proposal,
  sender: { kind: 'new-member' },
  ref: undefined,
});
const also = (...proposals: readonly Proposal[]): ExternalTweaks => ({
  items: (items) => [...items, ...proposals.map(item)],
});
const remove = (removed: number): Proposal => ({ proposalType: 3, removed });

class OutsideTrial extends Trial {
  readonly eve: Identity = this.stranger('eve');

  /** What is wrong with an external commit of eve, or of somebody else. */
  joins(title: string, code: Verdict, tweaks: ExternalTweaks, who: Identity = this.eve): void {
    this.refuse(title, code, forgeExternalCommit(this.env(), this.ann.state, who, tweaks).message);
  }
}

/** The list of an external commit. */
export function externalList(setting: Setting): Trial {
  const trial = new OutsideTrial(setting, 'external commit: proposals');
  const { ann } = trial;
  const code = 'validation.external-commit';
  const dan = trial.keyPackage(trial.stranger('dan'));
  trial.joins('no ExternalInit | PRO-23 R12.2-18', code, { items: () => [] });
  trial.joins('two ExternalInits | PRO-23 R12.2-18', code, { items: (items) => [...items, ...items] });
  trial.joins('two Removes | PRO-23 R12.2-19', code, also(remove(1), remove(2)));
  trial.joins('an Add | PRO-23 R12.2-22', code, also({ proposalType: 1, keyPackage: dan.keyPackage }));
  const leafNode = forgeUpdateLeaf(ann.env, ann.state);
  trial.joins('an Update | PRO-23 R12.2-22', code, also({ proposalType: 2, leafNode }));
  trial.joins('GroupContextExtensions | PRO-23 R12.2-22', code, also({ proposalType: 7, extensions: [] }));
  const reinit = {
    proposalType: 5,
    groupId: Uint8Array.of(1),
    version: 1,
    cipherSuite: setting.suite,
    extensions: [],
  } as const;
  trial.joins('a ReInit | PRO-23 R12.2-22', code, also(reinit));
  trial.joins('the removal of nobody | PRO-23 R12.1.3-02', 'validation.proposal', also(remove(9)));
  const forged = forgeProposal(ann.env, ann.state, remove(1));
  const [cached] = trial.deliver([ann, forged]);
  const { message } = forgeExternalCommit(trial.env(), ann.state, trial.eve, {
    items: (items) => (cached === undefined ? items : [...items, cached]),
  });
  trial.refuse('a proposal by reference | PRO-23 R12.4.3.2-06 R12.2-23', code, message, [forged]);
  return trial;
}

/** Path, signature, key and secret of an external commit. */
export function externalKeys(setting: Setting): Trial {
  const trial = new OutsideTrial(setting, 'external commit: keys');
  const { ann, bob } = trial;
  trial.joins('no path | PRO-23 R12.4.3.2-04', 'validation.external-commit', { omitPath: true });
  trial.joins('signed by a member | PRO-23 R12.4.3.2-07', 'crypto.signature', {
    secretKey: ann.signer.secretKey,
  });
  trial.joins('another sender type | PRO-23 R12.4.3.2-08', 'validation.sender', {
    framed: (one) => ({ ...one, sender: { senderType: 3 } }),
  });
  trial.joins('a KEM output cut short | PRO-24 R12.1.6-03', 'crypto.kem', {
    kemOutput: (one) => one.subarray(1),
  });
  trial.joins('a KEM output that is no point, or of low order | PRO-24 CRY-10', 'crypto.kem', {
    kemOutput: (one) => new Uint8Array(one.length),
  });
  trial.joins('another init secret | PRO-24 R12.4.3.2-09', 'crypto.confirmation-tag', {
    initSecret: (one) => new Uint8Array(one.length),
  });
  trial.joins(
    'the signature key of a member who stays | R12.4.3.2-15',
    'validation.duplicate-key',
    {},
    {
      credential: trial.eve.credential,
      signer: bob.signer,
    },
  );
  trial.joins('a leaf signed by another key | R12.4.3.2-10', 'crypto.signature', {
    update: { leafSecretKey: ann.signer.secretKey },
  });
  trial.joins('a wrong parent hash | R12.4.3.2-10', 'validation.parent-hash', {
    update: { leaf: (one) => ({ ...one, source: { leafNodeSource: 3, parentHash: new Uint8Array(0) } }) },
  });
  return trial;
}

/** Senders from outside, with one listed. */
export function strangers(setting: Setting): Trial {
  const crypto = setting.provider.suite(setting.suite);
  const service = crypto.signatureKeyPair(setting.provider.random(crypto.sizes.signatureSeed));
  const credential = basicCredential('service');
  const list = makeExtension(ExtensionType.externalSenders, ExternalSenders, [
    { signatureKey: service.publicKey, credential },
  ]);
  const trial = new OutsideTrial(setting, 'proposals from outside', [list]);
  fromListed(trial, service);
  fromWouldBe(trial);
  return trial;
}

function fromListed(trial: OutsideTrial, { secretKey }: KeyPair): void {
  const { ann } = trial;
  const code = 'validation.sender';
  const from = (proposal: Proposal, how: { readonly senderIndex?: number; readonly key?: Uint8Array } = {}) =>
    forgeProposal(ann.env, ann.state, proposal, {
      from: {
        sender: { senderType: 2, senderIndex: how.senderIndex ?? 0 },
        secretKey: how.key ?? secretKey,
      },
    }).message;
  const behind = from(remove(1), { senderIndex: 1 });
  trial.refuse('an index behind the list | PRO-25 R6.1-07 R12.1.8.1-02', code, behind);
  const member = from(remove(1), { key: ann.signer.secretKey });
  trial.refuse('signed by a member | PRO-25 R6.1-11', 'crypto.signature', member);
  const update = { proposalType: 2, leafNode: forgeUpdateLeaf(ann.env, ann.state) } as const;
  trial.refuse('an Update of a listed sender | PRO-25 R12.1.8-03', code, from(update));
  const init = { proposalType: 6, kemOutput: new Uint8Array(ann.env.suite.sizes.enc) } as const;
  trial.refuse('an ExternalInit of a listed sender | PRO-25 R12.1.8-03', code, from(init));
  const sender = { senderType: 2, senderIndex: 0 } as const;
  const tweaks: CommitTweaks = { secretKey, framed: (one) => ({ ...one, sender }) };
  const { message } = forgeCommit(ann.env, ann.state, [], tweaks);
  trial.refuse('a commit of a listed sender | PRO-25 R6.1-08', code, message);
}

function fromWouldBe(trial: OutsideTrial): void {
  const { ann, eve } = trial;
  const asks = (proposal: Proposal) =>
    forgeProposal(ann.env, ann.state, proposal, {
      from: { sender: { senderType: 3 }, secretKey: eve.signer.secretKey },
    }).message;
  const removal = asks(remove(1));
  trial.refuse('a would-be member that removes | R6.1-10 R12.1.8-05', 'validation.sender', removal);
  const { keyPackage } = trial.keyPackage(trial.stranger('dan'));
  const other = asks({ proposalType: 1, keyPackage });
  trial.refuse('a would-be member that adds somebody else | R6.1-10 R12.1.8-05', 'crypto.signature', other);
}

/** Proposals and lists of them that break a rule (RFC 9420 §10.1, §11.1, §12.1, §12.2, §13.4). */

import { type Extension, makeExtension, RequiredCapabilities } from '../../../src/wire/extension.ts';
import type { Capabilities, LeafNodeContent } from '../../../src/wire/leafNode.ts';
import type { Proposal } from '../../../src/wire/proposal.ts';
import type { PreSharedKeyId } from '../../../src/wire/psk.ts';
import { ExtensionType, PROPOSAL_TRAITS } from '../../../src/wire/registry.ts';
import {
  forgeCommit,
  forgeProposal,
  forgeUpdateLeaf,
  type Identity,
  type KeyPackageTweaks,
  kemPair,
} from '../../../test/support/forge.ts';
import type { Peer } from '../../../test/support/peers.ts';
import type { Setting } from '../story.ts';
import { exchanged, flipped, inline, Trial, type Verdict } from './trial.ts';

const remove = (removed: number): Proposal => ({ proposalType: 3, removed });
const pskOf = (psk: PreSharedKeyId): Proposal => ({ proposalType: 4, psk });
const extensionsOf = (...extensions: readonly Extension[]): Proposal => ({ proposalType: 7, extensions });
const lacking =
  (change: Partial<Capabilities>) =>
  (leaf: LeafNodeContent): LeafNodeContent => ({
    ...leaf,
    capabilities: { ...leaf.capabilities, ...change },
  });

class ListTrial extends Trial {
  /** A commit of bob over a list by value, with a path where one is needed. */
  commits(title: string, code: Verdict, ...proposals: readonly Proposal[]): void {
    const { env, state } = this.bob;
    const items = proposals.map((proposal) => inline(this.bob, proposal));
    const omitPath = proposals.every(
      ({ proposalType }) => PROPOSAL_TRAITS.get(proposalType)?.pathRequired === false,
    );
    this.refuse(title, code, forgeCommit(env, state, items, { omitPath }).message);
  }

  /** A commit of bob over proposals that all are good by themselves, by reference. */
  refers(title: string, code: Verdict, ...proposals: readonly (readonly [Peer, Proposal])[]): void {
    const made = proposals.map(
      ([from, proposal]) => [from, forgeProposal(from.env, from.state, proposal)] as const,
    );
    const items = this.deliver(...made);
    const { message } = forgeCommit(this.bob.env, this.bob.state, items, { handshake: 'private' });
    this.refuse(
      title,
      code,
      message,
      made.map(([, forged]) => forged),
    );
  }

  /** A proposal message of bob. */
  proposes(title: string, code: Verdict, proposal: Proposal): void {
    this.refuse(title, code, forgeProposal(this.bob.env, this.bob.state, proposal).message);
  }

  addOf(name: string, tweaks: KeyPackageTweaks = {}): Proposal {
    return { proposalType: 1, keyPackage: this.keyPackage(this.stranger(name), tweaks).keyPackage };
  }

  psk(length = this.bob.env.suite.sizes.hash): Extract<PreSharedKeyId, { pskType: 1 }> {
    const { psks } = this.setting;
    return { pskType: 1, pskId: psks[0]?.id ?? new Uint8Array(0), pskNonce: new Uint8Array(length).fill(7) };
  }
}

/** Which proposals go together. */
export function lists(setting: Setting): Trial {
  const trial = new ListTrial(setting, 'proposal lists');
  oneLeaf(trial);
  oneClient(trial);
  oneMeaning(trial);
  return trial;
}

function oneLeaf(trial: ListTrial): void {
  const { ann, bob, cid } = trial;
  const code = 'validation.proposal-list';
  const update = (peer: Peer): Proposal => ({
    proposalType: 2,
    leafNode: forgeUpdateLeaf(peer.env, peer.state),
  });
  const both = (title: string, ...list: readonly (readonly [Peer, Proposal])[]): void =>
    trial.refers(title, code, ...list);
  both("the committer's own Update | PRO-01 R12.2-03", [bob, update(bob)]);
  trial.commits('the removal of the committer | PRO-02 R12.2-04', code, remove(bob.self));
  both('the same, proposed by another | PRO-02 R12.2-04', [ann, remove(bob.self)]);
  const gone = remove(cid.self);
  both('two Removes of one leaf | PRO-04 R12.2-05', [ann, gone], [bob, gone]);
  both('Update and Remove of one leaf | PRO-04 R12.2-05', [cid, update(cid)], [ann, gone]);
}

function oneClient(trial: ListTrial): void {
  const code = 'validation.duplicate-client';
  const add = (who: Identity): Proposal => ({
    proposalType: 1,
    keyPackage: trial.keyPackage(who).keyPackage,
  });
  const eve = trial.stranger('eve');
  trial.commits('two Adds of one client | PRO-05 R12.2-07', code, add(eve), add(eve));
  const member = { credential: eve.credential, signer: trial.cid.signer };
  trial.commits('the Add of a member | PRO-05 R12.2-08', code, add(member));
  const encryption = kemPair(trial.env());
  const adds = ['eve', 'dan'].map((name) => trial.addOf(name, { encryption }));
  const oneKey = 'two Adds with one encryption key | R12.2-15';
  trial.commits(oneKey, 'validation.duplicate-key', ...adds);
}

function oneMeaning(trial: ListTrial): void {
  const { ann, bob, setting } = trial;
  const successor = { groupId: Uint8Array.of(1), version: 1, cipherSuite: setting.suite, extensions: [] };
  const reinit = { proposalType: 5, ...successor } as const;
  const beside = 'a ReInit beside something else | PRO-11 R12.2-11';
  trial.commits(beside, 'validation.reinit', reinit, pskOf(trial.psk()));
  const init = { proposalType: 6, kemOutput: new Uint8Array(bob.env.suite.sizes.enc) } as const;
  const ofMember = 'an ExternalInit of a member | PRO-12 R12.2-13';
  trial.commits(ofMember, 'validation.proposal-list', init);
  trial.commits('the removal of nobody | PRO-03 R12.2-02', 'validation.proposal', remove(9));
  const { item } = forgeProposal(bob.env, bob.state, remove(ann.self));
  const { message } = forgeCommit(bob.env, bob.state, [item]);
  trial.refuse('a reference to nothing | PRO-14 R12.4.2-04', 'validation.unknown-proposal-ref', message);
}

/** §10.1, §12.1.2: what is added or updated. */
export function leaves(setting: Setting): Trial {
  const trial = new ListTrial(setting, 'key packages and updates');
  const stranger = trial.stranger('x').signer.secretKey;
  added(trial, stranger);
  updated(trial, stranger);
  return trial;
}

function added(trial: ListTrial, stranger: Uint8Array): void {
  const code = 'validation.key-package';
  const pair = kemPair(trial.env());
  const cipherSuite = trial.setting.suite === 1 ? 3 : 1;
  const flip: KeyPackageTweaks['signed'] = (one) => ({ ...one, signature: flipped(one.signature, 9) });
  trial.commits('a flipped bit in the signature | R10.1-04', code, trial.addOf('eve', { signed: flip }));
  const byOther = trial.addOf('eve', { leafSecretKey: stranger });
  trial.commits('a leaf signed by another key | R10.1-03', code, byOther);
  const elsewhere = trial.addOf('eve', { content: (one) => ({ ...one, cipherSuite }) });
  trial.commits('another suite | R10.1-02', code, elsewhere);
  const twice = trial.addOf('eve', { init: pair, encryption: pair });
  trial.commits('init key equal to the leaf key | R10.1-05', code, twice);
  const source = { leafNodeSource: 2 } as const;
  const wrong = trial.addOf('eve', { leaf: (one) => ({ ...one, source }) });
  trial.commits('a leaf with source update | R10-06', code, wrong);
}

function updated(trial: ListTrial, stranger: Uint8Array): void {
  const { env, state } = trial.bob;
  const refuse = (title: string, code: Verdict, tweaks: Parameters<typeof forgeUpdateLeaf>[2]): void =>
    trial.proposes(title, code, { proposalType: 2, leafNode: forgeUpdateLeaf(env, state, tweaks) });
  const source = { leafNodeSource: 3, parentHash: new Uint8Array(0) } as const;
  refuse('an Update with source commit | R12.1.2-02', 'validation.leaf-source', {
    leaf: (one) => ({ ...one, source }),
  });
  refuse('an Update signed by another key | R12.1.2-02', 'crypto.signature', { leafSecretKey: stranger });
  refuse('an Update signed for another group | R12.1.2-02', 'crypto.signature', {
    place: (at) => ({ ...at, groupId: Uint8Array.of(1) }),
  });
}

/** §12.1.4 */
export function psks(setting: Setting): Trial {
  const trial = new ListTrial(setting, 'PSK');
  const { bob } = trial;
  const { hash } = bob.env.suite.sizes;
  const { groupId, epoch } = bob.state.epoch.context;
  const code = 'validation.psk';
  const resumption = (usage: 1 | 2 | 3, length = hash): Proposal =>
    pskOf({
      pskType: 2,
      usage,
      pskGroupId: groupId,
      pskEpoch: epoch,
      pskNonce: new Uint8Array(length).fill(7),
    });
  trial.commits('a short nonce | PRO-07 R12.1.4-03', code, pskOf(trial.psk(hash - 1)));
  trial.commits('a long nonce | PRO-07 R12.1.4-03', code, pskOf(trial.psk(hash + 1)));
  trial.commits('no nonce | PRO-07 R12.1.4-03', code, pskOf(trial.psk(0)));
  trial.commits('a short nonce, resumption | PRO-07 R12.1.4-03', code, resumption(1, hash - 1));
  trial.commits('usage reinit | PRO-07 R12.1.4-02 R11.2-05', code, resumption(2));
  trial.commits('usage branch | PRO-07 R12.1.4-02 R11.3-06', code, resumption(3));
  trial.commits('one PSK twice with one nonce | R12.2-09', code, pskOf(trial.psk()), pskOf(trial.psk()));
  // psk, external, and the length of the id.
  const items = [inline(bob, pskOf(trial.psk()))];
  const sent = forgeCommit(bob.env, bob.state, items).message;
  const head = [0, 4, 1, trial.psk().pskId.length];
  const unknown = exchanged(sent, head, [0, 4, 3, trial.psk().pskId.length]);
  trial.refuse('an unknown psktype | PRO-07 R12.1.4-05', 'codec.enum', unknown);
  return trial;
}

/** §12.1.7, §13.4 */
export function extensions(setting: Setting): Trial {
  const trial = new ListTrial(setting, 'GroupContextExtensions');
  const { ann, bob } = trial;
  const unknown = { extensionType: 0xf00d, extensionData: Uint8Array.of(1) };
  const broken = (extensionType: number, ...body: readonly number[]): Proposal =>
    extensionsOf({ extensionType, extensionData: Uint8Array.from(body) });
  trial.commits('an unknown type | R12.1.7-03 R13.4-06', 'validation.unsupported', extensionsOf(unknown));
  trial.commits(
    'a reserved type | R12.1.7-05 R13.5-06',
    'validation.unsupported',
    extensionsOf({ ...unknown, extensionType: 0x0a0a }),
  );
  trial.refers(
    'two in one list | PRO-09 R12.2-10',
    'validation.proposal-list',
    [ann, extensionsOf()],
    [bob, extensionsOf()],
  );
  trial.commits('required_capabilities cut short | R12.1.7-06 DEC-12', 'codec.truncated', broken(3, 0, 0));
  trial.commits(
    'required_capabilities with a byte too many | R12.1.7-06 DEC-12',
    'codec.trailing',
    broken(3, 0, 0, 0, 0),
  );
  trial.commits('external_senders cut short | R12.1.7-06 DEC-12', 'codec.truncated', broken(5, 8, 1, 1));
  const two = [unknown, { extensionType: 0xf00e, extensionData: Uint8Array.of(1) }];
  const items = [inline(bob, extensionsOf(...two))];
  const { message } = forgeCommit(bob.env, bob.state, items);
  const twice = exchanged(message, [0xf0, 0x0e], [0xf0, 0x0d]);
  trial.refuse('one type twice | R13.4-05 DEC-11', 'codec.duplicate-extension', twice);
  return trial;
}

/** §11.1: the group requires more than the RFC has by default, or is asked to. */
export function capabilities(setting: Setting): Trial {
  const TYPE = 0xf0a0;
  const needs = (...extensionTypes: readonly number[]): Extension =>
    makeExtension(ExtensionType.requiredCapabilities, RequiredCapabilities, {
      extensionTypes,
      proposalTypes: [],
      credentialTypes: [],
    });
  const able = { ...setting, policy: { ...setting.policy, extensionTypes: [TYPE] } };
  const trial = new ListTrial(able, 'required capabilities', [needs(TYPE)]);
  const { bob } = trial;
  const code = 'validation.capabilities';
  const poor = lacking({ extensions: [] });
  trial.commits('an Add without it | PRO-06 R11.1-03', code, trial.addOf('eve', { leaf: poor }));
  const path = forgeCommit(bob.env, bob.state, [], { update: { leaf: poor } });
  trial.refuse('a path leaf without it | R11.1-05', code, path.message);
  const leafNode = forgeUpdateLeaf(trial.cid.env, trial.cid.state, { leaf: poor });
  trial.refers('an Update without it | R11.1-05', code, [trial.cid, { proposalType: 2, leafNode }]);
  trial.commits(
    'a requirement that nobody fulfils | R11.1-04 R12.1.7-02',
    code,
    extensionsOf(needs(TYPE, 0xf0a1)),
  );
  const x509 = makeExtension(ExtensionType.requiredCapabilities, RequiredCapabilities, {
    extensionTypes: [],
    proposalTypes: [],
    credentialTypes: [2],
  });
  trial.commits('a credential type that nobody has | R11.1-04', code, extensionsOf(x509));
  const proposal = makeExtension(ExtensionType.requiredCapabilities, RequiredCapabilities, {
    extensionTypes: [],
    proposalTypes: [0xf0b0],
    credentialTypes: [],
  });
  trial.commits('a proposal type that nobody has | R11.1-04', code, extensionsOf(proposal));
  return trial;
}

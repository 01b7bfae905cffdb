/** passive-client-external-senders.json: proposals from listed senders and from those who want to be added (§12.1.8). */

import type { KeyPair } from '../../src/crypto/provider.ts';
import { stateOf } from '../../src/group/group.ts';
import {
  add,
  externalPsk,
  makePlainProposal,
  type NewProposal,
  reinit,
  remove,
  resumptionPsk,
  setExtensions,
  stored,
} from '../../src/group/proposals.ts';
import { protectFromOutside, signAsOutsider } from '../../src/group/protect.ts';
import { basicCredential } from '../../src/wire/credential.ts';
import { type Extension, ExternalSenders, makeExtension } from '../../src/wire/extension.ts';
import { ContentType, ExtensionType, SenderType } from '../../src/wire/registry.ts';
import type { Scenario } from './files.ts';
import { clientIn, environmentIn, LIFETIME_SECONDS, type Setting, Story } from './story.ts';

/** The scenarios. */
export const EXTERNAL_SENDERS: readonly Scenario[] = [
  { name: 'a list that changes', psks: 2, play: changingList },
  { name: 'a list that comes late', psks: 1, suites: [1, 2, 4], play: lateList },
];

type Outsider = KeyPair & { readonly name: string };

function outsider({ provider, suite }: Setting, name: string): Outsider {
  const crypto = provider.suite(suite);
  return { name, ...crypto.signatureKeyPair(provider.random(crypto.sizes.signatureSeed)) };
}

function listOf(senders: readonly Outsider[]): Extension {
  const body = senders.map(({ name, publicKey }) => ({
    signatureKey: publicKey,
    credential: basicCredential(name),
  }));
  return makeExtension(ExtensionType.externalSenders, ExternalSenders, body);
}

type Plain = Exclude<NewProposal, { kind: 'update' }>;

/** A proposal of the sender at an index of the list, which everybody gets. */
function proposes(story: Story, senderIndex: number, { secretKey }: Outsider, input: Plain): void {
  const env = environmentIn(story.setting);
  const [first = ''] = story.names;
  const { context } = stateOf(story.group(first)).epoch;
  const from = { sender: { senderType: SenderType.external, senderIndex }, secretKey } as const;
  const proposal = makePlainProposal(env, input);
  const signed = signAsOutsider(env, context, from, { contentType: ContentType.proposal, proposal });
  story.hear(protectFromOutside(env, signed, undefined));
}

/** The KeyPackage of somebody new. */
function packageOf(setting: Setting, name: string): Plain {
  const { message } = clientIn(setting, name).createKeyPackage({ lifetimeSeconds: LIFETIME_SECONDS });
  return add(message) as Plain;
}

/** Somebody asks to be added, and is, by the next commit of `by`. */
function asks(story: Story, name: string, by: string): void {
  const client = clientIn(story.setting, name);
  const info = story.group(by).groupInfo();
  const ref = story.hear(client.requestJoin(info, { lifetimeSeconds: LIFETIME_SECONDS }).message);
  story.join(name, client, story.commit(by, [stored(ref)]));
}

function psk({ psks }: Setting, index: number): Plain {
  return externalPsk(psks[index]?.id ?? new Uint8Array(0)) as Plain;
}

/** Three senders use every type that is open to them; the list is reordered, a key exchanged, then cut. */
function changingList(setting: Setting): Story {
  const [red, green, blue, gold] = ['red', 'green', 'blue', 'gold'].map((name) =>
    outsider(setting, name),
  ) as [Outsider, Outsider, Outsider, Outsider];
  const list = listOf([red, green, blue]);
  const story = Story.found(setting, ['ann', 'bob', 'cid'], { extensions: [list] });
  story.admit('ann');
  proposes(story, 0, red, packageOf(setting, 'eve'));
  proposes(story, 1, green, psk(setting, 0));
  story.commit('ann');
  proposes(story, 2, blue, remove(story.leafOf('bob')) as Plain);
  proposes(story, 2, blue, psk(setting, 1));
  story.commit('cid', [], { handshake: 'public' });
  // The third sender replaces the list in whose old order it stands; the second place has another key from here on.
  proposes(story, 2, blue, setExtensions([listOf([blue, gold, red])]) as Plain);
  story.commit('ann');
  const { id, epoch } = story.group('ann');
  proposes(story, 0, blue, remove(story.leafOf('eve')) as Plain);
  proposes(story, 1, gold, resumptionPsk(id, epoch - 1n) as Plain);
  story.commit('cid');
  asks(story, 'fay', 'ann');
  story.commit('cid', [setExtensions([listOf([gold])])]);
  proposes(story, 0, gold, reinit({ groupId: id.map((byte) => byte ^ 1), suite: setting.suite }) as Plain);
  story.commit('fay', [], { path: 'omit' });
  return story;
}

/** No list at first, when a stranger may ask all the same; then two entries with one name; then none again. */
function lateList(setting: Setting): Story {
  const [one, two] = [outsider(setting, 'service'), outsider(setting, 'service')] as const;
  const story = Story.found(setting, ['ann', 'bob']);
  story.admit('bob', [], { ratchetTree: false });
  asks(story, 'cid', 'bob');
  story.commit('ann', [setExtensions([listOf([one, two])])]);
  proposes(story, 1, two, packageOf(setting, 'dot'));
  story.propose('cid', { kind: 'update', leaf: {} });
  proposes(story, 0, one, psk(setting, 0));
  proposes(story, 0, one, remove(story.leafOf('bob')) as Plain);
  proposes(story, 1, two, setExtensions([]) as Plain);
  story.commit('ann');
  asks(story, 'eve', 'cid');
  return story;
}

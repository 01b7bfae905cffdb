/** passive-client-succession.json: groups that replace another (ReInit, §11.2) and subgroups (branching, §11.3). */

import type { Client } from '../../src/group/client.ts';
import type { NewGroup } from '../../src/group/create.ts';
import { externalPsk, reinit, resumptionPsk } from '../../src/group/proposals.ts';
import type { FoundedGroup } from '../../src/group/staged.ts';
import { basicCredential } from '../../src/wire/credential.ts';
import {
  type Extension,
  ExternalSenders,
  makeExtension,
  RequiredCapabilities,
} from '../../src/wire/extension.ts';
import { ExtensionType } from '../../src/wire/registry.ts';
import type { Scenario } from './files.ts';
import { newCase } from './record.ts';
import { clientIn, LIFETIME_SECONDS, passiveKeys, type Setting, Story } from './story.ts';

/** The scenarios. */
export const SUCCESSION: readonly Scenario[] = [
  { name: 'replaced, then branched', psks: 1, suites: [1, 2, 4], play: replaced },
  { name: 'replaced in another suite', play: otherSuite },
  { name: 'branched', play: branched },
];

/** Who is in a new group beside the passive client, and how the first of them founds it. */
interface Founding {
  readonly setting: Setting;
  readonly names: readonly [string, ...string[]];
  readonly clientOf: (name: string) => Client;
  readonly found: (founder: Client, keyPackages: readonly Uint8Array[]) => FoundedGroup;
}

/** Found a group on the group of `old`; its case does not stand anywhere yet. */
function founded(old: Story, { setting, names, clientOf, found }: Founding): Story {
  const [founder, ...others] = names.map((name) => ({ name, client: clientOf(name) }));
  if (founder === undefined) throw new Error('nobody founds the group');
  const packages = others.map(
    ({ client }) => client.createKeyPackage({ lifetimeSeconds: LIFETIME_SECONDS }).message,
  );
  const keys = passiveKeys(setting);
  const { group, welcome } = found(founder.client, [...packages, keys.message]);
  if (welcome === undefined) throw new Error('no Welcome');
  const { epochAuthenticator: authenticator } = group;
  const record = newCase(setting.suite, keys, setting.psks, {
    welcome,
    ratchetTree: undefined,
    authenticator,
  });
  const members = new Map([[founder.name, { client: founder.client, group }]]);
  for (const { name, client } of others) {
    const joined = client.prepareJoin(welcome, { from: old.group(name) }).accept();
    members.set(name, { client, group: joined });
  }
  return new Story(setting, members, record);
}

/** The group that a ReInit announced, which everybody enters with new keys. */
function successorOf(old: Story, suite: number, names: readonly [string, ...string[]]): Story {
  const setting = { ...old.setting, suite };
  const story = founded(old, {
    setting,
    names,
    clientOf: (name) => clientIn(setting, name),
    found: (founder, packages) => founder.reinitialise(old.group(names[0]), packages),
  });
  arrives(old, story);
  return story;
}

/** A subgroup, whose Welcome is still under way. */
function branchOf(old: Story, names: readonly [string, ...string[]], group: NewGroup = {}): Story {
  return founded(old, {
    setting: old.setting,
    names,
    clientOf: (name) => old.member(name).client,
    found: (founder, packages) => founder.branch(old.group(names[0]), packages, group),
  });
}

/** The passive client gets the Welcome in the present epoch of the old group. */
function arrives(old: Story, { record }: Story): void {
  const { stage } = old;
  stage.follow_ups = [...(stage.follow_ups ?? []), record];
}

const required = (): Extension =>
  makeExtension(ExtensionType.requiredCapabilities, RequiredCapabilities, {
    extensionTypes: [ExtensionType.externalSenders],
    proposalTypes: [7],
    credentialTypes: [1],
  });

/** A ReInit by reference into the same suite; the successor goes on, knows the PSKs of both, and has a branch. */
function replaced(setting: Setting): Story {
  const story = Story.found(setting, ['ann', 'bob']);
  story.admit('ann');
  const { id } = story.group('ann');
  const next = { groupId: id.map((byte) => byte ^ 0xff), suite: setting.suite, extensions: [required()] };
  story.propose('bob', reinit(next));
  story.commit('ann', [], { path: 'omit' });
  const successor = successorOf(story, setting.suite, ['bob', 'ann']);
  successor.commit('ann', [externalPsk(setting.psks[0]?.id ?? id)]);
  const branch = branchOf(successor, ['ann'], { extensions: [required()] });
  arrives(successor, branch);
  branch.commit('ann', [resumptionPsk(branch.group('ann').id, 1n)], { path: 'omit' });
  return story;
}

/** A ReInit by value into the next suite, with a path, and external senders whose keys are of the new suite. */
function otherSuite(setting: Setting): Story {
  const suite = (setting.suite % 7) + 1;
  const crypto = setting.provider.suite(suite);
  const { publicKey } = crypto.signatureKeyPair(setting.provider.random(crypto.sizes.signatureSeed));
  const senders = makeExtension(ExtensionType.externalSenders, ExternalSenders, [
    { signatureKey: publicKey, credential: basicCredential('service') },
  ]);
  const story = Story.found(setting, ['ann', 'bob']);
  story.admit('bob');
  const groupId = setting.provider.random(8);
  story.commit('bob', [reinit({ groupId, suite, extensions: [senders] })], { handshake: 'public' });
  const successor = successorOf(story, suite, ['ann', 'bob']);
  successor.commit('bob');
  return story;
}

/** Two branches off one epoch; the second is announced when the group has already gone on. */
function branched(setting: Setting): Story {
  const story = Story.found(setting, ['ann', 'bob']);
  story.admit('bob');
  arrives(story, branchOf(story, ['ann']));
  const late = branchOf(story, ['bob', 'ann']);
  late.commit('ann');
  story.commit('ann');
  arrives(story, late);
  return story;
}

/** passive-client-psk-external.json: pre-shared keys of members, and of those who join from outside or once more. */

import { externalPsk, type NewProposal, remove, resumptionPsk } from '../../src/group/proposals.ts';
import type { Scenario } from './files.ts';
import { type Setting, Story } from './story.ts';

/** The scenarios. */
export const PSK_EXTERNAL: readonly Scenario[] = [
  { name: 'members and joiners', psks: 3, play: membersAndJoiners },
  { name: 'resynchronisation', psks: 2, play: resynchronisation },
  { name: 'long lists', psks: 4, suites: [1], play: longLists },
];

/** The external PSK of a number. */
function known({ psks }: Setting, index: number): NewProposal {
  const psk = psks[index];
  if (psk === undefined) throw new Error(`no PSK ${index}`);
  return externalPsk(psk.id);
}

/** The passive client needs a PSK to join; members mix others in, by value and by reference; two join from outside. */
function membersAndJoiners(setting: Setting): Story {
  const story = Story.found(setting, ['ann', 'bob', 'cid']);
  const psk = (index: number): NewProposal => known(setting, index);
  story.admit('ann', [psk(0)]);
  const { id, epoch } = story.group('ann');
  story.commit('ann', [psk(1)], { path: 'omit' });
  story.propose('bob', psk(0), { handshake: 'public' });
  story.propose('cid', resumptionPsk(id, epoch));
  story.commit('ann', [psk(2)], { handshake: 'public' });
  story.enter('dot', { psks: [psk(2), psk(0)] });
  // Everybody has been there since dot's entry.
  story.commit('dot', [resumptionPsk(id, epoch + 3n)]);
  story.commit('bob', [remove(story.leafOf('cid')), psk(1)]);
  // The place that cid left is the first that is free.
  story.enter('fay', { psks: [psk(0)] });
  return story;
}

/** Members lose their state and replace their own leaf, with PSKs that only a former member knows among theirs. */
function resynchronisation(setting: Setting): Story {
  const story = Story.found(setting, ['ann', 'bob', 'cid', 'dot']);
  const psk = (index: number): NewProposal => known(setting, index);
  story.admit('cid', [], { ratchetTree: false });
  const { id, epoch } = story.group('ann');
  const { client: bob } = story.member('bob');
  story.commit('cid');
  story.enter('bob', { client: bob, resync: true, psks: [psk(0), resumptionPsk(id, epoch)] });
  story.commit('bob', [psk(1)], { handshake: 'public' });
  // A proposal lapses when somebody else's commit comes first.
  story.propose('ann', psk(1));
  story.enter('cid', { client: story.member('cid').client, resync: true, psks: [psk(0)] });
  story.commit('dot', [remove(story.leafOf('bob')), resumptionPsk(id, epoch + 4n)]);
  // Once removed, one comes back as a newcomer who still knows an old epoch.
  story.enter('bob', { client: bob, psks: [resumptionPsk(id, epoch + 4n)] });
  story.commit('cid', [resumptionPsk(id, epoch + 6n)], { path: 'omit' });
  return story;
}

/** Many PSKs in one list, one of them twice with two nonces, beside proposals of other types. */
function longLists(setting: Setting): Story {
  const story = Story.found(setting, ['ann', 'bob']);
  const psk = (index: number): NewProposal => known(setting, index);
  story.commit('bob', [], { newcomers: ['cid', 'dot', 'eve'], path: 'omit' });
  story.admit('bob', [psk(3), psk(0), psk(3)]);
  const { id, epoch } = story.group('ann');
  story.commit('dot', [resumptionPsk(id, epoch)], { path: 'omit' });
  story.propose('eve', psk(2));
  story.propose('dot', psk(2), { handshake: 'public' });
  story.commit('bob', [psk(1), remove(story.leafOf('cid')), psk(0)], { newcomers: ['fay'] });
  const all = [psk(0), psk(1), psk(2), psk(3), psk(0)];
  story.enter('gus', { psks: all });
  story.commit('gus', [...all, resumptionPsk(id, epoch + 3n)], { path: 'omit' });
  return story;
}

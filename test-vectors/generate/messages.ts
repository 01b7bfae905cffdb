/** passive-client-messages.json: application messages in every order, over several epochs, and exporter outputs. */

import { toHex, utf8 } from '../../src/base/bytes.ts';
import { remove } from '../../src/group/proposals.ts';
import type { Scenario } from './files.ts';
import type { MessageRecord } from './record.ts';
import { type Setting, Story } from './story.ts';

/** The scenarios, each for every suite. */
export const MESSAGES: readonly Scenario[] = [
  { name: 'order', play: order },
  { name: 'epochs', play: epochs },
];

/** Past epochs whose application messages the passive client still reads. */
const WINDOW = 2;

/** A message that was sent, as the passive client is to see it. */
type Sent = Extract<MessageRecord, { outcome: 'delivered' }>;

/** Members who talk, and what of it arrives. */
class Talk {
  readonly story: Story;
  readonly #sent = new Map<string, number>();

  constructor(story: Story) {
    this.story = story;
  }

  /** A member sends; it need not arrive. */
  say(name: string, text: Uint8Array | string, about = ''): Sent {
    const group = this.story.group(name);
    const plaintext = typeof text === 'string' ? utf8(text) : text;
    const authenticatedData = utf8(about);
    const counter = `${name} ${group.epoch}`;
    const generation = this.#sent.get(counter) ?? 0;
    this.#sent.set(counter, generation + 1);
    return {
      message: toHex(group.encrypt(plaintext, { authenticatedData })),
      outcome: 'delivered',
      epoch: Number(group.epoch),
      sender: group.self,
      generation,
      authenticated_data: toHex(authenticatedData),
      plaintext: toHex(plaintext),
    };
  }

  /** Several at once. */
  sayAll(name: string, count: number): Sent[] {
    return Array.from({ length: count }, (_, i) => this.say(name, `${name} ${i}`));
  }

  arrive(...sent: readonly (Sent | undefined)[]): void {
    for (const one of sent) if (one !== undefined) this.#note(one);
  }

  /** Once more, or too late. */
  arriveInVain(outcome: 'duplicate' | 'expired', ...sent: readonly (Sent | undefined)[]): void {
    for (const one of sent) if (one !== undefined) this.#note({ message: one.message, outcome });
  }

  /** What an application would derive. */
  exports(label: string, context: string, length: number): void {
    const { stage } = this.story;
    const [first = ''] = this.story.names;
    const secret = toHex(this.story.group(first).export(label, utf8(context), length));
    const made = { label, context: toHex(utf8(context)), length, secret };
    stage.exporters = [...(stage.exporters ?? []), made];
  }

  #note(message: MessageRecord): void {
    const { stage } = this.story;
    stage.messages = [...(stage.messages ?? []), message];
  }
}

/** One epoch, three senders: turned round, with gaps, twice, empty, long, with data in the clear. */
function order(setting: Setting): Story {
  const story = Story.found(setting, ['ann', 'bob', 'cid']);
  story.admit('ann');
  const talk = new Talk(story);
  talk.exports('exporter', '', 32);
  talk.exports('exporter', 'context', 16);
  const ann = talk.sayAll('ann', 4);
  talk.arrive(ann[2], ann[0], ann[3]);
  talk.arriveInVain('duplicate', ann[0], ann[3]);
  talk.arrive(ann[1]);
  talk.arriveInVain('duplicate', ann[1]);
  // 30 are lost on the way; two of them come later.
  const bob = talk.sayAll('bob', 31);
  talk.arrive(bob[30], bob[17], talk.say('cid', '', 'no text'), bob[0]);
  talk.arriveInVain('duplicate', bob[17]);
  talk.arrive(talk.say('cid', setting.provider.random(300), 'long'), talk.say('bob', 'after the gap'));
  return story;
}

/** Messages outlive their epoch, their sender's membership and changes of the tree, as long as the window is open. */
function epochs(setting: Setting): Story {
  const story = Story.found(setting, ['ann', 'bob']);
  story.admit('bob');
  story.record.past_epochs = WINDOW;
  const talk = new Talk(story);
  const first = talk.sayAll('ann', 3);
  const early = talk.sayAll('bob', 2);
  talk.arrive(first[1]);
  story.commit('ann', [], { newcomers: ['cid', 'dot'] });
  talk.exports('second', 'epoch', 64);
  talk.exports('second', 'another', 8);
  talk.arrive(first[0], early[1]);
  const second = talk.sayAll('dot', 3);
  talk.arrive(second[2], talk.say('ann', 'now'));
  talk.arriveInVain('duplicate', first[1]);
  const bob = talk.sayAll('bob', 1);
  story.commit('dot', [remove(story.leafOf('bob'))], { handshake: 'public' });
  // Bob has gone, but what he said before counts.
  talk.arrive(bob[0], early[0], second[0]);
  talk.exports('third', '', 48);
  story.enter('eve');
  talk.arrive(talk.say('eve', 'from outside'), second[1]);
  talk.arriveInVain('duplicate', second[1]);
  // The epoch of the first messages has left the window.
  talk.arriveInVain('expired', first[2]);
  talk.exports('exporter', 'of the fourth', 100);
  return story;
}

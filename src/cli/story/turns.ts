/** The later chapters: a new device, a kick, absence, a race, a crash, and two in private. */

import { toHex } from '../../base/bytes.ts';
import * as muc from '../../xmpp/stanza/muc.ts';
import { codeOf, type Device } from './cast.ts';
import type { Scene } from './scene.ts';

/** Rounds in which nobody loses, before this is strange. */
const ROUNDS = 5;

/** A new device of an account that has one. */
export async function newDevice(scene: Scene): Promise<void> {
  const { cast, narrator, stage } = scene;
  narrator.chapter('A new device');
  const laptop = scene.device('laptop');
  const [alice] = stage.accounts;
  const refused = await codeOf(cast.enter({ account: alice, resource: 'stranger' }));
  narrator.check(
    'a device without the key of the account is none of it',
    refused === 'policy.identity-unverified',
  );
  const phone = await cast.enter({ account: alice, resource: 'phone', accountKey: laptop.mls.accountKey });
  narrator.say(
    `${phone.name} has got the key of the account from ${laptop.name}: device ${phone.mls.device.id}`,
  );
  await laptop.mls.inviteOwnDevices();
  await cast.until('the phone is in', () => phone.isIn(scene.room));
  await scene.agreeInRoom('alice has two devices');
  await scene.speakInRoom(scene.device('tablet'), { body: 'Welcome, second pocket of alice.' });
  const older = scene.said.slice(0, -1).filter((text) => phone.heard(text) > 0);
  narrator.check('what was said before, the new device cannot read', older.length === 0);
}

/** Somebody has to go. */
export async function kick(scene: Scene): Promise<void> {
  const { cast, narrator, stage } = scene;
  narrator.chapter('A kick');
  const [laptop, tablet] = [scene.device('laptop'), scene.device('tablet')];
  const [, , carol] = stage.accounts;
  const garden = laptop.in(scene.room);
  await garden.remove(carol);
  await cast.until('carol knows', () => tablet.events.some(({ kind }) => kind === 'removed'));
  await laptop.line.transport.request(muc.affiliateTo(scene.room, carol, 'none'));
  await scene.agreeInRoom('carol is out');
  await scene.speakInRoom(laptop, { body: 'The key is under the third stone.' });
  const code = await codeOf(tablet.in(scene.room).send('Can you hear me?'));
  narrator.check('carol cannot speak in the group any more', code === 'state.not-member');
}

/** A device is away while much happens. */
export async function absence(scene: Scene): Promise<void> {
  const { cast, narrator } = scene;
  narrator.chapter('Away, and back');
  const [laptop, desktop, pocket] = [scene.device('laptop'), scene.device('desktop'), scene.device('pocket')];
  await pocket.line.cut();
  narrator.say(`${pocket.name} has lost its connection.`);
  const texts = Array.from({ length: 12 }, (_, index) => `Petal ${index + 1} has fallen.`);
  for (const [index, text] of texts.entries()) {
    const speaker = index % 2 === 0 ? laptop : desktop;
    if (index % 4 === 3) await speaker.in(scene.room).refresh();
    scene.said.push(text);
    await speaker.in(scene.room).send(text);
  }
  narrator.say(`${texts.length} messages and 3 commits later it comes back.`);
  narrator.check(
    'it has read none of them yet',
    texts.every((text) => pocket.heard(text) === 0),
  );
  await pocket.reconnect();
  await cast.until('it has read all', () => texts.every((text) => pocket.heard(text) > 0));
  const read = pocket.messages.flatMap(({ content }) =>
    texts.includes(content.body ?? '') ? [content.body] : [],
  );
  narrator.check('it reads all of them, once, in their order', read.join() === texts.join());
  await scene.agreeInRoom('all have caught up');
}

/** Two want to change the group at once. */
export async function race(scene: Scene): Promise<void> {
  const { cast, narrator } = scene;
  narrator.chapter('A race');
  const racers = [scene.device('laptop'), scene.device('desktop')] as const;
  const [laptop] = racers;
  const losses = (): number =>
    cast.present.reduce(
      (sum, { events }) => sum + events.filter(({ kind }) => kind === 'lost-race').length,
      0,
    );
  const epochOf = (device: Device): bigint => device.in(scene.room).group?.epoch ?? 0n;
  const before = { losses: losses(), epoch: epochOf(laptop) };
  let rounds = 0;
  while (losses() === before.losses && rounds < ROUNDS) {
    rounds += 1;
    await Promise.all(racers.map((one) => one.in(scene.room).refresh()));
  }
  const loser = racers.find(({ events }) => events.some(({ kind }) => kind === 'lost-race'));
  narrator.say(`${loser?.name ?? 'Nobody'} was second, and committed again on top of the first.`);
  narrator.check('one of two commits lost, and nothing of it was lost', losses() > before.losses);
  await scene.agreeInRoom('both have fresh keys');
  narrator.check('each refresh has made one epoch', epochOf(laptop) === before.epoch + 2n * BigInt(rounds));
}

/** A machine goes down in the middle of things. */
export async function crash(scene: Scene): Promise<void> {
  const { cast, narrator } = scene;
  narrator.chapter('A crash');
  const [laptop, desktop] = [scene.device('laptop'), scene.device('desktop')];
  desktop.ail();
  const text = 'Do not forget the watering can.';
  await scene.speak(
    laptop,
    scene.room,
    { body: text },
    scene.members(scene.room).filter((one) => one !== laptop && one !== desktop),
  );
  await cast.until('it came', () => desktop.in(scene.room).ordered?.stored.inbox.length === 1);
  await desktop.line.cut();
  const begun = codeOf(desktop.in(scene.room).refresh());
  await cast.until('the commit is made', () => desktop.in(scene.room).group?.pending !== undefined);
  await desktop.crash();
  cast.forget(desktop);
  narrator.say(
    `${desktop.name} was showing a message, and had a commit of its own on the way, when the power failed.`,
  );
  const epoch = laptop.in(scene.room).group?.epoch ?? 0n;
  const again = await cast.enter({ account: desktop.account, resource: 'desktop', disk: desktop.disk });
  await cast.until('the message is shown again', () => again.heard(text) > 0);
  narrator.check(
    'after the restart the message is there again',
    again.heard(text) === 1 && desktop.heard(text) === 0,
  );
  await cast.until('the commit went on', () => laptop.in(scene.room).group?.epoch === epoch + 1n);
  await scene.agreeInRoom('the commit of before the crash was sent, once');
  await scene.speakInRoom(again, { body: 'Back again. I have the can.' });
  void begun;
}

/** Two accounts in private: a group of all their devices, ordered by a log that nobody sees. */
export async function oneToOne(scene: Scene): Promise<void> {
  const { cast, narrator, stage } = scene;
  narrator.chapter('One to one');
  const [alice, bob] = stage.accounts;
  const [desktop, phone] = [scene.device('desktop'), scene.device('phone')];
  const chat = await desktop.mls.chat(alice);
  const four = cast.present.filter(({ account }) => account === alice || account === bob);
  const peerOf = ({ account }: Device): string => (account === alice ? bob : alice);
  await cast.until('all four are in', () => four.every((one) => one.isIn(peerOf(one))));
  narrator.say(`Commits are ordered in ${chat.ordered?.sequencer.jid}; messages go from device to device.`);
  narrator.check('it has a log of its own', chat.ordered?.sequencer.jid !== scene.room);
  await scene.agree(four, peerOf, 'a group of two accounts with two devices each');
  const others = (device: Device): readonly Device[] => four.filter((one) => one !== device);
  await scene.speak(desktop, alice, { body: 'Between us: I have lost the key.' }, others(desktop));
  await scene.speak(phone, bob, { body: 'Then climb.' }, others(phone));
}

/** What holds at the end. */
export function ending(scene: Scene): void {
  const { cast, narrator } = scene;
  narrator.chapter('The end');
  narrator.say(`${cast.tapped.length} stanzas have crossed the wire.`);
  const leaked = scene.said.filter((text) => cast.tapped.some((xml) => xml.includes(text)));
  narrator.check('none of them has a word of what was said', leaked.length === 0 && scene.said.length > 0);
  const keys = cast.present.flatMap(({ mls }) => (mls.accountKey ? [toHex(mls.accountKey.secretKey)] : []));
  narrator.check(
    'the tap does hear: the name of the room is in them',
    cast.tapped.some((xml) => xml.includes(scene.room)),
  );
  narrator.check(
    'nor the secret key of an account, in hex',
    !cast.tapped.some((xml) => keys.some((key) => xml.includes(key))),
  );
  const faults = cast.present.flatMap((one) => one.faults);
  narrator.check(
    faults.length === 0 ? 'nothing went wrong' : `nothing went wrong: ${faults.join('; ')}`,
    faults.length === 0,
  );
}

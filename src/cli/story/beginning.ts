/** The first chapters: devices, a room, talk, a file. */

import { equal, toHex, utf8 } from '../../base/bytes.ts';
import { fail } from '../../base/error.ts';
import { fetchFile, findUploadService, shareFile } from '../../xmpp/content/files.ts';
import { parseJid } from '../../xmpp/jid.ts';
import { Nodes } from '../../xmpp/nodes.ts';
import { NODE_KEY_PACKAGES } from '../../xmpp/stanza/mlsItems.ts';
import { makeRoom } from '../makeRoom.ts';
import type { Device } from './cast.ts';
import type { Scene } from './scene.ts';

/** Four devices of three accounts publish what others need to reach them. */
export async function publish({ cast, stage, narrator }: Scene): Promise<void> {
  narrator.chapter('Devices and their KeyPackages');
  const [alice, bob, carol] = stage.accounts;
  await cast.enter({ account: alice, resource: 'laptop' });
  const desktop = await cast.enter({ account: bob, resource: 'desktop' });
  await cast.enter({ account: bob, resource: 'pocket', accountKey: desktop.mls.accountKey });
  await cast.enter({ account: carol, resource: 'tablet' });
  for (const { name, mls } of cast.present) narrator.say(`${name} is device ${mls.device.id}`);
  narrator.say(`Fingerprint of ${bob}: ${desktop.mls.device.fingerprint}`);
  const nodes = new Nodes({ transport: desktop.line.transport, account: bob });
  for (const account of stage.accounts) {
    const ids = cast.present.filter((one) => one.account === account).map(({ mls }) => mls.device.id);
    const items = await nodes.fetch(account, NODE_KEY_PACKAGES, ids);
    narrator.check(
      `${account} has published KeyPackages for each of ${ids.length}`,
      items.length === ids.length,
    );
  }
}

/** A room, a group for it, and two invitations. */
export async function invite(scene: Scene): Promise<void> {
  const { cast, narrator, stage } = scene;
  narrator.chapter('A room, and invitations');
  const laptop = scene.device('laptop');
  scene.room = `story-${toHex(stage.provider.random(4))}@${stage.rooms}`;
  await makeRoom(laptop.line.transport, scene.room, stage.accounts.slice(1));
  narrator.say(`${laptop.name} has made ${scene.room}, for members only, with an archive.`);
  const garden = await laptop.mls.room(scene.room);
  narrator.check('the founder is in the group of the room', garden.status === 'active');
  const [, bob, carol] = stage.accounts;
  await garden.invite(bob);
  await cast.until('bob is in', () => scene.members(scene.room).length === 3);
  await scene.agreeInRoom('both devices of bob were added with one commit');
  await garden.invite(carol);
  await cast.until('carol is in', () => scene.members(scene.room).length === 4);
  await scene.agreeInRoom('carol was added');
}

/** Talk: a reply, a reaction, a correction. */
export async function talk(scene: Scene): Promise<void> {
  const { narrator, cast } = scene;
  narrator.chapter('Talk');
  const [laptop, desktop, tablet] = ['laptop', 'desktop', 'tablet'].map((one) => scene.device(one)) as [
    Device,
    Device,
    Device,
  ];
  const question = await scene.speakInRoom(laptop, { body: 'The roses are out. Shall we meet at noon?' });
  await scene.speakInRoom(desktop, { body: 'Noon suits us both.', reply: { id: question } });
  const reply = laptop.messages.at(-1)?.content.reply;
  narrator.check('the answer names the question', reply?.id === question);
  const emoji = '🌹';
  await tablet.in(scene.room).send({ reactions: { id: question, emoji: [emoji] } });
  const reacted = (one: Device): boolean =>
    one.messages.some(
      ({ content: { reactions } }) => reactions?.id === question && reactions.emoji[0] === emoji,
    );
  await cast.until('the reaction is there', () => reacted(laptop) && reacted(desktop));
  narrator.say(`${tablet.name} reacts to the question with ${emoji}`);
  narrator.check('the reaction belongs to the question', reacted(scene.device('pocket')));
  await scene.speakInRoom(laptop, { body: 'At one o’clock, I mean.', correction: question });
  narrator.check(
    'the correction names what it corrects',
    desktop.messages.at(-1)?.content.correction === question,
  );
}

/** A file: its key in the message, its ciphertext on the server. */
export async function file(scene: Scene): Promise<void> {
  const { narrator, stage } = scene;
  narrator.chapter('A file');
  const { provider, http } = stage;
  const [laptop, tablet] = [scene.device('laptop'), scene.device('tablet')];
  const plan = utf8('Plan of the garden: the gate is behind the roses. '.repeat(40));
  const { transport } = laptop.line;
  const service = await findUploadService(transport, parseJid(transport.jid).domain);
  if (service === undefined) fail('xmpp.server-unfit', { feature: 'upload' });
  const shared = await shareFile(
    plan,
    { name: 'plan.txt', mediaType: 'text/plain' },
    { provider, transport, http, service },
  );
  await scene.speakInRoom(laptop, { body: 'Here is the plan.', files: [shared] });
  const [received] = tablet.messages.at(-1)?.content.files ?? [];
  if (received === undefined) fail('xmpp.file', { at: 'message' });
  const opened = await fetchFile(received, { provider, http, maxBytes: 1 << 20 });
  narrator.say(`${tablet.name} has fetched ${received.metadata.name}, ${opened.length} bytes.`);
  narrator.check('the file is the same', equal(opened, plan));
  const [source] = shared.sources;
  const url = source === undefined ? '' : source.kind === 'url' ? source.url : (source.urls[0] ?? '');
  const { bytes } = await http.get(url, 1 << 20);
  narrator.check(
    'the server has something else: ciphertext',
    bytes.length > 0 && !equal(bytes.subarray(0, plan.length), plan),
  );
}

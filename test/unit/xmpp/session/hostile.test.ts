/** Input that nobody vouches for: what is told of it, and that nothing leaves because of it. */

import { expect, test } from 'vitest';
import { el, type XmlElement } from '../../../../src/xmpp/element.ts';
import { isResult } from '../../../../src/xmpp/stanza/mam.ts';
import { buildMls, type MlsContent, mlsIn } from '../../../../src/xmpp/stanza/mls.ts';
import * as muc from '../../../../src/xmpp/stanza/muc.ts';
import { Parties, type Party } from '../../../support/parties.ts';

/** Everything that a device sends from now on. */
function watch({ connection: { transport } }: Party): XmlElement[] {
  const sent: XmlElement[] = [];
  const { send, request } = transport;
  Object.assign(transport, {
    send: (stanza: XmlElement) => {
      sent.push(stanza);
      return send.call(transport, stanza);
    },
    request: (iq: XmlElement) => {
      sent.push(iq);
      return request.call(transport, iq);
    },
  });
  return sent;
}

/** Somebody with an account and no good intentions. */
function stranger(parties: Parties, name: string, resource = 'raw') {
  if (!parties.all.some((one) => one.name === name)) parties.server.addUser(name);
  const { transport } = parties.server.connect(name, resource);
  const say = async (to: string, ...children: XmlElement[]): Promise<void> => {
    await transport.send(el('message', { to, type: 'chat', id: 'x1' }, ...children));
  };
  return { transport, say };
}

const store = (): XmlElement => el('store', { xmlns: 'urn:xmpp:hints' });
const mls = (content: MlsContent): XmlElement => buildMls(content);
const welcome = (message: Uint8Array): MlsContent => ({ kind: 'welcome', message, sequencer: 'a@b' });
const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 200));

test('XMP-35, XMP-30: nothing leaves because of what a stranger says', async () => {
  const parties = new Parties();
  const [alice, bob] = [await parties.join('alice'), await parties.join('bob')];
  const chat = await alice.mls.chat(bob.mls.device.jid);
  await chat.send('hello');
  await parties.until('bob is in', () => bob.heard().length === 1);
  await settled();
  const sent = watch(alice);
  const mallory = stranger(parties, 'mallory');
  const { jid } = alice.mls.device;
  const group = chat.group?.id ?? new Uint8Array();
  const [junk, epoch] = [new Uint8Array(300).fill(7), 99n];
  await mallory.say(jid, mls({ kind: 'app', message: junk }), store());
  await mallory.say(jid, mls(welcome(junk)), store());
  await mallory.say(jid, el('body', {}, 'http://attacker.example/pixel.png'));
  await mallory.say(jid, el('request', { xmlns: 'urn:xmpp:receipts' }), el('body', {}, 'hi'));
  await mallory.say(jid, el('mls', { xmlns: 'urn:xmpp:mls:7' }));
  await mallory.say(jid, mls({ kind: 'join-request', group, devices: ['0123456789abcdef'] }));
  await mallory.say(jid, mls({ kind: 'info-request', group }));
  await mallory.transport.send(
    el('message', { to: jid, type: 'headline' }, mls({ kind: 'log-hint', group: junk.slice(0, 16), epoch })),
  );
  await parties.until('it was told of', () => alice.events.some(({ kind }) => kind === 'undecryptable'));
  await settled();
  expect(sent).toEqual([]);
  expect([alice.heard(), alice.mls.conversations.length]).toEqual([[], 1]);
  await parties.stop();
});

test.each(['prosody', 'ejabberd'] as const)(
  'XMP-28, XMP-27: text in the clear is told of and answered by none, over %s',
  async (dialect) => {
    const parties = new Parties({ dialect });
    const [alice, bob] = [await parties.join('alice'), await parties.join('bob')];
    const room = await parties.room(alice, 'garden', [bob]);
    const garden = await alice.mls.room(room);
    await garden.invite(bob.mls.device.jid);
    const chat = await alice.mls.chat(bob.mls.device.jid);
    await parties.until('bob is in', () => bob.mls.conversations.length === 2);
    const sent = watch(alice);
    const plain = stranger(parties, 'bob');
    await plain.say(alice.mls.device.jid, el('body', {}, 'in the clear'));
    const away = el('retract', { xmlns: 'urn:xmpp:message-retract:1', id: 'm1' });
    await plain.say(alice.mls.device.jid, away, store());
    await plain.transport.send(muc.enter(room, 'plain'));
    const said = el('message', { to: room, type: 'groupchat', id: 'c1' }, el('body', {}, 'and here'));
    await plain.transport.send(said);
    const told = (): string[] =>
      alice.events.flatMap((one) =>
        one.kind === 'downgrade' ? [`${one.conversation.kind} ${one.error.code}`] : [],
      );
    await parties.until('all was told', () => told().length === 3);
    expect(told().sort()).toEqual(['chat xmpp.downgrade', 'chat xmpp.mixed-body', 'room xmpp.downgrade']);
    await chat.send('still sealed');
    await garden.send('here too');
    await parties.until('bob hears', () => bob.heard().length === 2);
    expect(alice.heard()).toEqual([]);
    const bodies = sent.filter(({ children }) => JSON.stringify(children).includes('"body"'));
    expect([bodies, [garden.status, chat.status]]).toEqual([[], ['active', 'active']]);
    await parties.stop();
  },
);

test('XMP-34, XMP-08: a message pasted elsewhere, or under another name, is said by nobody else', async () => {
  const parties = new Parties();
  const [alice, bob, carol] = [
    await parties.join('alice'),
    await parties.join('bob'),
    await parties.join('carol'),
  ];
  const [one, two] = [
    await parties.room(alice, 'one', [bob, carol]),
    await parties.room(alice, 'two', [bob, carol]),
  ];
  const first = await alice.mls.room(one);
  const second = await alice.mls.room(two);
  for (const room of [first, second]) await room.invite(bob.mls.device.jid, carol.mls.device.jid);
  await parties.until('all are in', () =>
    [bob, carol].every(({ mls: { conversations } }) => conversations.length === 2),
  );
  const plain = stranger(parties, 'carol');
  const taken: XmlElement[] = [];
  plain.transport.subscribe((stanza) => {
    const payload = stanza.name === 'message' && !isResult(stanza) ? mlsIn(stanza) : undefined;
    if (payload !== undefined && stanza.attrs['type'] === 'groupchat') taken.push(payload);
  });
  for (const room of [one, two]) await plain.transport.send(muc.enter(room, 'somebody'));
  await settled();
  taken.length = 0;
  await bob.mls.conversations.find(({ jid }) => jid === one)?.send('only here');
  await parties.until('it was heard', () => alice.heard().length === 1 && taken.length === 1);
  const [payload] = taken;
  if (payload === undefined) throw new Error('nothing taken');
  for (const to of [one, two])
    await plain.transport.send(el('message', { to, type: 'groupchat', id: 'p1' }, payload, store()));
  await plain.say(alice.mls.device.jid, payload, store());
  await settled();
  const heard = alice.events.flatMap((event) => (event.kind === 'message' ? [event] : []));
  expect(heard.map(({ sender, conversation }) => [sender.jid, conversation.jid])).toEqual([
    [bob.mls.device.jid, one],
  ]);
  await parties.stop();
});

test('XMP-30: of a flood of Welcomes one is opened, and one invitation asked', async () => {
  const parties = new Parties();
  const alice = await parties.join('alice', 'one', { mayInvite: () => false });
  const mallory = await parties.join('mallory');
  const sent: XmlElement[] = watch(mallory);
  await mallory.mls.chat(alice.mls.device.jid);
  await parties.until('alice is asked', () => alice.events.some(({ kind }) => kind === 'invitation'));
  const copy = sent.find((stanza) => JSON.stringify(stanza).includes('"welcome"'));
  const payload = copy && mlsIn(copy);
  if (payload === undefined) throw new Error('no Welcome');
  const out = watch(alice);
  for (let i = 0; i < 1000; i++)
    await mallory.connection.transport.send(
      el('message', { to: alice.mls.device.jid, type: 'chat', id: `w${i}` }, payload),
    );
  await settled();
  expect(alice.events.filter(({ kind }) => kind === 'invitation')).toHaveLength(1);
  expect(alice.mls.conversations).toEqual([]);
  // The own archive may be read on; nobody else is spoken to.
  expect(out.filter(({ attrs }) => ![undefined, alice.mls.device.jid].includes(attrs['to']))).toEqual([]);
  await parties.stop();
});

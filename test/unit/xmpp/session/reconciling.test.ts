/** Devices, accounts and rooms that change under a conversation: what its members do about it. */

import { expect, test } from 'vitest';
import type { XmlElement } from '../../../../src/xmpp/element.ts';
import type { Conversation } from '../../../../src/xmpp/session/conversation.ts';
import { certifiedUntil } from '../../../../src/xmpp/session/upkeep.ts';
import { CURRENT, NODE_DEVICES } from '../../../../src/xmpp/stanza/mlsItems.ts';
import * as muc from '../../../../src/xmpp/stanza/muc.ts';
import { fetchItems } from '../../../../src/xmpp/stanza/pubsub.ts';
import { Parties, type Party } from '../../../support/parties.ts';
import { failed } from '../../../support/promises.ts';

const DAY_MS = 86_400_000;

/** A room with its owner first, and all of them in its group. */
async function gathered(parties: Parties, ...names: string[]): Promise<[string, Conversation, ...Party[]]> {
  const all: Party[] = [];
  for (const name of names) all.push(await parties.join(name));
  const [owner, ...others] = all as [Party, ...Party[]];
  const room = await parties.room(owner, 'garden', others);
  const garden = await owner.mls.room(room);
  await garden.invite(...others.map(({ mls }) => mls.device.jid));
  await parties.until('all are in', () =>
    others.every(({ mls }) => mls.conversations[0]?.group?.epoch === garden.group?.epoch),
  );
  return [room, garden, ...all];
}

async function withPhone(parties: Parties, { name, mls }: Party): Promise<Party> {
  const { accountKey } = mls;
  if (accountKey === undefined) throw new Error('no key');
  const phone = await parties.join(name, 'phone', { accountKey });
  await mls.inviteOwnDevices();
  await parties.until('the phone is in', () => phone.mls.conversations[0]?.status === 'active');
  return phone;
}

const codeOf = async (step: Promise<unknown> | undefined): Promise<string> =>
  (await failed(step ?? Promise.resolve())).code;

const has = (conversation: Conversation | undefined, { mls: { device } }: Party): boolean =>
  conversation?.members.some((one) => one.jid === device.jid && one.device === device.id) ?? false;

test('IDN-05: a revoked device is put out by those of its own account', async () => {
  const parties = new Parties();
  const [alice, bob] = [await parties.join('alice'), await parties.join('bob')];
  const chat = await alice.mls.chat(bob.mls.device.jid);
  await parties.until('bob is in', () => bob.mls.conversations.length === 1);
  const phone = await withPhone(parties, bob);
  await parties.until('alice has the phone', () => has(chat, phone));
  await bob.mls.revokeDevice(phone.mls.device.id);
  await parties.until('the phone is out', () => !has(chat, phone));
  expect([has(chat, bob), has(chat, alice)]).toEqual([true, true]);
  await parties.until('it knows', () => phone.events.some(({ kind }) => kind === 'removed'));
  const mine = phone.mls.conversations[0];
  expect(await codeOf(mine?.send('still here'))).toBe('state.not-member');
  expect(alice.heard()).toEqual([]);
  await parties.stop();
});

test('IDN-05: and by others, when nobody of its own account is there to do it', async () => {
  const parties = new Parties({ speed: 100 });
  const [, garden, alice, bob] = await gathered(parties, 'alice', 'bob');
  parties.server.befriend('alice', 'bob');
  const phone = await withPhone(parties, bob!);
  await parties.until('alice has the phone', () => has(garden, phone));
  await phone.mls.stop();
  await bob!.mls.revokeDevice(phone.mls.device.id);
  await bob!.mls.stop();
  await alice!.mls.catchUp();
  await parties.until('the phone is out', () => !has(garden, phone));
  expect(has(garden, bob!)).toBe(true);
  await parties.stop();
});

test('XMP-24, XMP-26: whom the room puts out is put out of the group, before the next word', async () => {
  const parties = new Parties();
  const [room, garden, alice, bob, carol] = await gathered(parties, 'alice', 'bob', 'carol');
  await bob!.mls.conversations[0]?.send('said while in the room');
  await parties.until('it was heard', () => carol!.heard().length === 1);
  await alice!.connection.transport.request(muc.affiliateTo(room, bob!.mls.device.jid, 'none'));
  await parties.until('carol was told', () =>
    carol!.events.some((event) => event.kind === 'room' && event.event.kind === 'affiliation'),
  );
  await carol!.mls.conversations[0]?.send('bob does not hear this');
  await parties.until('alice hears', () => alice!.heard().length === 2);
  expect([has(garden, bob!), has(carol!.mls.conversations[0], bob!)]).toEqual([false, false]);
  expect(bob!.heard()).toEqual([]);
  await parties.stop();
});

test('XMP-26: who is in the group and on no list of the room is put out after a while', async () => {
  const parties = new Parties({ speed: 100 });
  const [room, , alice, bob, carol] = await gathered(parties, 'alice', 'bob', 'carol');
  for (const one of [alice!, carol!]) await one.mls.stop();
  await alice!.store.close();
  const { transport } = alice!.connection;
  await transport.request(muc.affiliateTo(room, bob!.mls.device.jid, 'none'));
  const again = await parties.join('alice', 'two', { backend: alice!.backend });
  const [back] = again.mls.conversations;
  expect(has(back, bob!)).toBe(true);
  await parties.until('bob is out', () => !has(back, bob!));
  expect(has(back, carol!)).toBe(true);
  await parties.stop();
});

test('XMP-09: a nick says nothing about who speaks', async () => {
  const parties = new Parties();
  const [alice, bob] = [await parties.join('alice'), await parties.join('bob', 'one', { nick: 'carol' })];
  const carol = await parties.join('carol', 'one', { nick: 'bob' });
  const room = await parties.room(alice, 'garden', [bob, carol]);
  const garden = await alice.mls.room(room);
  await garden.invite(bob.mls.device.jid, carol.mls.device.jid);
  await parties.until('they are in', () => [bob, carol].every(({ mls }) => mls.conversations.length === 1));
  await bob.mls.conversations[0]?.send('from bob');
  await parties.until('alice hears', () => alice.heard().length === 1);
  const senders = alice.events.flatMap((event) => (event.kind === 'message' ? [event.sender.jid] : []));
  expect(senders).toEqual([bob.mls.device.jid]);
  await parties.stop();
});

test('IDN-15: who was put out reads no more, says no more, and does not come back alone', async () => {
  const parties = new Parties();
  const [room, garden, alice, bob, carol] = await gathered(parties, 'alice', 'bob', 'carol');
  const theirs = carol!.mls.conversations[0];
  const before = theirs?.group?.epochAuthenticator;
  await garden.remove(carol!.mls.device.jid);
  await parties.until('carol is out', () => theirs?.status === 'removed');
  await garden.send('without carol');
  await parties.until('bob hears', () => bob!.heard().length === 1);
  expect(garden.group?.epochAuthenticator).not.toEqual(before);
  expect(await codeOf(theirs?.send('me too'))).toBe('state.not-member');
  await carol!.mls.catchUp();
  // A new device of an account that is out is not let in by what the room publishes.
  const { accountKey } = carol!.mls;
  const fresh = await parties.join('carol', 'fresh', { ...(accountKey && { accountKey }) });
  const seen = await fresh.mls.room(room);
  console.log(seen.group?.epoch, seen.members, garden.group?.epoch, garden.members, fresh.events.map((e) => e.kind), alice!.events.map((e) => e.kind), fresh.faults());
  expect([theirs?.status, seen.status]).toEqual(['removed', 'waiting']);
  expect([carol!.heard(), fresh.heard()]).toEqual([[], []]);
  expect(alice!.mls.conversations[0]?.members.map(({ jid }) => jid).sort()).toEqual(
    [alice!, bob!].map(({ mls }) => mls.device.jid).sort(),
  );
  await parties.stop();
});

test('IDN-16: nobody is put into a group unasked, and nobody is kept in one', async () => {
  const parties = new Parties();
  const alice = await parties.join('alice');
  const bob = await parties.join('bob', 'one', { mayInvite: () => false });
  const chat = await alice.mls.chat(bob.mls.device.jid);
  await parties.until('bob is asked', () => bob.events.some(({ kind }) => kind === 'invitation'));
  expect(bob.mls.conversations).toEqual([]);
  const asked = bob.events.find(({ kind }) => kind === 'invitation');
  if (asked?.kind !== 'invitation') throw new Error('no invitation');
  expect([asked.from, asked.conversationWith]).toEqual([alice.mls.device.jid, alice.mls.device.jid]);
  const theirs = await asked.accept();
  await chat.send('welcome');
  await parties.until('bob hears', () => bob.heard().length === 1);
  await theirs.leave();
  await chat.send('gone');
  await parties.until('bob is out', () => !has(chat, bob));
  expect(bob.heard()).toEqual(['welcome']);
  await parties.stop();
});

test('IDN-17: the store of one account is not opened by another', async () => {
  const parties = new Parties();
  const alice = await parties.join('alice');
  await alice.mls.stop();
  await alice.store.close();
  expect(await codeOf(parties.join('bob', 'one', { backend: alice.backend }))).toBe('xmpp.binding');
  await parties.stop();
});

test('the devices of one account have a conversation of their own', async () => {
  const parties = new Parties();
  const laptop = await parties.join('alice');
  const own = await laptop.mls.chat(laptop.mls.device.jid);
  const phone = await withPhone(parties, laptop);
  await own.send('note to self');
  await parties.until('the phone hears', () => phone.heard().length === 1);
  const [theirs] = phone.mls.conversations;
  expect([own.kind, theirs?.kind, theirs?.members.length]).toEqual(['self', 'self', 2]);
  await theirs?.send('and back');
  await parties.until('the laptop hears', () => laptop.heard().includes('and back'));
  await parties.stop();
});

test('lists and certificates are renewed before their time is over', async () => {
  const parties = new Parties();
  let shift = 0;
  const timers = { ...parties.timers, now: () => parties.timers.now() + shift };
  const alice = await parties.join('alice', 'one', { timers });
  const own = await alice.mls.chat(alice.mls.device.jid);
  const until = (): number => (own.group === undefined ? 0 : certifiedUntil(own.group));
  const [first, epoch] = [until(), own.group?.epoch];
  expect(first * 1000 - timers.now()).toBeGreaterThan(399 * DAY_MS);
  const list = async (): Promise<XmlElement> => {
    const { transport } = alice.connection;
    return transport.request(fetchItems(alice.mls.device.jid, NODE_DEVICES, [CURRENT]));
  };
  const items = async (): Promise<unknown> => (await list()).children;
  const before = await items();
  shift = 6 * DAY_MS;
  await alice.mls.catchUp();
  expect([until(), own.group?.epoch, await items()]).toEqual([first, epoch, before]);
  shift = 8 * DAY_MS;
  await alice.mls.catchUp();
  expect(await items()).not.toEqual(before);
  shift = 301 * DAY_MS;
  await alice.mls.catchUp();
  expect(until() - first).toBeGreaterThan(300 * 86_400);
  await parties.stop();
});

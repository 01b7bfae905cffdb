/** Rooms so large that the tree does not travel with every commit: design 6.3. */

import { afterEach, expect, test, vi } from 'vitest';
import { decode, encode } from '../../../../src/wire/index.ts';
import type { Http } from '../../../../src/xmpp/content/files.ts';
import { el } from '../../../../src/xmpp/element.ts';
import type { Conversation } from '../../../../src/xmpp/session/conversation.ts';
import { hint } from '../../../../src/xmpp/stanza/hints.ts';
import type { MlsContent } from '../../../../src/xmpp/stanza/mls.ts';
import { buildMls } from '../../../../src/xmpp/stanza/mls.ts';
import { affiliateTo } from '../../../../src/xmpp/stanza/muc.ts';
import { encodeTree, TreePatch } from '../../../../src/xmpp/treePatch.ts';
import { bareMember, filledWith, withMembers } from '../../../support/bareMembers.ts';
import { Parties, type Party } from '../../../support/parties.ts';

let parties: Parties;
afterEach(() => parties.stop());

/** A room with so many devices beside that of its owner. */
async function hallOf(
  count: number,
  members: readonly string[] = [],
  options: Parameters<Parties['join']>[2] = {},
): Promise<{ alice: Party; hall: Conversation; room: string; others: Party[] }> {
  parties = new Parties();
  const alice = await parties.join('alice', 'one', options);
  const others: Party[] = [];
  for (const name of members) others.push(await parties.join(name, 'one', options));
  const room = await parties.room(alice, 'hall', others);
  const hall = await alice.mls.room(room, { joinRule: 'affiliated' });
  await hall.ordered?.reach(filledWith(count, Math.floor(parties.timers.now() / 1000)));
  return { alice, hall, room, others };
}

/** What the room has in its archive, oldest first. */
async function contents({ ordered }: Conversation): Promise<readonly MlsContent[]> {
  const all: MlsContent[] = [];
  for await (const { payload } of ordered?.sequencer.backwards() ?? [])
    if (payload !== undefined) all.unshift(payload.content);
  return all;
}

async function isIn(party: Party): Promise<void> {
  await parties.until(`${party.name} is in`, () => party.events.some(({ kind }) => kind === 'joined'));
}

async function heardBy(hall: Conversation, ...all: readonly Party[]): Promise<void> {
  await hall.send('hello');
  await parties.until('heard', () => all.every((one) => one.heard().includes('hello')));
}

async function snapshots(hall: Conversation, count: number): Promise<void> {
  for (let tries = 0; ; tries++) {
    const found = (await contents(hall)).filter(({ kind }) => kind === 'tree').length;
    if (found >= count) return;
    if (tries > 200) throw new Error(`${found} snapshots`);
    await parties.quiet();
  }
}

/** A snapshot that leads nowhere, for the present epoch. */
async function poisonSnapshot({ ordered }: Conversation): Promise<void> {
  const nodes = ordered?.stored.group.ratchetTree.slice(0, 3) ?? [];
  const tree = { kind: 'inline', tree: encodeTree(nodes) } as const;
  const mls = buildMls({ kind: 'tree', tree }, ordered?.branch);
  const stanza = el('message', { type: 'groupchat', id: 'poison' }, mls, hint('store'));
  expect((await ordered?.sequencer.append(stanza))?.kind).toBe('archived');
}

/** Patches of this device that change nothing. */
function poisonPatches({ ordered }: Conversation): void {
  const handout = ordered?.handout;
  if (handout === undefined) throw new Error('no group');
  const right = handout.publish.bind(handout);
  vi.spyOn(handout, 'publish').mockImplementation((...all) => {
    const published = right(...all);
    if (published.treePatch === undefined) return published;
    const patch = decode(TreePatch, published.treePatch);
    return { ...published, treePatch: encode(TreePatch, { ...patch, changes: [] }) };
  });
}

test('of 60 devices: by invitation, by oneself, and from a second device', async () => {
  const { alice, hall, room, others } = await hallOf(60, ['bob', 'dave']);
  const [bob, dave] = others as [Party, Party];
  await hall.invite(bob.mls.device.jid);
  await isIn(bob);
  const found = await contents(hall);
  const commits = found.filter((one) => one.kind === 'commit');
  expect(commits.map(({ treePatch }) => treePatch !== undefined)).toEqual([true, true, true]);
  expect(found.filter(({ kind }) => kind === 'tree').length).toBe(1);
  expect(Math.max(...commits.map(({ groupInfo }) => groupInfo?.message.length ?? 0))).toBeLessThan(1500);

  const daves = await dave.mls.room(room);
  expect(daves.status).toBe('active');
  const second = await parties.join('bob', 'two', {
    ...(bob.mls.accountKey && { accountKey: bob.mls.accountKey }),
  });
  const bobs = await second.mls.room(room);
  expect(bobs.status).toBe('active');
  expect(bobs.members.length).toBe(64);
  await heardBy(hall, bob, dave, second);
  await heardBy(bobs, alice, bob, dave);
  expect(parties.all.flatMap((one) => one.faults())).toEqual([]);
});

test('of 60 devices: a device that has lost its state takes the place of its old leaf', async () => {
  const { hall, room, others } = await hallOf(60, ['bob']);
  const [bob] = others as [Party];
  await hall.invite(bob.mls.device.jid);
  await isIn(bob);
  const id = hall.group?.id ?? new Uint8Array();
  await bob.mls.stop();
  await bob.store.remove(id);
  await bob.store.close();
  await hall.refresh();
  const again = await parties.join('bob', 'one', { backend: bob.backend });
  const bobs = await again.mls.room(room);
  expect(bobs.status).toBe('active');
  expect(bobs.members.length).toBe(62);
  await heardBy(hall, again);
});

test('of 60 devices: a snapshot that lies leaves the one before it', async () => {
  const { hall, room, others } = await hallOf(60, ['bob', 'dave']);
  const [bob, dave] = others as [Party, Party];
  await snapshots(hall, 1);
  await poisonSnapshot(hall);
  await hall.invite(bob.mls.device.jid);
  await isIn(bob);
  expect((await dave.mls.room(room)).status).toBe('active');
  await heardBy(hall, bob, dave);
  expect(parties.all.flatMap((one) => one.faults())).toEqual([]);
});

test('of 60 devices: after a patch that lies the next who commits makes a snapshot', async () => {
  const { hall, room, others } = await hallOf(60, ['bob', 'dave', 'erin']);
  const [bob, dave, erin] = others as [Party, Party, Party];
  await hall.invite(bob.mls.device.jid);
  await isIn(bob);
  const [bobs] = bob.mls.conversations as [Conversation];
  poisonPatches(bobs);
  await bobs.refresh();
  await parties.until('alice follows', () => hall.group?.epoch === bobs.group?.epoch);
  // Nobody comes in by a patch that lies.
  expect((await erin.mls.room(room)).status).toBe('waiting');
  await hall.invite(dave.mls.device.jid);
  await isIn(dave);
  expect((await contents(hall)).filter(({ kind }) => kind === 'tree').length).toBe(2);
  expect((await erin.mls.room(room)).status).toBe('active');
  await heardBy(hall, bob, dave, erin);
});

test('of 150 devices: trees by reference, and the last inline one for whoever has no HTTP', async () => {
  let fetched = 0;
  const http: Http = {
    put: async (url, headers, bytes) => parties.server.put(url, bytes, Object.fromEntries(headers)),
    get: async (url) => {
      fetched += 1;
      const bytes = parties.server.fetch(url);
      return bytes === undefined ? { status: 404, bytes: new Uint8Array() } : { status: 200, bytes };
    },
  };
  const { alice, hall, room, others } = await hallOf(150, ['bob', 'dave'], { http });
  const [bob, dave] = others as [Party, Party];
  await hall.ordered?.handout.post(hall.ordered.stored.group);
  await hall.invite(bob.mls.device.jid);
  await isIn(bob);
  expect((await dave.mls.room(room)).status).toBe('active');
  expect(fetched).toBe(2);
  await heardBy(hall, bob, dave);
  const kinds = (await contents(hall)).flatMap((one) => (one.kind === 'tree' ? one.tree.kind : []));
  expect(kinds).toEqual(['inline', 'reference']);

  const erin = await parties.join('erin');
  await alice.connection.transport.request(affiliateTo(room, erin.mls.device.jid, 'member'));
  expect((await erin.mls.room(room)).status).toBe('active');
  await heardBy(hall, erin);
  expect(parties.all.flatMap((one) => one.faults())).toEqual([]);
});

test('a room cannot grow beyond what can be handed out', async () => {
  const { hall } = await hallOf(60);
  const now = Math.floor(parties.timers.now() / 1000);
  await expect(hall.ordered?.reach(filledWith(120, now, 'more.example'))).rejects.toMatchObject({
    code: 'xmpp.too-large',
    detail: { what: 'tree', missing: 'http' },
  });
  expect(hall.members.length).toBeGreaterThan(80);
  await hall.refresh();
});

test('Adds that do not fit into one stanza go in several commits', async () => {
  const { hall } = await hallOf(0);
  const now = Math.floor(parties.timers.now() / 1000);
  const clients = Array.from({ length: 60 }, (_, index) => bareMember(`a${index}@many.example`, now));
  await hall.ordered?.reach(withMembers(clients, 60));
  expect(hall.members.length).toBe(61);
  const commits = (await contents(hall)).filter(({ kind }) => kind === 'commit');
  expect(commits.length).toBe(2);
});

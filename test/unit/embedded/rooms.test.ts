/** Rooms: what was measured of both servers, row by row. */

import { describe, expect, test } from 'vitest';
import { attr, childrenOf, el } from '../../../src/xmpp/element.ts';
import { discoInfo, discoItems, readDiscoInfo, readDiscoItems } from '../../../src/xmpp/stanza/disco.ts';
import { hint } from '../../../src/xmpp/stanza/hints.ts';
import { iqGet, iqSet } from '../../../src/xmpp/stanza/iq.ts';
import * as muc from '../../../src/xmpp/stanza/muc.ts';
import { NS_SID, originId, readOriginId, readStanzaId } from '../../../src/xmpp/stanza/stanzaId.ts';
import {
  archivedIds,
  DIALECTS,
  enterRoom,
  type Lab,
  labOf,
  readArchive,
  refused,
  say,
  settled,
  type Watcher,
} from '../../support/embedded.ts';

describe.each(DIALECTS)('rooms as %s has them', (dialect) => {
  const prosody = dialect === 'prosody';

  async function gathered(
    fields: Record<string, string> = {},
  ): Promise<{ lab: Lab; room: string; alice: Watcher; bob: Watcher }> {
    const lab = labOf({ dialect });
    const room = `r@${lab.server.rooms}`;
    const [alice, bob] = [await lab.client('alice'), await lab.client('bob')];
    await enterRoom(alice, room, 'A');
    const form = muc.readRoomConfiguration(await alice.transport.request(muc.roomConfiguration(room)));
    expect(form.has('muc#roomconfig_enablearchiving')).toBe(prosody);
    expect(form.has('mam')).toBe(!prosody);
    await alice.transport.request(
      muc.configureRoom(room, {
        'muc#roomconfig_persistentroom': '1',
        'muc#roomconfig_whois': 'anyone',
        ...fields,
      }),
    );
    await alice.transport.request(muc.affiliateTo(room, bob.bare, 'member'));
    await enterRoom(bob, room, 'B');
    return { lab, room, alice, bob };
  }

  test('a new room tells so, once; its maker owns it', async () => {
    const lab = labOf({ dialect });
    const room = `r@${lab.server.rooms}`;
    const alice = await lab.client('alice');
    expect(await enterRoom(alice, room, 'A')).toContain(201);
    expect(await enterRoom(await lab.client('bob'), room, 'B')).not.toContain(201);
    const own = alice.came.map(muc.readRoomPresence).find((one) => one?.nick === 'A');
    expect(own?.occupant).toMatchObject({ affiliation: 'owner', role: 'moderator' });
  });

  test('everybody sees one order, the sender too, and the archive has it under the same ids', async () => {
    const { room, alice, bob } = await gathered();
    for (let i = 0; i < 10; i++) {
      void alice.transport.send(el('message', { to: room, type: 'groupchat', id: `a${i}` }, hint('store')));
      void bob.transport.send(el('message', { to: room, type: 'groupchat', id: `b${i}` }, hint('store')));
    }
    await settled();
    const seen = (who: Watcher): (readonly [string | undefined, string | undefined])[] =>
      who.came
        .filter((one) => /^[ab]\d$/.test(attr(one, 'id') ?? ''))
        .map((one) => [attr(one, 'id'), readStanzaId(one, room)]);
    expect(seen(alice)).toHaveLength(20);
    expect(seen(bob)).toEqual(seen(alice));
    const { results } = await readArchive(bob, room);
    expect(results.map(({ id, message }) => [attr(message, 'id'), id])).toEqual(seen(alice));
  });

  test.each([
    ['nothing', [], false, false],
    ['<store/>', [hint('store')], true, true],
    ['EME alone', [el('encryption', { xmlns: 'urn:xmpp:eme:0', namespace: 'urn:x' })], true, false],
    ['a body', [el('body', {}, 'x')], true, true],
    ['a body and <no-store/>', [el('body', {}, 'x'), hint('no-store')], false, false],
    ['a subject', [el('subject', {}, 'x')], false, true],
  ] as const)(
    'a message with %s is reflected, and kept only if it should be',
    async (_, content, inProsody, inEjabberd) => {
      const { room, alice, bob } = await gathered();
      await say(alice, room, 'm', el('x', { xmlns: 'urn:x' }), ...content);
      const kept = prosody ? inProsody : inEjabberd;
      const reflected = bob.came.find((one) => attr(one, 'id') === 'm');
      expect(reflected).toBeDefined();
      expect(reflected && readStanzaId(reflected, room) !== undefined).toBe(kept);
      expect(await archivedIds(alice, room)).toEqual(kept ? ['m'] : []);
    },
  );

  test('a forged stanza-id goes, `id` and origin-id stay', async () => {
    const { room, alice, bob } = await gathered();
    const forged = el('stanza-id', { xmlns: NS_SID, by: room, id: 'forged' });
    await say(alice, room, 'm', forged, originId('o'), hint('store'));
    const reflected = bob.came.find((one) => attr(one, 'id') === 'm');
    if (reflected === undefined) throw new Error('nothing came');
    expect(readOriginId(reflected)).toBe('o');
    expect(readStanzaId(reflected, room)).toMatch(prosody ? /^[\w-]{24}$/ : /^\d{16}$/);
    expect(childrenOf(reflected, 'stanza-id', NS_SID)).toHaveLength(1);
    expect(childrenOf(reflected, 'occupant-id', 'urn:xmpp:occupant-id:0')).toHaveLength(prosody ? 1 : 0);
    const { results } = await readArchive(bob, room);
    expect(results[0] && muc.readArchivedOccupant(results[0].message)?.jid).toBe(
      prosody ? alice.bare : alice.jid,
    );
  });

  test('a page is capped, a last page is the end, and `complete` is said in the way of the server', async () => {
    const lab = labOf({ dialect, limits: { archivePage: 3 } });
    const room = `r@${lab.server.rooms}`;
    const alice = await lab.client('alice');
    await enterRoom(alice, room, 'A');
    for (let i = 0; i < 5; i++) await say(alice, room, `m${i}`);
    const first = await readArchive(alice, room, { max: 1000 });
    expect(first.results.map(({ message }) => attr(message, 'id'))).toEqual(['m0', 'm1', 'm2']);
    expect(first.page.count).toBe(prosody ? undefined : '5');
    expect(first.page.complete).toBe(false);
    expect(await archivedIds(alice, room, { max: 3, after: first.page.last ?? '' })).toEqual(['m3', 'm4']);
    expect((await readArchive(alice, room, { max: 3, after: first.page.last ?? '' })).page.complete).toBe(
      true,
    );
    const last = await readArchive(alice, room, { max: 2, before: '' });
    expect(last.results.map(({ message }) => attr(message, 'id'))).toEqual(['m3', 'm4']);
    expect(await archivedIds(alice, room, { max: 2, before: last.page.first ?? '' })).toEqual(['m1', 'm2']);
  });

  test('an unknown `after` is an error in Prosody, and a time in ejabberd', async () => {
    const { room, alice } = await gathered();
    await say(alice, room, 'm0');
    const query = readArchive(alice, room, { max: 5, after: '1' });
    if (prosody) expect(await refused(query)).toBe('cancel/item-not-found');
    else expect((await query).results).toHaveLength(1);
  });

  test('a field that MAM lacks is refused by ejabberd only', async () => {
    const { room, alice } = await gathered();
    const value = (name: string, text: string) => el('field', { var: name }, el('value', {}, text));
    const form = el(
      'x',
      { xmlns: 'jabber:x:data', type: 'submit' },
      value('FORM_TYPE', 'urn:xmpp:mam:2'),
      value('after-id', 'x'),
    );
    const query = iqSet(room, el('query', { xmlns: 'urn:xmpp:mam:2' }, form));
    expect(await refused(alice.transport.request(query))).toBe(prosody ? 'done' : 'modify/bad-request');
  });

  test('members read the archive without entering; others and removed ones are refused', async () => {
    const { lab, room, alice, bob } = await gathered({ 'muc#roomconfig_membersonly': '1' });
    const carol = await lab.client('carol');
    await say(alice, room, 'm');
    await alice.transport.request(muc.affiliateTo(room, carol.bare, 'member'));
    expect(await archivedIds(carol, room)).toEqual(['m']);
    await alice.transport.request(muc.affiliateTo(room, carol.bare, 'none'));
    expect(await refused(readArchive(carol, room))).toBe('auth/forbidden');
    await carol.transport.send(muc.enter(room, 'C'));
    await settled();
    const error = carol.came.find((one) => attr(one, 'type') === 'error');
    expect(error && childrenOf(error, 'error')[0]?.children).toContainEqual(
      expect.objectContaining({ name: 'registration-required' }),
    );
    await alice.transport.request(muc.affiliateTo(room, bob.bare, 'none'));
    await settled();
    const gone = bob.came.map(muc.readRoomPresence).at(-1);
    expect([gone?.present, gone?.statuses.has(muc.STATUS.affiliationLost)]).toEqual([false, true]);
    await say(alice, room, 'after');
    expect(bob.ids()).not.toContain('after');
  });

  test('bans and kicks are told with their numbers', async () => {
    const { room, alice, bob } = await gathered();
    const kick = el('query', { xmlns: `${muc.NS_MUC}#admin` }, el('item', { nick: 'B', role: 'none' }));
    expect(await refused(bob.transport.request(iqSet(room, kick)))).toBe('auth/forbidden');
    await alice.transport.request(iqSet(room, kick));
    expect(muc.readRoomPresence(bob.came.at(-1) ?? el('x'))?.statuses).toContain(muc.STATUS.kicked);
    await enterRoom(bob, room, 'B');
    await alice.transport.request(muc.affiliateTo(room, bob.bare, 'outcast'));
    expect(muc.readRoomPresence(bob.came.at(-1) ?? el('x'))?.statuses).toContain(muc.STATUS.banned);
    await bob.transport.send(muc.enter(room, 'B'));
    await settled();
    expect(attr(bob.came.at(-1) ?? el('x'), 'type')).toBe('error');
  });

  test('of several changes in one request Prosody does the first', async () => {
    const { lab, room, alice } = await gathered();
    const items = ['carol', 'dave'].map((name) =>
      el('item', { jid: `${name}@${lab.server.domain}`, affiliation: 'admin' }),
    );
    await alice.transport.request(iqSet(room, el('query', { xmlns: `${muc.NS_MUC}#admin` }, ...items)));
    const admins = muc.readAffiliates(await alice.transport.request(muc.affiliates(room, 'admin')));
    expect(admins).toHaveLength(prosody ? 1 : 2);
  });

  test('lists are for members; an owner cannot leave a room without any', async () => {
    const { lab, room, alice, bob } = await gathered();
    expect(muc.readAffiliates(await bob.transport.request(muc.affiliates(room, 'owner')))).toMatchObject([
      { jid: alice.bare },
    ]);
    const carol = await lab.client('carol');
    expect(await refused(carol.transport.request(muc.affiliates(room, 'owner')))).toBe('auth/forbidden');
    expect(await refused(alice.transport.request(muc.affiliateTo(room, alice.bare, 'none')))).toBe(
      prosody ? 'cancel/conflict' : 'cancel/not-allowed',
    );
    await alice.transport.request(muc.affiliateTo(room, bob.bare, 'owner'));
    await bob.transport.request(muc.affiliateTo(room, alice.bare, 'none'));
    expect(await refused(alice.transport.request(muc.roomConfiguration(room)))).toBe('auth/forbidden');
  });

  test('a form with an unknown field is refused by ejabberd only', async () => {
    const { room, alice } = await gathered();
    const set = alice.transport.request(muc.configureRoom(room, { 'muc#roomconfig_nothing': '1' }));
    expect(await refused(set)).toBe(prosody ? 'done' : 'modify/bad-request');
  });

  test('disco shows the configuration; hidden rooms are not listed', async () => {
    const { lab, room, alice } = await gathered({
      'muc#roomconfig_membersonly': '1',
      'muc#roomconfig_publicroom': '0',
    });
    const { features } = readDiscoInfo(await alice.transport.request(discoInfo(room)));
    for (const one of [
      'muc_persistent',
      'muc_membersonly',
      'muc_nonanonymous',
      'muc_hidden',
      'urn:xmpp:mam:2',
      'urn:xmpp:sid:0',
    ])
      expect(features).toContain(one);
    expect(features.has('urn:xmpp:occupant-id:0')).toBe(prosody);
    expect(features.has('urn:xmpp:mam:2#extended')).toBe(prosody);
    expect(readDiscoItems(await alice.transport.request(discoItems(lab.server.rooms)))).toEqual([]);
    expect(await refused(alice.transport.request(discoInfo(`none@${lab.server.rooms}`)))).toBe(
      'cancel/item-not-found',
    );
  });

  test('who is not in the room cannot speak in it', async () => {
    const { lab, room } = await gathered();
    const carol = await lab.client('carol');
    await say(carol, room, 'm');
    const error = carol.came.find((one) => attr(one, 'type') === 'error');
    expect(error && childrenOf(error, 'error').map((one) => attr(one, 'type'))).toEqual([
      prosody ? 'cancel' : 'modify',
    ]);
  });

  test('devices of one account share a nick, others cannot have it', async () => {
    const { lab, room, alice, bob } = await gathered();
    const second = await lab.client('alice', 'second');
    expect(await enterRoom(second, room, 'A')).toContain(110);
    await say(alice, room, 'm');
    expect([alice.ids(), second.ids(), bob.ids()].map((ids) => ids.includes('m'))).toEqual([
      true,
      true,
      true,
    ]);
    const carol = await lab.client('carol');
    await carol.transport.send(muc.enter(room, 'A'));
    await settled();
    expect(attr(carol.came.at(-1) ?? el('x'), 'type')).toBe('error');
    second.connection.disconnect();
    await settled();
    expect(bob.came.map(muc.readRoomPresence).some((one) => one?.nick === 'A' && !one.present)).toBe(false);
    alice.connection.disconnect();
    await settled();
    expect(bob.came.map(muc.readRoomPresence).some((one) => one?.nick === 'A' && !one.present)).toBe(true);
  });

  test('a private message reaches one, with the mark', async () => {
    const { room, alice, bob } = await gathered();
    await alice.transport.send(
      el('message', { to: `${room}/B`, type: 'chat', id: 'p' }, el('body', {}, 'x')),
    );
    await settled();
    const came = bob.came.find((one) => attr(one, 'id') === 'p');
    expect(came && [attr(came, 'from'), muc.isPrivateMessage(came)]).toEqual([`${room}/A`, true]);
    expect(await archivedIds(alice, room)).toEqual([]);
  });

  test('real addresses are shown to those who may see them', async () => {
    const { room, alice, bob } = await gathered({ 'muc#roomconfig_whois': 'moderators' });
    const of = (who: Watcher, nick: string) =>
      who.came
        .map(muc.readRoomPresence)
        .filter((one) => one?.nick === nick)
        .at(-1)?.occupant.jid;
    expect(of(alice, 'B')).toBe(bob.jid);
    expect(of(bob, 'A')).toBeUndefined();
    await say(alice, room, 'm');
    const { results } = await readArchive(bob, room);
    expect(results[0] && muc.readArchivedOccupant(results[0].message)).toBeUndefined();
  });

  test('a subject is told to who comes; a change needs the right', async () => {
    const { lab, room, alice, bob } = await gathered({ 'muc#roomconfig_changesubject': '0' });
    await say(bob, room, 's0', el('subject', {}, 'by bob'));
    expect(bob.came.at(-1)?.attrs['type']).toBe('error');
    await say(alice, room, 's1', el('subject', {}, 'by alice'));
    const carol = await lab.client('carol');
    await enterRoom(carol, room, 'C');
    expect(carol.came.map((one) => muc.readSubject(one)).filter((one) => one !== undefined)).toEqual([
      'by alice',
    ]);
  });

  test('join history leaves body-less messages out in ejabberd, and all of it when none is wanted', async () => {
    const { lab, room, alice } = await gathered();
    await say(alice, room, 'silent');
    await say(alice, room, 'loud', el('body', {}, 'x'));
    const carol = await lab.client('carol');
    await carol.transport.send(el('presence', { to: `${room}/C` }, el('x', { xmlns: muc.NS_MUC })));
    await settled();
    expect(carol.ids().filter((id) => id !== '')).toEqual(prosody ? ['silent', 'loud'] : ['loud']);
    const second = await lab.client('carol', 'second');
    await enterRoom(second, room, 'C');
    expect(second.ids().filter((id) => id !== '')).toEqual([]);
  });

  test('destroying a room takes its archive with it', async () => {
    const { room, alice, bob } = await gathered();
    await say(alice, room, 'm');
    expect(await refused(bob.transport.request(muc.destroyRoom(room)))).toBe('auth/forbidden');
    await alice.transport.request(muc.destroyRoom(room));
    expect(bob.came.map(muc.readRoomPresence).at(-1)?.present).toBe(false);
    expect(await refused(readArchive(alice, room))).toBe('cancel/item-not-found');
    expect(await enterRoom(bob, room, 'B')).toContain(201);
    expect(await archivedIds(bob, room)).toEqual([]);
  });

  test('a room that is not persistent goes with its last occupant; restarts keep the others', async () => {
    const { lab, room, alice } = await gathered();
    await say(alice, room, 'm');
    await enterRoom(alice, `t@${lab.server.rooms}`, 'A');
    lab.server.restart();
    alice.connection.connect();
    await settled();
    expect(await archivedIds(alice, room)).toEqual(['m']);
    expect(await refused(alice.transport.request(discoInfo(`t@${lab.server.rooms}`)))).toBe(
      'cancel/item-not-found',
    );
    await say(alice, room, 'not in it');
    expect(attr(alice.came.at(-1) ?? el('x'), 'type')).toBe('error');
  });

  test('the 101st room of an account is refused by ejabberd', async () => {
    const lab = labOf({ dialect });
    const alice = await lab.client('alice');
    for (let i = 0; i < 101; i++) await enterRoom(alice, `r${i}@${lab.server.rooms}`, 'A');
    expect(alice.came.filter((one) => attr(one, 'type') === 'error')).toHaveLength(prosody ? 0 : 1);
  });

  test('old entries go without a word', async () => {
    const lab = labOf({ dialect, limits: { archiveItems: 3 } });
    const room = `r@${lab.server.rooms}`;
    const alice = await lab.client('alice');
    await enterRoom(alice, room, 'A');
    for (let i = 0; i < 5; i++) await say(alice, room, `m${i}`);
    expect(await archivedIds(alice, room)).toEqual(['m2', 'm3', 'm4']);
    lab.server.expireArchives(1, room);
    expect(await archivedIds(alice, room)).toEqual(['m4']);
  });

  test('a client asks whether it still is in the room', async () => {
    const { lab, room, alice } = await gathered();
    const ping = iqGet(`${room}/A`, el('ping', { xmlns: 'urn:xmpp:ping' }));
    expect(await refused(alice.transport.request(ping))).toBe('done');
    expect(await refused((await lab.client('carol')).transport.request(ping))).toBe(
      prosody ? 'cancel/not-acceptable' : 'modify/not-acceptable',
    );
  });
});

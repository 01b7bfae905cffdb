/** One-to-one messages: what was measured of both servers, row by row. */

import { describe, expect, test } from 'vitest';
import { attr, el, type XmlElement } from '../../../src/xmpp/element.ts';
import { enableCarbons, readCarbon } from '../../../src/xmpp/stanza/carbons.ts';
import { readDelay } from '../../../src/xmpp/stanza/forwarded.ts';
import { hint } from '../../../src/xmpp/stanza/hints.ts';
import { NS_SID, readStanzaId } from '../../../src/xmpp/stanza/stanzaId.ts';
import { archivedIds, DIALECTS, labOf, readArchive, settled, type Watcher } from '../../support/embedded.ts';

const X = el('x', { xmlns: 'urn:x' }, 'AAAA');
const BODY = el('body', {}, 'text');
const EME = el('encryption', { xmlns: 'urn:xmpp:eme:0', namespace: 'urn:x' });

async function send(from: Watcher, to: string, type: string, ...content: XmlElement[]): Promise<void> {
  await from.transport.send(el('message', { to, type, id: 'm' }, ...content));
  await settled();
}

function carbonsOf(who: Watcher): string[] {
  return who.came.flatMap((one) => readCarbon(one, who.bare)?.direction ?? []);
}

function direct(who: Watcher): number {
  return who.ids().filter((id) => id === 'm').length;
}

describe.each(DIALECTS)('messages as %s has them', (dialect) => {
  const prosody = dialect === 'prosody';

  test.each(['chat', 'normal', 'headline'])(
    'one of type %s to a bare address reaches all resources',
    async (type) => {
      const lab = labOf({ dialect });
      const [alice, one, two] = [
        await lab.client('alice'),
        await lab.client('bob', '1'),
        await lab.client('bob', '2'),
      ];
      await send(alice, one.bare, type, BODY);
      expect([direct(one), direct(two)]).toEqual([1, 1]);
    },
  );

  test('one to a full address reaches that resource, and others by a copy', async () => {
    const lab = labOf({ dialect });
    const [alice, one, two] = [
      await lab.client('alice'),
      await lab.client('bob', '1'),
      await lab.client('bob', '2'),
    ];
    await two.transport.request(enableCarbons());
    await send(alice, one.jid, 'chat', X);
    expect([direct(one), direct(two), carbonsOf(two)]).toEqual([1, 0, ['received']]);
  });

  test.each([
    ['chat', [X], true],
    ['chat', [X, hint('store')], true],
    ['chat', [X, hint('no-copy')], false],
    ['normal', [X, hint('store')], false],
    ['normal', [BODY], true],
    ['headline', [BODY], false],
  ] as const)('a copy of what another device sends: %s %#', async (type, content, copied) => {
    const lab = labOf({ dialect });
    const [one, two, bob] = [
      await lab.client('alice', '1'),
      await lab.client('alice', '2'),
      await lab.client('bob'),
    ];
    await two.transport.request(enableCarbons());
    await send(one, bob.bare, type, ...content);
    expect(carbonsOf(two)).toEqual(copied ? ['sent'] : []);
  });

  test.each([
    ['chat', [X], false, false],
    ['chat', [X, hint('store')], true, true],
    ['normal', [BODY], true, true],
    ['chat', [EME], true, false],
    ['chat', [BODY, hint('no-store')], false, false],
    ['headline', [X, hint('store')], false, true],
  ] as const)('the archive keeps what it should: %s %#', async (type, content, inProsody, inEjabberd) => {
    const lab = labOf({ dialect });
    const [alice, bob] = [await lab.client('alice'), await lab.client('bob')];
    await send(alice, bob.bare, type, ...content);
    const kept = (prosody ? inProsody : inEjabberd) ? ['m'] : [];
    expect([await archivedIds(alice, alice.bare), await archivedIds(bob, bob.bare)]).toEqual([kept, kept]);
  });

  test('the receiver is told the id under which it is kept, and no forged one', async () => {
    const lab = labOf({ dialect });
    const [alice, bob] = [await lab.client('alice'), await lab.client('bob')];
    await send(
      alice,
      bob.bare,
      'chat',
      X,
      hint('store'),
      el('stanza-id', { xmlns: NS_SID, by: bob.bare, id: 'forged' }),
    );
    const { results } = await readArchive(bob, bob.bare);
    const came = bob.came.find((one) => attr(one, 'id') === 'm');
    expect(came && readStanzaId(came, bob.bare)).toBe(results[0]?.id);
    const { results: filtered } = await readArchive(bob, bob.bare, { max: 5 }, { with: 'carol@localhost' });
    expect(filtered).toEqual([]);
  });

  test.each([
    ['chat', [X], true, true],
    ['normal', [X], true, true],
    ['headline', [BODY], false, false],
    ['headline', [X, hint('store')], false, true],
  ] as const)('who comes later gets what waited: %s %#', async (type, content, inProsody, inEjabberd) => {
    const lab = labOf({ dialect });
    const alice = await lab.client('alice');
    await send(alice, `bob@${lab.server.domain}`, type, ...content);
    const bob = await lab.client('bob');
    const waited = bob.came.filter((one) => attr(one, 'id') === 'm');
    expect(waited).toHaveLength((prosody ? inProsody : inEjabberd) ? 1 : 0);
    for (const one of waited) expect(readDelay(one)).toBe(1_800_000_000);
    bob.connection.disconnect();
    expect(direct(await lab.client('bob', 'again'))).toBe(0);
  });

  test('one to a resource that is gone waits, and is kept', async () => {
    const lab = labOf({ dialect });
    const alice = await lab.client('alice');
    await send(alice, `bob@${lab.server.domain}/gone`, 'chat', X, hint('store'));
    const bob = await lab.client('bob');
    expect(direct(bob)).toBe(1);
    expect(await archivedIds(bob, bob.bare)).toEqual(['m']);
  });

  test('one to oneself reaches every device, the others twice', async () => {
    const lab = labOf({ dialect });
    const [one, two] = [await lab.client('alice', '1'), await lab.client('alice', '2')];
    await two.transport.request(enableCarbons());
    await send(one, one.bare, 'chat', X, hint('store'));
    expect([direct(one), direct(two), carbonsOf(two)]).toEqual([1, 1, ['sent']]);
    // Both real servers keep it as sent and as received.
    expect(await archivedIds(one, one.bare)).toEqual(['m', 'm']);
  });

  test('nobody at that address: accounts are silent, other domains are not found', async () => {
    const lab = labOf({ dialect });
    const alice = await lab.client('alice');
    await send(alice, `nobody@${lab.server.domain}`, 'chat', BODY);
    expect(attr(alice.came.at(-1) ?? el('x'), 'type')).toBe('error');
    await send(alice, 'bob@elsewhere.example', 'chat', BODY);
    expect(alice.came.filter((one) => attr(one, 'type') === 'error')).toHaveLength(2);
  });

  test('contacts see each other come and go', async () => {
    const lab = labOf({ dialect });
    lab.server.befriend('alice', 'bob');
    const alice = await lab.client('alice');
    const bob = await lab.client('bob');
    await lab.client('carol');
    bob.connection.disconnect();
    await settled();
    const seen = alice.came.filter((one) => one.name === 'presence' && attr(one, 'from') !== alice.jid);
    expect(seen.map((one) => [attr(one, 'from'), attr(one, 'type')])).toEqual([
      [bob.jid, undefined],
      [bob.jid, 'unavailable'],
    ]);
    expect(bob.came.some((one) => attr(one, 'from') === alice.jid)).toBe(true);
  });
});

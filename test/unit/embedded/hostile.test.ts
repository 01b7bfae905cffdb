/** A hostile server: each fault does what it says, all of it by its seed, and it can be told to stop. */

import { describe, expect, test } from 'vitest';
import type { Fault, Hostility } from '../../../src/embedded/index.ts';
import { attr, childText, el } from '../../../src/xmpp/element.ts';
import { hint } from '../../../src/xmpp/stanza/hints.ts';
import { readStanzaId } from '../../../src/xmpp/stanza/stanzaId.ts';
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

interface Scene {
  readonly lab: Lab;
  readonly room: string;
  readonly alice: Watcher;
  readonly bob: Watcher;
}

async function scene(dialect: (typeof DIALECTS)[number] = 'prosody', seed = 1): Promise<Scene> {
  const lab = labOf({ dialect, seed });
  const room = `r@${lab.server.rooms}`;
  const [alice, bob] = [await lab.client('alice'), await lab.client('bob')];
  await enterRoom(alice, room, 'A');
  await enterRoom(bob, room, 'B');
  return { lab, room, alice, bob };
}

/** What of a room came to somebody. */
function heard(who: Watcher): string[] {
  return who.ids().filter((id) => /^m\d+$/.test(id));
}

function always(fault: Fault, more: Partial<Hostility> = {}): Hostility {
  return { seed: 1, live: { [fault]: 1 }, ...more };
}

describe.each(DIALECTS)('a hostile %s', (dialect) => {
  test('XMP-03: drops what it should take in', async () => {
    const { lab, room, alice, bob } = await scene(dialect);
    lab.server.misbehave(always('drop'));
    await say(alice, room, 'm1');
    lab.server.behave();
    await say(alice, room, 'm2');
    expect([heard(alice), heard(bob), await archivedIds(bob, room)]).toEqual([['m2'], ['m2'], ['m2']]);
    expect(
      lab.server.log.filter(({ kind }) => kind === 'fault').map(({ detail }) => detail['fault']),
    ).toEqual(['drop']);
  });

  test('XMP-04: withholds what it has taken in, the sender’s reflection among it', async () => {
    const { lab, room, alice, bob } = await scene(dialect);
    lab.server.misbehave(always('withhold'));
    await say(alice, room, 'm1');
    expect([heard(alice), heard(bob), await archivedIds(bob, room)]).toEqual([[], [], ['m1']]);
  });

  test('XMP-02: says things twice', async () => {
    const { lab, room, alice, bob } = await scene(dialect);
    lab.server.misbehave(always('duplicate'));
    await say(alice, room, 'm1');
    expect([heard(alice), heard(bob)]).toEqual([
      ['m1', 'm1'],
      ['m1', 'm1'],
    ]);
  });

  test('XMP-01: is late, and in another order; when it behaves all of it has come', async () => {
    const { lab, room, alice, bob } = await scene(dialect);
    lab.server.misbehave({ seed: 7, live: { delay: 0.4, reorder: 0.4 } });
    for (let i = 0; i < 20; i++) await say(alice, room, `m${i}`);
    expect(heard(bob).length).toBeLessThan(20);
    lab.server.behave();
    await settled();
    const sent = Array.from({ length: 20 }, (_, i) => `m${i}`);
    expect(heard(bob)).not.toEqual(sent);
    expect(heard(bob).sort()).toEqual([...sent].sort());
    expect(await archivedIds(bob, room)).toEqual(sent);
    await lab.clock.advance(10_000);
    expect(heard(bob)).toHaveLength(20);
  });

  test('a delay ends by the clock', async () => {
    const { lab, room, alice, bob } = await scene(dialect);
    lab.server.misbehave(always('delay'));
    await say(alice, room, 'm1');
    expect(heard(bob)).toEqual([]);
    await lab.clock.advance(5001);
    expect(heard(bob)).toEqual(['m1']);
  });

  test('XMP-05, XMP-07, XMP-08: forges payload, sender and number', async () => {
    const { lab, room, alice, bob } = await scene(dialect);
    lab.server.misbehave({ seed: 3, live: { forge: 1, impersonate: 1, misnumber: 1 } });
    await say(alice, room, 'm1');
    const came = bob.came.find((one) => attr(one, 'id') === 'm1') ?? el('x');
    expect(childText(came, 'x', 'urn:x')).toMatch(/^(?!AAAA)[AB]{4}$/);
    expect(attr(came, 'from')).toBe(`${room}/B`);
    lab.server.behave();
    const { results } = await readArchive(bob, room);
    expect(readStanzaId(came, room)).not.toBe(results[0]?.id);
    expect(results[0] && childText(results[0].message, 'x', 'urn:x')).toBe('AAAA');
  });

  test('XMP-12: its archive has holes, repeats itself, and lies', async () => {
    const { lab, room, alice, bob } = await scene(dialect);
    for (let i = 0; i < 10; i++) await say(alice, room, `m${i}`);
    const shown = async (archive: Hostility['archive']): Promise<string[]> => {
      lab.server.misbehave({ seed: 5, live: {}, ...(archive === undefined ? {} : { archive }) });
      return archivedIds(bob, room);
    };
    const all = await shown(undefined);
    expect(all).toHaveLength(10);
    expect((await shown({ withhold: 0.5 })).length).toBeLessThan(10);
    expect(await shown({ duplicate: 1 })).toHaveLength(20);
    const moved = await shown({ reorder: 0.5 });
    expect(moved).not.toEqual(all);
    lab.server.misbehave({ seed: 5, live: {}, archive: { forge: 1 } });
    const { results } = await readArchive(bob, room);
    expect(results.map(({ message }) => childText(message, 'x', 'urn:x'))).not.toContain('AAAA');
    lab.server.misbehave({ seed: 5, live: {}, archive: { misnumber: 1 } });
    const ids = (await readArchive(bob, room)).results.map(({ id }) => id);
    lab.server.behave();
    expect((await readArchive(bob, room)).results.some(({ id }) => ids.includes(id))).toBe(false);
  });

  test('XMP-34: pastes what was said into another room', async () => {
    const { lab, room, alice, bob } = await scene(dialect);
    const other = `other@${lab.server.rooms}`;
    await enterRoom(bob, other, 'B');
    lab.server.misbehave(always('misplace'));
    await say(alice, room, 'm1');
    lab.server.behave();
    expect(bob.came.filter((one) => attr(one, 'id') === 'm1').map((one) => attr(one, 'from'))).toEqual([
      `${room}/A`,
      `${other}/A`,
    ]);
    expect(await archivedIds(bob, other)).toEqual(['m1']);
    const pasted = bob.came.find((one) => attr(one, 'from') === `${other}/A` && one.name === 'message');
    expect(pasted && readStanzaId(pasted, other)).toBe((await readArchive(bob, other)).results[0]?.id);
  });

  test('XMP-01: shows two orders of one room, live and in the archive, for ever', async () => {
    const { lab, room, alice, bob } = await scene(dialect);
    await say(alice, room, 'm0');
    lab.server.misbehave(always('fork', { misled: [bob.bare] }));
    await say(alice, room, 'm1');
    expect([heard(alice), heard(bob)]).toEqual([['m0', 'm1'], ['m0']]);
    expect(await archivedIds(bob, room)).toEqual(['m0']);
    await say(bob, room, 'm2');
    lab.server.behave();
    await say(bob, room, 'm3');
    const orders = [
      ['m0', 'm1', 'm2', 'm3'],
      ['m0', 'm2', 'm1', 'm3'],
    ];
    expect([heard(alice), heard(bob)]).toEqual(orders);
    expect([await archivedIds(alice, room), await archivedIds(bob, room)]).toEqual(orders);
    const { page } = await readArchive(bob, room, { max: 2 });
    expect(await archivedIds(bob, room, { max: 5, after: page.last ?? '' })).toEqual(['m1', 'm3']);
  });

  test('what a fork holds back comes when the server behaves, at its place', async () => {
    const { lab, room, alice, bob } = await scene(dialect);
    lab.server.misbehave(always('fork', { misled: [bob.bare] }));
    await say(alice, room, 'm1');
    lab.server.behave();
    await settled();
    expect([heard(bob), await archivedIds(bob, room)]).toEqual([['m1'], ['m1']]);
  });

  test('XMP-13: forgets', async () => {
    const { lab, room, alice, bob } = await scene(dialect);
    for (let i = 0; i < 4; i++) await say(alice, room, `m${i}`);
    lab.server.misbehave(always('expire'));
    await say(alice, room, 'm4');
    expect(await archivedIds(bob, room)).toEqual(['m3', 'm4']);
  });

  test('XMP-33: restarts in the middle; and carries out what it does not answer', async () => {
    const { lab, room, alice, bob } = await scene(dialect);
    lab.server.misbehave(always('mute'));
    const asked = refused(readArchive(bob, room));
    await lab.clock.advance(30_000);
    expect(await asked).toBe('xmpp.timeout');
    lab.server.misbehave(always('restart'));
    await alice.transport.send(el('message', { to: room, type: 'groupchat', id: 'm1' }, hint('store')));
    await settled();
    expect(await refused(bob.transport.send(el('presence')))).toBe('xmpp.offline');
    expect(lab.server.counters.ended).toBe(2);
  });

  test('one seed and one history have one outcome, another seed another', async () => {
    const run = async (seed: number): Promise<unknown> => {
      const { lab, room, alice, bob } = await scene(dialect);
      const live = {
        drop: 0.1,
        withhold: 0.1,
        delay: 0.1,
        duplicate: 0.1,
        reorder: 0.1,
        forge: 0.1,
        fork: 0.1,
      };
      lab.server.misbehave({ seed, live, archive: { withhold: 0.2, reorder: 0.2 } });
      for (let i = 0; i < 30; i++) await say(i % 2 === 0 ? alice : bob, room, `m${i}`);
      await lab.clock.advance(10_000);
      const archived = await archivedIds(bob, room);
      return { log: lab.server.log, came: [alice.came, bob.came], archived };
    };
    const first = await run(11);
    expect(await run(11)).toEqual(first);
    expect(await run(12)).not.toEqual(first);
  });
});

/** A room as a sequencer: what comes live, what becomes of what is appended, and being let in and thrown out. */

import { describe, expect, test } from 'vitest';
import { attr, el, needAttr, type XmlElement } from '../../../../src/xmpp/element.ts';
import { RoomSequencer, type RoomSequencerOptions } from '../../../../src/xmpp/sequencer/room.ts';
import type { RoomEvent } from '../../../../src/xmpp/sequencer/roomEvents.ts';
import { failure, kept, Taken, TOOLS } from '../../../servers/sequencer.contract.ts';
import { HandTimers, live, NICK, ROOM, refusal, ScriptedRoom, spoken } from './scripted.ts';

function scripted(options: Partial<RoomSequencerOptions> = {}) {
  const room = new ScriptedRoom();
  const [taken, timers] = [new Taken(), new HandTimers()];
  const [events, halts]: [RoomEvent[], unknown[]] = [[], []];
  const sequencer = new RoomSequencer({
    ...TOOLS,
    transport: room.transport,
    room: ROOM,
    nick: NICK,
    from: 'start',
    taker: taken,
    timers,
    presence: 'standing',
    onEvent: (event) => void events.push(event),
    onHalt: (error) => void halts.push(error),
    ...options,
  });
  return { room, taken, timers, events, halts, sequencer };
}

/** Let all promises that can go on do so. */
const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));

/** Our message as the room passes it on. */
function reflection(message: XmlElement, id?: string, nick = NICK): XmlElement {
  const place = id === undefined ? [] : [el('stanza-id', { xmlns: 'urn:xmpp:sid:0', id, by: ROOM })];
  return {
    ...message,
    attrs: { ...message.attrs, xmlns: 'jabber:client', from: `${ROOM}/${nick}` },
    children: [...message.children, ...place],
  };
}

const bounce = (id: string, from: string, condition: string): XmlElement =>
  el('message', { type: 'error', id, from }, refusal(condition));

describe('what comes live', () => {
  test('XMP-07: counts only under an id of the room itself', async () => {
    const { room, taken, sequencer } = scripted();
    await sequencer.catchUp();
    room.come(live('none'));
    room.come(live('occupant', ['1', `${ROOM}/romeo`]));
    room.come(live('other', ['1', 'other@rooms.example']));
    room.come(live('good', ['1', ROOM], ['2', 'juliet@example']));
    await settled();
    expect(taken.entries.map(({ id }) => id)).toEqual(['1']);
    expect(taken.texts).toEqual(['good']);
    expect(sequencer.isCurrent).toBe(true);
  });

  test('XMP-06, XMP-07: what has several ids, or is old, is read from the archive', async () => {
    const { room, taken, sequencer } = scripted();
    await sequencer.catchUp();
    room.archive = [['1', spoken('true')]];
    room.come(live('forged', ['8', ROOM], ['9', ROOM]));
    await settled();
    expect(taken.texts).toEqual(['true']);
    const old = live('older', ['0', ROOM]);
    room.come({ ...old, children: [...old.children, el('delay', { xmlns: 'urn:xmpp:delay', from: ROOM })] });
    await settled();
    expect(taken.texts).toEqual(['true']);
    expect(sequencer.isCurrent).toBe(true);
  });

  test('XMP-02: comes once, however often it is sent', async () => {
    const { room, taken, sequencer } = scripted();
    room.archive = [['1', spoken('a')]];
    await sequencer.catchUp();
    for (const id of ['1', '2', '2', '1']) room.come(live(id === '1' ? 'a' : 'b', [id, ROOM]));
    await settled();
    expect(taken.texts).toEqual(['a', 'b']);
  });

  test('XMP-07: ends the following when an id comes again with another message', async () => {
    const { room, halts, sequencer } = scripted();
    await sequencer.catchUp();
    room.come(live('a', ['1', ROOM]));
    room.come(live('b', ['1', ROOM]));
    await settled();
    expect(halts).toMatchObject([{ code: 'xmpp.gap', detail: { why: 'one id, two messages' } }]);
    expect(sequencer.isCurrent).toBe(false);
  });

  test('XMP-01: an archive in another order than the stream is a gap', async () => {
    const { room, sequencer } = scripted();
    await sequencer.catchUp();
    for (const id of ['a', 'b']) room.come(live(id, [id, ROOM]));
    await settled();
    room.archive = ['b', 'a', 'c'].map((id) => [id, spoken(id)]);
    expect((await failure(sequencer.catchUp())).detail['why']).toBe('archive and stream differ');
  });

  test('is kept while the archive is read, and comes in order', async () => {
    const { room, taken, sequencer } = scripted();
    room.archive = [
      ['1', spoken('a')],
      ['2', spoken('b')],
    ];
    room.answer = () => {
      room.come(live('b', ['2', ROOM]));
      room.come(live('c', ['3', ROOM]));
      return undefined;
    };
    expect(await sequencer.catchUp()).toEqual({ kind: 'complete', entries: 3 });
    expect(taken.texts).toEqual(['a', 'b', 'c']);
    expect(taken.position).toMatchObject({ id: '3', anchor: '2' });
  });

  test('an entry that could not be taken comes again', async () => {
    const taken = new Taken();
    let fails = true;
    const take: Taken['take'] = async (entry, position) => {
      if (fails) throw new TypeError('disk full');
      await taken.take(entry, position);
    };
    const { room, halts, sequencer } = scripted({ taker: { take } });
    await sequencer.catchUp();
    room.archive = [['1', spoken('a')]];
    room.come(live('a', ['1', ROOM]));
    await settled();
    expect(halts).toMatchObject([{ message: 'disk full' }]);
    fails = false;
    expect(await sequencer.catchUp()).toEqual({ kind: 'complete', entries: 1 });
    expect(taken.texts).toEqual(['a']);
  });
});

describe('what is appended', () => {
  test('is archived by its reflection; without a place it is not', async () => {
    const { room, sequencer } = scripted();
    room.reflect = (message) => [reflection(message, 'x1')];
    expect(await sequencer.append(kept('a'))).toEqual({ kind: 'archived', id: 'x1' });
    room.reflect = (message) => [reflection(message)];
    expect(await sequencer.append(kept('b'))).toEqual({ kind: 'not-archived' });
  });

  test('XMP-04, XMP-05: copies of others without a place, and other bytes under our id, are no echo', async () => {
    const { room, timers, sequencer } = scripted();
    room.reflect = (message) => [
      reflection(message, undefined, 'mallory'),
      reflection({ ...message, children: [] }, 'x'),
    ];
    const outcome = sequencer.append(kept('a'));
    await settled();
    timers.turn(60_000);
    expect(await outcome).toMatchObject({ kind: 'unknown', error: { code: 'xmpp.timeout' } });
  });

  test('XMP-31: a bounce counts when it is of the room', async () => {
    const { room, sequencer } = scripted();
    room.reflect = (message) => [
      bounce(needAttr(message, 'id'), `${ROOM}/mallory`, 'forbidden'),
      bounce('another', ROOM, 'forbidden'),
      reflection(message, 'x1'),
    ];
    expect(await sequencer.append(kept('a'))).toEqual({ kind: 'archived', id: 'x1' });
    room.reflect = (message) => [bounce(needAttr(message, 'id'), ROOM, 'forbidden')];
    expect(await sequencer.append(kept('b'))).toMatchObject({
      kind: 'refused',
      error: { code: 'xmpp.refused', detail: { condition: 'forbidden' } },
    });
    expect(sequencer.isCurrent).toBe(true);
    room.reflect = (message) => [bounce(needAttr(message, 'id'), ROOM, 'not-acceptable')];
    expect(await sequencer.append(kept('c'))).toMatchObject({ kind: 'unknown' });
    expect(sequencer.isCurrent).toBe(false);
  });

  test('XMP-33: is unknown after a kick or a new session, and one goes at a time', async () => {
    const { room, events, sequencer } = scripted();
    const first = sequencer.append(kept('a'));
    const second = sequencer.append(kept('b'));
    await settled();
    expect(room.sent.filter(({ name }) => name === 'message')).toHaveLength(1);
    room.come(room.presence(`${ROOM}/${NICK}`, { type: 'unavailable' }, 110, 307));
    expect(await first).toMatchObject({ kind: 'unknown', error: { code: 'xmpp.offline' } });
    expect(events).toContainEqual({ kind: 'removed', why: 'kicked' });
    await settled();
    room.become('offline');
    room.become('online');
    expect(await second).toMatchObject({ kind: 'unknown', error: { code: 'xmpp.offline' } });
    expect(sequencer.isCurrent).toBe(false);
  });

  test('where one comes only to append it counts when it was read, and one leaves a minute later', async () => {
    const { room, taken, timers, sequencer } = scripted({ presence: 'for-appending' });
    room.reflect = (message) => {
      room.archive.push(['x1', reflection(message)]);
      return [reflection(message, 'x1')];
    };
    expect(await sequencer.append(kept('a'))).toEqual({ kind: 'archived', id: 'x1' });
    expect(taken.texts).toEqual(['a']);
    room.reflect = (message) => [reflection(message, 'x2')];
    expect(await sequencer.append(kept('b'))).toMatchObject({ kind: 'unknown', error: { code: 'xmpp.gap' } });
    await sequencer.catchUp();
    timers.turn(59_000);
    expect(sequencer.isCurrent).toBe(true);
    timers.turn(2000);
    expect(sequencer.isCurrent).toBe(false);
    expect(attr(room.sent.at(-1)!, 'type')).toBe('unavailable');
  });
});

describe('entering', () => {
  const error = (presence: XmlElement, condition: string): XmlElement =>
    el(
      'presence',
      { type: 'error', id: attr(presence, 'id'), from: attr(presence, 'to') },
      refusal(condition),
    );

  test('tries another nick when somebody else has ours', async () => {
    const { room, sequencer } = scripted();
    room.entering = (presence) => {
      const to = needAttr(presence, 'to');
      return [to === `${ROOM}/${NICK}` ? error(presence, 'conflict') : room.selfPresence(to)];
    };
    await sequencer.catchUp();
    expect(sequencer.nick).toMatch(/^juliet-[0-9a-f]{4}$/);
  });

  test.each(['registration-required', 'forbidden', 'item-not-found'])(
    'is refused with %s',
    async (condition) => {
      const { room, sequencer } = scripted();
      room.entering = (presence) => [error(presence, condition)];
      const { code, detail } = await failure(sequencer.catchUp());
      expect([code, detail['condition']]).toEqual(['xmpp.refused', condition]);
    },
  );

  test('gives up when nothing comes', async () => {
    const { room, timers, sequencer } = scripted();
    room.entering = () => [];
    const reading = failure(sequencer.catchUp());
    await settled();
    timers.turn(30_000);
    expect((await reading).code).toBe('xmpp.timeout');
  });

  test('XMP-29: does not make a room anew', async () => {
    const { room, events, sequencer } = scripted();
    room.entering = (presence) => [room.selfPresence(needAttr(presence, 'to'), 201)];
    const { code, detail } = await failure(sequencer.catchUp());
    expect([code, detail['condition']]).toEqual(['xmpp.refused', 'item-not-found']);
    expect(events.at(-1)).toEqual({ kind: 'created' });
  });

  test('XMP-33: a resumed session is as it was, and what came meanwhile is taken then', async () => {
    const { room, taken, sequencer } = scripted();
    await sequencer.catchUp();
    room.become('offline');
    expect(sequencer.isCurrent).toBe(false);
    room.come(live('a', ['1', ROOM]));
    await settled();
    expect(taken.texts).toEqual([]);
    room.become('resumed');
    await settled();
    expect(taken.texts).toEqual(['a']);
    expect(sequencer.isCurrent).toBe(true);
  });
});

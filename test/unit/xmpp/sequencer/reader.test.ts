/** Reading archives that forget, lie, and loop. */

import { describe, expect, test } from 'vitest';
import { el } from '../../../../src/xmpp/element.ts';
import type { Archive } from '../../../../src/xmpp/sequencer/archive.ts';
import type { Position } from '../../../../src/xmpp/sequencer/contract.ts';
import { digestOf, payloadOf } from '../../../../src/xmpp/sequencer/entry.ts';
import { locate, readBackwards, readOn } from '../../../../src/xmpp/sequencer/reader.ts';
import { buildMls } from '../../../../src/xmpp/stanza/mls.ts';
import { failWith } from '../../../../src/xmpp/stanza/stanzaError.ts';
import { failure, Taken, TOOLS, textOf } from '../../../servers/sequencer.contract.ts';
import { ROOM, refusal, result, ScriptedRoom, spoken } from './scripted.ts';

const digest = (text: string): string => {
  const message = spoken(text);
  return digestOf(message, payloadOf(message).payload, TOOLS.hash);
};

/** The position of an entry whose text is its id in capitals. */
const at = (id: string, anchor?: string): Position => ({ id, digest: digest(id.toUpperCase()), anchor });

function scripted(...ids: readonly string[]): [ScriptedRoom, Archive] {
  const room = new ScriptedRoom();
  room.archive = ids.map((id) => [id, spoken(id.toUpperCase())]);
  return [room, { transport: room.transport, jid: ROOM, ...TOOLS }];
}

async function readFrom(archive: Archive, start: Position | 'start') {
  const taken = new Taken();
  const end = await readOn(archive, start, (entry, position) => taken.take(entry, position));
  return { end, texts: taken.texts, position: taken.position, entries: taken.entries };
}

const many = (count: number): string[] => Array.from({ length: count }, (_, index) => `n${index}`);

describe.each(['prosody', 'ejabberd'] as const)('an archive with the habits of %s', (dialect) => {
  test('is read over pages, from the start and from a position', async () => {
    const [room, archive] = scripted(...many(120));
    room.dialect = dialect;
    expect((await readFrom(archive, 'start')).texts).toHaveLength(120);
    const { end, texts, position } = await readFrom(archive, at('n60', 'n59'));
    expect(texts).toHaveLength(59);
    expect(end).toEqual({ kind: 'complete', entries: 59 });
    expect(position).toEqual(at('n119', 'n118'));
  });

  test('XMP-13: a position whose anchor is gone is found; one that is gone itself is trimmed', async () => {
    const [room, archive] = scripted('c', 'd', 'e');
    room.dialect = dialect;
    expect((await readFrom(archive, at('c', 'b'))).texts).toEqual(['D', 'E']);
    expect((await readFrom(archive, at('d', undefined))).texts).toEqual(['E']);
    expect(await readFrom(archive, at('b', 'a'))).toMatchObject({ end: { kind: 'trimmed' }, texts: [] });
    room.archive = [];
    expect(await readFrom(archive, at('b', 'a'))).toMatchObject({ end: { kind: 'trimmed' } });
  });

  test('a cursor is found from the end, with its anchor; the end may be nothing', async () => {
    const [room, archive] = scripted(...many(130));
    room.dialect = dialect;
    expect(await locate(archive, { cursor: 'n30' })).toMatchObject(at('n30', 'n29'));
    expect(await locate(archive, { cursor: 'n0' })).toMatchObject(at('n0'));
    expect(await locate(archive, 'end')).toMatchObject(at('n129', 'n128'));
    expect(await locate(archive, { cursor: 'other' })).toBe('trimmed');
    room.archive = [];
    expect(await locate(archive, 'end')).toBe('start');
  });

  test('goes backwards as far as it may', async () => {
    const [room, archive] = scripted(...many(120));
    room.dialect = dialect;
    const found: string[] = [];
    for await (const entry of readBackwards(archive, 2)) found.push(entry.id);
    expect(found).toEqual(many(120).slice(20).reverse());
  });
});

describe('an entry that is read again', () => {
  test('may be a tombstone', async () => {
    const [room, archive] = scripted('a', 'b', 'c');
    const moderated = el('moderated', { xmlns: 'urn:xmpp:message-moderate:0' });
    room.archive[1] = ['b', { ...spoken('B'), children: [moderated] }];
    expect((await readFrom(archive, at('b', 'a'))).texts).toEqual(['C']);
    const { entries } = await readFrom(archive, 'start');
    expect(entries[1]).toMatchObject({ payload: undefined, error: undefined });
  });

  test('XMP-07: may not be another message under the same id', async () => {
    const [room, archive] = scripted('a', 'b', 'c');
    room.archive[1] = ['b', spoken('other')];
    const error = await failure(readFrom(archive, at('b', 'a')));
    expect([error.code, error.detail['why']]).toEqual(['xmpp.gap', 'entry changed']);
    expect((await failure(readFrom(archive, at('b', 'none')))).detail['why']).toBe('entry changed');
  });
});

describe('pages', () => {
  test('XMP-12: results of others, of other queries and without a query do not count', async () => {
    const [room, archive] = scripted('a');
    room.answer = ({ queryId }) => {
      room.come(result('x', spoken('wrong entity'), queryId, 'other@rooms.example'));
      room.come(result('y', spoken('occupant'), queryId, `${ROOM}/romeo`));
      room.come(result('z', spoken('wrong query'), 'q'));
      return undefined;
    };
    expect((await readFrom(archive, 'start')).texts).toEqual(['A']);
    expect(new Set(room.asked.map(({ queryId }) => queryId)).size).toBe(room.asked.length);
  });

  const page = (room: ScriptedRoom, ids: readonly string[], queryId: string) =>
    ids.map((id) => result(id, room.archive.find(([one]) => one === id)![1], queryId));

  test.each([
    ['loops', (): string[] => ['a', 'b'], 'page without news'],
    ['is empty and not complete', (): string[] => [], 'page without news'],
  ])('XMP-12: an archive that %s ends with a gap', async (_, ids, why) => {
    const [room, archive] = scripted('a', 'b');
    room.answer = ({ queryId }) => ({ results: page(room, ids(), queryId) });
    expect((await failure(readFrom(archive, 'start'))).detail['why']).toBe(why);
    const backwards = async (): Promise<void> => {
      for await (const entry of readBackwards(archive, 5)) expect(entry.id).toMatch(/^[ab]$/);
    };
    expect((await failure(backwards())).detail['why']).toBe(why);
  });

  test.each([
    ['first', { first: '0' }, 'first of page'],
    ['last', { last: 'c' }, 'last of page'],
  ])('XMP-12: results lost at the %s of a page are a gap', async (_, ends, why) => {
    const [room, archive] = scripted('a', 'b', 'c');
    room.answer = ({ queryId }) => ({ results: page(room, ['a', 'b'], queryId), complete: true, ...ends });
    expect((await failure(readFrom(archive, 'start'))).detail['why']).toBe(why);
  });

  test('XMP-12: a page that is longer than asked is a gap', async () => {
    const [room, archive] = scripted(...many(51));
    room.answer = ({ queryId }) => ({ results: page(room, many(51), queryId), complete: true });
    expect((await failure(readFrom(archive, 'start'))).detail['why']).toBe('page too long');
  });

  test('XMP-12: pages may overlap if they agree', async () => {
    const [room, archive] = scripted('a', 'b', 'c');
    const pages = [
      ['a', 'b'],
      ['b', 'c'],
    ];
    room.answer = ({ queryId, after }) => ({
      results: page(room, pages[after === undefined ? 0 : 1]!, queryId),
      ...(after !== undefined && { complete: true }),
    });
    expect((await readFrom(archive, 'start')).texts).toEqual(['A', 'B', 'C']);
    room.answer = ({ queryId, after }) => {
      if (after !== undefined) room.archive[1] = ['b', spoken('other')];
      return { results: page(room, pages[after === undefined ? 0 : 1]!, queryId) };
    };
    expect((await failure(readFrom(archive, 'start'))).detail['why']).toBe('one id, two messages');
  });

  test('XMP-12: an archive without end ends with a gap', async () => {
    const [room, archive] = scripted();
    let count = 0;
    room.answer = ({ queryId }) => ({ results: [result(`n${count++}`, spoken('x'), queryId)] });
    expect((await failure(readFrom(archive, 'start'))).detail['why']).toBe('too many pages');
    expect(count).toBe(10_000);
  });

  test('a room without an archive is unfit', async () => {
    const [room, archive] = scripted();
    room.answer = () => failWith(el('iq', { type: 'error' }, refusal('service-unavailable')));
    const { code, detail } = await failure(readFrom(archive, 'start'));
    expect([code, detail]).toEqual(['xmpp.server-unfit', { feature: 'urn:xmpp:mam:2', entity: ROOM }]);
  });
});

describe('what an entry says', () => {
  test('XMP-32: a handshake on a carrier that it does not belong to is an entry with an error', async () => {
    const [room, archive] = scripted('a', 'b', 'c');
    const commit = buildMls({ kind: 'commit', message: Uint8Array.of(1) });
    const welcome = buildMls({ kind: 'welcome', message: Uint8Array.of(1) });
    room.archive[0] = ['a', el('message', { type: 'chat', from: `${ROOM}/romeo` }, commit)];
    room.archive[1] = ['b', el('message', { type: 'groupchat', from: `${ROOM}/romeo` }, welcome)];
    room.archive[2] = ['c', el('message', { type: 'groupchat', from: 'other@rooms.example/romeo' }, commit)];
    const { entries } = await readFrom(archive, 'start');
    expect(entries.map(({ id, payload, error }) => [id, payload, error?.code])).toEqual([
      ['a', undefined, 'xmpp.stanza'],
      ['b', undefined, 'xmpp.stanza'],
      ['c', undefined, 'xmpp.stanza'],
    ]);
  });

  test('a result that cannot be read keeps its place', async () => {
    const [room, archive] = scripted('a', 'b');
    room.answer = ({ queryId }) => ({
      results: [
        el('message', { from: ROOM }, el('result', { xmlns: 'urn:xmpp:mam:2', id: 'bad', queryid: queryId })),
        result('b', room.archive[1]![1], queryId),
      ],
      complete: true,
    });
    const { entries } = await readFrom(archive, 'start');
    expect(entries.map((entry) => [entry.id, entry.error?.code, textOf(entry)])).toEqual([
      ['bad', 'xmpp.stanza', ''],
      ['b', undefined, 'B'],
    ]);
  });

  test('its digest is of bytes where it has any, and of the elements of people else', () => {
    const hashed = (...children: Parameters<typeof el>[2][]): string =>
      digestOf(el('message', { id: '1', from: 'x' }, ...children), undefined, TOOLS.hash);
    const text = hashed(el('body', {}, 'a'));
    expect(hashed(el('body', {}, 'b'))).not.toBe(text);
    expect(hashed(el('body', {}, 'a'), el('stanza-id', { xmlns: 'urn:xmpp:sid:0', id: '1', by: ROOM }))).toBe(
      text,
    );
    expect(hashed(el('body', {}, '\u0001'))).not.toBe(hashed(el('body', {}, '\u0002')));
    const as = (kind: 'app' | 'proposal'): string => {
      const message = el('message', { type: 'groupchat' }, buildMls({ kind, message: Uint8Array.of(7) }));
      return digestOf(message, payloadOf(message).payload, TOOLS.hash);
    };
    expect(as('app')).not.toBe(as('proposal'));
  });
});

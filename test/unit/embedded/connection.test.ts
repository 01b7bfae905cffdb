/** Sessions: how they begin, wait, go on and end; and files beside them. */

import { describe, expect, test } from 'vitest';
import { parseXml } from '../../../src/embedded/index.ts';
import { attr, el } from '../../../src/xmpp/element.ts';
import { serialise } from '../../../src/xmpp/serialise.ts';
import { discoInfo } from '../../../src/xmpp/stanza/disco.ts';
import { iqGet } from '../../../src/xmpp/stanza/iq.ts';
import type { ConnectionState } from '../../../src/xmpp/transport.ts';
import { DIALECTS, labOf, refused, settled } from '../../support/embedded.ts';
import { codeOf } from '../../support/refusals.ts';

function message(to: string, id: string, text = 'x') {
  return el('message', { to, type: 'chat', id }, el('body', {}, text));
}

describe.each(DIALECTS)('sessions as %s has them', (dialect) => {
  test('a lost socket loses nothing if the session goes on', async () => {
    const lab = labOf({ dialect });
    const [alice, bob] = [await lab.client('alice'), await lab.client('bob')];
    const seen: ConnectionState[] = [];
    bob.transport.watch((state) => seen.push(state));
    void bob.transport.send(message(alice.jid, 'on its way'));
    bob.connection.drop();
    await alice.transport.send(message(bob.jid, 'meanwhile'));
    await settled();
    expect(await refused(bob.transport.send(el('presence')))).toBe('xmpp.offline');
    expect(bob.ids()).toEqual([]);
    expect(bob.connection.resume()).toBe(true);
    await settled();
    expect([alice.ids(), bob.ids(), seen]).toEqual([['on its way'], ['meanwhile'], ['offline', 'resumed']]);
  });

  test('a session waits as long as it waits', async () => {
    const lab = labOf({ dialect, limits: { resumeMs: 1000 } });
    const alice = await lab.client('alice');
    alice.connection.drop();
    await lab.clock.advance(1001);
    expect(alice.connection.resume()).toBe(false);
    alice.connection.connect();
    await alice.transport.request(discoInfo(lab.server.domain));
  });

  test('a restart ends all sessions', async () => {
    const lab = labOf({ dialect });
    const alice = await lab.client('alice');
    const seen: ConnectionState[] = [];
    alice.transport.watch((state) => seen.push(state));
    const asked = refused(alice.transport.request(discoInfo(lab.server.domain)));
    lab.server.restart();
    expect(await asked).toBe('xmpp.timeout');
    expect(alice.connection.resume()).toBe(false);
    alice.connection.connect();
    expect(seen).toEqual(['offline', 'online']);
    expect(lab.server.counters.ended).toBe(1);
  });

  test('XMP-19: a stanza above the limit ends the session of who sent it, and is not delivered', async () => {
    const lab = labOf({ dialect, limits: { stanzaBytes: 1000 } });
    const [alice, bob] = [await lab.client('alice'), await lab.client('bob')];
    const exact = serialise(message(bob.jid, 'fits')).length - 1;
    await alice.transport.send(message(bob.jid, 'fits', 'x'.repeat(1000 - exact)));
    await settled();
    expect(bob.ids()).toEqual(['fits']);
    let state: ConnectionState = 'online';
    alice.transport.watch((next) => {
      state = next;
    });
    await alice.transport.send(message(bob.jid, 'burst', 'x'.repeat(1000)));
    await settled();
    expect([state, bob.ids()]).toEqual(['offline', ['fits']]);
    expect(lab.server.log.map(({ kind }) => kind)).toContain('too-big');
  });

  test('with latency stanzas keep their order, and take their time', async () => {
    const lab = labOf({ dialect, latencyMs: 20 });
    const [alice, bob] = [await lab.client('alice'), await lab.client('bob')];
    for (const id of ['1', '2', '3']) void alice.transport.send(message(bob.jid, id));
    await lab.clock.advance(39);
    expect(bob.ids()).toEqual([]);
    await lab.clock.advance(1);
    expect(bob.ids()).toEqual(['1', '2', '3']);
  });

  test('nobody shares an element with anybody', async () => {
    const lab = labOf({ dialect });
    const [alice, bob, other] = [
      await lab.client('alice'),
      await lab.client('bob', '1'),
      await lab.client('bob', '2'),
    ];
    const sent = message(bob.bare, 'm');
    await alice.transport.send(sent);
    await settled();
    const [one, two] = [bob.came.at(-1), other.came.at(-1)];
    expect(one).toEqual({ ...two, attrs: { ...two?.attrs } });
    expect(one?.children[0]).not.toBe(two?.children[0]);
    expect(one?.children[0]).not.toBe(sent.children[0]);
  });

  test('an answer that does not come in time', async () => {
    const lab = labOf({ dialect });
    const [alice, bob] = [await lab.client('alice'), await lab.client('bob')];
    const asked = refused(alice.transport.request(iqGet(bob.jid, el('q', { xmlns: 'urn:q' })), 500));
    await settled();
    expect(bob.came.at(-1)?.name).toBe('iq');
    await lab.clock.advance(500);
    expect(await asked).toBe('xmpp.timeout');
    expect(
      await refused(alice.transport.request(iqGet(`${bob.bare}/gone`, el('q', { xmlns: 'urn:q' })))),
    ).toBe('cancel/service-unavailable');
  });

  test('what is malformed is refused, and the session goes on', async () => {
    const lab = labOf({ dialect });
    const alice = await lab.client('alice');
    const twice = el(
      'query',
      { xmlns: 'urn:xmpp:mam:2' },
      el('x', { xmlns: 'jabber:x:data' }),
      el('x', { xmlns: 'jabber:x:data' }),
    );
    expect(await refused(alice.transport.request(el('iq', { type: 'set' }, twice)))).toBe(
      'modify/bad-request',
    );
    expect(await refused(alice.transport.request(iqGet('a@@b', el('q', { xmlns: 'urn:q' }))))).not.toBe(
      'done',
    );
    await alice.transport.request(discoInfo(lab.server.domain));
  });

  test('accounts that are not there, or there already', () => {
    const { server } = labOf({ dialect });
    for (const step of [
      () => server.addUser('alice'),
      () => server.addUser('not a name'),
      () => server.connect('nobody', 'r'),
      () => server.befriend('alice', 'nobody'),
    ])
      expect(codeOf(step)).toBe('codec.input');
  });

  test('a file goes where a slot was given, once, in the size that was promised', async () => {
    const lab = labOf({ dialect, limits: { uploadBytes: 10 } });
    const alice = await lab.client('alice');
    const slot = (size: number) =>
      iqGet(
        lab.server.uploads,
        el('request', { xmlns: 'urn:xmpp:http:upload:0', filename: 'a b.bin', size }),
      );
    expect(await refused(alice.transport.request(slot(11)))).toBe('modify/not-acceptable');
    const answer = serialise(await alice.transport.request(slot(3)));
    const url = /<put url='([^']+)'/.exec(answer)?.[1] ?? '';
    const authorization = /<header name='Authorization'>([^<]+)</.exec(answer)?.[1];
    expect(authorization !== undefined).toBe(dialect === 'prosody');
    const headers: Record<string, string> =
      authorization === undefined ? {} : { Authorization: authorization };
    const bytes = Uint8Array.of(1, 2, 3);
    if (dialect === 'prosody') expect(lab.server.put(url, bytes)).toBe(401);
    expect(lab.server.put(url, bytes.slice(1), headers)).toBe(dialect === 'prosody' ? 413 : 403);
    expect(lab.server.fetch(url)).toBeUndefined();
    expect(lab.server.put(url, bytes, headers)).toBe(201);
    expect(lab.server.fetch(url)).toEqual(bytes);
    expect([lab.server.put(url, bytes, headers), lab.server.put(`${url}x`, bytes, headers)]).toEqual([
      409, 404,
    ]);
  });
});

describe('the reader of documents', () => {
  test('XMP-20, XMP-21: reads what we write, and refuses all that is not well-formed or not wanted', () => {
    const body = `a<b>&'"c ]]> ${'é'.repeat(5)} \u{1f600} line\nbreak`;
    const written = el('m', { xmlns: 'urn:m', a: `'"<\t` }, el('body', {}, body), el('empty'));
    const read = parseXml(serialise(written));
    expect(serialise(read)).toBe(serialise(written));
    expect(attr(read, 'a')).toBe(`'"<\t`);
    for (const bad of [
      '',
      'x',
      '<a>',
      '</a>',
      '<a/><b/>',
      '<a></b>',
      'x<a/>',
      '<a/>x',
      '<p:a/>',
      '<a b="1" b="2"/>',
      '<a b=1/>',
      '<a b="<"/>',
      '<a>&nbsp;</a>',
      '<a>&</a>',
      '<a>&#0;</a>',
      '<a>&#xd800;</a>',
      '<a>&#1114112;</a>',
      '<a>]]></a>',
      '<a>\u0001</a>',
      '<a><!-- x --></a>',
      '<a><![CDATA[x]]></a>',
      '<a><?x?></a>',
      '<!DOCTYPE a><a/>',
      "<?xml version='1.0'?><a/>",
      `${'<a>'.repeat(100)}${'</a>'.repeat(100)}`,
      '<a __proto__x:b="1"/>',
    ])
      expect(
        codeOf(() => parseXml(bad)),
        bad,
      ).toBe('xmpp.stanza');
  });
});

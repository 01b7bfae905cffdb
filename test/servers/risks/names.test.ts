/** R14: what servers make of addresses that are not in their normal form. Both follow RFC 6122, not RFC 7622 as we do. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { attr, type XmlElement } from '../../../src/xmpp/element.ts';
import { bareJid, parseJid, readJid } from '../../../src/xmpp/jid.ts';
import * as muc from '../../../src/xmpp/stanza/muc.ts';
import type { Connected } from '../clients.ts';
import type { Server } from '../server.ts';
import { SERVERS } from '../servers.ts';
import { connected, enterRoom, next } from '../steps.ts';

/** Localpart asked for, what both servers make of it, and what we make of it. */
const LOCALPARTS = [
  ['Juliet', 'juliet', 'juliet'],
  ['\uff2a\uff35', 'ju', 'ju'],
  ['E\u0301', '\u00e9', '\u00e9'],
  ['\u212a', 'k', 'k'],
  ['\u1100\u1161', '\uac00', '\uac00'],
  // From here on a server says something else than we would.
  ['\u00df', 'ss', '\u00df'],
  ['\u03c2', '\u03c3', '\u03c2'],
  ['\u017f', 's', '\u017f'],
  ['\ufb01', 'fi', '\ufb01'],
  ['\u2167', 'viii', '\u2177'],
  ['\u00aa', 'a', '\u00aa'],
  ['a\u00adb', 'ab', 'a\u00adb'],
] as const;
const REFUSED = ['a b', '\u{1f600}', '\u05d0a', '\u1e9e'];

const isEntered = (stanza: XmlElement): boolean => {
  const presence = muc.readRoomPresence(stanza);
  return presence?.present === true && presence.statuses.has(muc.STATUS.self);
};

for (const kind of SERVERS) {
  describe.skipIf(!kind.available)(`R14: ${kind.name}`, () => {
    let server: Server;
    let juliet: Connected;

    beforeAll(async () => {
      server = await kind.start({ domain: 'b\u00fccher.example' });
      juliet = await connected(server, 'juliet');
    });

    afterAll(async () => {
      await juliet?.disconnect();
      await server?.stop();
    });

    test('a domain that is not ASCII is bound as it was configured', () => {
      expect(bareJid(parseJid(juliet.transport.jid))).toBe('juliet@b\u00fccher.example');
    });

    test.each(LOCALPARTS)('the room %s is %s to the server and %s to us', async (asked, theirs, ours) => {
      expect(readJid(`${asked}@${server.rooms}`)?.local).toBe(ours);
      const entered = next(juliet.transport, isEntered);
      await juliet.transport.send(muc.enter(`${asked}@${server.rooms}`, 'n'));
      expect(muc.readRoomPresence(await entered)?.room).toBe(`${theirs}@${server.rooms}`);
      // What a server says is in our normal form already, so addresses that it gave are never changed by us.
      expect(readJid(`${theirs}@${server.rooms}`)?.local).toBe(theirs);
      await juliet.transport.send(muc.leave(`${theirs}@${server.rooms}`, 'n'));
    });

    test.each(REFUSED)('the room %s is refused', async (asked) => {
      const error = next(juliet.transport, (stanza) => attr(stanza, 'type') === 'error');
      await juliet.transport.send(muc.enter(`${asked}@${server.rooms}`, 'n'));
      expect((await error).name).toBe('presence');
    });

    test('the nick is folded in width, which we leave, and not in case', async () => {
      const presence = await enterRoom(juliet.transport, `nicks@${server.rooms}`, '\uff2a\uff35');
      expect(presence?.nick).toBe('JU');
      expect(readJid(`a@b/\uff2a\uff35`)?.resource).toBe('\uff2a\uff35');
    });

    test('upper case and full-width letters in a domain find the same service', async () => {
      const domain = server.rooms.replace('b\u00fccher', '\uff22\u00dcCHER').toUpperCase();
      const presence = await enterRoom(juliet.transport, `domains@${domain}`, 'n');
      expect(presence?.room).toBe(`domains@${server.rooms}`);
    });
  });
}

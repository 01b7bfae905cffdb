/** Every reader, fed with damaged stanzas: it answers or refuses with an `MlsError`, and never anything else. */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MlsError } from '../../../../src/base/error.ts';
import { buildContent, handlingOf, readContent } from '../../../../src/xmpp/content/content.ts';
import { readIncoming } from '../../../../src/xmpp/content/incoming.ts';
import { elementsOf, isElement, type XmlElement } from '../../../../src/xmpp/element.ts';
import { lookAtPlain, received } from '../../../../src/xmpp/received.ts';
import { readCarbon } from '../../../../src/xmpp/stanza/carbons.ts';
import { readDiscoInfo, readDiscoItems } from '../../../../src/xmpp/stanza/disco.ts';
import { readFin, readResult } from '../../../../src/xmpp/stanza/mam.ts';
import { readDeparted, readJoined, readMixSender } from '../../../../src/xmpp/stanza/mix.ts';
import { mlsIn, readMls } from '../../../../src/xmpp/stanza/mls.ts';
import { readDevices, readKeyPackages } from '../../../../src/xmpp/stanza/mlsItems.ts';
import {
  readAffiliates,
  readDestroyed,
  readRoomConfiguration,
  readRoomNotice,
  readRoomPresence,
  readSubject,
} from '../../../../src/xmpp/stanza/muc.ts';
import { readConfiguration, readEvent, readItems } from '../../../../src/xmpp/stanza/pubsub.ts';
import { readEnvelope } from '../../../../src/xmpp/stanza/sce.ts';
import { failWith } from '../../../../src/xmpp/stanza/stanzaError.ts';
import { readOriginId, readStanzaId } from '../../../../src/xmpp/stanza/stanzaId.ts';
import { readSlot, uploadLimit } from '../../../../src/xmpp/stanza/upload.ts';
import { xml } from '../../../support/xml.ts';

const ROOM = 'r@c.example';
const query = { archive: ROOM, queryId: 'q', page: { max: 1 } };

const READERS: readonly ((stanza: XmlElement) => unknown)[] = [
  (stanza) => readCarbon(stanza, ROOM),
  readDiscoInfo,
  readDiscoItems,
  readFin,
  (stanza) => readResult(stanza, query, ROOM),
  (stanza) => readMls(mlsIn(stanza) ?? stanza),
  readDevices,
  readKeyPackages,
  readAffiliates,
  readRoomConfiguration,
  readRoomPresence,
  readRoomNotice,
  readDestroyed,
  readDeparted,
  readJoined,
  readMixSender,
  readSubject,
  readConfiguration,
  (stanza) => readEvent(stanza, ROOM),
  (stanza) => readItems(stanza, ROOM, 'n'),
  readEnvelope,
  failWith,
  readOriginId,
  (stanza) => readStanzaId(stanza, ROOM),
  (stanza) => readIncoming(stanza, ROOM),
  (stanza) => {
    const { content } = readContent(elementsOf(stanza));
    // What was read can be written again, whatever it was.
    return [handlingOf(content), buildContent(content)];
  },
  readSlot,
  (stanza) => uploadLimit(readDiscoInfo(stanza)),
];

const STANZAS = [
  `<message from='${ROOM}'><sent xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client'/></forwarded></sent></message>`,
  `<message from='${ROOM}'><result xmlns='urn:xmpp:mam:2' queryid='q' id='1'><forwarded xmlns='urn:xmpp:forward:0'><delay xmlns='urn:xmpp:delay' stamp='2026-01-01T00:00:00Z'/><message xmlns='jabber:client'/></forwarded></result></message>`,
  "<iq><fin xmlns='urn:xmpp:mam:2' complete='true'><set xmlns='http://jabber.org/protocol/rsm'><first>1</first><last>2</last></set></fin></iq>",
  "<message><mls xmlns='urn:xmpp:mls:0' branch='6f1d0c7a9b3e4425'><commit>AAEC</commit><group-info branch='6f1d0c7a9b3e4425'>AAEC</group-info></mls></message>",
  "<message><mls xmlns='urn:xmpp:mls:0'><desync gid='6d2f0c1e9ab34c7d8e5f60718293a4b5' epoch='4' branch='6f1d0c7a9b3e4425' device='77aa01c2d3e4f506'/></mls></message>",
  "<keypackages xmlns='urn:xmpp:mls:0'><kp suite='1' last-resort='true'>AAEC</kp></keypackages>",
  "<devices xmlns='urn:xmpp:mls:0'><list>AAEC</list><signature>AAEC</signature></devices>",
  "<iq><query xmlns='http://jabber.org/protocol/disco#info'><identity category='a' type='b'/><feature var='c'/></query></iq>",
  "<iq><query xmlns='http://jabber.org/protocol/muc#admin'><item jid='a@b' affiliation='member'/></query></iq>",
  `<presence from='${ROOM}/n'><x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='none' role='none'/><status code='110'/></x></presence>`,
  "<message><event xmlns='http://jabber.org/protocol/pubsub#event'><items node='n'><item id='1'><a xmlns='b'/></item></items></event></message>",
  "<iq><pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='n'><item id='1'/></items></pubsub></iq>",
  "<envelope xmlns='urn:xmpp:sce:1'><content/><from jid='a@b'/><to jid='a@c'/><time stamp='2026-01-01T00:00:00Z'/><mid xmlns='urn:xmpp:mls:0' id='1'/></envelope>",
  `<message type='groupchat'><subject>x</subject><origin-id xmlns='urn:xmpp:sid:0' id='1'/><stanza-id xmlns='urn:xmpp:sid:0' by='${ROOM}' id='2'/></message>`,
  "<message from='a@b' type='chat'><mls xmlns='urn:xmpp:mls:0' branch='6f1d0c7a9b3e4425'><app>AAEC</app></mls><encryption xmlns='urn:xmpp:eme:0' namespace='urn:xmpp:mls:0'/><body>x</body></message>",
  "<iq><slot xmlns='urn:xmpp:http:upload:0'><put url='https://u.example/a'><header name='Cookie'>x</header></put><get url='https://u.example/a'/></slot></iq>",
  "<iq><query xmlns='http://jabber.org/protocol/disco#info'><feature var='urn:xmpp:http:upload:0'/><x xmlns='jabber:x:data'><field var='FORM_TYPE'><value>urn:xmpp:http:upload:0</value></field><field var='max-file-size'><value>5</value></field></x></query></iq>",
  "<content xmlns='urn:xmpp:sce:1'><body xmlns='jabber:client'>x</body><reply xmlns='urn:xmpp:reply:0' id='1' to='a@b'/><reactions xmlns='urn:xmpp:reactions:0' id='1'><reaction>x</reaction></reactions></content>",
  "<content xmlns='urn:xmpp:sce:1'><replace xmlns='urn:xmpp:message-correct:0' id='1'/><retract xmlns='urn:xmpp:message-retract:1' id='1'/><composing xmlns='http://jabber.org/protocol/chatstates'/><invite xmlns='urn:xmpp:call-invites:0' video='true'><jingle sid='1'/></invite></content>",
  "<content xmlns='urn:xmpp:sce:1'><mention xmlns='urn:xmpp:mentions:0' begin='1' end='2' jid='a@b'/><fallback xmlns='urn:xmpp:fallback:0' for='x'><body start='1' end='2'/></fallback></content>",
  "<content xmlns='urn:xmpp:sce:1'><file-sharing xmlns='urn:xmpp:sfs:0'><file xmlns='urn:xmpp:file:metadata:0'><size>1</size><date>2026-01-01T00:00:00Z</date><hash xmlns='urn:xmpp:hashes:2' algo='sha-256'>AAEC</hash></file><sources><encrypted xmlns='urn:xmpp:esfs:0' cipher='x'><key>AAEC</key><iv>AAEC</iv><sources><url-data xmlns='http://jabber.org/protocol/url-data' target='x'/></sources></encrypted></sources></file-sharing></content>",
  "<iq type='error'><error type='wait'><conflict xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>",
  "<presence><x xmlns='http://jabber.org/protocol/muc#user'><destroy jid='a@b'><reason/></destroy></x></presence>",
  "<message><mix xmlns='urn:xmpp:mix:core:0'><nick>n</nick><submission-id>1</submission-id><jid>a@b</jid></mix></message>",
  "<iq><client-join xmlns='urn:xmpp:mix:pam:2'><join xmlns='urn:xmpp:mix:core:1' jid='1#a@b'/></client-join></iq>",
  "<message><event xmlns='http://jabber.org/protocol/pubsub#event'><items node='urn:xmpp:mix:nodes:participants'><retract id='1'/></items></event></message>",
].map(xml);

const VALUES = [
  '',
  'x',
  '-1',
  '@',
  '/',
  'a@b/c',
  '\u0000',
  '1e9',
  '99999999999999999999',
  '__proto__',
  'constructor',
];

/** One damage at the n-th element of a tree: an attribute, a text, a child twice, or none left. */
function damaged(element: XmlElement, place: number, how: number, value: string): XmlElement {
  let at = place;
  const visit = (one: XmlElement): XmlElement => {
    const here = at-- === 0;
    const children = one.children.map((child) => (isElement(child) ? visit(child) : child));
    if (!here) return { ...one, children };
    const names = Object.keys(one.attrs);
    const name = names[how % Math.max(names.length, 1)] ?? 'id';
    const { [name]: _, ...others } = one.attrs;
    switch (how % 6) {
      case 0:
        return { ...one, attrs: others, children };
      case 1:
        return { ...one, attrs: { ...others, [name]: value }, children };
      case 2:
        return { ...one, children: [...children, ...children] };
      case 3:
        return { ...one, children: [] };
      case 4:
        return { ...one, children: [...children, value] };
      default:
        return { ...one, name: value };
    }
  };
  return visit(element);
}

test('XMP-05, XMP-20, XMP-21: no reader throws anything but MlsError', () => {
  const damage = fc.tuple(fc.nat(12), fc.nat(59), fc.constantFrom(...VALUES));
  fc.assert(
    fc.property(fc.constantFrom(...STANZAS), fc.array(damage, { maxLength: 3 }), (stanza, damages) => {
      const broken = damages.reduce((one, [place, how, value]) => damaged(one, place, how, value), stanza);
      for (const read of [...READERS, (one: XmlElement) => received(one, lookAtPlain)]) {
        try {
          read(broken);
        } catch (error) {
          expect(error).toBeInstanceOf(MlsError);
        }
      }
    }),
    { numRuns: 3000 },
  );
});

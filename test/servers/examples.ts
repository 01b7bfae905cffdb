/**
 * The stanzas of section 5 of the design, with real bytes. `ROOM`, `PEER` and `SELF` are replaced by addresses of the
 * server they are tried on, and each `BYTES` by base64.
 */

/** How a message travels: to the bare address of the other account, through a room, or to one occupant of it. */
export type Route = 'chat' | 'headline' | 'room' | 'unkept' | 'occupant';

const KEPT = `<store xmlns='urn:xmpp:hints'/>`;
const EME = `<encryption xmlns='urn:xmpp:eme:0' namespace='urn:xmpp:mls:0' name='MLS'/>`;
const INFO = `<group-info branch='03e8d1b6f7aa5c20'>BYTES</group-info>`;

/** Messages: title, route, the element that carries MLS, and what stands beside it. */
export const MESSAGES: readonly (readonly [title: string, route: Route, mls: string, beside: string])[] = [
  [
    '5.3: an application message',
    'chat',
    `<mls xmlns='urn:xmpp:mls:0' branch='6f1d0c7a9b3e4425'><app>BYTES</app></mls>`,
    EME + KEPT,
  ],
  [
    '5.5: an application message in a room',
    'room',
    `<mls xmlns='urn:xmpp:mls:0' branch='a94b2277d05c1e9f'><app>BYTES</app></mls>`,
    EME + KEPT,
  ],
  [
    '5.6: a commit with its GroupInfo',
    'room',
    `<mls xmlns='urn:xmpp:mls:0' branch='a94b2277d05c1e9f'><commit>BYTES</commit>${INFO}</mls>`,
    KEPT,
  ],
  [
    '5.7: a proposal',
    'room',
    `<mls xmlns='urn:xmpp:mls:0' branch='03e8d1b6f7aa5c20'><proposal>BYTES</proposal></mls>`,
    KEPT,
  ],
  [
    '5.8: a Welcome',
    'chat',
    `<mls xmlns='urn:xmpp:mls:0'><welcome sequencer='ROOM' cursor='Xf0uTq8RjB6eGy2MzKp4WdSa'>BYTES</welcome></mls>`,
    KEPT,
  ],
  ['5.9: the first entry of a log room', 'room', `<mls xmlns='urn:xmpp:mls:0'>${INFO}</mls>`, KEPT],
  [
    '5.9: a hint that the log has grown',
    'headline',
    `<mls xmlns='urn:xmpp:mls:0'><log-hint gid='6d2f0c1e9ab34c7d8e5f60718293a4b5' epoch='8'/></mls>`,
    `<no-store xmlns='urn:xmpp:hints'/>`,
  ],
  [
    '5.10: an external commit with a patch of the tree',
    'room',
    `<mls xmlns='urn:xmpp:mls:0' branch='03e8d1b6f7aa5c20'><commit>BYTES</commit>${INFO}<tree-patch>BYTES</tree-patch></mls>`,
    KEPT,
  ],
  [
    '5.11: a request to be let in',
    'chat',
    `<mls xmlns='urn:xmpp:mls:0'>
  <join-request gid='b0275c0a4d6e4f1a9c3388d1c25e6f70' sequencer='ROOM'>
    <device id='77aa01c2d3e4f506'/>
  </join-request>
</mls>`,
    KEPT,
  ],
  [
    '5.11: a request for a GroupInfo',
    'unkept',
    `<mls xmlns='urn:xmpp:mls:0'><info-request/></mls>`,
    `<no-store xmlns='urn:xmpp:hints'/>`,
  ],
  [
    '5.11: a report of desync',
    'chat',
    `<mls xmlns='urn:xmpp:mls:0'><desync gid='b0275c0a4d6e4f1a9c3388d1c25e6f70' epoch='41' branch='03e8d1b6f7aa5c20' device='77aa01c2d3e4f506'/></mls>`,
    KEPT,
  ],
  [
    '5.12: a private message of a room',
    'occupant',
    `<mls xmlns='urn:xmpp:mls:0' branch='5e0c9b1144ad7f32'><app>BYTES</app></mls>`,
    `<x xmlns='http://jabber.org/protocol/muc#user'/>${EME}${KEPT}`,
  ],
  [
    '5.13: a tree by reference',
    'room',
    `<mls xmlns='urn:xmpp:mls:0' branch='03e8d1b6f7aa5c20'>
  <tree epoch='640' size='422310' sha-256='7bQbO0n1rLrYz1x1m4cXk0m3o2q3s5v8n1d6g9j2l4E='>
    <sources xmlns='urn:xmpp:sfs:0'>
      <url-data xmlns='http://jabber.org/protocol/url-data' target='https://upload.example/4a771ac1/tree.bin'/>
    </sources>
  </tree>
</mls>`,
    KEPT,
  ],
  [
    'R8: with prefixes',
    'room',
    `<m:mls xmlns:m='urn:xmpp:mls:0' branch='03e8d1b6f7aa5c20'><m:commit>BYTES</m:commit><m:group-info branch='03e8d1b6f7aa5c20'>BYTES</m:group-info></m:mls>`,
    `<h:store xmlns:h='urn:xmpp:hints'/>`,
  ],
  [
    'R8: with prefixes, to an account',
    'chat',
    `<m:mls xmlns:m='urn:xmpp:mls:0' branch='03e8d1b6f7aa5c20'><m:app>BYTES</m:app></m:mls>`,
    KEPT,
  ],
  [
    'R8: with attributes that are not ours, references, and a section of characters',
    'room',
    `<mls xmlns='urn:xmpp:mls:0' branch="&#x30;3e8d1b6f7aa5c20" note=' a  b&#10;c&#9;d '><app>BYTES</app><later xmlns='urn:later'><![CDATA[<&>]]></later></mls>`,
    KEPT,
  ],
];

/** Requests of 5.1, 5.2 and 5.9 that the server has to take as they stand; `_FORM_` is filled for either server. */
export const REQUESTS: readonly (readonly [title: string, iq: string])[] = [
  [
    '5.1: a node with its configuration',
    `<iq type='set' id='dev0'><pubsub xmlns='http://jabber.org/protocol/pubsub'><create node='urn:xmpp:mls:0:devices'/><configure><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE' type='hidden'><value>http://jabber.org/protocol/pubsub#node_config</value></field><field var='pubsub#access_model'><value>open</value></field><field var='pubsub#persist_items'><value>true</value></field><field var='pubsub#max_items'><value>1</value></field></x></configure></pubsub></iq>`,
  ],
  [
    '5.1: a list of devices',
    publishOf(
      'devices',
      'current',
      `<devices xmlns='urn:xmpp:mls:0'><list>BYTES</list><signature>BYTES</signature></devices>`,
    ),
  ],
  [
    '5.2: a node that keeps as much as it may',
    `<iq type='set' id='kp0'><pubsub xmlns='http://jabber.org/protocol/pubsub'><create node='urn:xmpp:mls:0:keypackages'/><configure><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE' type='hidden'><value>http://jabber.org/protocol/pubsub#node_config</value></field><field var='pubsub#access_model'><value>open</value></field><field var='pubsub#persist_items'><value>true</value></field><field var='pubsub#max_items'><value>max</value></field></x></configure></pubsub></iq>`,
  ],
  [
    '5.2: KeyPackages',
    publishOf(
      'keypackages',
      '9f3c1a5b7e2d4860',
      `<keypackages xmlns='urn:xmpp:mls:0'><kp suite='1'>BYTES</kp><kp suite='1'>BYTES</kp><kp suite='1' last-resort='true'>BYTES</kp></keypackages>`,
    ),
  ],
  [
    '5.9: the form of a log room',
    `<iq type='set' id='lr2' to='ROOM'><query xmlns='http://jabber.org/protocol/muc#owner'><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE' type='hidden'><value>http://jabber.org/protocol/muc#roomconfig</value></field><field var='muc#roomconfig_persistentroom'><value>1</value></field><field var='muc#roomconfig_membersonly'><value>1</value></field><field var='muc#roomconfig_whois'><value>anyone</value></field><field var='muc#roomconfig_publicroom'><value>0</value></field><field var='muc#roomconfig_moderatedroom'><value>0</value></field><field var='muc#roomconfig_changesubject'><value>0</value></field><field var='ARCHIVING'><value>1</value></field></x></query></iq>`,
  ],
  [
    '5.9: a second owner',
    `<iq type='set' id='lr3' to='ROOM'><query xmlns='http://jabber.org/protocol/muc#admin'><item jid='PEER' affiliation='owner'/></query></iq>`,
  ],
  [
    '5.9: a question to the archive',
    `<iq type='set' id='lr5' to='ROOM'><query xmlns='urn:xmpp:mam:2' queryid='q5'><set xmlns='http://jabber.org/protocol/rsm'><max>50</max></set></query></iq>`,
  ],
];

/** Items that were published and are fetched by the other account: node, id, element. */
function publishOf(node: string, id: string, payload: string): string {
  return `<iq type='set' id='pub-${node}'><pubsub xmlns='http://jabber.org/protocol/pubsub'><publish node='urn:xmpp:mls:0:${node}'><item id='${id}'>${payload}</item></publish><publish-options><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE' type='hidden'><value>http://jabber.org/protocol/pubsub#publish-options</value></field><field var='pubsub#access_model'><value>open</value></field><field var='pubsub#persist_items'><value>true</value></field></x></publish-options></pubsub></iq>`;
}

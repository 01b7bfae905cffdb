/** Nodes, items, forms and discovery. */

import { describe, expect, test } from 'vitest';
import { attr, child, el, needChild, type XmlElement } from '../../../../src/xmpp/element.ts';
import { serialise } from '../../../../src/xmpp/serialise.ts';
import { discoInfo, discoItems, readDiscoInfo, readDiscoItems } from '../../../../src/xmpp/stanza/disco.ts';
import { offered, readForm } from '../../../../src/xmpp/stanza/form.ts';
import {
  affiliate,
  configurationOf,
  configure,
  createNode,
  fetchItems,
  isAbsent,
  publish,
  readConfiguration,
  readEvent,
  readItems,
  retract,
} from '../../../../src/xmpp/stanza/pubsub.ts';
import { failWith } from '../../../../src/xmpp/stanza/stanzaError.ts';
import { codeOf, errorOf } from '../../../support/refusals.ts';
import { sent, xml } from '../../../support/xml.ts';

const OPEN = { accessModel: 'open', maxItems: 'max' } as const;
const ROMEO = 'romeo@montague.example';

function items(content: string, from = `from='${ROMEO}'`): XmlElement {
  return xml(
    `<iq type='result' ${from}><pubsub xmlns='http://jabber.org/protocol/pubsub'>${content}</pubsub></iq>`,
  );
}

function event(content: string, attrs = `from='${ROMEO}'`): XmlElement {
  return xml(
    `<message ${attrs}><event xmlns='http://jabber.org/protocol/pubsub#event'>${content}</event></message>`,
  );
}

describe('requests', () => {
  test('create and configure in one, with exactly three fields', () => {
    expect(serialise(createNode('urn:n', OPEN))).toBe(
      "<iq type='set'><pubsub xmlns='http://jabber.org/protocol/pubsub'><create node='urn:n'/><configure>" +
        "<x xmlns='jabber:x:data' type='submit'><field type='hidden' var='FORM_TYPE'>" +
        '<value>http://jabber.org/protocol/pubsub#node_config</value></field>' +
        "<field var='pubsub#access_model'><value>open</value></field>" +
        "<field var='pubsub#persist_items'><value>true</value></field>" +
        "<field var='pubsub#max_items'><value>max</value></field></x></configure></pubsub></iq>",
    );
  });

  test('publish one item, with the two options that every server takes', () => {
    const text = serialise(publish('urn:n', { id: 'i', payload: el('p', { xmlns: 'urn:p' }) }, OPEN));
    expect(text).toContain("<publish node='urn:n'><item id='i'><p xmlns='urn:p'/></item></publish>");
    expect(text.match(/<field /g)).toHaveLength(3);
    expect(text).not.toContain('max_items');
  });

  test('fetch, retract, affiliate, configure', () => {
    expect(serialise(fetchItems(ROMEO, 'urn:n', ['a', 'b']))).toContain(
      "to='romeo@montague.example' type='get'><pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='urn:n'>" +
        "<item id='a'/><item id='b'/></items>",
    );
    expect(serialise(retract('urn:n', 'a'))).toContain(
      "<retract node='urn:n' notify='1'><item id='a'/></retract>",
    );
    expect(serialise(affiliate('urn:n', ROMEO, 'member'))).toContain(
      "<affiliation affiliation='member' jid='romeo@montague.example'/>",
    );
    expect(serialise(configurationOf('urn:n'))).toContain("<configure node='urn:n'/>");
    expect(serialise(configure('urn:n', { 'pubsub#max_items': '1' }))).toContain('<value>1</value>');
  });
});

describe('items', () => {
  test('are read with their payloads', () => {
    const found = readItems(
      items("<items node='urn:n'><item id='1'><p xmlns='urn:p'/></item><item id='2'/></items>"),
      ROMEO,
      'urn:n',
    );
    expect(found.map(({ id, payload }) => [id, payload?.name])).toEqual([
      ['1', 'p'],
      ['2', undefined],
    ]);
    expect(readItems(items("<items node='urn:n'/>", ''), ROMEO, 'urn:n')).toEqual([]);
  });

  test('XMP-14: of somebody else are refused', () => {
    const answer = items("<items node='urn:n'/>");
    expect(codeOf(() => readItems(answer, 'juliet@capulet.example', 'urn:n'))).toBe('xmpp.node-owner');
    expect(codeOf(() => readItems(answer, ROMEO, 'urn:other'))).toBe('xmpp.stanza');
  });

  test.each([
    "<items node='urn:n'><item/></items>",
    "<items node='urn:n'><item id='1'/><item id='1'/></items>",
    "<items node='urn:n'><item id='1'><a/><b/></item></items>",
    "<items node='urn:n'/><items node='urn:n'/>",
    '<items/>',
    '',
  ])('XMP-14: %j is refused', (content) => {
    expect(codeOf(() => readItems(items(content), ROMEO, 'urn:n'))).toBe('xmpp.stanza');
  });
});

describe('events', () => {
  test('say whose node it is', () => {
    const self = 'juliet@capulet.example';
    const published = "<items node='urn:n'><item id='1'><p xmlns='urn:p'/></item></items>";
    expect(readEvent(event(published), self)).toMatchObject({ from: ROMEO, node: 'urn:n', emptied: false });
    expect(readEvent(event(published, ''), self)?.from).toBe(self);
    expect(readEvent(event("<items node='urn:n'><retract id='1'/></items>"), self)?.retracted).toEqual(['1']);
    expect(readEvent(event("<purge node='urn:n'/>"), self)?.emptied).toBe(true);
    expect(readEvent(event("<delete node='urn:n'/>"), self)?.emptied).toBe(true);
  });

  test('of other kinds, bounces and ordinary messages are none', () => {
    expect(readEvent(event("<subscription node='urn:n'/>"), 'a')).toBeUndefined();
    expect(readEvent(event("<purge node='urn:n'/>", "type='error'"), 'a')).toBeUndefined();
    expect(readEvent(el('message'), 'a')).toBeUndefined();
  });

  test('that are malformed are refused', () => {
    for (const bad of [
      '',
      '<items/>',
      "<items node='a'/><items node='b'/>",
      "<items node='a'><retract/></items>",
    ]) {
      expect(codeOf(() => readEvent(event(bad), 'a'))).toBe('xmpp.stanza');
    }
  });
});

describe('configuration', () => {
  test('only fields that the form has are sent', () => {
    const answer = xml(`
      <iq type='result'><pubsub xmlns='http://jabber.org/protocol/pubsub#owner'><configure node='urn:n'>
        <x xmlns='jabber:x:data' type='form'>
          <field var='FORM_TYPE' type='hidden'><value>http://jabber.org/protocol/pubsub#node_config</value></field>
          <field type='fixed'><value>Access</value></field>
          <field var='pubsub#access_model'><value>presence</value><option><value>open</value></option></field>
          <field var='pubsub#publish_model'><value>publishers</value></field>
        </x>
      </configure></pubsub></iq>`);
    const form = readConfiguration(answer);
    expect(form.get('pubsub#access_model')).toEqual(['presence']);
    expect(offered(form, { 'pubsub#access_model': 'open', 'pubsub#max_items': '1' })).toEqual({
      'pubsub#access_model': 'open',
    });
  });

  test('without its form, or with a field twice, is refused', () => {
    const owner = (...inside: XmlElement[]): XmlElement =>
      el(
        'iq',
        {},
        el('pubsub', { xmlns: 'http://jabber.org/protocol/pubsub#owner' }, el('configure', {}, ...inside)),
      );
    expect(codeOf(() => readConfiguration(owner()))).toBe('xmpp.stanza');
    const twice = el('x', { xmlns: 'jabber:x:data' }, el('field', { var: 'a' }), el('field', { var: 'a' }));
    expect(codeOf(() => readForm(twice))).toBe('xmpp.stanza');
  });
});

describe('a fetch that fails', () => {
  test.each([
    ["<forbidden xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>", true],
    ["<item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>", true],
    [
      "<not-allowed xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/><closed-node xmlns='http://jabber.org/protocol/pubsub#errors'/>",
      true,
    ],
    ["<internal-server-error xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>", false],
  ])('%s means absent: %s', (condition, absent) => {
    const error = errorOf(() =>
      failWith(xml(`<iq type='error'><error type='cancel'>${condition}</error></iq>`)),
    );
    expect(isAbsent(error)).toBe(absent);
    expect(isAbsent(new Error('forbidden'))).toBe(false);
  });
});

describe('disco', () => {
  test('asks and reads', () => {
    const query = child(sent(discoInfo('a.example', 'n')), 'query', 'http://jabber.org/protocol/disco#info');
    expect(query && attr(query, 'node')).toBe('n');
    expect(
      needChild(sent(discoItems('a.example')), 'query', 'http://jabber.org/protocol/disco#items'),
    ).toBeDefined();
    const info = readDiscoInfo(
      xml(`<iq type='result'><query xmlns='http://jabber.org/protocol/disco#info'>
        <identity category='conference' type='text' name='Coven'/>
        <feature var='urn:xmpp:mam:2'/><feature var='muc_membersonly'/>
        <x xmlns='jabber:x:data' type='result'><field var='FORM_TYPE'><value>urn:f</value></field></x>
      </query></iq>`),
    );
    expect(info.identities).toEqual([{ category: 'conference', type: 'text', name: 'Coven' }]);
    expect([...info.features]).toEqual(['urn:xmpp:mam:2', 'muc_membersonly']);
    expect(info.forms[0]?.get('FORM_TYPE')).toEqual(['urn:f']);
    const list = xml(
      `<iq><query xmlns='http://jabber.org/protocol/disco#items'><item jid='chat.example' name='Rooms'/></query></iq>`,
    );
    expect(readDiscoItems(list)).toEqual([{ jid: 'chat.example', node: undefined, name: 'Rooms' }]);
  });

  test('refuses a feature without a name', () => {
    const bad = xml(`<iq><query xmlns='http://jabber.org/protocol/disco#info'><feature/></query></iq>`);
    expect(codeOf(() => readDiscoInfo(bad))).toBe('xmpp.stanza');
    expect(codeOf(() => readDiscoInfo(el('iq')))).toBe('xmpp.stanza');
  });
});

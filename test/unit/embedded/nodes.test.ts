/** PEP: what was measured of both servers, row by row. */

import { describe, expect, test } from 'vitest';
import type { Limits } from '../../../src/embedded/index.ts';
import { attr, el, type XmlElement } from '../../../src/xmpp/element.ts';
import { discoItems, readDiscoItems } from '../../../src/xmpp/stanza/disco.ts';
import { submit } from '../../../src/xmpp/stanza/form.ts';
import { iqSet } from '../../../src/xmpp/stanza/iq.ts';
import * as pubsub from '../../../src/xmpp/stanza/pubsub.ts';
import { DIALECTS, type Lab, labOf, refused, settled, type Watcher } from '../../support/embedded.ts';

const OPEN = { accessModel: 'open', maxItems: 'max' } as const;
const NODE = 'urn:node';

function payload(text: string): XmlElement {
  return el('p', { xmlns: 'urn:p' }, text);
}

function put(id: string, text: string, options: pubsub.NodeOptions = OPEN): XmlElement {
  return pubsub.publish(NODE, { id, payload: payload(text) }, options);
}

/** A request to the nodes of an account, with other content than our builders give. */
function ask(owner: string | undefined, ...children: XmlElement[]): XmlElement {
  return iqSet(owner, el('pubsub', { xmlns: pubsub.NS_PUBSUB }, ...children));
}

describe.each(DIALECTS)('nodes as %s has them', (dialect) => {
  const prosody = dialect === 'prosody';

  async function two(
    options: { limits?: Partial<Limits> } = {},
  ): Promise<{ lab: Lab; alice: Watcher; bob: Watcher }> {
    const lab = labOf({ dialect, ...options });
    lab.server.befriend('alice', 'bob');
    return { lab, alice: await lab.client('alice'), bob: await lab.client('bob') };
  }

  async function itemsSeenBy(who: Watcher, owner: Watcher, ids: string[] = []): Promise<string[]> {
    const result = await who.transport.request(pubsub.fetchItems(owner.bare, NODE, ids));
    return pubsub.readItems(result, owner.bare, NODE).map(({ id }) => id);
  }

  test('creates with a configuration, once', async () => {
    const { alice } = await two();
    await alice.transport.request(pubsub.createNode(NODE, OPEN));
    expect(await refused(alice.transport.request(pubsub.createNode(NODE, OPEN)))).toBe('cancel/conflict');
    const form = pubsub.readConfiguration(await alice.transport.request(pubsub.configurationOf(NODE)));
    expect(form.get('pubsub#access_model')).toEqual(['open']);
    expect(form.get('pubsub#max_items')).toEqual(['max']);
    expect(form.get('pubsub#publish_model')).toEqual(['publishers']);
    expect(form.get('pubsub#notify_retract')).toEqual([prosody ? '1' : '0']);
  });

  test('makes a node by publishing: one item, for contacts', async () => {
    const { lab, alice, bob } = await two();
    const carol = await lab.client('carol');
    await alice.transport.request(
      ask(undefined, el('publish', { node: NODE }, el('item', { id: '1' }, payload('x')))),
    );
    await alice.transport.request(
      ask(undefined, el('publish', { node: NODE }, el('item', { id: '2' }, payload('x')))),
    );
    expect(await itemsSeenBy(bob, alice)).toEqual(['2']);
    expect(await refused(itemsSeenBy(carol, alice))).toBe(
      prosody ? 'auth/forbidden' : 'auth/not-authorized/presence-subscription-required',
    );
  });

  test('options of a publish: ejabberd knows two, and both refuse what contradicts', async () => {
    const { alice } = await two();
    const options = submit(`${pubsub.NS_PUBSUB}#publish-options`, { 'pubsub#max_items': 'max' });
    const item = el('item', { id: '1' }, payload('x'));
    const publish = ask(undefined, el('publish', { node: NODE }, item), el('publish-options', {}, options));
    expect(await refused(alice.transport.request(publish))).toBe(
      prosody ? 'done' : 'wait/resource-constraint',
    );
    await refused(alice.transport.request(pubsub.createNode(NODE, { accessModel: 'presence', maxItems: 1 })));
    expect(await refused(alice.transport.request(put('2', 'x')))).toBe(
      'cancel/conflict/precondition-not-met',
    );
    expect(await itemsSeenBy(alice, alice)).toEqual(prosody ? ['1'] : []);
  });

  test('an unknown field in a configuration is refused by ejabberd only; too many items by both', async () => {
    const { alice } = await two();
    await alice.transport.request(pubsub.createNode(NODE, OPEN));
    expect(await refused(alice.transport.request(pubsub.configure(NODE, { 'pubsub#nothing': '1' })))).toBe(
      prosody ? 'done' : 'wait/resource-constraint',
    );
    expect(
      await refused(alice.transport.request(pubsub.configure(NODE, { 'pubsub#max_items': '100000' }))),
    ).toBe(prosody ? 'modify/bad-request' : 'wait/resource-constraint');
    await alice.transport.request(pubsub.configure(NODE, { 'pubsub#access_model': 'whitelist' }));
    const form = pubsub.readConfiguration(await alice.transport.request(pubsub.configurationOf(NODE)));
    expect(form.get('pubsub#access_model')).toEqual(['whitelist']);
    expect(form.get('pubsub#max_items')).toEqual(['max']);
  });

  test('an item that is published again moves in Prosody only, and the first in line goes', async () => {
    const { alice } = await two();
    await alice.transport.request(pubsub.createNode(NODE, { ...OPEN, maxItems: 3 }));
    for (const id of ['1', '2', '3', '1']) await alice.transport.request(put(id, 'x'));
    expect(await itemsSeenBy(alice, alice)).toEqual(prosody ? ['2', '3', '1'] : ['1', '2', '3']);
    await alice.transport.request(put('4', 'x'));
    expect(await itemsSeenBy(alice, alice)).toEqual(prosody ? ['3', '1', '4'] : ['2', '3', '4']);
  });

  test('a fetch by ids leaves out what is not there', async () => {
    const { alice, bob } = await two();
    await alice.transport.request(pubsub.createNode(NODE, OPEN));
    for (const id of ['1', '2', '3']) await alice.transport.request(put(id, id));
    expect(await itemsSeenBy(bob, alice, ['3', 'absent', '1'])).toEqual(['1', '3']);
    expect(await itemsSeenBy(bob, alice, ['absent'])).toEqual([]);
  });

  test('absent and hidden are told alike, not the same on each server', async () => {
    const { lab, alice, bob } = await two();
    const absent = prosody ? 'auth/forbidden' : 'cancel/item-not-found';
    expect(await refused(itemsSeenBy(bob, alice))).toBe(absent);
    const nobody = pubsub.fetchItems(`nobody@${lab.server.domain}`, NODE, ['1']);
    expect(await refused(bob.transport.request(nobody))).toBe(absent);
    await alice.transport.request(pubsub.createNode(NODE, { accessModel: 'whitelist', maxItems: 1 }));
    expect(await refused(itemsSeenBy(bob, alice))).toBe(
      prosody ? 'auth/forbidden' : 'cancel/not-allowed/closed-node',
    );
  });

  test('a member of a whitelist reads and does not write', async () => {
    const { alice, bob } = await two();
    const options = { accessModel: 'whitelist', maxItems: 1 } as const;
    await alice.transport.request(pubsub.createNode(NODE, options));
    await alice.transport.request(pubsub.affiliate(NODE, bob.bare, 'member'));
    await alice.transport.request(put('1', 'x', options));
    expect(await itemsSeenBy(bob, alice)).toEqual(['1']);
    const foreign = ask(alice.bare, el('publish', { node: NODE }, el('item', { id: '2' }, payload('x'))));
    expect(await refused(bob.transport.request(foreign))).toBe('auth/forbidden');
    await alice.transport.request(pubsub.affiliate(NODE, bob.bare, 'none'));
    expect(await refused(itemsSeenBy(bob, alice))).not.toBe('done');
  });

  test('the names of nodes: contacts get all from Prosody, and readable ones from ejabberd', async () => {
    const { lab, alice, bob } = await two();
    await alice.transport.request(pubsub.createNode(NODE, OPEN));
    await alice.transport.request(pubsub.createNode('urn:closed', { accessModel: 'whitelist', maxItems: 1 }));
    const names = async (who: Watcher): Promise<(string | undefined)[]> =>
      readDiscoItems(await who.transport.request(discoItems(alice.bare))).map(({ node }) => node);
    expect(await names(alice)).toEqual([NODE, 'urn:closed']);
    expect(await names(bob)).toEqual(prosody ? [NODE, 'urn:closed'] : [NODE]);
    expect(await refused(names(await lab.client('carol')))).not.toBe('done');
  });

  test('of two items in one request Prosody takes the first', async () => {
    const { alice } = await two();
    await alice.transport.request(pubsub.createNode(NODE, OPEN));
    const items = ['1', '2'].map((id) => el('item', { id }, payload('x')));
    const verdict = prosody ? 'done' : 'modify/bad-request/invalid-payload';
    expect(
      await refused(alice.transport.request(ask(undefined, el('publish', { node: NODE }, ...items)))),
    ).toBe(verdict);
    for (const id of ['1', '2']) await alice.transport.request(put(id, 'x'));
    expect(
      await refused(alice.transport.request(ask(undefined, el('retract', { node: NODE }, ...items)))),
    ).toBe(verdict);
    expect(await itemsSeenBy(alice, alice)).toEqual(prosody ? ['2'] : ['1', '2']);
  });

  test('one of several who retract an item has done it', async () => {
    const { alice } = await two();
    await alice.transport.request(pubsub.createNode(NODE, OPEN));
    await alice.transport.request(put('1', 'x'));
    const all = await Promise.all(
      [1, 2, 3].map(() => refused(alice.transport.request(pubsub.retract(NODE, '1')))),
    );
    expect(all.sort()).toEqual(['cancel/item-not-found', 'cancel/item-not-found', 'done']);
  });

  test('where everybody may publish, Prosody lets a publisher overwrite what is the owner’s', async () => {
    const { alice, bob } = await two();
    await alice.transport.request(pubsub.createNode(NODE, OPEN));
    const foreign = ask(
      alice.bare,
      el('publish', { node: NODE }, el('item', { id: '1' }, payload('theirs'))),
    );
    expect(await refused(bob.transport.request(foreign))).toBe('auth/forbidden');
    await alice.transport.request(pubsub.configure(NODE, { 'pubsub#publish_model': 'open' }));
    await alice.transport.request(put('1', 'mine'));
    expect(await refused(bob.transport.request(foreign))).toBe(prosody ? 'done' : 'auth/forbidden');
  });

  test('a payload above the limit', async () => {
    const { alice } = await two({ limits: { stanzaBytes: 10_000_000 } });
    await alice.transport.request(pubsub.createNode(NODE, OPEN));
    const big = refused(alice.transport.request(put('1', 'x'.repeat(260_000))));
    expect(await big).toBe(prosody ? 'done' : 'xmpp.too-large/not-acceptable/payload-too-big');
  });

  describe('notifications', () => {
    const events = (who: Watcher): pubsub.PubsubEvent[] =>
      who.came.map((one) => pubsub.readEvent(one, who.bare)).filter((one) => one !== undefined);

    test('reach own devices and contacts that say so, and nobody else', async () => {
      const lab = labOf({ dialect });
      lab.server.befriend('alice', 'bob');
      const alice = await lab.client('alice', 'one', [`${NODE}+notify`]);
      const other = await lab.client('alice', 'two', [`${NODE}+notify`]);
      const bob = await lab.client('bob', 'r', [`${NODE}+notify`]);
      const deaf = await lab.client('bob', 'deaf', ['urn:other+notify']);
      const carol = await lab.client('carol', 'r', [`${NODE}+notify`]);
      await alice.transport.request(pubsub.createNode(NODE, OPEN));
      await alice.transport.request(put('1', 'x'));
      await settled();
      for (const who of [alice, other, bob])
        expect(events(who)).toEqual([expect.objectContaining({ from: alice.bare, node: NODE })]);
      expect([events(deaf), events(carol)]).toEqual([[], []]);
      expect(attr(bob.came.at(-1) ?? el('x'), 'type')).toBe('headline');
    });

    test('tell a client that comes of the newest item', async () => {
      const { lab, alice } = await two();
      await alice.transport.request(pubsub.createNode(NODE, OPEN));
      for (const id of ['1', '2']) await alice.transport.request(put(id, 'x'));
      const late = await lab.client('bob', 'late', [`${NODE}+notify`]);
      expect(events(late).map(({ items }) => items.map(({ id }) => id))).toEqual([['2']]);
    });

    test('of a client that answers disco#info itself', async () => {
      const { lab, alice } = await two();
      const bob = await lab.client('bob', 'asked');
      bob.transport.subscribe((iq) => {
        if (iq.name !== 'iq' || attr(iq, 'type') !== 'get') return;
        const query = el(
          'query',
          { xmlns: 'http://jabber.org/protocol/disco#info' },
          el('feature', { var: `${NODE}+notify` }),
        );
        void bob.transport.send(
          el('iq', { type: 'result', id: attr(iq, 'id'), to: attr(iq, 'from') }, query),
        );
      });
      const caps = el('c', {
        xmlns: 'http://jabber.org/protocol/caps',
        node: 'urn:client',
        ver: 'v',
        hash: 'sha-1',
      });
      await bob.transport.send(el('presence', {}, caps));
      await settled();
      await alice.transport.request(put('1', 'x', { accessModel: 'presence', maxItems: 1 }));
      await settled();
      expect(events(bob)).toHaveLength(1);
    });

    test('of retractions go to contacts in Prosody, and to subscribers alone in ejabberd', async () => {
      const lab = labOf({ dialect });
      lab.server.befriend('alice', 'bob');
      const alice = await lab.client('alice');
      const bob = await lab.client('bob', 'r', [`${NODE}+notify`]);
      const carol = await lab.client('carol');
      await alice.transport.request(pubsub.createNode(NODE, OPEN));
      await alice.transport.request(pubsub.configure(NODE, { 'pubsub#notify_retract': '1' }));
      await carol.transport.request(ask(alice.bare, el('subscribe', { node: NODE, jid: carol.jid })));
      await alice.transport.request(put('1', 'x'));
      await alice.transport.request(pubsub.retract(NODE, '1'));
      await settled();
      const retracted = (who: Watcher): string[] => events(who).flatMap((one) => [...one.retracted]);
      expect(events(carol).flatMap(({ items }) => items.map(({ id }) => id))).toEqual(['1']);
      expect(retracted(carol)).toEqual(['1']);
      expect(retracted(bob)).toEqual(prosody ? ['1'] : []);
    });
  });
});

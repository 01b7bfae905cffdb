/** Care for nodes, against a server in memory. */

import { beforeEach, describe, expect, test } from 'vitest';
import { el } from '../../../src/xmpp/element.ts';
import { MOST_ITEM_LENGTH, Nodes } from '../../../src/xmpp/nodes.ts';
import { NODE_OPTIONS } from '../../../src/xmpp/stanza/mlsItems.ts';
import { FakePep, FakeTransport, refuse } from '../../support/fakeTransport.ts';
import { failed } from '../../support/promises.ts';
import { xml } from '../../support/xml.ts';

const ME = 'juliet@capulet.example';
const NODE = 'urn:n';
const MANY = NODE_OPTIONS.keyPackages;
const ITEM = { id: 'i', payload: el('p', { xmlns: 'urn:p' }) };

let pep: FakePep;
let transport: FakeTransport;
let repaired: string[];
let nodes: Nodes;

beforeEach(() => {
  pep = new FakePep();
  transport = new FakeTransport(`${ME}/r`, pep.answer);
  repaired = [];
  nodes = new Nodes({
    transport,
    account: ME,
    repaired: (node, fields) => repaired.push(`${node}: ${fields.join(' ')}`),
  });
});

function form(): Map<string, string> {
  return pep.node(ME, NODE)?.form ?? new Map();
}

describe('nodes of our own', () => {
  test('are made with their configuration, once, and then published to', async () => {
    await nodes.publish(NODE, ITEM, MANY);
    await nodes.publish(NODE, ITEM, MANY);
    expect(transport.asked).toEqual(['create', 'publish', 'publish']);
    expect(form().get('pubsub#max_items')).toBe('max');
    expect(repaired).toEqual([]);
  });

  test('that exist and are as they should be are left alone', async () => {
    await nodes.ensure(NODE, MANY);
    form().set('pubsub#max_items', '256');
    form().set('pubsub#persist_items', '1');
    nodes.renew();
    await nodes.ensure(NODE, MANY);
    expect(transport.asked).toEqual(['create', 'create', 'configure']);
    expect(repaired).toEqual([]);
  });

  test.each([
    [['max', '256', '32'], 'max'],
    [['256', '32'], '256'],
    [['32'], '32'],
  ])('hold as many items as the server allows: of %j, %s', async (allowed, expected) => {
    pep.dialect = { takes: (value) => allowed.includes(value) };
    await nodes.ensure(NODE, MANY);
    expect(form().get('pubsub#max_items')).toBe(expected);
  });

  test('are not had where the server allows too few items', async () => {
    pep.dialect = { takes: () => false };
    const error = await failed(nodes.ensure(NODE, MANY));
    expect([error.code, error.detail]).toMatchObject([
      'xmpp.server-unfit',
      { node: NODE, field: 'pubsub#max_items' },
    ]);
    expect(transport.asked).toEqual(['create', 'create', 'create']);
  });

  test('are not had where the server has no nodes, and the condition is told', async () => {
    transport.answer = () => refuse('service-unavailable');
    const error = await failed(nodes.ensure(NODE, MANY));
    expect([error.code, error.detail]).toMatchObject([
      'xmpp.server-unfit',
      { condition: 'service-unavailable' },
    ]);
  });

  test('are asked for again later when the server has no time', async () => {
    transport.answer = () => refuse('internal-server-error', undefined, 'wait');
    expect((await failed(nodes.ensure(NODE, MANY))).code).toBe('xmpp.refused');
    transport.answer = pep.answer;
    await nodes.ensure(NODE, MANY);
    expect(form().size).toBeGreaterThan(0);
  });

  test('XMP-15: whom others can publish to, or whose access changed, are put right, with one warning', async () => {
    await nodes.ensure(NODE, MANY);
    for (let time = 0; time < 2; time++) {
      form().set('pubsub#publish_model', 'open');
      form().set('pubsub#access_model', 'presence');
      nodes.renew();
      await nodes.ensure(NODE, MANY);
      expect(form().get('pubsub#publish_model')).toBe('publishers');
      expect(form().get('pubsub#access_model')).toBe('open');
    }
    expect(repaired).toEqual([`${NODE}: pubsub#access_model pubsub#publish_model`]);
  });

  test('XMP-15: that stay open to others are reported', async () => {
    await nodes.ensure(NODE, MANY);
    form().set('pubsub#publish_model', 'open');
    pep.dialect = { frozen: true };
    nodes.renew();
    const error = await failed(nodes.ensure(NODE, MANY));
    expect([error.code, error.detail]).toMatchObject([
      'xmpp.server-unfit',
      { field: 'pubsub#publish_model' },
    ]);
  });

  test('have only those fields changed that their form has', async () => {
    await nodes.ensure(NODE, MANY);
    form().delete('pubsub#persist_items');
    form().delete('pubsub#publish_model');
    form().set('pubsub#access_model', 'whitelist');
    nodes.renew();
    await nodes.ensure(NODE, MANY);
    expect([...form().keys()].sort()).toEqual(['FORM_TYPE', 'pubsub#access_model', 'pubsub#max_items']);
    expect(form().get('pubsub#access_model')).toBe('open');
  });

  test('are brought down the ladder of max_items when they exist with fewer', async () => {
    await nodes.ensure(NODE, MANY);
    form().set('pubsub#max_items', '1');
    pep.dialect = { takes: (value) => value === '32' || value === '1' };
    nodes.renew();
    await nodes.ensure(NODE, MANY);
    expect(form().get('pubsub#max_items')).toBe('32');
  });
});

describe('publishing', () => {
  test('puts a node right that has other options, and tries once more', async () => {
    await nodes.ensure(NODE, MANY);
    form().set('pubsub#access_model', 'presence');
    await nodes.publish(NODE, ITEM, MANY);
    expect(transport.asked).toEqual(['create', 'publish', 'configure', 'configure', 'configure', 'publish']);
    expect(pep.node(ME, NODE)?.items.has('i')).toBe(true);
    expect(repaired).toHaveLength(1);
  });

  test('makes the node again that the server has lost', async () => {
    await nodes.ensure(NODE, MANY);
    pep.nodes.clear();
    await nodes.publish(NODE, ITEM, MANY);
    expect(transport.asked).toEqual(['create', 'publish', 'create', 'publish']);
    expect(form().get('pubsub#max_items')).toBe('max');
  });

  test('gives up when it is refused for the options a second time', async () => {
    transport.answer = (iq, from) =>
      JSON.stringify(iq).includes('publish-options')
        ? refuse('conflict', 'precondition-not-met')
        : pep.answer(iq, from);
    const error = await failed(nodes.publish(NODE, ITEM, MANY));
    expect([error.code, error.detail]).toMatchObject(['xmpp.server-unfit', { feature: 'publish-options' }]);
    expect(transport.asked.filter((name) => name === 'publish')).toHaveLength(2);
  });

  test('tells other refusals as they are', async () => {
    await nodes.ensure(NODE, MANY);
    transport.answer = () => refuse('forbidden');
    const error = await failed(nodes.publish(NODE, ITEM, MANY));
    expect([error.code, error.detail]).toMatchObject(['xmpp.refused', { condition: 'forbidden' }]);
  });

  test('XMP-19: sends nothing that is too large', async () => {
    const payload = el('p', { xmlns: 'urn:p' }, 'x'.repeat(MOST_ITEM_LENGTH));
    expect((await failed(nodes.publish(NODE, { id: 'i', payload }, MANY))).code).toBe('xmpp.too-large');
    expect(transport.requests).toEqual([]);
  });
});

describe('fetching', () => {
  test.each([
    ['forbidden', undefined],
    ['item-not-found', undefined],
    ['not-allowed', 'closed-node'],
    ['not-authorized', 'presence-subscription-required'],
  ])('finds nothing where the answer is %s %s', async (condition, specific) => {
    transport.answer = () => refuse(condition, specific);
    expect(await nodes.fetch('romeo@montague.example', NODE, ['i'])).toEqual([]);
  });

  test('tells other refusals', async () => {
    transport.answer = () => refuse('remote-server-not-found');
    expect((await failed(nodes.fetch('romeo@montague.example', NODE, ['i']))).code).toBe('xmpp.refused');
  });

  test('XMP-14: takes items only that were asked for, of whom they were asked of', async () => {
    const answer = (from: string): void => {
      transport.answer = () =>
        xml(
          `<iq type='result' from='${from}'><pubsub xmlns='http://jabber.org/protocol/pubsub'>` +
            `<items node='${NODE}'><item id='j'/><item id='i'/></items></pubsub></iq>`,
        );
    };
    answer('romeo@montague.example');
    expect(await nodes.fetch('romeo@montague.example', NODE, ['i'])).toEqual([
      { id: 'i', payload: undefined },
    ]);
    answer('mercutio@montague.example');
    expect((await failed(nodes.fetch('romeo@montague.example', NODE, ['i']))).code).toBe('xmpp.node-owner');
  });
});

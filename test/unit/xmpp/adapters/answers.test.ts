/** What adapters share: whose answer counts, deadlines, listeners. */

import { describe, expect, test } from 'vitest';
import { MlsError } from '../../../../src/base/error.ts';
import {
  answerTo,
  createHub,
  inClientNamespace,
  parsed,
  timed,
} from '../../../../src/xmpp/adapters/answers.ts';
import { attr, el, type XmlElement } from '../../../../src/xmpp/element.ts';
import { lookAtPlain } from '../../../../src/xmpp/received.ts';
import { codeOf } from '../../../support/refusals.ts';

const SELF = 'juliet@capulet.example/balcony';

function answered(to: string | undefined, from: string | undefined, type = 'result'): XmlElement {
  return answerTo(el('iq', { type: 'get', to }), el('iq', { type, from }), lookAtPlain, SELF);
}

describe('answers', () => {
  test.each([
    [undefined, undefined],
    [undefined, 'juliet@capulet.example'],
    [undefined, SELF],
    ['juliet@capulet.example', undefined],
    ['Juliet@capulet.example', 'juliet@capulet.example'],
    ['capulet.example', undefined],
    ['capulet.example', 'capulet.example'],
    ['romeo@montague.example', 'Romeo@Montague.example'],
    ['coven@chat.example/Nurse', 'coven@chat.example/Nurse'],
    [SELF, SELF],
  ])('to %s may come from %s', (to, from) => {
    expect(attr(answered(to, from), 'type')).toBe('result');
  });

  test.each([
    [undefined, 'romeo@montague.example'],
    [undefined, 'capulet.example'],
    [undefined, 'juliet@capulet.example/phone'],
    ['romeo@montague.example', undefined],
    ['romeo@montague.example', 'juliet@capulet.example'],
    ['romeo@montague.example', 'romeo@montague.example/orchard'],
    ['coven@chat.example', 'coven@chat.example/Nurse'],
    ['capulet.example', 'juliet@capulet.example'],
    ['@', '@'],
  ])('XMP-12: to %s do not come from %s', (to, from) => {
    expect(codeOf(() => answered(to, from))).toBe('xmpp.sender');
    expect(codeOf(() => answered(to, from, 'error'))).toBe('xmpp.sender');
  });

  test('that are errors, or malformed, are thrown', () => {
    expect(codeOf(() => answered(undefined, undefined, 'error'))).toBe('xmpp.refused');
    expect(codeOf(() => answerTo(el('iq'), undefined, lookAtPlain, SELF))).toBe('xmpp.stanza');
    expect(codeOf(() => answerTo(el('iq'), el('iq', { type: 'result' }), lookAtPlain, ''))).toBe(
      'xmpp.sender',
    );
  });

  test('that do not come end in xmpp.timeout', async () => {
    const late = await timed(new Promise(() => undefined), 1).catch((error: unknown) => error);
    expect((late as MlsError).code).toBe('xmpp.timeout');
    expect(await timed(Promise.resolve(7), 1000)).toBe(7);
    await expect(timed(Promise.reject(new MlsError('xmpp.offline')), 1000)).rejects.toMatchObject({
      code: 'xmpp.offline',
    });
  });
});

describe('listeners', () => {
  test('hear messages, presences and questions; answers are not for them', () => {
    const hub = createHub(lookAtPlain, {});
    const heard: string[] = [];
    const stop = hub.subscribe((stanza) => heard.push(`${stanza.name} ${attr(stanza, 'type')}`));
    const kinds = [
      'message chat',
      'presence unavailable',
      'iq get',
      'iq set',
      'iq result',
      'iq error',
      'r x',
    ];
    for (const [name = '', type] of kinds.map((kind) => kind.split(' '))) hub.stanza(el(name, { type }));
    expect(heard).toEqual(kinds.slice(0, 4));
    stop();
    hub.stanza(el('message'));
    expect(heard).toHaveLength(4);
  });

  test('XMP-20: do not hear what is malformed; whoever made the adapter is told', () => {
    const refused: unknown[] = [];
    const hub = createHub(lookAtPlain, { refused: (error) => refused.push(error) });
    hub.subscribe(() => expect.unreachable());
    for (const bad of [undefined, { name: 'message' }, el('x:message')]) hub.stanza(bad);
    expect(refused.map((error) => (error as MlsError).code)).toEqual(Array(3).fill('xmpp.stanza'));
    createHub(lookAtPlain, {}).stanza(undefined);
  });

  test('that throw stop neither the others nor the library', async () => {
    const hub = createHub(lookAtPlain, {});
    const uncaught = new Promise((resolve) => {
      const before = process.listeners('uncaughtException');
      process.removeAllListeners('uncaughtException');
      process.once('uncaughtException', (error) => {
        for (const listener of before) process.on('uncaughtException', listener);
        resolve(error);
      });
    });
    const thrown = new TypeError('of the application');
    let heard = 0;
    hub.subscribe(() => {
      throw thrown;
    });
    hub.subscribe(() => heard++);
    hub.stanza(el('message'));
    expect(heard).toBe(1);
    expect(await uncaught).toBe(thrown);
  });

  test('XMP-33: what was asked in a session ends with it', async () => {
    const hub = createHub(lookAtPlain, {});
    const lost = hub.inSession(new Promise<never>(() => {})).catch((error: unknown) => error);
    const answered = hub.inSession(Promise.resolve('answer'));
    expect(await answered).toBe('answer');
    hub.ended();
    expect((await lost) as MlsError).toMatchObject({ code: 'xmpp.timeout', detail: { session: 'ended' } });
    const refused = new Error('refused');
    await expect(hub.inSession(Promise.reject(refused))).rejects.toBe(refused);
    expect(await hub.inSession(Promise.resolve('in the next'))).toBe('in the next');
  });

  test('hear of a lost connection once, and not of one that never was', () => {
    const hub = createHub(lookAtPlain, {});
    const states: string[] = [];
    hub.watch((state) => states.push(state));
    for (const state of ['offline', 'online', 'offline', 'offline', 'resumed', 'offline'] as const)
      hub.state(state);
    expect(states).toEqual(['online', 'offline', 'resumed', 'offline']);
  });
});

describe('documents', () => {
  test('whatever a parser throws or makes becomes xmpp.stanza', () => {
    const broken = (): never => {
      throw new TypeError('parser');
    };
    const made = (node: unknown): string => codeOf(() => parsed('<a/>', () => node, lookAtPlain));
    expect(codeOf(() => parsed('<a/>', broken, lookAtPlain))).toBe('xmpp.stanza');
    expect(codeOf(() => parsed('<xmpp-mls-document/>', broken, lookAtPlain))).toBe('xmpp.stanza');
    for (const node of [undefined, el('a'), el('xmpp-mls-document'), el('xmpp-mls-document', {}, 'a')]) {
      expect(made(node)).toBe('xmpp.stanza');
    }
    expect(made(el('xmpp-mls-document', {}, el('a'), el('b')))).toBe('xmpp.stanza');
    expect(parsed('<a/>', () => el('xmpp-mls-document', {}, el('a')), lookAtPlain).name).toBe('a');
  });

  test('a stanza without namespace is one of a client', () => {
    expect(inClientNamespace(el('message', { id: '1' })).attrs).toEqual({ xmlns: 'jabber:client', id: '1' });
    expect(inClientNamespace(el('message', { xmlns: 'x' })).attrs).toEqual({ xmlns: 'x' });
  });
});

/** The elements of this protocol: what is built is read, and what is malformed is refused. */

import { describe, expect, test } from 'vitest';
import { fromHex } from '../../../../src/base/bytes.ts';
import { el, type XmlElement } from '../../../../src/xmpp/element.ts';
import { buildMls, type MlsContent, mlsIn, readMls } from '../../../../src/xmpp/stanza/mls.ts';
import { checkCarrier } from '../../../../src/xmpp/stanza/mlsControl.ts';
import {
  buildDevices,
  buildKeyPackages,
  groupInfoNode,
  readDevices,
  readKeyPackages,
} from '../../../../src/xmpp/stanza/mlsItems.ts';
import { codeOf } from '../../../support/refusals.ts';
import { sent, xml } from '../../../support/xml.ts';

const bytes = Uint8Array.of(0, 1, 0, 2, 255);
const branch = fromHex('6f1d0c7a9b3e4425');
const group = fromHex('6d2f0c1e9ab34c7d8e5f60718293a4b5');
const device = '77aa01c2d3e4f506';
const groupInfo = { branch, message: bytes };

const CONTENTS: readonly MlsContent[] = [
  { kind: 'app', message: bytes },
  { kind: 'proposal', message: bytes },
  { kind: 'commit', message: bytes },
  { kind: 'commit', message: bytes, groupInfo, treePatch: bytes },
  { kind: 'group-info', groupInfo },
  { kind: 'group-info', groupInfo, tree: { kind: 'inline', tree: bytes } },
  { kind: 'tree', tree: { kind: 'inline', tree: bytes } },
  {
    kind: 'tree',
    tree: {
      kind: 'reference',
      epoch: 640n,
      size: 422310,
      sha256: new Uint8Array(32),
      urls: ['https://up.example/t'],
    },
  },
  { kind: 'welcome', message: bytes },
  { kind: 'welcome', message: bytes, sequencer: 'coven@chat.example', cursor: 'Xf0u' },
  { kind: 'join-request', group, sequencer: 'coven@chat.example', devices: [device] },
  { kind: 'join-request', group, devices: [device, '0000000000000000'] },
  { kind: 'info-request' },
  { kind: 'info-request', group },
  { kind: 'desync', group, epoch: 2n ** 64n - 1n, branch, device },
  { kind: 'log-hint', group, epoch: 8n },
];

function mls(...children: (XmlElement | string)[]): XmlElement {
  return sent(el('mls', { xmlns: 'urn:xmpp:mls:0' }, ...children));
}

describe('mls', () => {
  test.each(CONTENTS.map((content) => [content.kind, content] as const))(
    '%s is read as it was built',
    (_, content) => {
      expect(readMls(sent(buildMls(content, branch)))).toEqual({ branch, content });
      expect(readMls(sent(buildMls(content)))).toEqual({ branch: undefined, content });
    },
  );

  test('a commit looks as in the paper', () => {
    const message = xml(`
      <message type='groupchat' id='c-0a11' to='coven@chat.example'>
        <mls xmlns='urn:xmpp:mls:0' branch='a94b2277d05c1e9f'>
          <commit>AAEC</commit>
          <group-info branch='03e8d1b6f7aa5c20'>AAED</group-info>
        </mls>
      </message>`);
    const found = mlsIn(message);
    expect(found && readMls(found)).toEqual({
      branch: fromHex('a94b2277d05c1e9f'),
      content: {
        kind: 'commit',
        message: Uint8Array.of(0, 1, 2),
        groupInfo: { branch: fromHex('03e8d1b6f7aa5c20'), message: Uint8Array.of(0, 1, 3) },
      },
    });
  });

  test('XMP-23: two contents in one are refused', () => {
    const app = el('app', {}, 'AAEC');
    const commit = el('commit', {}, 'AAEC');
    const info = el('group-info', { branch: '6f1d0c7a9b3e4425' }, 'AAEC');
    for (const several of [
      [app, app],
      [app, commit],
      [commit, commit],
      [app, info],
      [commit, info, info],
    ]) {
      expect(codeOf(() => readMls(mls(...several)))).toBe('xmpp.stanza');
    }
    expect(readMls(mls(info, commit))?.content.kind).toBe('commit');
  });

  test('XMP-23: two payloads in one stanza are refused, one inside another extension is not seen', () => {
    const one = el('mls', { xmlns: 'urn:xmpp:mls:0' }, el('app', {}, 'AAEC'));
    expect(codeOf(() => mlsIn(el('message', {}, one, one)))).toBe('xmpp.stanza');
    expect(mlsIn(el('message', {}, el('x', { xmlns: 'urn:x' }, one)))).toBeUndefined();
    expect(mlsIn(el('message', {}, el('mls', { xmlns: 'urn:xmpp:mls:1' })))).toBeUndefined();
  });

  test('what a later version adds is skipped, and alone is nothing', () => {
    expect(readMls(mls(el('news', {}, 'x')))).toBeUndefined();
    expect(readMls(mls(el('app', { xmlns: 'urn:other' }, 'AAEC')))).toBeUndefined();
    expect(readMls(mls(el('news'), el('app', { new: '1' }, 'AAEC')))?.content.kind).toBe('app');
  });

  test.each([
    ['no text', el('app')],
    ['an element inside', el('app', {}, 'AAEC', el('x'))],
    ['a patch alone', el('tree-patch', {}, 'AAEC')],
    ['no tag of the GroupInfo', el('group-info', {}, 'AAEC')],
    ['a tag in capitals', el('group-info', { branch: '6F1D0C7A9B3E4425' }, 'AAEC')],
    ['a short tag', el('group-info', { branch: '6f' }, 'AAEC')],
    ['a sequencer that is no address', el('welcome', { sequencer: '@' }, 'AAEC')],
    ['a request without devices', el('join-request', { gid: 'a'.repeat(32) })],
    ['a request without group', el('join-request', {}, el('device', { id: device }))],
    ['a group of another length', el('log-hint', { gid: 'ab', epoch: 1 })],
    ['an epoch of 65 bits', el('log-hint', { gid: 'a'.repeat(32), epoch: 2n ** 64n })],
    ['an epoch with a sign', el('log-hint', { gid: 'a'.repeat(32), epoch: '-1' })],
    ['no epoch', el('log-hint', { gid: 'a'.repeat(32) })],
    [
      'a device that is none',
      el('desync', { gid: 'a'.repeat(32), epoch: 1, branch: 'a'.repeat(16), device: 'x' }),
    ],
    [
      'a hash of another length',
      el('tree', { epoch: 1, size: 1, 'sha-256': 'AAEC' }, el('sources', { xmlns: 'urn:xmpp:sfs:0' })),
    ],
  ])('refuses %s', (_, element) => {
    expect(codeOf(() => readMls(mls(element)))).toBe('xmpp.stanza');
  });

  test('XMP-22: refuses base64 that is not strict', () => {
    for (const bad of ['AAE', 'AAEC\n', 'AB==', 'A-E_']) {
      expect(codeOf(() => readMls(mls(el('app', {}, bad))))).toBe('codec.base64');
    }
  });
});

describe('carriers', () => {
  const ALLOWED: Readonly<Record<string, readonly string[]>> = {
    app: ['chat', 'groupchat'],
    welcome: ['chat'],
    'join-request': ['chat'],
    'info-request': ['chat', 'groupchat'],
    desync: ['chat'],
    'log-hint': ['headline'],
  };

  test('XMP-31, XMP-32: each content has its stanzas, and no bounce is one of them', () => {
    for (const content of CONTENTS) {
      for (const type of ['chat', 'groupchat', 'headline', 'normal', 'error', undefined]) {
        for (const name of ['message', 'presence', 'iq']) {
          const good =
            name === 'message' && (ALLOWED[content.kind] ?? ['groupchat']).includes(type ?? 'normal');
          if (good) checkCarrier(el(name, { type }), content);
          else expect(codeOf(() => checkCarrier(el(name, { type }), content))).toBe('xmpp.stanza');
        }
      }
    }
  });
});

describe('items', () => {
  test('are read as they were built', () => {
    const list = { list: bytes, signature: Uint8Array.of(9) };
    expect(readDevices(sent(buildDevices(list)))).toEqual(list);
    const packages = [
      { suite: 1, lastResort: false, message: bytes },
      { suite: 65535, lastResort: true, message: bytes },
    ];
    expect(readKeyPackages(sent(buildKeyPackages(packages)))).toEqual(packages);
    expect(groupInfoNode(group)).toBe('urn:xmpp:mls:0:group-info/6d2f0c1e9ab34c7d8e5f60718293a4b5');
  });

  test('that are malformed are refused', () => {
    const kp = (attrs: Record<string, string>): XmlElement =>
      el('keypackages', { xmlns: 'urn:xmpp:mls:0' }, el('kp', attrs, 'AAEC'));
    for (const bad of [{}, { suite: '65536' }, { suite: '-1' }, { suite: '' }] as Record<string, string>[]) {
      expect(codeOf(() => readKeyPackages(kp(bad)))).toBe('xmpp.stanza');
    }
    const many = Array.from({ length: 257 }, () => el('kp', { suite: 1 }, 'AAEC'));
    expect(codeOf(() => readKeyPackages(el('keypackages', { xmlns: 'urn:xmpp:mls:0' }, ...many)))).toBe(
      'xmpp.stanza',
    );
    expect(codeOf(() => readKeyPackages(el('devices', { xmlns: 'urn:xmpp:mls:0' })))).toBe('xmpp.stanza');
    expect(
      codeOf(() => readDevices(el('devices', { xmlns: 'urn:xmpp:mls:0' }, el('list', {}, 'AAEC')))),
    ).toBe('xmpp.stanza');
    expect(codeOf(() => readDevices(el('devices', { xmlns: 'urn:other' })))).toBe('xmpp.stanza');
  });
});

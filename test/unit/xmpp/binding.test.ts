/** Section 4.1: the binding of a group, where it may arrive, and the branch tag; section 7.3: notes. */

import { describe, expect, test } from 'vitest';
import { toHex, utf8 } from '../../../src/base/bytes.ts';
import { decode, encode } from '../../../src/codec/codec.ts';
import {
  type Arrival,
  bindingExtension,
  bindingOf,
  branchTag,
  findBinding,
  GroupMode,
  groupExtensions,
  requireArrival,
  sortedPair,
  XmppBinding,
} from '../../../src/xmpp/binding.ts';
import { HandshakeNote, handshakeNote, readHandshakeNote } from '../../../src/xmpp/handshakeNote.ts';
import { codeOf } from '../../support/refusals.ts';
import { account, bindingFor, bound, clientOf, device, dmBinding } from './validity/devices.ts';

const [ann, bob] = [account('ann'), account('bob')];
const room = bindingFor([ann]);

describe('XmppBinding', () => {
  test('bytes are those of section 4.1, in both directions', () => {
    const plain = {
      ...room,
      sequencer: 'r',
      staleAfter: 258,
      admins: [{ jid: 'a@b', aikId: new Uint8Array(32).fill(7) }],
    };
    const bytes = encode(XmppBinding, plain);
    expect(toHex(bytes)).toBe(
      `00010172${'00000100'}00000102${'24'}03${toHex(utf8('a@b'))}${'07'.repeat(32)}00`,
    );
    expect(decode(XmppBinding, bytes)).toEqual(plain);
    const pair = dmBinding(bob, ann);
    expect(pair.pair).toEqual(['ann@example.org', 'bob@example.org']);
    expect(decode(XmppBinding, encode(XmppBinding, pair))).toEqual(pair);
  });

  test.each([
    ['a pair in a room', { ...room, pair: ['a@b', 'c@d'] as const }],
    ['no pair between two', { ...room, mode: GroupMode.dm }],
    ['a pair out of order', { ...room, mode: GroupMode.dm, pair: ['c@d', 'a@b'] as const }],
  ])('%s is refused', (_, binding) => {
    expect(codeOf(() => bindingExtension(binding))).toBe('xmpp.binding');
  });

  test('pairs are in the order of their bytes', () => {
    // In UTF-16 the second one would come first.
    expect(sortedPair('\u{1f600}@x', '\uffee@x')).toEqual(['\uffee@x', '\u{1f600}@x']);
    expect(sortedPair('ab', 'a')).toEqual(['a', 'ab']);
    expect(codeOf(() => sortedPair('a', 'a'))).toBe('xmpp.binding');
  });

  test('what cannot be read is no binding', () => {
    const [, extension] = groupExtensions(room);
    const bytes = extension?.extensionData ?? new Uint8Array(0);
    for (const cut of [0, 1, bytes.length - 1]) {
      const extensions = [{ extensionType: 0xf0e1, extensionData: bytes.slice(0, cut) }];
      expect(findBinding(extensions)).toBeUndefined();
      expect(codeOf(() => bindingOf(extensions))).toBe('xmpp.binding');
    }
    expect(codeOf(() => bindingOf([]))).toBe('xmpp.binding');
  });
});

describe('XMP-29, XMP-34: arrival', () => {
  const other = account('cid');
  const pair = dmBinding(ann, bob, { sequencer: 'log@muc.example.org' });
  const self = bindingFor([ann], { mode: GroupMode.self });
  const mix = bindingFor([ann], { mode: GroupMode.mix });

  test.each<[string, XmppBinding, Arrival, boolean]>([
    ['its room', room, { kind: 'room', jid: 'Room@muc.example.org/nick' }, true],
    ['another room', room, { kind: 'room', jid: 'other@muc.example.org' }, false],
    ['a channel of its name', room, { kind: 'channel', jid: room.sequencer }, false],
    ['its channel', mix, { kind: 'channel', jid: mix.sequencer }, true],
    ['a conversation', room, { kind: 'pair', jids: [ann.jid, bob.jid] }, false],
    ['its pair', pair, { kind: 'pair', jids: [`${bob.jid}/phone`, ann.jid] }, true],
    [
      'its pair and log room',
      pair,
      { kind: 'pair', jids: [ann.jid, bob.jid], sequencer: pair.sequencer },
      true,
    ],
    [
      'its pair in another log room',
      pair,
      { kind: 'pair', jids: [ann.jid, bob.jid], sequencer: 'x@y' },
      false,
    ],
    ['another pair', pair, { kind: 'pair', jids: [ann.jid, other.jid] }, false],
    ['one of the pair twice', pair, { kind: 'pair', jids: [ann.jid, ann.jid] }, false],
    ['its log room as a room', pair, { kind: 'room', jid: pair.sequencer }, false],
    ['the own account', self, { kind: 'self', jid: ann.jid }, true],
    ['another own account', self, { kind: 'self', jid: bob.jid }, false],
  ])('%s', (_, binding, arrival, isRight) => {
    const call = (): unknown => requireArrival(groupExtensions(binding), arrival);
    if (isRight) expect(call()).toEqual(binding);
    else expect(codeOf(call)).toBe('xmpp.binding');
  });
});

test('the branch tag is the same for those who agree, 8 bytes, and of one epoch', () => {
  const seats = bound([device(ann, '1'), device(bob, '1')], room);
  const tags = seats.map(({ insider }) => toHex(branchTag(insider)));
  expect(new Set(tags).size).toBe(1);
  expect(tags[0]).toMatch(/^[0-9a-f]{16}$/);
  const group = clientOf(device(ann, '1')).createGroup({ extensions: groupExtensions(room) });
  expect(toHex(branchTag(group))).toBe(toHex(group.export('XMPP MLS 0 branch', new Uint8Array(0), 8)));
});

test('a note that cannot be read is none', () => {
  const bytes = handshakeNote(3);
  expect(toHex(bytes)).toBe('000300');
  expect(readHandshakeNote(bytes)).toEqual({ version: 0, reason: 3, evidence: new Uint8Array(0) });
  for (const bad of ['', '00', '0003', '010300', '00030000', '000301']) {
    const wrong = Uint8Array.from(bad.match(/../g) ?? [], (two) => Number.parseInt(two, 16));
    expect(readHandshakeNote(wrong)).toBeUndefined();
  }
  expect(codeOf(() => decode(HandshakeNote, new Uint8Array([1, 3, 0])))).toBe('codec.unsupported');
});

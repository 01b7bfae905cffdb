/** draft-ietf-mls-extensions-10: its code points, and the structures of components byte by byte. */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { toHex } from '../../../src/base/bytes.ts';
import { decode, encode } from '../../../src/codec/codec.ts';
import * as wire from '../../../src/wire/index.ts';
import { appDataDictionary, bytes, uint16 } from '../../support/arbitraries.ts';
import { b, cat, codeOf, contextBytes, extension, u8, u16, v, verdictOf } from './layout.ts';

const ORDER = 'codec.component-order';

/** The value and the bytes built by hand belong together, both ways. */
function pair<T>(codec: wire.Codec<T>, encoded: Uint8Array, value: T): void {
  expect(toHex(encode(codec, value))).toBe(toHex(encoded));
  expect(decode(codec, encoded)).toEqual(value);
}
const entry = (componentId: number, data: string): Uint8Array => cat(u16(componentId), v(b(data)));

describe('extensions draft §7, the table', () => {
  test('has the values of revision 10, and last_resort as it is deployed', () => {
    expect(wire.DRAFT_CODE_POINTS).toEqual({
      extensions: {
        appDataDictionary: 6,
        supportedWireFormats: 7,
        requiredWireFormats: 8,
        lastResort: 10,
      },
      proposals: { appDataUpdate: 8, appEphemeral: 9, selfRemove: 10 },
      credentials: { multi: 3, weakMulti: 4 },
      pskTypes: { application: 3 },
      components: {
        appComponents: 1,
        safeAad: 2,
        contentMediaTypes: 3,
        lastResortKeyPackage: 4,
        appAck: 5,
      },
      componentBaseLabel: 'MLS Component',
    });
    expect(wire.AppDataOperation).toEqual({ update: 1, remove: 2 });
    expect(wire.COMPONENT_ID_BITS).toBe(16);
  });

  test('is frozen through and through', () => {
    for (const part of [wire.DRAFT_CODE_POINTS, ...Object.values(wire.DRAFT_CODE_POINTS)]) {
      expect(Object.isFrozen(part)).toBe(true);
    }
  });

  test('leaves the numbers of RFC 9420 alone', () => {
    const { extensions, proposals, credentials, pskTypes } = wire.DRAFT_CODE_POINTS;
    expect(Object.values(extensions).filter(wire.isDefaultExtension)).toEqual([]);
    expect(Object.values(proposals).filter(wire.isDefaultProposal)).toEqual([]);
    const [types, psks]: number[][] = [Object.values(wire.CredentialType), Object.values(wire.PskType)];
    expect(Object.values(credentials).filter((type) => types?.includes(type))).toEqual([]);
    expect(psks).not.toContain(pskTypes.application);
  });
});

describe('extensions draft §4.1, component ids and their labels', () => {
  test('a component id has two bytes', () => {
    pair(wire.ComponentId, u16(0x8001), 0x8001);
    expect(verdictOf(wire.ComponentId, u8(1))).toBe('codec.truncated');
    expect(verdictOf(wire.ComponentId, cat(u16(1), u8(0)))).toBe('codec.trailing');
    for (const id of [-1, 0x1_0000, 1.5])
      expect(codeOf(() => encode(wire.ComponentId, id))).toBe('codec.input');
  });

  test('ComponentOperationLabel', () => {
    const value = { baseLabel: b('MLS Component'), componentId: 0x8002, label: b('seal') };
    const encoded = cat(u8(13), b('MLS Component'), u16(0x8002), u8(4), b('seal'));
    pair(wire.ComponentOperationLabel, encoded, value);
    expect(wire.componentLabel(0x8002, 'seal')).toEqual(value);
    expect(verdictOf(wire.ComponentOperationLabel, cat(encoded, u8(0)))).toBe('codec.trailing');
  });

  test('a table can have the base label that deployed stacks kept from revision 8', () => {
    const older = { ...wire.DRAFT_CODE_POINTS, componentBaseLabel: 'Application' };
    expect(wire.componentLabel(1, 'x', older).baseLabel).toEqual(b('Application'));
    expect(codeOf(() => wire.componentLabel(1, '\ud800'))).toBe('codec.utf8');
  });
});

describe('extensions draft §4.6, AppDataDictionary', () => {
  test('ComponentData', () => {
    pair(wire.ComponentData, entry(3, 'xy'), { componentId: 3, data: b('xy') });
    pair(wire.ComponentData, entry(4, ''), { componentId: 4, data: b('') });
  });

  test('is a vector of entries, of any size', () => {
    pair(wire.AppDataDictionary, v(), []);
    pair(wire.AppDataDictionary, cat(u8(8), u16(1), u8(2), b('ab'), u16(0xffff), u8(0)), [
      { componentId: 1, data: b('ab') },
      { componentId: 0xffff, data: b('') },
    ]);
  });

  test.each([
    ['unsorted', [2, 1]],
    ['an id twice', [1, 1]],
    ['an id twice, with others between', [1, 2, 1]],
    ['as if ids had a sign', [0x8000, 1]],
    ['the last out of order', [1, 2, 4, 3]],
  ])('refuses %s, read and written', (_, ids) => {
    expect(verdictOf(wire.AppDataDictionary, v(...ids.map((id) => entry(id, 'x'))))).toBe(ORDER);
    const value = ids.map((componentId) => ({ componentId, data: b('x') }));
    expect(codeOf(() => encode(wire.AppDataDictionary, value))).toBe(ORDER);
  });

  test.each([
    ['bytes behind it', cat(v(entry(1, 'x')), u8(0)), 'codec.trailing'],
    ['an entry cut in its id', v(u8(0)), 'codec.truncated'],
    ['an entry cut in its data', v(u16(1), u8(2), b('x')), 'codec.truncated'],
    ['a length that is not the shortest', v(u16(1), u16(0x4001), b('x')), 'codec.varint'],
  ])('refuses %s', (_, encoded, code) => {
    expect(verdictOf(wire.AppDataDictionary, encoded)).toBe(code);
  });

  test('is opaque in a group context until it is asked for', () => {
    const { appDataDictionary: type } = wire.DRAFT_CODE_POINTS.extensions;
    const context = (body: Uint8Array) =>
      decode(wire.GroupContext, contextBytes(v(extension(type, body)))).extensions;
    const asked = (body: Uint8Array) => wire.extensionBody(context(body), type, wire.AppDataDictionary);
    expect(asked(v(entry(1, 'x')))).toEqual([{ componentId: 1, data: b('x') }]);
    expect(codeOf(() => asked(v(entry(2, ''), entry(1, ''))))).toBe(ORDER);
  });

  test('finding, setting and removing an entry keeps the rest and the order', () => {
    fc.assert(
      fc.property(appDataDictionary, uint16, bytes, (dictionary, componentId, data) => {
        const others = dictionary.filter((one) => one.componentId !== componentId);
        const set = wire.withComponent(dictionary, componentId, data);
        expect(wire.findComponent(set, componentId)).toBe(data);
        const removed = wire.withComponent(set, componentId, undefined);
        expect(wire.findComponent(removed, componentId)).toBeUndefined();
        expect(removed).toEqual(others);
        expect(set.filter((one) => one.componentId !== componentId)).toEqual(others);
        expect(decode(wire.AppDataDictionary, encode(wire.AppDataDictionary, set))).toEqual(set);
      }),
      { seed: 20261125 },
    );
  });
});

describe('extensions draft §5, ComponentsList', () => {
  test('keeps any order, repetitions and reserved values', () => {
    pair(wire.ComponentsList, v(), []);
    pair(wire.ComponentsList, v(u16(2), u16(1), u16(0x0a0a), u16(1)), [2, 1, 0x0a0a, 1]);
  });

  test.each([
    ['half an id', v(u8(1)), 'codec.length'],
    ['bytes behind it', cat(v(u16(1)), u8(1)), 'codec.trailing'],
    ['a length beyond the end', u8(2), 'codec.truncated'],
  ])('refuses %s', (_, encoded, code) => {
    expect(verdictOf(wire.ComponentsList, encoded)).toBe(code);
  });
});

describe('extensions draft §4.9, SafeAAD', () => {
  test('is a vector of items, empty when no component has something to say', () => {
    pair(wire.SafeAad, u8(0), []);
    pair(wire.SafeAad, cat(u8(7), u16(1), u8(1), b('a'), u16(2), u8(0)), [
      { componentId: 1, aadItemData: b('a') },
      { componentId: 2, aadItemData: b('') },
    ]);
  });

  test('refuses items out of order or twice, and bytes behind them', () => {
    for (const ids of [
      [2, 1],
      [1, 1],
    ]) {
      expect(verdictOf(wire.SafeAad, v(...ids.map((id) => entry(id, ''))))).toBe(ORDER);
      const value = ids.map((componentId) => ({ componentId, aadItemData: b('') }));
      expect(codeOf(() => encode(wire.SafeAad, value))).toBe(ORDER);
    }
    expect(verdictOf(wire.SafeAad, cat(v(), b('unsafe')))).toBe('codec.trailing');
    // Before -10 plain AAD was allowed to be nothing at all.
    expect(verdictOf(wire.SafeAad, b(''))).toBe('codec.truncated');
  });
});

/** Records that are not what was written: `storage.corrupt` or `storage.version`, and nothing else comes of them. */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { concat, equal, isZero, toHex, utf8 } from '../../src/base/bytes.ts';
import { MlsError } from '../../src/base/error.ts';
import { decode, encode, opaque, uint8 } from '../../src/codec/codec.ts';
import { nodeProvider } from '../../src/crypto/node/index.ts';
import type { Client } from '../../src/group/client.ts';
import { add, remove, update } from '../../src/group/proposals.ts';
import { ReInitRecord, SenderRecord } from '../../src/group/record.ts';
import { Proposal } from '../../src/wire/proposal.ts';
import { clientOf, moveAll } from '../support/groups.ts';
import { codeOf } from '../support/refusals.ts';

const DATA = utf8('hello');

/** A record, and the door that takes it back. */
interface Written {
  readonly record: Uint8Array;
  readonly take: (client: Client, record: Uint8Array) => Uint8Array | undefined;
}

/** A state with everything in it that a state can hold, and a KeyPackage. */
function written(): readonly Written[] {
  const [a, b, c] = ['a', 'b', 'c'].map((name) => clientOf(name, { grease: false })) as [
    Client,
    Client,
    Client,
  ];
  const ga = a.createGroup();
  const invited = ga.invite([b, c].map((client) => client.createKeyPackage().message));
  ga.accept(invited);
  const [gb, gc] = [b, c].map((client) => client.prepareJoin(invited.welcome).accept()) as [
    typeof ga,
    typeof ga,
  ];
  const late = ga.encrypt(DATA);
  moveAll([ga, gb, gc], gc);
  gb.process(late);
  const [, later] = [ga.encrypt(DATA), ga.encrypt(DATA)] as const;
  gb.process(later);
  gb.process(ga.propose(update()).message);
  gb.propose(update());
  const ahead = gc.commit();
  gb.process(ahead.message);
  gc.accept(ahead);
  gb.process(gc.encrypt(DATA), { source: 'room/c' });
  gb.commit([add(clientOf('d').createKeyPackage().message), remove(2)], { groupInfo: true });
  const load: Written['take'] = (client, record) => client.load(record).save();
  const restore: Written['take'] = (client, record) => void client.restoreKeyPackage(record);
  return [
    { record: gb.save(), take: load },
    { record: c.createKeyPackage().secrets, take: restore },
  ];
}

const RECORDS = written();
const fresh = (suite = 1): Client => clientOf('b', {}, { suite });
const suite = nodeProvider.suite(1);

/** The record with another body, and the checksum that belongs to it. */
function reframed(record: Uint8Array, change: (body: Uint8Array) => Uint8Array): Uint8Array {
  const checksum = encode(opaque, suite.hash(record)).length;
  const prefix = (record[4] as number) >> 6;
  const header = 4 + [1, 2, 4][prefix as 0 | 1 | 2]!;
  const body = change(record.slice(header, record.length - checksum));
  return concat(record.subarray(0, 4), encode(opaque, body), encode(opaque, suite.hash(body)));
}

describe.each([
  ['a group', RECORDS[0] as Written],
  ['a KeyPackage', RECORDS[1] as Written],
])('the record of %s', (_, { record, take }) => {
  test('is taken back as it was written', () => {
    expect(take(fresh(), record) ?? record).toEqual(record);
    expect(reframed(record, (body) => body)).toEqual(record);
  });

  test('STO-08 STO-02 with any byte changed, in any bit', () => {
    const step = Math.max(1, Math.floor(record.length / 1500));
    for (let i = 0; i < record.length; i += i < 16 || i > record.length - 40 ? 1 : step) {
      const damaged = record.slice();
      damaged[i] = (damaged[i] as number) ^ (1 << (i & 7));
      expect(
        codeOf(() => take(fresh(), damaged)),
        `byte ${i}`,
      ).toBe(i < 2 ? 'storage.version' : 'storage.corrupt');
    }
  });

  test('STO-02 cut short, grown, or with its end blanked', () => {
    const step = Math.max(1, Math.floor(record.length / 400));
    for (let length = 0; length < record.length; length += step) {
      expect(codeOf(() => take(fresh(), record.slice(0, length)))).toBe('storage.corrupt');
      const blanked = record.slice();
      blanked.fill(0, Math.max(2, length));
      // A checksum may end in zeros.
      if (equal(blanked, record)) continue;
      expect(codeOf(() => take(fresh(), blanked))).toBe('storage.corrupt');
    }
    expect(codeOf(() => take(fresh(), concat(record, Uint8Array.of(0))))).toBe('storage.corrupt');
  });

  test('of another version, whatever follows, and of another suite', () => {
    for (const version of [0, 2, 0xffff]) {
      const other = concat(Uint8Array.of(version >> 8, version & 255), utf8('nobody knows'));
      expect(codeOf(() => take(fresh(), other))).toBe('storage.version');
    }
    expect(codeOf(() => take(fresh(), Uint8Array.of(0, 2)))).toBe('storage.version');
    for (const other of [2, 3, 7]) expect(codeOf(() => take(fresh(other), record))).toBe('storage.corrupt');
  });

  test('that is no byte string, or one of something else', () => {
    for (const value of [undefined, 'text', [1, 2], {}])
      expect(codeOf(() => take(fresh(), value as unknown as Uint8Array))).toBe('codec.input');
    for (const { record: other } of RECORDS)
      if (other !== record) expect(codeOf(() => take(fresh(), other))).toBe('storage.corrupt');
    expect(codeOf(() => take(fresh(), clientOf('x').createKeyPackage().message))).toBe('storage.corrupt');
  });

  test('STO-09 from a hostile hand: refused with a typed error, or a record that is written back the same', () => {
    const mutation = fc.record({
      at: fc.double({ min: 0, max: 0.999_999, noNaN: true }),
      drop: fc.oneof(fc.constant(undefined), fc.constant(undefined), fc.integer({ min: 0, max: 3 })),
      put: fc.uint8Array({ maxLength: 3 }),
    });
    let taken = 0;
    fc.assert(
      fc.property(fc.array(mutation, { minLength: 1, maxLength: 2 }), (mutations) => {
        const forged = reframed(record, (body) =>
          mutations.reduce((bytes, { at, drop, put }) => {
            const i = Math.floor(at * bytes.length);
            return concat(bytes.subarray(0, i), put, bytes.subarray(i + (drop ?? put.length)));
          }, body),
        );
        let again: Uint8Array | undefined;
        try {
          again = take(fresh(), forged) ?? forged;
        } catch (error) {
          if (!(error instanceof MlsError) || error.code !== 'storage.corrupt') throw error;
          return;
        }
        taken += 1;
        expect(toHex(again)).toBe(toHex(forged));
      }),
      { numRuns: 1500, seed: 9420 },
    );
    expect(taken).toBeGreaterThan(100);
  });
});

describe('taking a record back', () => {
  const [group] = RECORDS as readonly [Written, Written];

  test('STO-09 a secret tree that is nested without end does not end the process', () => {
    const nested = reframed(group.record, () => new Uint8Array(1 << 20).fill(1));
    expect(codeOf(() => fresh().load(nested))).toBe('storage.corrupt');
  });

  test('what nobody writes: another status, another kind of sender, a ReInit that is none', () => {
    const stateless = reframed(group.record, (body) => concat(Uint8Array.of(3), body.subarray(1)));
    expect(codeOf(() => fresh().load(stateless))).toBe('storage.corrupt');
    const sender = (kind: number, index: number) => Uint8Array.of(kind, 0, 0, 0, index);
    expect(decode(SenderRecord, sender(2, 0))).toEqual({ kind: 'new-member' });
    for (const bad of [sender(2, 1), sender(3, 0), sender(3, 1)])
      expect(codeOf(() => decode(SenderRecord, bad))).toBe('storage.corrupt');
    const openTypes = { proposals: new Map([[0xf0a0, uint8]]) };
    const others: Proposal[] = [
      { proposalType: 3, removed: 0 },
      { proposalType: 0xf0a0, body: Uint8Array.of(1) },
    ];
    for (const other of others)
      expect(codeOf(() => decode(ReInitRecord, encode(Proposal, other), { openTypes }))).toBe(
        'storage.corrupt',
      );
  });

  test('JOI-04 a group is there once: the record of one that is open is refused', () => {
    const client = fresh();
    const loaded = client.load(group.record);
    expect(codeOf(() => client.load(group.record))).toBe('validation.group-id');
    loaded.close();
    expect(client.load(group.record).epoch).toBe(2n);
  });

  test('the bytes belong to the caller, before and after', () => {
    const bytes = group.record.slice();
    const loaded = fresh().load(bytes);
    bytes.fill(0);
    expect(equal(loaded.save(), group.record)).toBe(true);
    const saved = loaded.save();
    saved.fill(0);
    expect(equal(loaded.save(), group.record)).toBe(true);
    const { secrets } = clientOf('x').createKeyPackage();
    expect(isZero(secrets)).toBe(false);
  });
});

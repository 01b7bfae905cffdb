/** Early messages: held within bounds that no source can use up, and reported when too far ahead, once (FRM-11, §14). */

import { describe, expect, test } from 'vitest';
import { utf8 } from '../../src/base/bytes.ts';
import { type Group, stateOf } from '../../src/group/group.ts';
import type { Policy } from '../../src/group/policy.ts';
import type { Processed } from '../../src/group/processed.ts';
import { remove } from '../../src/group/proposals.ts';
import { commitOf, reloaded, type Stage, stageOf } from '../support/groups.ts';
import { rejection } from '../support/refusals.ts';
import { privateMessage, privateOf } from '../support/sealing.ts';

const DATA = utf8('hello');

/** A stage whose subject holds at most 20 messages, and genuine early messages for it, as many as are asked for. */
function early(held: Partial<Policy['held']> = {}): Stage & { readonly next: (size?: number) => Uint8Array } {
  const stage = stageOf({ policy: { held: { epochs: 16, count: 20, bytes: 1 << 20, ...held } } });
  const sealed = privateOf(stage.a.encrypt(DATA));
  let made = 0;
  const next = (size = 64): Uint8Array => {
    made += 1;
    const ciphertext = new Uint8Array(size).fill(made & 255);
    ciphertext[0] = made >> 8;
    return privateMessage({ ...sealed, epoch: 2n, ciphertext });
  };
  return { ...stage, next };
}

/** Give a source's messages until one is refused. @returns how many were held */
function fill(group: Group, next: () => Uint8Array, source: string, most = 100): number {
  for (let i = 0; i < most; i++) {
    const outcome = group.process(next(), { source });
    if (outcome.kind === 'held') continue;
    expect(rejection(outcome)).toMatchObject({ code: 'state.epoch-future', retry: 'after-sync' });
    return i;
  }
  return most;
}

/** What comes back when the commit is accepted. */
function release({ a, group }: Stage): readonly Uint8Array[] {
  return group.accept(commitOf(group, a.commit().message)).released;
}

describe('FRM-11 room for early messages', () => {
  test('a named source gets a quarter, by number or by bytes, and the others still find room', () => {
    const stage = early();
    const { group, next } = stage;
    expect(fill(group, next, 'mallory')).toBe(5);
    for (const source of ['x', 'y', 'z']) expect(fill(group, next, source)).toBe(5);
    expect(fill(group, next, 'mallory')).toBe(0);
    expect(release(stage)).toHaveLength(20);
    const large = early({ count: 1000, bytes: 8000 });
    expect(fill(large.group, () => large.next(700), 'mallory')).toBe(2);
    expect(fill(large.group, () => large.next(700), 'x')).toBe(2);
  });

  test('unnamed sources share the whole room, and give way to a named one, newest first', () => {
    const stage = early();
    const { group, next } = stage;
    const first = next();
    expect(group.process(first).kind).toBe('held');
    expect(fill(group, next, '')).toBe(19);
    const named = [next(), next()] as const;
    for (const message of named) expect(group.process(message, { source: 'bob' }).kind).toBe('held');
    const released = release(stage);
    expect(released).toHaveLength(20);
    expect(released[0]).toEqual(first);
    expect(released.slice(-2)).toEqual(named);
  });

  test('named sources that are many give way to an unnamed one, who gets no more than the largest of them', () => {
    const stage = early();
    const { group, next } = stage;
    for (let i = 0; i < 4; i++) expect(fill(group, next, `m${i}`)).toBe(5);
    // It takes from whoever holds most, until all hold the same.
    expect(fill(group, next, '')).toBe(4);
    expect(release(stage)).toHaveLength(20);
  });

  test('made-up names win no more than one place each, and never the last one of somebody', () => {
    const stage = early();
    const { group, next } = stage;
    const mine = next();
    expect(group.process(mine, { source: 'bob' }).kind).toBe('held');
    const outcomes = Array.from(
      { length: 100 },
      (_, i) => group.process(next(), { source: `fake ${i}` }).kind,
    );
    expect(outcomes.filter((kind) => kind === 'held')).toHaveLength(19);
    expect(release(stage)[0]).toEqual(mine);
  });

  test('the newest message of the heaviest source goes first, and its older ones stay in order', () => {
    const stage = early();
    const { group, next } = stage;
    const heavy = Array.from({ length: 18 }, () => next());
    for (const message of heavy) group.process(message);
    const light = Array.from({ length: 4 }, (_, i) => [next(), `s${i}`] as const);
    for (const [message, source] of light) expect(group.process(message, { source }).kind).toBe('held');
    expect(release(stage)).toEqual([...heavy.slice(0, 16), ...light.map(([message]) => message)]);
  });

  test('a message that is held already takes no second place, whoever brings it', () => {
    const stage = early();
    const { group, next } = stage;
    const message = next();
    for (const source of ['', 'x', 'y', '']) {
      const before = group.save();
      expect(group.process(message, { source }).kind).toBe('held');
      if (source !== '') expect(group.save()).toEqual(before);
    }
    expect(release(stage)).toEqual([message]);
  });

  test('one that is larger than the whole room pushes nobody out', () => {
    const stage = early({ bytes: 2000 });
    const { group, next } = stage;
    const small = next();
    group.process(small, { source: 'x' });
    for (const source of ['', 'y']) expect(fill(group, () => next(2100), source)).toBe(0);
    expect(release(stage)).toEqual([small]);
  });

  test('a message waits for its own epoch, and for none when we are removed', () => {
    const stage = early();
    const { a, b, c, group, next } = stage;
    const [soon, later] = [next(), privateMessage({ ...privateOf(next()), epoch: 3n })];
    for (const message of [later, soon]) expect(group.process(message).kind).toBe('held');
    const first = a.commit();
    c.follow(first.message);
    a.accept(first);
    const removal = reloaded(b, group.save());
    expect(group.accept(commitOf(group, first.message)).released).toEqual([soon]);
    expect(stateOf(group).held.map(({ message }) => message)).toEqual([later]);
    expect(group.accept(commitOf(group, a.commit().message)).released).toEqual([later]);
    const other = c.commit([remove(1)]).message;
    expect(removal.accept(commitOf(removal, first.message)).released).toEqual([soon]);
    expect(removal.process(privateMessage({ ...privateOf(next()), epoch: 3n })).kind).toBe('held');
    expect(removal.accept(commitOf(removal, other)).released).toEqual([]);
    expect(removal.status).toBe('removed');
  });

  test('what was held for an epoch that never came goes when the group has passed it', () => {
    const stage = early();
    const { a, c, group, next } = stage;
    group.process(next());
    const first = a.commit();
    group.accept(commitOf(group, first.message));
    c.follow(first.message);
    a.accept(first);
    expect(group.accept(commitOf(group, a.commit().message)).released).toEqual([]);
    expect(fill(group, () => privateMessage({ ...privateOf(next()), epoch: 4n }), '')).toBe(20);
  });
});

describe('FRM-11 further ahead than may be held', () => {
  const far = (next: () => Uint8Array, epoch = 1000n): Uint8Array =>
    privateMessage({ ...privateOf(next()), epoch });
  const report = { kind: 'desynchronised', evidence: { kind: 'ahead', epoch: 1000n } };

  test('is reported once for each source, and again in the next epoch', () => {
    const stage = early();
    const { group, next } = stage;
    for (const source of ['', 'x', 'y']) {
      expect(group.process(far(next), { source })).toEqual(report);
      for (let i = 0; i < 3; i++)
        expect(rejection(group.process(far(next), { source })).code).toBe('state.epoch-future');
    }
    const loaded = reloaded(stage.b, group.save());
    expect(rejection(loaded.process(far(next), { source: 'x' })).code).toBe('state.epoch-future');
    group.accept(commitOf(group, stage.a.commit().message));
    expect(stateOf(group).ahead).toEqual([]);
    expect(group.process(far(next), { source: 'x' })).toEqual(report);
  });

  test('the edge: as many epochs as the policy says are held, one more is not', () => {
    const { group, next } = early({ epochs: 3 });
    const kinds = [2n, 4n, 5n, 0xffff_ffff_ffff_ffffn].map(
      (epoch, i): Processed['kind'] => group.process(far(next, epoch), { source: `s${i}` }).kind,
    );
    expect(kinds).toEqual(['held', 'held', 'desynchronised', 'desynchronised']);
  });

  test('FRM-25 a flood under made-up names is reported a bounded number of times, and costs bounded room', () => {
    const stage = early();
    const { a, group, next } = stage;
    const kinds = Array.from(
      { length: 500 },
      (_, i) => group.process(far(next), { source: `fake ${i}` }).kind,
    );
    const reported = kinds.filter((kind) => kind === 'desynchronised').length;
    expect(reported).toBeGreaterThan(0);
    expect(reported).toBeLessThanOrEqual(64);
    const size = group.save().length;
    for (let i = 0; i < 500; i++) group.process(far(next), { source: `more ${i}` });
    expect(group.save()).toHaveLength(size);
    expect(group.process(a.encrypt(DATA)).kind).toBe('application');
  });
});

/** What every sequencer has to do, whatever server it is on: one set of tests over a world that can be made anew. */

import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MlsError } from '../../src/base/error.ts';
import { el, type XmlElement } from '../../src/xmpp/element.ts';
import { bareJid, parseJid } from '../../src/xmpp/jid.ts';
import type { Appended, Entry, From, Position, Sequencer, Taker } from '../../src/xmpp/sequencer/contract.ts';
import { hint } from '../../src/xmpp/stanza/hints.ts';
import { buildMls } from '../../src/xmpp/stanza/mls.ts';
import type { Transport } from '../../src/xmpp/transport.ts';

/** A device with its connection. */
export interface Device {
  readonly transport: Transport;
  disconnect(): Promise<unknown>;
  /** Begin another session over the same transport. */
  connect(): Promise<unknown>;
  /** Lose the connection and wait until the session goes on; absent where that cannot be done. */
  readonly resume?: () => Promise<unknown>;
}

/** What a sequencer of the world is made with, beside what is the same for all. */
export interface Wanted {
  readonly transport: Transport;
  readonly place: string;
  readonly nick: string;
  readonly from: From;
  readonly taker: Taker;
  readonly presence: 'standing' | 'for-appending';
  readonly onHalt?: (error: unknown) => void;
}

/** A server, and rooms or channels on it. */
export interface World {
  /** Connect a device of an account, which is made if it is new. */
  connect(name: string): Promise<Device>;
  /** A new room or channel for the devices' accounts, the first of which owns it. */
  place(devices: readonly Device[]): Promise<string>;
  sequencer(wanted: Wanted): Sequencer;
  /** Take an account out of a place by the word of its owner; absent where that cannot be done. */
  readonly expel?: (owner: Device, place: string, device: Device) => Promise<void>;
  /** Lose what archives hold; absent where that cannot be done. */
  readonly expire?: () => Promise<void>;
  /** Whether everything is archived, and whether everybody is let in. */
  readonly isOpen?: boolean;
  /** Whether messages sent at once may get into the archive behind a reader, who has to notice. */
  readonly isUnordered?: boolean;
  readonly stop: () => Promise<void>;
}

/** SHA-256 and randomness for sequencers in tests. */
export const TOOLS = {
  hash: (bytes: Uint8Array): Uint8Array => Uint8Array.from(createHash('sha256').update(bytes).digest()),
  random: (length: number): Uint8Array => Uint8Array.from(randomBytes(length)),
};

/** A taker that keeps what it took. */
export class Taken implements Taker {
  readonly entries: Entry[] = [];
  position: Position | undefined;
  readonly #waiting = new Set<() => void>();

  async take(entry: Entry, position: Position): Promise<void> {
    await Promise.resolve();
    this.entries.push(entry);
    this.position = position;
    for (const look of this.#waiting) look();
  }

  get texts(): string[] {
    return this.entries.map(textOf);
  }

  /** Wait until so many entries were taken. */
  async atLeast(count: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`${this.entries.length} of ${count} entries`)), 30_000);
      const look = (): void => {
        if (this.entries.length < count) return;
        clearTimeout(late);
        this.#waiting.delete(look);
        resolve();
      };
      this.#waiting.add(look);
      look();
    });
  }
}

/** What a test put into an entry. */
export function textOf({ payload }: Entry): string {
  const content = payload?.content;
  return content?.kind === 'app' ? new TextDecoder().decode(content.message) : '';
}

/** A message as the binding sends them. */
export function message(text: string, ...more: readonly XmlElement[]): XmlElement {
  const mls = buildMls({ kind: 'app', message: new TextEncoder().encode(text) }, new Uint8Array(8));
  return el('message', { type: 'groupchat', id: `id-${text}` }, mls, ...more);
}

/** Such a message with the hint that makes servers keep it. */
export function kept(text: string): XmlElement {
  return message(text, hint('store'));
}

/** The bare address of a device's account. */
export function accountOf({ transport }: Pick<Device, 'transport'>): string {
  return bareJid(parseJid(transport.jid));
}

/** The error that a step ends with. */
export async function failure(step: Promise<unknown>): Promise<MlsError> {
  const error: unknown = await step.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof MlsError) return error;
  throw new Error('no MlsError', { cause: error });
}

/** The tests. @param make called once */
export function sequencerContract(make: () => Promise<World>, names: readonly string[]): void {
  let world: World;
  let devices: Device[];
  let running: Sequencer[] = [];

  beforeAll(async () => {
    world = await make();
    devices = [];
    for (const name of names) devices.push(await world.connect(name));
  });

  afterAll(async () => {
    for (const { disconnect } of devices ?? []) await disconnect();
    await world?.stop();
  });

  const device = (index: number): Device => devices[index]!;

  async function start(
    index: number,
    place: string,
    options: Partial<Wanted> & { readonly join?: boolean } = {},
  ): Promise<[Sequencer, Taken]> {
    const taken = new Taken();
    const sequencer = world.sequencer({
      transport: device(index).transport,
      place,
      nick: names[index]!,
      from: 'start',
      taker: taken,
      presence: 'standing',
      ...options,
    });
    running.push(sequencer);
    if (options.join !== false) expect(await sequencer.catchUp()).toMatchObject({ kind: 'complete' });
    return [sequencer, taken];
  }

  async function finish(): Promise<void> {
    for (const one of running) await one.stop();
    running = [];
  }

  async function appendAll(sequencer: Sequencer, texts: readonly string[]): Promise<Appended[]> {
    return Promise.all(texts.map((text) => sequencer.append(kept(text))));
  }

  const numbered = (prefix: string, count: number): string[] =>
    Array.from({ length: count }, (_, index) => `${prefix}${index}`);

  describe('order', () => {
    test('XMP-01: all who are present take one order, and the archive has it', async (context) => {
      if (world.isUnordered === true) return context.skip();
      const place = await world.place(devices);
      const all = [await start(0, place), await start(1, place), await start(2, place)];
      const outcomes = await Promise.all(
        all.map(([sequencer], index) => appendAll(sequencer, numbered(`${index}-`, 8))),
      );
      for (const [, taken] of all) await taken.atLeast(24);
      const ids = all.map(([, taken]) => taken.entries.map(({ id, digest }) => `${id} ${digest}`));
      expect(ids[1]).toEqual(ids[0]);
      expect(ids[2]).toEqual(ids[0]);
      expect(new Set(ids[0]).size).toBe(24);
      const appended = outcomes.flat().map((one) => (one.kind === 'archived' ? one.id : one.kind));
      expect([...appended].sort()).toEqual(all[0]![1].entries.map(({ id }) => id).sort());
      const [reader, read] = await start(1, place, { join: false });
      expect(await reader.read()).toEqual({ kind: 'complete', entries: 24 });
      expect(read.entries.map(({ id, digest }) => `${id} ${digest}`)).toEqual(ids[0]);
      expect(read.entries.every(({ error }) => error === undefined)).toBe(true);
      await finish();
    });

    test('XMP-01: where messages sent at once may change places, nobody takes another order unnoticed', async (context) => {
      if (world.isUnordered !== true) return context.skip();
      const place = await world.place(devices);
      const halts: unknown[][] = [[], [], []];
      const all: [Sequencer, Taken][] = [];
      for (const [index, halted] of halts.entries()) {
        all.push(await start(index, place, { onHalt: (error) => void halted.push(error) }));
      }
      await Promise.all(all.map(([sequencer], index) => appendAll(sequencer, numbered(`${index}-`, 8))));
      await Promise.all(all.map(([sequencer]) => sequencer.catchUp().catch(() => undefined)));
      const [reader, read] = await start(1, place, { join: false });
      await reader.read();
      expect(read.entries).toHaveLength(24);
      for (const [index, [, taken]] of all.entries()) {
        const codes = halts[index]!.map((error) => (error instanceof MlsError ? error.code : error));
        if (codes.length > 0) expect(new Set(codes)).toEqual(new Set(['xmpp.gap']));
        else expect(taken.texts).toEqual(read.texts);
      }
      await finish();
    });

    test('is current only while present and read to the end', async () => {
      const place = await world.place(devices);
      const [sequencer, taken] = await start(0, place, { join: false });
      expect(sequencer.isCurrent).toBe(false);
      await sequencer.catchUp();
      expect(sequencer.isCurrent).toBe(true);
      await sequencer.append(kept('one'));
      await taken.atLeast(1);
      await sequencer.stop();
      expect(sequencer.isCurrent).toBe(false);
      await finish();
    });
  });

  describe('reading', () => {
    test('goes on where it was, over pages, and across a restart of the program', async () => {
      const place = await world.place(devices);
      const [writer] = await start(0, place);
      const [reader, before] = await start(1, place);
      await appendAll(writer, ['first', 'second']);
      await before.atLeast(2);
      await reader.stop();
      await appendAll(writer, numbered('later', 103));
      const [again, after] = await start(1, place, { from: before.position! });
      expect(after.texts).toEqual(numbered('later', 103));
      expect(await again.read()).toEqual({ kind: 'complete', entries: 0 });
      await finish();
    });

    test('begins after the cursor of a Welcome, or at the end', async () => {
      const place = await world.place(devices);
      const [writer] = await start(0, place);
      const outcomes = await appendAll(writer, numbered('n', 60));
      const cursor = outcomes[3]?.kind === 'archived' ? outcomes[3].id : '';
      const [, joiner] = await start(1, place, { from: { cursor } });
      expect(joiner.texts).toEqual(numbered('n', 60).slice(4));
      const [, late] = await start(2, place, { from: 'end' });
      expect(late.texts).toEqual([]);
      await writer.append(kept('more'));
      await late.atLeast(1);
      expect(late.texts).toEqual(['more']);
      const [, resumed] = await start(2, place, { from: late.position! });
      expect(resumed.texts).toEqual([]);
      await finish();
    });

    test('goes backwards from the newest', async () => {
      const place = await world.place(devices);
      const [writer] = await start(0, place);
      await appendAll(writer, numbered('n', 55));
      const found: string[] = [];
      for await (const entry of writer.backwards()) found.push(textOf(entry));
      expect(found).toEqual(numbered('n', 55).reverse());
      await finish();
    });

    test('XMP-13: an entry that the archive does not have is trimmed, not skipped', async () => {
      const place = await world.place(devices);
      const [writer] = await start(0, place);
      await appendAll(writer, numbered('n', 5));
      const gone = { id: '1500000000000000', digest: '00', anchor: '1499999999999999' };
      for (const from of [gone, { ...gone, anchor: undefined }, { cursor: gone.id }]) {
        const [reader, taken] = await start(1, place, { from, join: false });
        expect(await reader.catchUp()).toEqual({ kind: 'trimmed' });
        expect(taken.entries).toEqual([]);
        expect(reader.isCurrent).toBe(false);
        reader.reset('start');
        expect(await reader.catchUp()).toEqual({ kind: 'complete', entries: 5 });
      }
      await finish();
    });

    test('keeps its place at a text for people, whose elements are as they were', async () => {
      const place = await world.place(devices);
      const [writer, taken] = await start(0, place);
      await writer.append(
        el('message', { type: 'groupchat', id: 'text' }, el('body', {}, 'hello'), hint('store')),
      );
      await taken.atLeast(1);
      const [reader, read] = await start(1, place, { from: taken.position! });
      expect(read.entries).toEqual([]);
      await writer.append(kept('after'));
      await read.atLeast(1);
      await reader.stop();
      await finish();
    });
  });

  describe('appending', () => {
    test('without the hint nothing is archived, and that is said', async (context) => {
      if (world.isOpen === true) return context.skip();
      const place = await world.place(devices);
      const [writer, taken] = await start(0, place);
      expect(await writer.append(message('lost'))).toEqual({ kind: 'not-archived' });
      expect(await writer.append(kept('found'))).toMatchObject({ kind: 'archived' });
      await taken.atLeast(1);
      expect(taken.texts).toEqual(['found']);
      await finish();
    });

    test('XMP-19: what is over the budget is not sent', async () => {
      const place = await world.place(devices);
      const [writer, taken] = await start(0, place);
      const large = message('x'.repeat(60 * 1024), hint('store'));
      expect((await failure(writer.append({ ...large, attrs: { ...large.attrs, id: 'large' } }))).code).toBe(
        'xmpp.too-large',
      );
      expect((await failure(writer.append(el('message', { type: 'groupchat' })))).code).toBe('codec.input');
      await writer.append(kept('small'));
      await taken.atLeast(1);
      expect(taken.texts).toEqual(['small']);
      await finish();
    });

    test('an account that is not let in is refused', async (context) => {
      if (world.isOpen === true) return context.skip();
      const place = await world.place([device(0), device(1)]);
      const [outsider] = await start(2, place, { join: false });
      const outcome = await outsider.append(kept('intruder'));
      expect(outcome).toMatchObject({ kind: 'refused', error: { code: 'xmpp.refused' } });
      expect((await failure(outsider.read())).code).toBe('xmpp.refused');
      await finish();
    });

    test('who comes only to append has taken what was before when it is archived', async () => {
      const place = await world.place(devices);
      const [first, one] = await start(0, place, { presence: 'for-appending', join: false });
      const [second, two] = await start(1, place, { presence: 'for-appending', join: false });
      expect(await first.append(kept('a'))).toMatchObject({ kind: 'archived' });
      expect(one.texts).toEqual(['a']);
      expect(await second.append(kept('b'))).toMatchObject({ kind: 'archived' });
      expect(two.texts).toEqual(['a', 'b']);
      await Promise.all([appendAll(first, numbered('f', 5)), appendAll(second, numbered('s', 5))]);
      await one.atLeast(12);
      await two.atLeast(12);
      expect(one.texts).toEqual(two.texts);
      await finish();
    });
  });

  describe('connections', () => {
    test('XMP-33: after a new session it is not current until it has caught up', async () => {
      const place = await world.place(devices);
      const [writer] = await start(0, place);
      const [reader, taken] = await start(1, place);
      await writer.append(kept('before'));
      await taken.atLeast(1);
      await device(1).disconnect();
      await writer.append(kept('meanwhile'));
      await device(1).connect();
      await online(device(1).transport);
      expect(reader.isCurrent).toBe(false);
      expect(await reader.catchUp()).toEqual({ kind: 'complete', entries: 1 });
      await writer.append(kept('after'));
      await taken.atLeast(3);
      expect(taken.texts).toEqual(['before', 'meanwhile', 'after']);
      await finish();
    });

    test('XMP-33: a resumed session goes on by itself', async (context) => {
      const { resume } = device(1);
      if (resume === undefined) return context.skip();
      const place = await world.place(devices);
      const [writer] = await start(0, place);
      const [reader, taken] = await start(1, place);
      await writer.append(kept('before'));
      const resumed = resume();
      await appendAll(writer, numbered('meanwhile', 5));
      await resumed;
      await writer.append(kept('after'));
      await taken.atLeast(7);
      expect(taken.texts).toEqual(['before', ...numbered('meanwhile', 5), 'after']);
      expect(await reader.append(kept('mine'))).toMatchObject({ kind: 'archived' });
      await finish();
    });

    test('XMP-33: who was taken out is not current, and cannot come back by itself', async (context) => {
      const { expel } = world;
      if (expel === undefined) return context.skip();
      const place = await world.place(devices);
      const [writer] = await start(0, place);
      const [reader, taken] = await start(1, place);
      await writer.append(kept('before'));
      await taken.atLeast(1);
      await expel(device(0), place, device(1));
      await writer.append(kept('after'));
      expect(await reader.append(kept('intruder'))).toMatchObject({ kind: 'refused' });
      expect(reader.isCurrent).toBe(false);
      expect((await failure(reader.catchUp())).code).toBe('xmpp.refused');
      expect(taken.texts).toEqual(['before']);
      await finish();
    });

    test('XMP-13: what retention took away is trimmed', async (context) => {
      const { expire } = world;
      if (expire === undefined) return context.skip();
      const place = await world.place(devices);
      const [writer, taken] = await start(0, place, { presence: 'for-appending' });
      await appendAll(writer, ['old', 'older']);
      await taken.atLeast(2);
      await writer.stop();
      for (const { disconnect } of devices) await disconnect();
      await expire();
      for (const { connect, transport } of devices) {
        await connect();
        await online(transport);
      }
      const [reader] = await start(0, place, { from: taken.position!, join: false });
      expect(await reader.catchUp()).toEqual({ kind: 'trimmed' });
      reader.reset('end');
      expect(await reader.catchUp()).toEqual({ kind: 'complete', entries: 0 });
      expect(await reader.append(kept('new'))).toMatchObject({ kind: 'archived' });
      await finish();
    });
  });
}

/** Wait until the adapter says that the session can be used. */
async function online(transport: Transport): Promise<void> {
  await transport.send(el('presence'));
}

/**
 * A process that is killed, at any moment and often, with its profile in a LevelDB. It is told what to do, dies, is started
 * again and told the rest. KILLS says how often.
 */

import { type ChildProcess, fork } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';
import { afterAll, expect, test } from 'vitest';
import { add } from '../../src/group/proposals.ts';
import { memoryBackend } from '../../src/storage/memory.ts';
import { Random } from '../fuzz/random.ts';
import { seeded } from '../support/seeded.ts';
import type { Command, Start, Told } from './child.ts';
import { Device } from './device.ts';
import { Ledger } from './ledger.ts';
import { Network } from './network.ts';
import { Witness } from './witness.ts';

const { KILLS: kills } = process.env;
const KILLS = Number(kills ?? 20);
const { KILL_SEED } = process.env;
const SEED = Number(KILL_SEED ?? 1);
/** How long a child may work before it is killed, milliseconds: about as long as it takes for all it has to do. */
const { KILL_WITHIN_MS } = process.env;
const LONGEST = Number(KILL_WITHIN_MS ?? 120);

const folder = mkdtempSync(join(tmpdir(), 'xmpp-mls-kill-'));
const cache = resolve('node_modules', '.cache', 'xmpp-mls');
const program = join(cache, `kill-child-${process.pid}.mjs`);

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
  rmSync(program, { force: true });
});

test(`STO-01, STO-22: nothing is lost or used twice when a process is killed ${KILLS} times`, async () => {
  await bundle();
  const story = new Story();
  await story.begin();
  while (story.kills < KILLS) await story.life();
  await story.finish();
  console.log(
    `killed: ${story.kills} times at work, in ${story.lives} lives, ${story.ledger.size} messages, ` +
      `${story.network.said.length} texts, epoch ${story.bob.group.group.epoch}, 0 failures (seed ${SEED})`,
  );
}, 900_000);

/** Bob is here; alice is in one process after another. */
class Story {
  readonly network = new Network();
  readonly ledger = new Ledger();
  readonly witness = new Witness();
  readonly bob: Device;
  readonly #random = new Random(SEED);
  #commands: Command[] = [{ kind: 'package' }];
  #next = 0;
  kills = 0;
  lives = 0;

  constructor() {
    const { network, ledger } = this;
    this.bob = new Device({ name: 'bob', network, ledger, provider: seeded(SEED), open: { lostWrites: 0 } });
  }

  async begin(): Promise<void> {
    await this.bob.open(memoryBackend());
    await this.bob.createGroup();
  }

  /** A life of alice, which is cut short unless she is faster, and what bob does after it. */
  async life(): Promise<void> {
    await this.#run(this.#random.below(LONGEST));
    await this.#bobActs();
    if (this.#commands.length === 0) this.#commands = this.#whatNext();
  }

  /** Everybody hears everything. */
  async finish(): Promise<void> {
    const { bob, witness, network, ledger } = this;
    const last: Command[] = [
      { kind: 'join' },
      { kind: 'receive' },
      { kind: 'say', words: ['text last of alice'], together: false },
      { kind: 'receive' },
    ];
    this.#commands.push(...last);
    await this.#run(undefined);
    await bob.receive();
    await bob.say('text last of bob');
    await bob.receive();
    this.#commands = [{ kind: 'receive' }];
    await this.#run(undefined);
    expect(witness.missed('alice', network)).toEqual([]);
    expect(bob.witness.missed('bob', network)).toEqual([]);
    expect(ledger.repetitions()).toEqual([]);
    expect(witness.epoch).toBe(bob.group.group.epoch);
  }

  async #bobActs(): Promise<void> {
    const { bob, network } = this;
    const random = this.#random;
    await bob.receive();
    const keyPackage = network.packages.get('alice');
    if (keyPackage !== undefined && !(await bob.did('invite'))) {
      await bob.commit('invite', [add(keyPackage)]);
      await bob.receive();
      this.#commands = [{ kind: 'join' }];
    }
    const number = this.#next++;
    if (random.below(4) === 0) await bob.commit(`bob ${number}`);
    if (random.below(2) === 0) await bob.receive();
    const words = Array.from({ length: random.below(4) }, (_, i) => `text b ${number} ${i}`);
    await bob.sayAll(words);
  }

  /** What she is told to do next. */
  #whatNext(): Command[] {
    const random = this.#random;
    if (!this.network.packages.has('alice')) return [{ kind: 'package' }];
    const commands: Command[] = [{ kind: 'join' }];
    for (let i = 0; i < 3; i++) {
      const number = this.#next++;
      const words = (count: number) => Array.from({ length: count }, (_, k) => `text a ${number} ${k}`);
      const choices: Command[] = [
        { kind: 'receive' },
        { kind: 'say', words: words(1 + random.below(3)), together: false },
        { kind: 'say', words: words(1 + random.below(20)), together: true },
        { kind: 'acknowledge', count: 1 + random.below(10) },
        { kind: 'commit', key: `alice ${number}` },
        { kind: 'resync', key: `resync ${number}`, groupInfo: this.bob.group.group.groupInfo() },
      ];
      // Now and then she acts on what she knew before; she is to miss nothing by it.
      if (random.below(4) > 0) commands.push({ kind: 'receive' });
      commands.push(random.pick(choices));
    }
    return commands;
  }

  /** @param within kill her then; `undefined` lets her finish */
  async #run(within: number | undefined): Promise<void> {
    this.lives += 1;
    const child = fork(program, { serialization: 'advanced', stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    const todo = this.#commands;
    let failure: string | undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    child.on('message', (told: Told) => {
      // The clock starts when the store is about to be opened, so that kills fall on work.
      if (told.kind === 'started' && within !== undefined)
        timer = setTimeout(() => child.kill('SIGKILL'), within);
      else if (told.kind === 'failed') failure = told.why;
      else this.#hear(told, todo);
      if (told.kind === 'failed' || this.#commands.length === 0) child.kill('SIGKILL');
    });
    child.send({
      name: 'alice',
      folder,
      network: this.network.memory,
      memory: this.witness.memory,
      commands: todo,
    } satisfies Start);
    await ended(child);
    clearTimeout(timer);
    if (failure !== undefined) throw new Error(`life ${this.lives}: ${failure}`);
    // Whoever had nothing left to do was not cut short.
    if (this.#commands.length > 0) this.kills += 1;
  }

  #hear(told: Told, todo: readonly Command[]): void {
    const { network, ledger, witness } = this;
    if (told.kind === 'posted') network.post(told.message, 'alice', told.words);
    else if (told.kind === 'mailed') network.send(told.welcome, told.from);
    else if (told.kind === 'package') network.publish('alice', told.message);
    else if (told.kind === 'sealed') ledger.seal(told.message);
    else if (told.kind === 'epoch') ledger.note(told.epoch, told.authenticator, told.secret);
    else if (told.kind === 'learnt') witness.learn(told.change);
    else if (told.kind === 'done') this.#commands = todo.slice(told.commands);
  }
}

/** Everything that it has told has come. */
async function ended(child: ChildProcess): Promise<void> {
  await Promise.all([
    new Promise((resolve) => child.once('exit', resolve)),
    new Promise((resolve) => child.once('disconnect', resolve)),
  ]);
}

async function bundle(): Promise<void> {
  mkdirSync(cache, { recursive: true });
  await build({
    entryPoints: ['test/kill/child.ts'],
    outfile: program,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    conditions: ['xmpp-mls-source'],
    packages: 'external',
    logLevel: 'warning',
  });
}

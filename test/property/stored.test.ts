/**
 * Whatever a group goes through, the records that its steps have written one by one are those that its state would be
 * written as from scratch, and reading them gives a group that goes on like the one in memory.
 */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { toHex, utf8 } from '../../src/base/bytes.ts';
import { provider } from '../../src/crypto/node/index.ts';
import { Client } from '../../src/group/client.ts';
import { type Group, insideOf } from '../../src/group/group.ts';
import { acceptAnyCredential } from '../../src/group/policy.ts';
import { add, externalPsk, remove, update } from '../../src/group/proposals.ts';
import { deltaOf, NOTHING_WRITTEN } from '../../src/storage/image.ts';
import { GroupKeys } from '../../src/storage/keys.ts';
import { memoryBackend } from '../../src/storage/memory.ts';
import { restore } from '../../src/storage/restore.ts';
import type { StoredGroup } from '../../src/storage/storedGroup.ts';
import { basicCredential } from '../../src/wire/credential.ts';
import { openProfile, type Profile, reopen } from '../support/stored.ts';

const { STORED_HISTORIES } = process.env;
const psks = (): Uint8Array => utf8('shared');
const POLICY = { pastEpochs: 3, resumptionEpochs: 3, keptKeys: 20 };
const client = { psks, policy: POLICY };

/** One stored member among others in memory. */
class Scene {
  profile: Profile;
  stored: StoredGroup;
  others: Group[];
  /** Messages that the stored member has not got yet. */
  mail: Uint8Array[] = [];
  #count = 0;

  constructor(profile: Profile, stored: StoredGroup, others: Group[]) {
    this.profile = profile;
    this.stored = stored;
    this.others = others;
  }

  static async make(): Promise<Scene> {
    const profile = await openProfile(memoryBackend(), 'stored', { client });
    const founder = newClient('founder').createGroup();
    const { message } = await profile.client.createKeyPackage();
    const invitation = founder.invite([message]);
    founder.accept(invitation);
    const stored = await (await profile.client.prepareJoin(invitation.welcome)).accept();
    return new Scene(profile, stored, [founder]);
  }

  other(choice: number): Group {
    return this.others[choice % this.others.length] as Group;
  }

  newcomer(): { readonly client: Client; readonly keyPackage: Uint8Array } {
    this.#count += 1;
    const made = newClient(`member ${this.#count}`);
    return { client: made, keyPackage: made.createKeyPackage().message };
  }

  /** A commit of another member, which everybody follows. */
  async follow(
    choice: number,
    commit: (group: Group) => ReturnType<Group['commit']>,
  ): Promise<Uint8Array | undefined> {
    const committer = this.other(choice);
    const made = commit(committer);
    for (const other of this.others) if (other !== committer) take(other, made.message);
    committer.accept(made);
    this.others = this.others.filter(({ isActive }) => isActive);
    await this.deliver(made.message);
    return made.welcome;
  }

  async deliver(message: Uint8Array): Promise<void> {
    const outcome = await this.stored.process(message);
    if (outcome.kind === 'application') await this.stored.acknowledge(outcome.id);
    if (outcome.kind === 'commit' || outcome.kind === 'own-commit') await this.stored.accept(outcome.commit);
    for (const due of this.stored.due) await this.deliver(due);
  }
}

function newClient(name: string): Client {
  const credential = basicCredential(name);
  return new Client({ provider, credential, validateCredential: acceptAnyCredential, psks });
}

function take(group: Group, message: Uint8Array): void {
  const outcome = group.process(message);
  if (outcome.kind === 'commit') group.accept(outcome.commit);
}

type Step = (scene: Scene, choice: number) => Promise<void>;

const STEPS: Readonly<Record<string, Step>> = {
  'a message arrives': (scene, choice) => scene.deliver(scene.other(choice).encrypt(utf8(`${choice}`))),
  'a message is delayed': async (scene, choice) => {
    scene.mail.push(scene.other(choice).encrypt(utf8('late')));
  },
  'a delayed message arrives': async (scene, choice) => {
    const [message] = scene.mail.splice(choice % Math.max(1, scene.mail.length), 1);
    if (message !== undefined) await scene.deliver(message);
  },
  'a message is sent': async (scene) => {
    const message = await scene.stored.encrypt(utf8('ours'));
    for (const other of scene.others) expect(other.process(message).kind).toBe('application');
  },
  'another commits': async (scene, choice) => void (await scene.follow(choice, (group) => group.commit())),
  'a member comes': async (scene, choice) => {
    const { client: made, keyPackage } = scene.newcomer();
    const welcome = await scene.follow(choice, (group) => group.commit([add(keyPackage)]));
    scene.others.push(made.prepareJoin(welcome as Uint8Array).accept());
  },
  'a member goes': async (scene, choice) => {
    if (scene.others.length < 2) return;
    const { self } = scene.other(choice + 1);
    if (scene.other(choice).self !== self)
      await scene.follow(choice, (group) => group.commit([remove(self)]));
  },
  'a PSK comes in': async (scene, choice) =>
    void (await scene.follow(choice, (group) => group.commit([externalPsk(utf8('psk'))]))),
  'a proposal is seen': async (scene, choice) => {
    const { message } = scene.other(choice).propose(update());
    for (const other of scene.others) if (other !== scene.other(choice)) other.process(message);
    await scene.deliver(message);
  },
  'an update is proposed': async (scene) => {
    const { message } = await scene.stored.propose(update());
    for (const other of scene.others) other.process(message);
  },
  'a commit of ours is taken': async (scene) => {
    const made = await scene.stored.commit();
    for (const other of scene.others) take(other, made.message);
    await scene.deliver(made.message);
  },
  'a commit of ours loses': async (scene, choice) => {
    await scene.stored.commit();
    await scene.follow(choice, (group) => group.commit());
  },
  'a commit of ours is dropped': async (scene) => scene.stored.discard(await scene.stored.commit()),
  'messages come too early': async (scene, choice) => {
    const committer = scene.other(choice);
    const made = committer.commit();
    for (const other of scene.others) if (other !== committer) take(other, made.message);
    committer.accept(made);
    await scene.deliver(committer.encrypt(utf8('early')));
    await scene.deliver(made.message);
  },
  'a secret is exported': async (scene) =>
    void (await scene.stored.update((group) =>
      exported(group) ? undefined : group.component(7).exportSecret(),
    )),
  'there is a restart': async (scene) => {
    const { id } = scene.stored.group;
    scene.profile = await reopen(scene.profile, 'stored', { client, open: { lostWrites: 0 } });
    scene.stored = await scene.profile.client.group(id);
  },
};

/** Whether the component has had its secret of this epoch. */
function exported(group: Group): boolean {
  return 'left' in insideOf(group).cell.state.exporterTree.root;
}

/** Records by name, without numbers and without our own ratchets, which are written ahead. */
function comparable(
  entries: Iterable<readonly [string, Uint8Array]>,
  keys: GroupKeys,
  self: number,
): string[] {
  const lines: string[] = [];
  for (const [key, value] of entries) {
    const [letter, ...rest] = key.slice(keys.prefix.length).split('/');
    if (letter === 'h' || (letter === 'r' && /^\w+[AH]$/.test(rest[1] ?? '') && own(rest[1] ?? '', self)))
      continue;
    const name = letter === 'b' || letter === 'd' ? letter : [letter, ...rest].join('/');
    lines.push(`${name} ${toHex(value)}`);
  }
  return lines.sort();
}

function own(name: string, self: number): boolean {
  return Number.parseInt(name.slice(0, -1), 36) === self;
}

async function check({ profile, stored }: Scene): Promise<void> {
  const { env, cell } = insideOf(stored.group);
  const records: [string, Uint8Array][] = [];
  for await (const entry of profile.backend.scan('g/')) records.push([...entry]);
  const [place] = /^g\/\w+\//.exec(records[0]?.[0] ?? '') ?? [''];
  const keys = new GroupKeys(Number.parseInt(place.slice(2, -1), 36));
  const { self } = cell.state.epoch;
  const whole = deltaOf(env.suite, keys, NOTHING_WRITTEN, { before: undefined, after: cell.state });
  const fresh = whole.ops.flatMap((op) => (op.type === 'put' ? [[op.key, op.value] as const] : []));
  expect(comparable(records, keys, self)).toEqual(comparable(fresh, keys, self));
  const { state, written } = await restore(env, keys, profile.backend.scan(keys.prefix));
  const again = deltaOf(env.suite, keys, NOTHING_WRITTEN, { before: undefined, after: state });
  const reread = again.ops.flatMap((op) => (op.type === 'put' ? [[op.key, op.value] as const] : []));
  expect(comparable(reread, keys, self)).toEqual(comparable(fresh, keys, self));
  expect(deltaOf(env.suite, keys, written, { before: state, after: { ...state } }).ops).toEqual([]);
}

describe('a stored group', () => {
  test('STO-01, STO-18 is written step by step as it would be written at once, and read as it was', async () => {
    const step = fc.tuple(fc.constantFrom(...Object.keys(STEPS)), fc.nat(7));
    const history = fc.array(step, { minLength: 8, maxLength: 25, size: 'max' });
    await fc.assert(
      fc.asyncProperty(history, async (steps) => {
        const scene = await Scene.make();
        await check(scene);
        for (const [name, choice] of steps) {
          if (scene.stored.group.proposals.length > 0 && name.startsWith('a message ')) continue;
          await (STEPS[name] as Step)(scene, choice);
          await check(scene);
        }
        const { epochAuthenticator } = scene.stored.group;
        for (const other of scene.others) expect(other.epochAuthenticator).toEqual(epochAuthenticator);
      }),
      { numRuns: Number(STORED_HISTORIES ?? 12) },
    );
  });
});

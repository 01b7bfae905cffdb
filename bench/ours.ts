/**
 * Rounds of our own library, over wire bytes, at the level of group states: filled trees cannot be had through the public
 * doors in bearable time. What those add to it is one copy of the input.
 */

import { createNodeProvider } from '../src/crypto/node/index.ts';
import type { Provider } from '../src/crypto/provider.ts';
import { createGroupState } from '../src/group/create.ts';
import { createKeyPackage } from '../src/group/keyPackage.ts';
import { add, remove } from '../src/group/proposals.ts';
import { mlsMessage } from '../src/group/protect.ts';
import { basicCredential } from '../src/wire/credential.ts';
import { WireFormat } from '../src/wire/registry.ts';
import { type FilledGroup, filledGroup } from '../test/support/filled.ts';
import { environment, join, newcomer, Peer } from '../test/support/peers.ts';
import { type Round, timed } from './rounds.ts';

/** A source of providers: node:crypto remembers public keys, and whoever measures a first meeting wants a fresh one. */
export type Providers = () => Provider;

export const BATCH = 20;
const DATA = new Uint8Array(100).fill(7);
const groups = new Map<number, FilledGroup>();

/** The filled group of a size, built once. */
export function filled(size: number): FilledGroup {
  const group = groups.get(size) ?? filledGroup(size);
  groups.set(size, group);
  return group;
}

/** Two members in opposite halves. */
function pair(size: number, provider: Provider): [Peer, Peer] {
  const group = filled(size);
  return [group.member(0, environment({ provider })), group.member(size / 2, environment({ provider }))];
}

export function keyPackage(providers: Providers): Round {
  const env = environment({ provider: providers() });
  const signer = env.suite.signatureKeyPair(env.random(32));
  const credential = basicCredential('alice');
  const make = (): void => {
    for (let i = 0; i < BATCH; i++) {
      const own = createKeyPackage(env, { credential, signer });
      mlsMessage({ wireFormat: WireFormat.keyPackage, keyPackage: own.keyPackage });
    }
  };
  return async () => ({ '': await timed(make, BATCH) });
}

export function addMany(count: number, providers: Providers): Round {
  const packages = Array.from({ length: count }, (_, i) => newcomer(`member ${i}`).keyPackage);
  return async () => {
    const { env, own } = newcomer('founder', { provider: providers() });
    const founder = new Peer(env, 'founder', own.signer, createGroupState(env, own, {}));
    return { create: await timed(() => founder.commit(packages.map(add))) };
  };
}

export function emptyCommit(size: number, provider: Provider): Round {
  let [committer, other] = pair(size, provider);
  return async () => {
    let message = new Uint8Array();
    const create = await timed(() => {
      const built = committer.commit();
      message = new Uint8Array(built.message);
      committer.accept(built);
    });
    const process = await timed(() => other.follow(message));
    [committer, other] = [other, committer];
    return { create, process };
  };
}

export function joinWelcome(size: number, providers: Providers): Round {
  const inviter = filled(size).member(0, environment());
  const guest = newcomer('guest');
  const { welcome } = inviter.commit([remove(size - 1), add(guest.keyPackage)]);
  return async () => {
    const env = environment({ provider: providers() });
    return { '': await timed(() => join({ ...guest, env }, welcome as Uint8Array)) };
  };
}

export function messages(size: number, provider: Provider): Round {
  const [sender, receiver] = pair(size, provider);
  return async () => {
    const sent: Uint8Array[] = [];
    const encrypt = await timed(() => {
      for (let i = 0; i < BATCH; i++) sent.push(sender.encrypt(DATA));
    }, BATCH);
    const decrypt = await timed(() => {
      for (const message of sent) receiver.process(message);
    }, BATCH);
    return { encrypt, decrypt };
  };
}

export function decryptAfter(skipped: number, size: number, provider: Provider): Round {
  const [sender, receiver] = pair(size, provider);
  return async () => {
    for (let i = 0; i < skipped; i++) sender.encrypt(DATA);
    const message = sender.encrypt(DATA);
    return { '': await timed(() => receiver.process(message)) };
  };
}

/** node:crypto without memories. */
export const freshNode: Providers = () => createNodeProvider();

/** Runs inside the browser: a member whose group is in IndexedDB. */

import { MlsError } from '../../src/base/error.ts';
import { provider } from '../../src/crypto/noble/index.ts';
import { acceptAnyCredential } from '../../src/group/policy.ts';
import { indexedDbBackend } from '../../src/storage/indexeddb.ts';
import { type MlsStore, openStore } from '../../src/storage/store.ts';
import type { StoredClient } from '../../src/storage/storedClient.ts';
import type { StoredGroup } from '../../src/storage/storedGroup.ts';
import { basicCredential } from '../../src/wire/credential.ts';

let store: MlsStore | undefined;
let client: StoredClient | undefined;
let group: StoredGroup | undefined;

const bytes = (numbers: readonly number[]): Uint8Array => Uint8Array.from(numbers);
const numbers = (data: Uint8Array): number[] => [...data];
const needed = <T>(value: T | undefined): T => {
  if (value === undefined) throw new Error('nothing is open');
  return value;
};

const offered = {
  /** @param how `wait` for another tab, or go without locks */
  open: (name: string, how: { readonly wait?: boolean; readonly unlocked?: boolean } = {}) =>
    outcome(async () => {
      const { lock, ...unlocked } = indexedDbBackend({ name });
      const backend = how.unlocked === true ? unlocked : { ...unlocked, ...(lock && { lock }) };
      store = await openStore(backend, { provider, wait: how.wait === true });
      client = await store.client({
        credential: basicCredential('tab'),
        validateCredential: acceptAnyCredential,
      });
      const [id] = client.groups;
      if (id !== undefined) group = await client.group(id);
    }),
  close: () => outcome(() => needed(store).close()),
  keyPackage: async () => numbers((await needed(client).createKeyPackage()).message),
  join: (welcome: number[]) =>
    outcome(async () => {
      group = await (await needed(client).prepareJoin(bytes(welcome))).accept();
    }),
  /** What became of a message; a commit is accepted. */
  process: async (message: number[]) => {
    const result = await needed(group).process(bytes(message));
    if (result.kind === 'commit' || result.kind === 'own-commit') await needed(group).accept(result.commit);
    return result.kind;
  },
  inbox: () => needed(group).inbox.map(({ id, data }) => ({ id, text: new TextDecoder().decode(data) })),
  acknowledge: (id: string) => needed(group).acknowledge(id),
  encrypt: async (text: string) => {
    try {
      return numbers(await needed(group).encrypt(new TextEncoder().encode(text)));
    } catch (error) {
      if (error instanceof MlsError) return error.code;
      throw error;
    }
  },
  commit: async () => numbers((await needed(group).commit()).message),
  authenticator: () => numbers(needed(group).group.epochAuthenticator),
};

async function outcome(work: () => Promise<unknown>): Promise<string | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    if (error instanceof MlsError) return error.code;
    throw error;
  }
}

Object.assign(globalThis, { offered });

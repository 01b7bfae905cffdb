/** Profiles in stores, for tests of what survives. */

import { utf8 } from '../../src/base/bytes.ts';
import { provider } from '../../src/crypto/node/index.ts';
import type { ClientOptions } from '../../src/group/options.ts';
import { acceptAnyCredential } from '../../src/group/policy.ts';
import type { KeyValueStore } from '../../src/storage/backend.ts';
import { type MlsStore, type OpenOptions, openStore } from '../../src/storage/store.ts';
import type { StoredClient } from '../../src/storage/storedClient.ts';
import type { StoredGroup } from '../../src/storage/storedGroup.ts';
import { basicCredential } from '../../src/wire/credential.ts';

/** A device and where it keeps things. */
export interface Profile {
  readonly backend: KeyValueStore;
  readonly store: MlsStore;
  readonly client: StoredClient;
}

/** What a profile may be opened with. */
export interface ProfileOptions {
  readonly open?: Partial<OpenOptions>;
  readonly client?: Partial<ClientOptions>;
}

/** Open a profile, or make one. */
export async function openProfile(
  backend: KeyValueStore,
  name: string,
  options: ProfileOptions = {},
): Promise<Profile> {
  const store = await openStore(backend, { provider, ...options.open });
  const client = await store.client({
    credential: basicCredential(name),
    validateCredential: acceptAnyCredential,
    provider,
    ...options.client,
  });
  return { backend, store, client };
}

/** Open it again, as after a restart. */
export async function reopen(profile: Profile, name: string, options?: ProfileOptions): Promise<Profile> {
  await profile.store.close();
  return openProfile(profile.backend, name, options);
}

/** Add clients to a group, commit taken at once. */
export async function addTo(
  group: StoredGroup,
  ...newcomers: readonly Profile[]
): Promise<readonly StoredGroup[]> {
  const packages = await Promise.all(newcomers.map(({ client }) => client.createKeyPackage()));
  const commit = await group.invite(packages.map(({ message }) => message));
  await group.accept(commit);
  return Promise.all(
    newcomers.map(async ({ client }) => (await client.prepareJoin(commit.welcome)).accept()),
  );
}

/** The text of an application message that a member takes in. */
export async function read(group: StoredGroup, message: Uint8Array): Promise<string> {
  const outcome = await group.process(message);
  if (outcome.kind !== 'application') return outcome.kind;
  await group.acknowledge(outcome.id);
  return new TextDecoder().decode(outcome.data);
}

/** Text as an application sends it. */
export const text = utf8;

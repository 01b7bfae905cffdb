/**
 * Writes a store as this release does, for releases to come to open: `test-vectors/store/format-N.json`, where N is the
 * format. Made once per format and never again: `node scripts/run-ts.mjs test-vectors/generate/storeFormat.ts`.
 */

import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { toHex, utf8 } from '../../src/base/bytes.ts';
import { provider } from '../../src/crypto/node/index.ts';
import { Client } from '../../src/group/client.ts';
import type { Group } from '../../src/group/group.ts';
import { acceptAnyCredential } from '../../src/group/policy.ts';
import { update } from '../../src/group/proposals.ts';
import { memoryBackend } from '../../src/storage/memory.ts';
import { FORMAT } from '../../src/storage/migrate.ts';
import { sealedBackend } from '../../src/storage/sealed.ts';
import { openStore } from '../../src/storage/store.ts';
import type { StoredGroup } from '../../src/storage/storedGroup.ts';
import { basicCredential } from '../../src/wire/credential.ts';

/** Seals the same records a second time. The key is 32 bytes of 0x2a. */
const SEAL_KEY = new Uint8Array(32).fill(0x2a);

const file = `test-vectors/store/format-${FORMAT}.json`;
if (existsSync(file)) throw new Error(`${file} exists; what a release has written does not change`);
mkdirSync('test-vectors/store', { recursive: true });
writeFileSync(file, `${JSON.stringify(await made(), undefined, 1)}\n`);

async function made(): Promise<object> {
  const backend = memoryBackend();
  const store = await openStore(backend, { provider });
  const stored = await store.client({
    credential: basicCredential('stored'),
    validateCredential: acceptAnyCredential,
    // The file will be read for years.
    clock: () => 1_800_000_000,
  });
  const lifetime = { lifetimeSeconds: 300 * 86_400 };
  const [first, last] = [
    await stored.createKeyPackage(lifetime),
    await stored.createKeyPackage({ lastResort: true }),
  ];
  const unused = await stored.createKeyPackage(lifetime);
  const friend = newClient('friend').createGroup({ id: utf8('busy') });
  const invitation = friend.invite([first.message]);
  friend.accept(invitation);
  const busy = await (await stored.prepareJoin(invitation.welcome)).accept();
  const follow = await live(busy, friend);
  const offered = newClient('host').createGroup({ id: utf8('offered') });
  const offer = await stored.prepareExternalJoin(offered.groupInfo());
  const quiet = await stored.createGroup({ id: utf8('quiet') });
  await store.write((records) => records.put('application', utf8('a record')));
  const expected = {
    signature_key: toHex(stored.signatureKey),
    key_packages: [toHex(last.ref), toHex(unused.ref)],
    busy: { ...seen(busy), pending: toHex(busy.group.pending?.message ?? utf8('')), ...follow },
    quiet: seen(quiet),
    offer: { group_id: toHex(offer.groupId), message: toHex(offer.message) },
    record: { name: 'application', value: toHex(utf8('a record')) },
  };
  const records: Record<string, string> = {};
  const sealed = memoryBackend();
  const sealing = sealedBackend(sealed, SEAL_KEY, provider);
  for await (const [key, value] of backend.scan('')) {
    records[key] = toHex(value);
    await sealing.batch([{ type: 'put', key, value }]);
  }
  const sealedRecords: Record<string, string> = {};
  for await (const [key, value] of sealed.scan('')) sealedRecords[key] = toHex(value);
  return { format: FORMAT, seal_key: toHex(SEAL_KEY), expected, records, sealed_records: sealedRecords };
}

function newClient(name: string): Client {
  const credential = basicCredential(name);
  return new Client({
    provider,
    credential,
    validateCredential: acceptAnyCredential,
    clock: () => 1_800_000_000,
  });
}

/** Everything that a group can have: past epochs, kept keys, proposals, a pending commit, messages held, due and unread. */
async function live(busy: StoredGroup, friend: Group): Promise<object> {
  const late = friend.encrypt(utf8('late'));
  const lost = await busy.commit();
  await busy.discard(lost);
  await take(busy, friend.commit(), friend);
  const skipped = friend.encrypt(utf8('passed over'));
  await busy.process(friend.encrypt(utf8('unread')));
  const sent = await busy.encrypt(utf8('sent before'));
  friend.process(sent);
  const ahead = friend.commit();
  friend.accept(ahead);
  const early = friend.encrypt(utf8('early'));
  await busy.process(early);
  const staged = await busy.process(ahead.message);
  if (staged.kind === 'commit') await busy.accept(staged.commit);
  const farAhead = friend.commit();
  const { message: proposal } = friend.propose(update());
  await busy.process(proposal);
  const pending = await busy.commit();
  friend.discard(farAhead);
  const outcome = friend.process(pending.message);
  if (outcome.kind === 'commit') friend.accept(outcome.commit);
  await busy.process(friend.encrypt(utf8('held')), { source: 'room' });
  return {
    late: { message: toHex(late), text: 'late' },
    skipped: { message: toHex(skipped), text: 'passed over' },
    early: { message: toHex(early), text: 'early' },
    held: { text: 'held' },
    after: { message: toHex(friend.encrypt(utf8('after the commit'))), text: 'after the commit' },
  };
}

async function take(busy: StoredGroup, commit: ReturnType<Group['commit']>, friend: Group): Promise<void> {
  friend.accept(commit);
  const staged = await busy.process(commit.message);
  if (staged.kind === 'commit') await busy.accept(staged.commit);
}

function seen({ group, inbox, due }: StoredGroup): object {
  return {
    group_id: toHex(group.id),
    epoch: Number(group.epoch),
    epoch_authenticator: toHex(group.epochAuthenticator),
    members: group.members.length,
    proposals: group.proposals.map(({ ref }) => toHex(ref)),
    inbox: inbox.map(({ id, data }) => ({ id, data: toHex(data) })),
    due: due.map(toHex),
  };
}

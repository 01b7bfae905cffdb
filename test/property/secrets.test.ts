/** The table "Secrets" of ARCHITECTURE.md, row by row: where each lives in the state, and that it ends when it says so. */

import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { isZero, toHex, utf8 } from '../../src/base/bytes.ts';
import { nodeProvider } from '../../src/crypto/node/index.ts';
import { Client } from '../../src/group/client.ts';
import { type Group, insideOf } from '../../src/group/group.ts';
import { safeExportMove } from '../../src/group/moves.ts';
import { acceptAnyCredential } from '../../src/group/policy.ts';
import { remove, update } from '../../src/group/proposals.ts';
import { stateSecrets } from '../../src/group/spent.ts';
import type { GroupState } from '../../src/group/state.ts';
import type { KeyValueStore } from '../../src/storage/backend.ts';
import { memoryBackend } from '../../src/storage/memory.ts';
import type { StoredGroup } from '../../src/storage/storedGroup.ts';
import { basicCredential } from '../../src/wire/credential.ts';
import { bytesIn } from '../support/graph.ts';
import { type Peer, room, settle } from '../support/peers.ts';
import { openProfile } from '../support/stored.ts';

const page = readFileSync(new URL('../../ARCHITECTURE.md', import.meta.url), 'utf8');
const rows = [
  ...(/## Secrets[\s\S]*?\n## /.exec(page)?.[0] ?? '').matchAll(/^\| ([^|]+?) \| ([^|]+?) \| ([^|]+?) \|$/gm),
]
  .map(([, name]) => name as string)
  .filter((name) => name !== 'secret' && !/^-+$/.test(name));

/** Where secrets stand in a state, and their row. Whatever matches nothing here, and is not public, has no owner. */
const PLACES: readonly (readonly [path: RegExp, row: string])[] = [
  [/privatePath.*secretKey$/, 'leaf and path private keys'],
  [/ownKeys\.encryption\.secretKey$/, 'leaf and path private keys'],
  [/signer\.secretKey$/, 'signature private key'],
  [/secrets\.initSecret$/, 'init secret'],
  [/secretTree\.root(\.(left|right))*\.secret$/, 'encryption secret'],
  [/\.(handshake|application)\.secret$/, 'ratchet secrets'],
  [/skipped\.\d+\.packed$/, 'message keys and nonces'],
  [/senderDataSecret$/, 'sender data secret'],
  [
    /secrets\.(confirmationKey|membershipKey|externalSecret)$/,
    'confirmation key, membership key, external secret',
  ],
  [/secrets\.(exporterSecret|epochAuthenticator)$/, 'exporter secret, epoch authenticator'],
  [/exporterTree\.root\.secret$/, 'application export secret'],
  [/exporterTree\.root(\.(left|right))+\.secret$/, 'exporter tree'],
  [/secrets\.resumptionPsk$|resumption\.\d+\.secret$/, 'resumption PSK'],
];
/** Trees, contexts, proposals, signatures and what travels: everybody in the group, or on the way, may see it. */
const PUBLIC =
  /\.(tree|context|changes)\.|publicKey$|\.(confirmationTag|interimHash|ref|mark|message|welcome|groupInfo|used)$|^\.dropped\.|proposals\.\d+\.proposal\.|pending\.proposals\./;

const DATA = utf8('hello');

/** A state that has everything a state can have. */
function fullState(): GroupState {
  let peers = room(['a', 'b', 'c', 'd'], { policy: { pastEpochs: 2 } });
  const [a, b, c] = peers as [Peer, Peer, Peer];
  peers = settle(peers, b);
  b.encrypt(DATA);
  for (const message of [a.encrypt(DATA), a.encrypt(DATA)].slice(1)) b.process(message);
  peers = settle(peers, c);
  const [, later] = [a.encrypt(DATA), a.encrypt(DATA)];
  b.process(later as Uint8Array);
  b.propose(update());
  b.process(c.propose(remove(3)));
  b.cell.run((state) => safeExportMove(b.env, state, 0x8001));
  b.commit([]);
  return b.state;
}

test('every byte string of a state is public, or has a row', () => {
  const found = bytesIn(fullState()).filter(({ path }) => !path.includes('.memo'));
  const owners = found.map(({ path }) => ({
    path,
    rows: PLACES.filter(([place]) => place.test(path)).map(([, row]) => row),
    isPublic: PUBLIC.test(path),
  }));
  expect(owners.filter(({ rows: owned, isPublic }) => owned.length !== (isPublic ? 0 : 1))).toEqual([]);
  const seen = new Set(owners.flatMap((one) => one.rows));
  expect(PLACES.map(([, row]) => row).filter((row) => !seen.has(row))).toEqual([]);
});

test('what a state says it holds is what can be found in it', () => {
  const state = fullState();
  const secret = bytesIn(state).filter(({ path }) =>
    PLACES.some(([place, row]) => place.test(path) && row !== SIGNER),
  );
  const told = new Set(stateSecrets(state));
  expect(secret.filter(({ bytes }) => !told.has(bytes)).map(({ path }) => path)).toEqual([]);
});
const SIGNER = 'signature private key';

/** What ends must be zero, and out of reach. */
function expectGone(secrets: readonly Uint8Array[], ...states: readonly GroupState[]): void {
  expect(secrets.length).toBeGreaterThan(0);
  expect(secrets.filter((secret) => !isZero(secret))).toEqual([]);
  const left = new Set(states.flatMap((state) => bytesIn(state)).map(({ bytes }) => bytes));
  expect(secrets.filter((secret) => left.has(secret))).toEqual([]);
}

/** The bytes of a row in a state. */
function of(state: GroupState, row: string): Uint8Array[] {
  const places = PLACES.filter(([, name]) => name === row).map(([place]) => place);
  return bytesIn(state)
    .filter(({ path }) => places.some((place) => place.test(path)))
    .map(({ bytes }) => bytes);
}

/** Those of the current epoch are gone once the next one is taken. */
const endsWithEpoch = (row: string) => (): void => {
  const peers = room(['a', 'b', 'c']);
  const b = peers[1] as Peer;
  const secrets = of({ ...b.state, past: [] }, row);
  settle(peers, peers[0] as Peer);
  expectGone(secrets, b.state);
};

/** Those of an epoch are gone once it leaves the window. */
const endsWithWindow = (row: string) => (): void => {
  let peers = room(['a', 'b', 'c'], { policy: { pastEpochs: 1, resumptionEpochs: 1 } });
  const [a, b] = peers as [Peer, Peer];
  b.process([a.encrypt(DATA), a.encrypt(DATA)].at(-1) as Uint8Array);
  const secrets = of(b.state, row);
  peers = settle(peers, a);
  expect(secrets.some(isZero)).toBe(false);
  settle(settle(peers, a), a);
  expectGone(secrets, b.state);
};

/** Everything that one transition makes and does not keep is wiped: `wiping.test.ts` watches the provider for it. */
const isLocal = (): void => {
  const paths = bytesIn(fullState()).map(({ path }) => path);
  expect(
    paths.filter((path) => /joiner|welcomeSecret|memberSecret|pskSecret|pathSecret|commitSecret/i.test(path)),
  ).toEqual([]);
};

const CHECKS: Readonly<Record<string, () => void | Promise<void>>> = {
  'KeyPackage: init and leaf private keys': () => {
    const options = {
      credential: basicCredential('a'),
      validateCredential: acceptAnyCredential,
      provider: nodeProvider,
    };
    const [inviter, joiner] = [
      new Client(options),
      new Client({ ...options, credential: basicCredential('b') }),
    ];
    const { message, secrets } = joiner.createKeyPackage();
    const { welcome } = inviter.createGroup().invite([message]);
    joiner.prepareJoin(welcome).accept();
    expect(() => joiner.prepareJoin(welcome)).toThrow('state.key-package-used');
    joiner.restoreKeyPackage(secrets);
    expect(() => joiner.prepareJoin(welcome)).toThrow('validation.group-id');
  },
  'leaf and path private keys': () => {
    const peers = room(['a', 'b', 'c']);
    const b = peers[1] as Peer;
    const own = [...b.state.epoch.privatePath.values()].map((pair) => pair.secretKey);
    settle(peers, b);
    expectGone(own, b.state);
  },
  'path secrets, commit secret': isLocal,
  'joiner, welcome and member secrets, `psk_secret`': isLocal,
  'init secret': endsWithEpoch('init secret'),
  'encryption secret': () => {
    const [a, b] = room(['a', 'b', 'c']) as [Peer, Peer, Peer];
    const root = of(b.state, 'encryption secret');
    b.process(a.encrypt(DATA));
    expectGone(root, b.state);
  },
  'ratchet secrets': () => {
    const [a, b] = room(['a', 'b', 'c']) as [Peer, Peer, Peer];
    b.process(a.encrypt(DATA));
    const before = of(b.state, 'ratchet secrets');
    b.process(a.encrypt(DATA));
    expect(before.filter(isZero)).toHaveLength(1);
    expectGone(before.filter(isZero), b.state);
  },
  'message keys and nonces': endsWithWindow('message keys and nonces'),
  'sender data secret': endsWithWindow('sender data secret'),
  'confirmation key, membership key, external secret': endsWithEpoch(
    'confirmation key, membership key, external secret',
  ),
  'exporter secret, epoch authenticator': endsWithEpoch('exporter secret, epoch authenticator'),
  'application export secret': endsWithEpoch('application export secret'),
  'exporter tree': () => {
    const peers = room(['a', 'b', 'c']);
    const b = peers[1] as Peer;
    const root = of(b.state, 'application export secret');
    b.cell.run((state) => safeExportMove(b.env, state, 1));
    expectGone(root, b.state);
    const nodes = of(b.state, 'exporter tree');
    settle(peers, peers[0] as Peer);
    expectGone(nodes, b.state);
  },
  'resumption PSK': endsWithWindow('resumption PSK'),
  'secrets and keys of a staged commit': () => {
    const peers = room(['a', 'b', 'c']);
    const [a, b] = peers as [Peer, Peer];
    b.commit([]);
    const { pending } = b.state;
    const lost = [...bytesIn(pending?.next.epoch.secrets), ...bytesIn(pending?.next.secretTree)].map(
      ({ bytes }) => bytes,
    );
    const won = a.commit([]);
    b.follow(won.message);
    expectGone(lost, b.state);
  },
  'external PSKs': () => {
    const peers = room(['a', 'b']);
    settle(peers, peers[0] as Peer, [{ kind: 'external-psk', id: utf8('id') }]);
    // The value that `peers.ts` hands out, 32 times 7, is in no state.
    const held = bytesIn((peers[1] as Peer).state).filter(
      ({ bytes }) => bytes.length === 32 && bytes.every((byte) => byte === 7),
    );
    expect(held).toEqual([]);
  },
  'signature private key': () => {
    const state = fullState();
    expect(of(state, SIGNER).every((key) => key === state.epoch.signer.secretKey)).toBe(true);
    expect([...stateSecrets(state)].includes(state.epoch.signer.secretKey)).toBe(false);
  },
  'all of these in a store': async () => {
    const { backend, group, friend } = await stored();
    await group.process(friend.encrypt(utf8('hello')));
    const { state } = insideOf(group.group).cell;
    const ended = [
      'init secret',
      'sender data secret',
      'ratchet secrets',
      'exporter secret, epoch authenticator',
    ];
    const secrets = ended.flatMap((row) => of(state, row)).map(toHex);
    const before = await contents(backend);
    expect(secrets.filter((secret) => before.includes(secret)).length).toBeGreaterThan(ended.length);
    const commit = friend.commit();
    const outcome = await group.process(commit.message);
    if (outcome.kind === 'commit') await group.accept(outcome.commit);
    const after = await contents(backend);
    expect(secrets.filter((secret) => after.includes(secret))).toEqual([]);
  },
  'received plaintext': async () => {
    const { backend, group, friend } = await stored();
    const outcome = await group.process(friend.encrypt(utf8('for your eyes')));
    expect(await contents(backend)).toContain(toHex(utf8('for your eyes')));
    if (outcome.kind === 'application') await group.acknowledge(outcome.id);
    expect(await contents(backend)).not.toContain(toHex(utf8('for your eyes')));
  },
};

/** A stored member that keeps no past epochs, and one in memory. */
async function stored(): Promise<{ backend: KeyValueStore; group: StoredGroup; friend: Group }> {
  const { backend, client } = await openProfile(memoryBackend(), 'stored', {
    client: { policy: { pastEpochs: 0, resumptionEpochs: 0 } },
  });
  const credential = basicCredential('friend');
  const friend = new Client({
    provider: nodeProvider,
    credential,
    validateCredential: acceptAnyCredential,
  }).createGroup();
  const invitation = friend.invite([(await client.createKeyPackage()).message]);
  friend.accept(invitation);
  return { backend, group: await (await client.prepareJoin(invitation.welcome)).accept(), friend };
}

async function contents(backend: KeyValueStore): Promise<string> {
  let all = '';
  for await (const [, value] of backend.scan('')) all += `${toHex(value)} `;
  return all;
}

describe('each row of the table', () => {
  test('has a check, and each check a row', () => {
    expect(Object.keys(CHECKS).sort()).toEqual([...rows].sort());
  });
  test.each(rows)('%s', (row) => CHECKS[row]?.());
});

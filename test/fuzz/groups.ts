/** The doors of a group and a client under fuzzing: whatever comes in, only typed errors come out, and nothing moves that must not. */

import { equal, utf8 } from '../../src/base/bytes.ts';
import type { Codec } from '../../src/codec/codec.ts';
import { nodeProvider } from '../../src/crypto/node/index.ts';
import {
  acceptAnyCredential,
  add,
  basicCredential,
  type Client,
  createClient,
  externalPsk,
  type Group,
  observe,
  type PublicGroup,
  remove,
  setExtensions,
  update,
} from '../../src/index.ts';
import { MlsMessage } from '../../src/wire/message.ts';
import { callEntry, type FuzzEntry } from './entries.ts';
import { assertTyped, Finding } from './oracle.ts';

const client = (name: string, handshake: 'private' | 'public' = 'public'): Client =>
  createClient({
    credential: basicCredential(name),
    validateCredential: acceptAnyCredential,
    provider: nodeProvider,
    policy: { handshake, pad: (length) => length, held: { epochs: 16, count: 8, bytes: 1 << 14 } },
    psks: () => utf8('shared'),
  });

const WATCHING = { validateCredential: acceptAnyCredential, provider: nodeProvider };

/** A receiver, and genuine messages of every kind that were made for it. */
function stage(): {
  readonly receiver: Group;
  readonly newcomer: Client;
  readonly watcher: PublicGroup;
  readonly messages: readonly Uint8Array[];
} {
  const [alice, bob, carol, dave] = ['alice', 'bob', 'carol', 'dave'].map((name) => client(name)) as [
    Client,
    Client,
    Client,
    Client,
  ];
  const group = alice.createGroup();
  const invitation = group.invite([bob.createKeyPackage().message, carol.createKeyPackage().message]);
  group.accept(invitation);
  const receiver = bob.prepareJoin(invitation.welcome).accept();
  const ofCarol = carol.prepareJoin(invitation.welcome).accept();
  const commits = [
    [],
    [add(dave.createKeyPackage().message)],
    [remove(ofCarol.self)],
    [externalPsk(utf8('p'))],
  ];
  const made = [...commits, [setExtensions([])]].flatMap((inputs) =>
    (['private', 'public'] as const).map((handshake) => {
      const commit = group.commit(inputs, { handshake, groupInfo: true });
      group.discard(commit);
      return commit;
    }),
  );
  const applications = [0, 1, 100].map((length) => group.encrypt(new Uint8Array(length)));
  const external = client('eve').prepareExternalJoin(group.groupInfo());
  const published = [alice.createKeyPackage().message, group.groupInfo(), external.message];
  const invitations = made.flatMap(({ welcome }) => (welcome === undefined ? [] : [welcome]));
  const proposals = (['private', 'public'] as const).map(
    (handshake) => ofCarol.propose(update(), { handshake }).message,
  );
  const messages = [
    ...made.map(({ message }) => message),
    ...applications,
    ...published,
    ...invitations,
    ...proposals,
  ];
  const watcher = observe(WATCHING, group.groupInfo());
  return { receiver, newcomer: dave, watcher, messages };
}

/** Doors that take an MLSMessage. */
export function groupEntries(): FuzzEntry[] {
  const { receiver, newcomer, watcher, messages } = stage();
  const anatomy = MlsMessage as Codec<unknown>;
  const door = (name: string, call: (input: Uint8Array) => unknown): FuzzEntry =>
    callEntry(name, () => messages.filter((message) => accepts(call, message)), call, anatomy);
  return [
    { name: 'Group.process', samples: () => messages, anatomy, run: (input) => takesIn(receiver, input) },
    door('PublicGroup.process', (input) => taken(watcher.process(input))),
    door('PublicGroup.offer', (input) => taken(watcher.offer(input))),
    door('observe', (input) => observe(WATCHING, input)),
    door('Client.prepareJoin', (input) => newcomer.prepareJoin(input).discard()),
    door('Client.prepareExternalJoin', (input) => newcomer.prepareExternalJoin(input)),
    door('Client.validateKeyPackage', (input) => newcomer.validateKeyPackage(input)),
  ];
}

/** Whether a message was not rejected. @throws Finding when an untyped error, or a change of state, came of it */
function takesIn(receiver: Group, input: Uint8Array): boolean {
  const before = receiver.save();
  const { epoch } = receiver;
  const outcome = receiver.process(input);
  const kind = outcome.kind === 'desynchronised' ? outcome.evidence.kind : outcome.kind;
  if (receiver.epoch !== epoch) throw new Finding('the group moved without accept');
  if (!MOVING.has(kind) && !equal(receiver.save(), before)) throw new Finding(`${kind} changed the state`);
  if (outcome.kind === 'commit') receiver.discard(outcome.commit);
  if (outcome.kind === 'rejected') assertTyped(outcome.error);
  return outcome.kind !== 'rejected';
}

/** Outcomes that change what a group would save. */
const MOVING: ReadonlySet<string> = new Set(['application', 'proposal', 'held', 'ahead']);

/** A refusal as an error again, for what looks at errors. */
function taken(
  outcome: { readonly kind: string } | { readonly kind: 'rejected'; readonly error: Error },
): void {
  if ('error' in outcome) throw outcome.error;
}

/** Each door starts from what it takes. */
function accepts(call: (input: Uint8Array) => unknown, message: Uint8Array): boolean {
  try {
    call(message);
    return true;
  } catch {
    return false;
  }
}

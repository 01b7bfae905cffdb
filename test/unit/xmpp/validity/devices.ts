/** Accounts, devices and bound groups: those of a client that follows V, and insiders that follow nothing. */

import { expect } from 'vitest';
import { nodeProvider } from '../../../../src/crypto/node/index.ts';
import {
  acceptAnyCredential,
  type Client,
  type CommitOptions,
  createClient,
  type Extension,
  type Group,
  type KeyPair,
  type ProposalInput,
} from '../../../../src/index.ts';
import type { Credential } from '../../../../src/wire/credential.ts';
import { GroupMode, groupExtensions, sortedPair, type XmppBinding } from '../../../../src/xmpp/binding.ts';
import { accountKeyOf, aikId } from '../../../../src/xmpp/identity/accountKey.ts';
import { deviceCredential, signDeviceCert } from '../../../../src/xmpp/identity/deviceCert.ts';
import {
  type SignedDeviceList,
  signDeviceList,
  signRollover,
} from '../../../../src/xmpp/identity/deviceList.ts';
import { validateCommit, validityRules } from '../../../../src/xmpp/validity.ts';

export const NOW = 1_800_000_000;
export const suite1 = nodeProvider.suite(1);
export const rules = validityRules(nodeProvider);

export function keyPair(): KeyPair {
  return suite1.signatureKeyPair(nodeProvider.random(32));
}

/** An account: its JID and its key. */
export interface Account {
  readonly jid: string;
  readonly aik: KeyPair;
}

export function account(name: string, aik: KeyPair = keyPair()): Account {
  return { jid: name.includes('@') ? name : `${name}@example.org`, aik };
}

export interface DeviceParts {
  readonly credential: Credential;
  readonly signer: KeyPair;
  readonly leafExtensions: readonly Extension[];
}

/** The credential, key and certificate of a device. @param id one digit */
export function device({ jid, aik }: Account, id: string, signer: KeyPair = keyPair()): DeviceParts {
  const identity = { jid, deviceId: id.repeat(16) };
  const dates = { notBefore: 0n, notAfter: BigInt(NOW) + 1_000_000n };
  const cert = signDeviceCert(suite1, aik, {
    ...identity,
    ...dates,
    cipherSuite: 1,
    deviceKey: signer.publicKey,
    manager: true,
  });
  return { credential: deviceCredential(identity), signer, leafExtensions: [cert] };
}

/** How a client is to be. */
export interface How {
  /** Follow no rules at all. */
  readonly insider?: boolean;
  readonly now?: number;
}

export function clientOf(parts: DeviceParts, { insider = false, now = NOW }: How = {}): Client {
  const { credential, signer, leafExtensions } = parts;
  const { extensionTypes } = rules.policy;
  const lax = { validateCredential: acceptAnyCredential, policy: { grease: false, extensionTypes } };
  const strict = { ...rules, policy: { ...rules.policy, grease: false } };
  return createClient({
    credential,
    signer,
    leafExtensions: () => leafExtensions,
    provider: nodeProvider,
    clock: () => now,
    psks: () => new Uint8Array(32),
    ...(insider ? lax : strict),
  });
}

/** A binding of a room, where `admins` govern. */
export function bindingFor(admins: readonly Account[], change: Partial<XmppBinding> = {}): XmppBinding {
  return {
    version: 0,
    mode: GroupMode.muc,
    sequencer: 'room@muc.example.org',
    joinRule: 0,
    removeRule: 0,
    infoRule: 1,
    historyRule: 0,
    staleAfter: 0,
    admins: admins.map(({ jid, aik }) => ({ jid, aikId: aikId(suite1, accountKeyOf(aik)) })),
    pair: undefined,
    ...change,
  };
}

export function dmBinding(a: Account, b: Account, change: Partial<XmppBinding> = {}): XmppBinding {
  return bindingFor([a, b], { mode: GroupMode.dm, pair: sortedPair(a.jid, b.jid), ...change });
}

/** One seat: `insider` follows no rules, so that it makes what V refuses; `honest` is the same member, following them. */
export interface Seat {
  readonly insider: Group;
  readonly honest: Group;
}

/**
 * A group of devices, the first being its founder. Each member is there twice with the same state. Every second member has
 * another clock, many years on.
 */
export function gather(parts: readonly DeviceParts[], extensions: readonly Extension[]): Seat[] {
  const seats = parts.map((part, i) => {
    const now = i % 2 === 0 ? NOW : NOW + 1_000_000_000;
    const outside = clientOf(part, { insider: true });
    return { part, now, client: outside };
  });
  const [founder, ...others] = seats;
  if (founder === undefined) throw new Error('nobody');
  const group = founder.client.createGroup({ extensions });
  const groups = [group];
  if (others.length > 0) {
    const packages = others.map(({ client }) => client.createKeyPackage().message);
    const commit = group.invite(packages);
    group.accept(commit);
    for (const { client } of others) groups.push(client.prepareJoin(commit.welcome).accept());
  }
  return groups.map((insider, i) => {
    const seat = seats[i];
    if (seat === undefined) throw new Error('no seat');
    return { insider, honest: clientOf(seat.part, { now: seat.now }).load(insider.save()) };
  });
}

export function bound(parts: readonly DeviceParts[], binding: XmppBinding): Seat[] {
  return gather(parts, groupExtensions(binding));
}

/** What all members but its maker say of a commit: all the same, and it changes nothing. */
export function verdictOf(seats: readonly Seat[], message: Uint8Array, maker?: Seat): string {
  const verdicts = seats.flatMap((seat) => {
    if (seat === maker) return [];
    const before = seat.honest.save();
    const verdict = validateCommit(seat.honest, message);
    const again = validateCommit(seat.honest, message);
    expect(again).toEqual(verdict);
    expect(seat.honest.save()).toEqual(before);
    const processed = seat.honest.process(message);
    expect(processed.kind).toBe(verdict.ok ? 'commit' : 'rejected');
    if (processed.kind === 'rejected' && !verdict.ok) expect(processed.error.code).toBe(verdict.code);
    if (processed.kind === 'commit') seat.honest.discard(processed.commit);
    return [verdict.ok ? 'ok' : `${verdict.code} ${verdict.rule}`];
  });
  expect(verdicts.length).toBeGreaterThan(0);
  expect(new Set(verdicts).size).toBe(1);
  return verdicts[0] ?? '';
}

/** What the others say of a commit that a member makes without looking at any rule. The commit is dropped. */
export function judged(
  seats: readonly Seat[],
  by: number,
  inputs: readonly ProposalInput[] = [],
  options: CommitOptions = {},
): string {
  const seat = seats[by];
  if (seat === undefined) throw new Error('no seat');
  const commit = seat.insider.commit(inputs, options);
  const verdict = verdictOf(seats, commit.message, seat);
  seat.insider.discard(commit);
  return verdict;
}

/** A signed list of an account. */
export function listOf(
  { jid, aik }: Account,
  { revoked = [], from, signer = aik }: { revoked?: string[]; from?: Account; signer?: KeyPair } = {},
): SignedDeviceList {
  const rollover = from && signRollover(suite1, from.aik, accountKeyOf(aik), 5n);
  const signed = signDeviceList(suite1, signer, {
    jid,
    seq: 3n,
    issued: 1n,
    expires: 2n,
    prefer: 0,
    active: [],
    revoked: revoked.map((id) => ({ deviceId: id.repeat(16), when: 1n, reason: 2 as const })),
    rollover,
  });
  return signed;
}

/** The code of a call that is to fail, and the rule of its detail. */
export function refusal(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    const { code, detail } = error as { code: string; detail: { rule?: string } };
    return `${code} ${detail.rule}`;
  }
  return 'none';
}

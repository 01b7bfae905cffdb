/**
 * Log rooms: small hidden rooms that hold the commits of a conversation of two accounts, or of one account's own devices
 * (section 4.4 of the design).
 */

import { toHex } from '../../base/bytes.ts';
import { fail, MlsError } from '../../base/error.ts';
import { bareJidIn } from '../jid.ts';
import { type DiscoInfo, discoInfo, discoItems, readDiscoInfo, readDiscoItems } from '../stanza/disco.ts';
import { NS_MAM } from '../stanza/mam.ts';
import {
  type Affiliation,
  affiliates,
  affiliateTo,
  configureRoom,
  destroyRoom,
  NS_MUC,
  readAffiliates,
  readRoomConfiguration,
  roomConfiguration,
} from '../stanza/muc.ts';
import { refusedWith } from '../stanza/stanzaError.ts';
import type { Timers } from '../timers.ts';
import type { Transport } from '../transport.ts';
import { checkRoom, fillLogRoomForm } from './roomFitness.ts';
import { RoomMembership } from './roomMembership.ts';

/** Items of a domain that are looked at. */
const MOST_ITEMS = 50;
/** Names that are tried for a new room. */
const MOST_NAMES = 3;

/** What a log room is made with. */
export interface LogRoomOptions {
  readonly transport: Transport;
  readonly timers: Timers;
  readonly random: (length: number) => Uint8Array;
  /** The conference service. */
  readonly service: string;
  /** The id of the device. */
  readonly nick: string;
  /** Bare address of the other account; none for the group of the own devices. */
  readonly peer?: string;
}

/**
 * The service of a domain where rooms with an archive can be made.
 * @throws `xmpp.server-unfit` if there is none; `xmpp.refused`, `xmpp.timeout`, `xmpp.offline` if the domain does not tell
 */
export async function findConferenceService(transport: Transport, domain: string): Promise<string> {
  const items = readDiscoItems(await transport.request(discoItems(domain)));
  let feature: string = NS_MUC;
  for (const { jid, node } of items.slice(0, MOST_ITEMS)) {
    const info = node === undefined ? await infoOf(transport, jid) : undefined;
    if (info === undefined || !isConference(info)) continue;
    if (info.features.has(NS_MAM)) return jid;
    feature = NS_MAM;
  }
  return fail('xmpp.server-unfit', { feature, entity: domain });
}

/**
 * Make a log room, with the other account as a second owner. We are not in it afterwards.
 * @returns its bare address
 * @throws `xmpp.server-unfit` if the service cannot make such a room, which is destroyed then; `xmpp.timeout`, `xmpp.offline`
 */
export async function createLogRoom(options: LogRoomOptions): Promise<string> {
  const { transport, peer } = options;
  const { room, leave } = await newRoom(options);
  try {
    await configureLogRoom(transport, room);
    if (peer !== undefined) await letIn(transport, room, peer);
    return room;
  } catch (error) {
    await destroyLogRoom(transport, room);
    throw error;
  } finally {
    await leave();
  }
}

/**
 * Configure a room as a log room, and look whether it is one: also to repair one.
 * @throws `xmpp.server-unfit`, `xmpp.timeout`, `xmpp.offline`
 */
export async function configureLogRoom(transport: Transport, room: string): Promise<void> {
  const unfit = unfitFor('configuration', room);
  const form = readRoomConfiguration(await transport.request(roomConfiguration(room)).catch(unfit));
  await transport.request(configureRoom(room, fillLogRoomForm(form))).catch(unfit);
  checkRoom(readDiscoInfo(await transport.request(discoInfo(room)).catch(unfit)), 'log', room);
}

/** Destroy a log room, if the service lets us. */
export async function destroyLogRoom(transport: Transport, room: string): Promise<void> {
  try {
    await transport.request(destroyRoom(room));
  } catch (error) {
    if (!(error instanceof MlsError)) throw error;
  }
}

/**
 * What accounts are to a room, by bare address: owners, admins and members.
 * @throws `xmpp.refused`, `xmpp.timeout`, `xmpp.offline`, `xmpp.stanza`
 */
export async function readAffiliations(
  transport: Transport,
  room: string,
): Promise<ReadonlyMap<string, Affiliation>> {
  const found = new Map<string, Affiliation>();
  for (const affiliation of ['owner', 'admin', 'member'] as const) {
    const list = readAffiliates(await transport.request(affiliates(room, affiliation)));
    for (const { jid } of list) found.set(bareJidIn(jid), affiliation);
  }
  return found;
}

function isConference({ identities, features }: DiscoInfo): boolean {
  return (
    features.has(NS_MUC) &&
    identities.some(({ category, type }) => category === 'conference' && type === 'text')
  );
}

/** A part of a domain that does not answer is none that can be used. */
async function infoOf(transport: Transport, jid: string): Promise<DiscoInfo | undefined> {
  try {
    return readDiscoInfo(await transport.request(discoInfo(jid)));
  } catch (error) {
    if (error instanceof MlsError && error.code !== 'xmpp.offline') return undefined;
    throw error;
  }
}

/** A room that was not there before. */
async function newRoom(options: LogRoomOptions): Promise<{ room: string; leave: () => Promise<void> }> {
  const { transport, service, random } = options;
  for (let tries = 0; tries < MOST_NAMES; tries++) {
    const room = `${toHex(random(16))}@${service}`;
    const membership = new RoomMembership({ ...options, room });
    const unsubscribe = transport.subscribe((stanza) => membership.see(stanza));
    const leave = async (): Promise<void> => {
      unsubscribe();
      await membership.leave();
      membership.stop();
    };
    try {
      if ((await membership.join()).created) return { room, leave };
    } catch (error) {
      await leave();
      return unfitFor('room creation', service)(error);
    }
    await leave();
  }
  return fail('xmpp.server-unfit', { feature: 'new room', entity: service });
}

/** Make the other account an owner, or an admin where there can be one owner only; alone in its request (section 4.4, step 5). */
async function letIn(transport: Transport, room: string, peer: string): Promise<void> {
  try {
    await transport.request(affiliateTo(room, peer, 'owner'));
  } catch (error) {
    if (!refusedWith(error, 'not-allowed', 'forbidden', 'not-authorized', 'bad-request', 'conflict'))
      throw error;
    await transport.request(affiliateTo(room, peer, 'admin')).catch(unfitFor('second owner', room));
  }
  const affiliation = (await readAffiliations(transport, room)).get(bareJidIn(peer));
  if (affiliation !== 'owner' && affiliation !== 'admin') {
    fail('xmpp.server-unfit', { feature: 'second owner', entity: room });
  }
}

/** A refusal means that the service cannot do it; everything else may go better another time. */
function unfitFor(feature: string, entity: string): (error: unknown) => never {
  return (error) => {
    if (!(error instanceof MlsError) || error.code !== 'xmpp.refused') throw error;
    const { condition } = error.detail;
    return fail('xmpp.server-unfit', { feature, entity, condition }, error);
  };
}

/** A session's parts, put together. */

import type { StoredClient } from '../../storage/index.ts';
import { padMls } from '../content/padding.ts';
import { Devices } from '../devices.ts';
import { deviceCredential } from '../identity/deviceCert.ts';
import { parseJid } from '../jid.ts';
import { KeyPackageFetcher } from '../keyPackages.ts';
import type { Nodes } from '../nodes.ts';
import { OwnKeyPackages } from '../ownKeyPackages.ts';
import { isBlocked, Pins } from '../pins.ts';
import type { Timers } from '../timers.ts';
import { validityRules } from '../validity.ts';
import type { Surroundings } from './conversation.ts';
import { Desk } from './desk.ts';
import type { EventStream } from './events.ts';
import type { AccountFeed } from './feed.ts';
import type { Packages } from './goals.ts';
import type { OwnDevice } from './ownDevice.ts';
import { Seen } from './seen.ts';
import type { MlsXmppOptions } from './session.ts';
import type { Setting } from './setting.ts';
import { treeFiles } from './treeFiles.ts';

/** What there is before the rest. */
export interface Base {
  readonly options: MlsXmppOptions & { readonly timers: Timers };
  readonly events: EventStream;
  readonly nodes: Nodes;
  readonly device: OwnDevice;
  readonly client: StoredClient;
}

/** The parts. */
export interface Assembled {
  readonly setting: Setting;
  readonly desk: Desk;
  readonly feed: AccountFeed;
}

/** The client of this device, whose leaves carry its certificate. @throws `storage.*` */
export async function openClient(
  { store, provider }: MlsXmppOptions,
  device: OwnDevice,
  timers: Timers,
): Promise<StoredClient> {
  const { policy, ...rules } = validityRules(provider);
  let opened: StoredClient | undefined;
  opened = await store.client({
    credential: deviceCredential({ jid: device.jid, deviceId: device.id }),
    ...rules,
    policy: { ...policy, pad: padMls },
    clock: () => Math.floor(timers.now() / 1000),
    leafExtensions: () =>
      opened === undefined ? [] : [device.certificate(opened.suite, opened.signatureKey)],
  });
  return opened;
}

/** Everything that a session works with, and the desk that serves it. @throws `storage.*` */
export async function assemble(base: Base): Promise<Assembled> {
  const { options, nodes, device, client } = base;
  const { store, provider, timers, transport, http } = options;
  const suite1 = provider.suite(1);
  const pins = new Pins(store, suite1);
  const { accountKey: ownKey } = device;
  const devices = new Devices({ nodes, pins, suite1, timers, account: device.jid, ownKey });
  const clients = new Map([[client.suite, client]]);
  const fetcher = new KeyPackageFetcher({ nodes, devices, clients, provider, timers });
  const blocked = new Set<string>();
  for await (const pin of pins.all()) if (isBlocked(pin)) blocked.add(pin.jid);
  const desk = new Desk({ nodes, blocked, mayInvite: options.mayInvite });
  const setting: Setting = {
    ...surroundingsOf(base, packagesOf(fetcher), { blocked, feedRead: () => desk.feedRead() }),
    ...desk.tasks,
    ...treeFiles(transport, provider, http),
    provider,
    client,
    device,
    devices,
    fetcher,
    ownPackages: await ownPackagesOf(base),
    seen: new Seen(store, timers),
    nick: options.nick ?? parseJid(device.jid).local ?? device.jid,
    hash: (bytes) => suite1.hash(bytes),
  };
  return { setting, desk, feed: desk.serve(setting) };
}

function surroundingsOf(
  { options, events, device, client }: Base,
  packages: Packages,
  { blocked, feedRead }: { readonly blocked: ReadonlySet<string>; readonly feedRead: () => Promise<void> },
): Surroundings {
  const { store, transport, timers, provider } = options;
  return {
    store,
    transport,
    timers,
    random: (length) => provider.random(length),
    events,
    packages,
    self: { jid: device.jid, device: device.id },
    isBlocked: (jid) => blocked.has(jid),
    leafExtensions: () => [device.certificate(client.suite, client.signatureKey)],
    feedRead,
  };
}

function ownPackagesOf({ options, nodes, device, client }: Base): Promise<OwnKeyPackages> {
  const { store, timers, keyPackages } = options;
  return OwnKeyPackages.open({
    nodes,
    store,
    clients: [client],
    device: { jid: device.jid, deviceId: device.id },
    timers,
    ...(keyPackages !== undefined && { oneTime: keyPackages }),
  });
}

function packagesOf(fetcher: KeyPackageFetcher): Packages {
  return {
    fetch: async (accounts, group, except) => {
      const { chosen, left } = await fetcher.fetch(accounts, { suite: group.suite, except });
      return { chosen: chosen.map(({ deviceId, ...one }) => ({ ...one, device: deviceId })), left };
    },
  };
}

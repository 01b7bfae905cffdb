/** What happens in a world, at random. */

import type { Device } from './device.ts';
import type { World } from './world.ts';

type Step = (world: World, device: Device) => void;

const say: Step = (world, device) => {
  const room = world.roomOf(device);
  if (room !== undefined) void world.say(device, room);
};

const sayInChat: Step = (world, device) => {
  const chat = world.chatOf(device);
  if (chat !== undefined) void world.say(device, chat);
};

const someone = (world: World): string => world.jidOf(world.random.pick(world.names));

const invite: Step = (world, device) => {
  const jid = someone(world);
  void world.begin(device, `invite ${jid}`, async () => world.roomOf(device)?.invite(jid));
};

const remove: Step = (world, device) => {
  const jid = someone(world);
  void world.begin(device, `remove ${jid}`, async () => world.roomOf(device)?.remove(jid));
};

const refresh: Step = (world, device) => {
  const conversation = world.random.below(3) === 0 ? world.chatOf(device) : world.roomOf(device);
  void world.begin(device, 'refresh', async () => conversation?.refresh());
};

const leave: Step = (world, device) => {
  if (world.random.below(3) > 0 || world.roomOf(device)?.status !== 'active') return;
  device.hasLeft = true;
  void world.begin(device, 'leave', async () => world.roomOf(device)?.leave());
};

const crash: Step = (world, device) => {
  world.note(`${device.label} crashes`);
  device.crash();
  world.clock.after(100 + world.random.below(20_000), () => {
    if (!device.isAlive) void world.begin(device, 'start', () => device.start());
  });
};

const drop: Step = (world, device) => {
  world.note(`${device.label} loses its socket`);
  device.drop();
};

const disconnect: Step = (world, device) => {
  world.note(`${device.label} disconnects`);
  device.disconnect();
};

const restart: Step = (world) => {
  world.note('the server restarts');
  world.server.restart();
};

const expire: Step = (world) => {
  world.note('archives expire');
  world.server.expireArchives(world.random.below(12));
};

const another: Step = (world, device) => {
  const of = world.devices.filter(({ account }) => account === device.account);
  if (of.length > 1 || device.accountKey === undefined) return;
  void world.add(device.account, device.accountKey);
};

const own: Step = (world, device) => {
  void world.begin(device, 'own devices', async () => device.mls?.inviteOwnDevices());
};

const STEPS: readonly (readonly [number, Step])[] = [
  [30, say],
  [10, sayInChat],
  [7, invite],
  [5, remove],
  [6, refresh],
  [2, leave],
  [5, crash],
  [4, drop],
  [4, disconnect],
  [1, restart],
  [3, another],
  [4, own],
];


/** One random step of a random device. */
export function step(world: World, mayExpire: boolean): void {
  const { random } = world;
  const steps = mayExpire ? [...STEPS, [2, expire] as const] : STEPS;
  let at = random.below(steps.reduce((sum, [weight]) => sum + weight, 0));
  const device = random.pick(world.devices);
  for (const [weight, run] of steps) {
    at -= weight;
    if (at >= 0) continue;
    if (device.mls !== undefined) run(world, device);
    return;
  }
}

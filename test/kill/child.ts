/**
 * A member in a process of its own, on a LevelDB, told by its parent what to do until it is killed. It tells the parent
 * everything that the library hands out, as soon as it does.
 */

import { Level } from 'level';
import { provider } from '../../src/crypto/node/index.ts';
import { levelBackend } from '../../src/storage/level.ts';
import { Device } from './device.ts';
import { Ledger } from './ledger.ts';
import { Network, type NetworkMemory } from './network.ts';
import { type Change, type Memory, Witness } from './witness.ts';

/** What a member is to do. */
export type Command =
  | { readonly kind: 'package' | 'join' | 'receive' }
  | { readonly kind: 'say'; readonly words: readonly string[]; readonly together: boolean }
  | { readonly kind: 'acknowledge'; readonly count: number }
  | { readonly kind: 'commit'; readonly key: string }
  | { readonly kind: 'resync'; readonly key: string; readonly groupInfo: Uint8Array };

/** What a child begins with. */
export interface Start {
  readonly name: string;
  readonly folder: string;
  readonly network: NetworkMemory;
  readonly memory: Memory;
  readonly commands: readonly Command[];
}

/** What a child tells. */
export type Told =
  | { readonly kind: 'posted'; readonly message: Uint8Array; readonly words: string | undefined }
  | { readonly kind: 'mailed'; readonly welcome: Uint8Array; readonly from: number }
  | { readonly kind: 'package'; readonly message: Uint8Array }
  | {
      readonly kind: 'epoch';
      readonly epoch: bigint;
      readonly authenticator: string;
      readonly secret: Uint8Array;
    }
  | { readonly kind: 'sealed'; readonly message: Uint8Array }
  | { readonly kind: 'learnt'; readonly change: Change }
  | { readonly kind: 'started' | 'flushed' }
  | { readonly kind: 'done'; readonly commands: number }
  | { readonly kind: 'failed'; readonly why: string };

function tell(told: Told): void {
  process.send?.(told);
}

/** Wait until everything that was told has left this process: what waits for a slow parent would be lost with it. */
function told(): Promise<void> {
  return new Promise((resolve) => {
    process.send?.({ kind: 'flushed' }, undefined, undefined, () => resolve());
  });
}

/** Tells the parent which epochs it was in, and what it has sealed. */
class ToldLedger extends Ledger {
  override note(epoch: bigint, authenticator: string, secret: Uint8Array): void {
    super.note(epoch, authenticator, secret);
    tell({ kind: 'epoch', epoch, authenticator, secret });
  }
  override seal(message: Uint8Array): void {
    tell({ kind: 'sealed', message });
  }
}

/** A copy of the room; what is published goes to the parent as well. */
class ToldNetwork extends Network {
  override post(message: Uint8Array, by: string, words?: string): number {
    tell({ kind: 'posted', message, words });
    return super.post(message, by, words);
  }
  override send(welcome: Uint8Array, from: number): void {
    super.send(welcome, from);
    tell({ kind: 'mailed', welcome, from });
  }
  override publish(name: string, message: Uint8Array): void {
    super.publish(name, message);
    tell({ kind: 'package', message });
  }
}

async function play({ name, folder, network: room, memory, commands }: Start): Promise<void> {
  tell({ kind: 'started' });
  const network = new ToldNetwork(room);
  const witness = new Witness(memory);
  witness.onChange = (change) => tell({ kind: 'learnt', change });
  const open = { lostWrites: 0 };
  const device = new Device({ name, network, ledger: new ToldLedger(), provider, witness, open });
  await device.open(levelBackend(new Level<string, Uint8Array>(folder)));
  for (const [i, command] of commands.entries()) {
    await obey(device, command);
    tell({ kind: 'done', commands: i + 1 });
  }
}

async function obey(device: Device, command: Command): Promise<unknown> {
  switch (command.kind) {
    case 'package':
      return device.publishKeyPackage();
    case 'join':
      return device.join();
    case 'receive':
      return device.receive();
    case 'say':
      if (command.together) return device.sayAll(command.words);
      for (const one of command.words) await device.say(one);
      return undefined;
    case 'acknowledge':
      // Whoever acknowledges has seen it.
      await told();
      return device.acknowledge(command.count);
    case 'commit':
      return device.group.group.pending === undefined ? device.commit(command.key) : device.flush();
    case 'resync':
      return device.enterByItself(command.key, async () => command.groupInfo, true);
  }
}

process.once('message', (start: Start) => {
  play(start).catch((error: unknown) => {
    tell({ kind: 'failed', why: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  });
});

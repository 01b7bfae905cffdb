/** A stage inside the process: the embedded server, a clock that runs faster, and randomness of a seed. */

import { createHash } from 'node:crypto';
import { utf8 } from '../../base/bytes.ts';
import { nodeProvider } from '../../crypto/node/index.ts';
import { createServer, type Dialect } from '../../embedded/index.ts';
import type { Provider } from '../../index.ts';
import { NODE_DEVICES } from '../../xmpp/stanza/mlsItems.ts';
import { systemTimers, type Timers } from '../../xmpp/timers.ts';
import type { Stage } from './stage.ts';

/** What an embedded stage is to be like. */
export interface EmbeddedStageOptions {
  readonly dialect: Dialect;
  /** A whole number: of the same seed keys and ids are the same. Which are therefore no secrets. */
  readonly seed: number;
  /** How many times faster than the wall's the clock runs. @defaultValue 50 */
  readonly speed?: number;
}

/** When it is on the embedded stage, milliseconds since 1970. */
const START = 1_800_000_000_000;

/** Open the stage. */
export function embeddedStage({ dialect, seed, speed = 50 }: EmbeddedStageOptions): Stage {
  const timers = fastTimers(speed);
  const random = seeded(seed);
  const provider: Provider = { ...nodeProvider, random };
  const server = createServer({ dialect, timers, random });
  const names = ['alice', 'bob', 'carol'] as const;
  for (const name of names) server.addUser(name);
  const [alice, bob, carol] = names.map((name) => `${name}@${server.domain}`) as [string, string, string];
  return {
    name: `an embedded server with the habits of ${dialect === 'prosody' ? 'Prosody' : 'ejabberd'}, seed ${seed}`,
    rooms: server.rooms,
    accounts: [alice, bob, carol],
    provider,
    timers,
    http: {
      put: async (url, headers, bytes) => server.upload.put(url, bytes, Object.fromEntries(headers)),
      get: async (url, maxBytes) => {
        const bytes = server.upload.fetch(url)?.subarray(0, maxBytes + 1);
        return { status: bytes === undefined ? 404 : 200, bytes: bytes ?? new Uint8Array() };
      },
    },
    connect: async (account, resource) => {
      const features = [`${NODE_DEVICES}+notify`];
      const connection = server.connect(account.split('@')[0] ?? '', resource, { features });
      const { transport, disconnect, connect } = connection;
      return { transport, cut: async () => disconnect(), again: async () => connect() };
    },
    close: async () => {},
  };
}

/** A clock that runs faster than that on the wall. */
export function fastTimers(speed: number): Timers {
  const began = performance.now();
  return {
    now: () => Math.floor(START + (performance.now() - began) * speed),
    after: (ms, run) => systemTimers.after(ms / speed, run),
  };
}

/** Bytes that follow from a seed: for demonstrations, never for keys of people. */
function seeded(seed: number): (length: number) => Uint8Array {
  let calls = 0;
  return (length) => {
    calls += 1;
    const hash = createHash('shake256', { outputLength: Math.max(1, length) });
    return new Uint8Array(
      hash
        .update(utf8(`xmpp-mls demo ${seed} ${calls}`))
        .digest()
        .subarray(0, length),
    );
  };
}

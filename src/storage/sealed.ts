/** Encryption at rest, around any backend. */

import { concat, equal, ownedCopy, utf8 } from '../base/bytes.ts';
import { fail } from '../base/error.ts';
import { wipe } from '../base/secret.ts';
import type { Provider, SuiteCrypto } from '../crypto/provider.ts';
import type { Guard, KeyValueStore, StoreOp } from './backend.ts';
import { checkedKey, ownedGuard, ownedOps } from './operations.ts';

/** HKDF with SHA-256 and ChaCha20-Poly1305 are those of this suite (RFC 9420 §17.1). */
const SUITE = 3;
/** Leads every sealed record, and is part of what is authenticated. */
const FORMAT = 1;
const KEY_LENGTH = 32;

/** `byte format; byte nonce[12]; byte ciphertext[]; byte tag[16]` */
interface Sealer {
  /** @param nonce not used before with this name */
  seal(name: string, value: Uint8Array, nonce: Uint8Array): Uint8Array;
  /** @throws `storage.corrupt` */
  open(name: string, record: Uint8Array): Uint8Array;
  readonly nonceLength: number;
  /** @throws `storage.durability` when it was closed */
  check(): void;
  /** Overwrite the key. */
  close(): void;
}

/**
 * Seal the values of a backend under a key of the application. Each record has a key of its own, derived from its name,
 * and cannot stand in for another; one that was altered, exchanged or sealed under another key is `storage.corrupt`.
 *
 * Names stay readable, as do the lengths of values and when they change. Whoever can write to the backend can put back
 * an older value of a record, or take it away: for that, keep the backend where nobody else writes.
 * @param key 32 random bytes; copied, and overwritten at `close`
 * @throws `codec.input` for a key of another length, `codec.unsupported` when the provider lacks ChaCha20-Poly1305.
 * Each method: as the backend, `storage.corrupt`, and `storage.durability` after `close`
 */
export function sealedBackend(backend: KeyValueStore, key: Uint8Array, provider: Provider): KeyValueStore {
  const sealer = sealerOf(key, provider.suite(SUITE));
  const sealed: KeyValueStore = {
    get: async (name) => {
      sealer.check();
      const record = await backend.get(checkedKey(name));
      return record === undefined ? undefined : sealer.open(name, record);
    },
    async *scan(prefix) {
      sealer.check();
      for await (const [name, record] of backend.scan(prefix)) yield [name, sealer.open(name, record)];
    },
    batch: async (ops, guard) => {
      sealer.check();
      const condition = ownedGuard(guard);
      const records = sealAll(sealer, ownedOps(ops), provider);
      await backend.batch(
        records,
        condition === undefined ? undefined : await translated(backend, sealer, condition),
      );
    },
    close: async () => {
      sealer.close();
      await backend.close?.();
    },
  };
  const { lock, compact } = backend;
  if (lock !== undefined) sealed.lock = (options) => lock.call(backend, options);
  if (compact !== undefined) sealed.compact = () => compact.call(backend);
  return sealed;
}

/**
 * The same condition on what the backend holds. A value sealed twice gives other bytes each time, so the record is read
 * and the condition is that it has not changed since: whoever writes in between makes the batch a conflict.
 */
async function translated(backend: KeyValueStore, sealer: Sealer, guard: Guard): Promise<Guard> {
  if (guard.value === undefined) return guard;
  const record = await backend.get(guard.key);
  if (record === undefined || !equal(sealer.open(guard.key, record), guard.value)) fail('storage.conflict');
  return { key: guard.key, value: record };
}

/** All nonces in one draw: by itself, a draw takes as long as the rest. */
function sealAll(sealer: Sealer, ops: readonly StoreOp[], provider: Provider): readonly StoreOp[] {
  const length = sealer.nonceLength;
  const nonces = provider.random(ops.length * length);
  return ops.map((op, i) => {
    if (op.type === 'del') return op;
    const value = sealer.seal(op.key, op.value, nonces.subarray(i * length, (i + 1) * length));
    wipe(op.value);
    return { type: 'put', key: op.key, value };
  });
}

function sealerOf(key: Uint8Array, suite: SuiteCrypto): Sealer {
  const root = ownedCopy(key);
  if (root.length !== KEY_LENGTH) fail('codec.input', { expected: KEY_LENGTH, length: root.length });
  const { nonce: nonceLength } = suite.sizes;
  const format = Uint8Array.of(FORMAT);
  let closed = false;
  const check = () => {
    if (closed) fail('storage.durability', { reason: 'closed' });
  };
  /** Both what the key is derived for and what is authenticated. */
  const contextOf = (name: string) => utf8(`xmpp-mls sealed record ${FORMAT} ${name}`);
  return {
    nonceLength,
    seal: (name, value, nonce) => {
      check();
      const context = contextOf(name);
      const own = suite.hkdfExpand(root, context, suite.sizes.key);
      const record = concat(format, nonce, suite.seal(own, nonce, context, value));
      wipe(own);
      return record;
    },
    open: (name, record) => {
      // Closed while the backend was reading.
      check();
      const context = contextOf(name);
      const own = suite.hkdfExpand(root, context, suite.sizes.key);
      const [first] = record;
      const nonce = record.subarray(1, 1 + nonceLength);
      const value = suite.open(own, nonce, context, record.subarray(1 + nonceLength));
      wipe(own);
      if (first !== FORMAT || value === undefined) fail('storage.corrupt', { length: record.length });
      return value;
    },
    check,
    close: () => {
      closed = true;
      wipe(root);
    },
  };
}

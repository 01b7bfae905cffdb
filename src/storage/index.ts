/**
 * State that survives: clients and groups in a store, every step durable before its result is handed out.
 *
 * Start with {@link openStore} and a backend: `xmpp-mls/store/memory`, `/store/level`, `/store/indexeddb`, or your own,
 * tested with `/store/conformance`.
 */

import { provider as platformProvider } from '#provider';
import type { ClientOptions as AllClientOptions } from '../group/options.ts';
import type { KeyValueStore } from './backend.ts';
import { type OpenOptions as AllOpenOptions, type MlsStore, openStore as open } from './store.ts';

export type { Guard, KeyValueStore, StoreOp } from './backend.ts';
export type { MlsStore } from './store.ts';
export type {
  Also,
  StoredClient,
  StoredFoundedGroup,
  StoredJoin,
  StoredKeyPackage,
  StoredOffer,
} from './storedClient.ts';
export type { InboxMessage, Records, StoredGroup, StoredProcessed } from './storedGroup.ts';
export type { Watermark } from './writer.ts';

/** As the options of a store, but the provider has a default: node:crypto under Node, noble elsewhere. */
export type OpenOptions = Omit<AllOpenOptions, 'provider'> & Partial<Pick<AllOpenOptions, 'provider'>>;

/** As the options of a client; the provider is that of the store. */
export type StoredClientOptions = Omit<AllClientOptions, 'provider'>;

/**
 * Open a store, or make one where there is none.
 * @throws `storage.lock` when another writer has it open, `storage.version` for one of a later format, `storage.corrupt`
 *   also for a wrong sealing key, and other `storage.*`
 */
export function openStore(backend: KeyValueStore, options: OpenOptions = {}): Promise<MlsStore> {
  return open(backend, { provider: platformProvider, ...options });
}

/** Reading records one by one, so that a damaged one does not hide the others. */

import { MlsError } from '../base/error.ts';
import type { KeyValueStore } from './backend.ts';

/** Names and values; `undefined` for a record that is damaged. */
export type Readable = AsyncGenerator<readonly [key: string, value: Uint8Array | undefined]>;

/** @param raw the backend as it is @param records the same one, unsealed */
export async function* readable(raw: KeyValueStore, records: KeyValueStore, prefix: string): Readable {
  for await (const [key, value] of raw.scan(prefix))
    yield [key, raw === records ? value : await ifReadable(() => records.get(key))];
}

/** @returns `undefined` where something is damaged, or of a form that is not known */
export async function ifReadable<T>(read: () => Promise<T> | T): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof MlsError && (error.code === 'storage.corrupt' || error.code === 'storage.version'))
      return undefined;
    throw error;
  }
}

/** Names alone are never sealed. */
export async function namesOf(raw: KeyValueStore, prefix: string): Promise<string[]> {
  const names: string[] = [];
  for await (const [name] of raw.scan(prefix)) names.push(name);
  return names;
}

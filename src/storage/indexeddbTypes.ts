/** What is used of IndexedDB and Web Locks: structural types, which those of the DOM library fit. */

/** Part of `EventTarget`. */
export interface IdbTarget {
  addEventListener(type: string, listener: () => void): void;
}

/** Part of `IDBRequest`. */
export interface IdbRequest<T> extends IdbTarget {
  readonly result: T;
  readonly error: unknown;
}

/** Part of `IDBFactory`: the global `indexedDB`. */
export interface IdbFactory {
  open(name: string, version: number): IdbRequest<IdbDatabase>;
}

/** Part of `IDBDatabase`. */
export interface IdbDatabase extends IdbTarget {
  createObjectStore(name: string): unknown;
  transaction(
    stores: string[],
    mode: 'readonly' | 'readwrite',
    options: { durability: 'strict' },
  ): IdbTransaction;
  close(): void;
}

/** Part of `IDBTransaction`. */
export interface IdbTransaction extends IdbTarget {
  /** What the browser has agreed to; older ones do not say. */
  readonly durability?: string;
  readonly error: unknown;
  objectStore(name: string): IdbObjectStore;
  abort(): void;
  commit?(): void;
}

/** Part of `IDBObjectStore`. */
export interface IdbObjectStore {
  get(key: string): IdbRequest<unknown>;
  getAll(range: IdbKeyRange, count: number): IdbRequest<unknown[]>;
  getAllKeys(range: IdbKeyRange, count: number): IdbRequest<unknown[]>;
  put(value: unknown, key: string): unknown;
  delete(key: string): unknown;
}

/** Part of `IDBKeyRange`. */
export interface IdbKeyRange {
  readonly lower: unknown;
  readonly upper: unknown;
  readonly lowerOpen: boolean;
  readonly upperOpen: boolean;
  includes(key: unknown): boolean;
}

/** The global `IDBKeyRange`. */
export interface IdbKeyRanges {
  bound(lower: string, upper: string, lowerOpen: boolean, upperOpen: boolean): IdbKeyRange;
}

/** Part of `LockManager`: `navigator.locks`. */
export interface WebLocks {
  request(
    name: string,
    options: { mode: 'exclusive'; ifAvailable: boolean },
    callback: (lock: unknown) => Promise<void>,
  ): Promise<unknown>;
}

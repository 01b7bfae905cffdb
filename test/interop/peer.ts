/** What a library has to offer to take part in a history: one adapter each behind one interface. */

/** The libraries by the names that `--peers` takes. */
export const LIBRARIES = ['ours', 'ts-mls', 'openmls', 'mls-rs'] as const;
export type LibraryName = (typeof LIBRARIES)[number];

/** What a client is made of. */
export interface Setup {
  readonly suite: number;
  readonly identity: Uint8Array;
  /** Handshake messages go out as PublicMessage. */
  readonly public: boolean;
  /** Commits carry a path even where their proposals need none. */
  readonly alwaysPath: boolean;
  /** KeyPackages have an extension of a reserved type, where the library can do that. */
  readonly greaseKeyPackages: boolean;
}

/** One proposal, for a commit or to be sent by itself; `update` only by itself. */
export type Proposed =
  | { readonly kind: 'add'; readonly keyPackage: Uint8Array }
  | { readonly kind: 'remove'; readonly leaf: number }
  | { readonly kind: 'psk'; readonly id: Uint8Array }
  | { readonly kind: 'update' };

/** A commit that waits for `accept` or `discard`. */
export interface Committed {
  readonly message: Uint8Array;
  readonly welcome: Uint8Array | undefined;
}

/** What became of a message that was taken in; whatever is not will throw. */
export type Outcome =
  /** `sender` is a leaf, `undefined` where the library does not tell. */
  | { readonly kind: 'application'; readonly data: Uint8Array; readonly sender: number | undefined }
  | { readonly kind: 'proposal' }
  | { readonly kind: 'commit' }
  /** A commit that removed this client. */
  | { readonly kind: 'removed' };

/** What all members of an epoch must agree on, all but `leaf`. */
export interface State {
  readonly epoch: number;
  /** Our own. */
  readonly leaf: number;
  readonly authenticator: Uint8Array;
  readonly treeHash: Uint8Array;
  readonly members: readonly { readonly leaf: number; readonly identity: Uint8Array }[];
}

/** One client, in at most one group. Bytes are MLSMessages. Every method throws when the library refuses. */
export interface Peer {
  keyPackage(): Promise<Uint8Array>;
  createGroup(id: Uint8Array): Promise<void>;
  join(welcome: Uint8Array): Promise<void>;
  /** Gives the commit, which the joiner has taken already. */
  externalJoin(groupInfo: Uint8Array): Promise<Uint8Array>;
  registerPsk(id: Uint8Array, value: Uint8Array): Promise<void>;
  propose(proposal: Proposed): Promise<Uint8Array>;
  /** Commits what was proposed before and `proposals`. */
  commit(proposals: readonly Proposed[]): Promise<Committed>;
  accept(): Promise<void>;
  discard(): Promise<void>;
  /** Takes a commit at once. */
  process(message: Uint8Array): Promise<Outcome>;
  encrypt(data: Uint8Array): Promise<Uint8Array>;
  /** With tree and external public key. */
  groupInfo(): Promise<Uint8Array>;
  export(label: string, context: Uint8Array, length: number): Promise<Uint8Array>;
  state(): Promise<State>;
  close(): Promise<void>;
}

/** A library that is there. */
export interface Library {
  readonly name: LibraryName;
  client(setup: Setup): Promise<Peer>;
  /** End what was started. */
  stop(): void;
}

/** What the adapter uses of ts-mls, which is installed apart, in `ts-mls/`: our types must check without it. */

import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

/** What goes back to ts-mls without our looking into it. */
type Opaque<Name extends string> = object & { readonly [opaque]?: Name };
declare const opaque: unique symbol;
type PrivatePackage = Opaque<'private package'>;
export type PskIndex = Opaque<'psk index'>;
export type Body = Opaque<'body'>;

export interface Suite {
  readonly signature: { keygen(): Promise<{ readonly publicKey: Uint8Array; readonly signKey: Uint8Array }> };
  readonly rng: { randomBytes(length: number): Uint8Array };
  readonly kdf: { readonly size: number };
}
export interface KeyPackages {
  readonly publicPackage: Body;
  readonly privatePackage: PrivatePackage;
}
export interface GroupState {
  readonly groupContext: { readonly epoch: bigint; readonly treeHash: Uint8Array };
  readonly keySchedule: { readonly epochAuthenticator: Uint8Array; readonly exporterSecret: Uint8Array };
  readonly privatePath: { readonly leafIndex: number };
  readonly groupActiveState: { readonly kind: string };
  readonly ratchetTree: readonly (TreeNode | undefined)[];
}
export interface TreeNode {
  readonly leaf?: { readonly credential: { readonly identity: Uint8Array } };
}
export interface Message {
  readonly wireformat: string;
  readonly version?: string;
  readonly welcome?: Body;
  readonly groupInfo?: Body;
  readonly keyPackage?: Body;
  readonly publicMessage?: Body;
  readonly privateMessage?: Body;
}
export interface Processed {
  readonly kind?: string;
  readonly newState: GroupState;
  readonly message?: Uint8Array;
}
export interface Context {
  readonly state: GroupState;
  readonly cipherSuite: Suite;
  readonly pskIndex: PskIndex;
}

/** The part of its interface that is used here; `parts` where it wants more than four parameters. */
export interface TsMls {
  readonly ciphersuites: Readonly<Record<string, number>>;
  readonly emptyPskIndex: PskIndex;
  readonly defaultKeyRetentionConfig: object;
  readonly defaultKeyPackageEqualityConfig: object;
  readonly defaultLifetimeConfig: object;
  readonly defaultPaddingConfig: object;
  readonly defaultAuthenticationService: object;
  getCiphersuiteFromName(name: string): object;
  getCiphersuiteImpl(suite: object): Promise<Suite>;
  defaultCapabilities(): object;
  makePskIndex(state: GroupState | undefined, external: Readonly<Record<string, Uint8Array>>): PskIndex;
  generateKeyPackageWithKey(...parts: readonly unknown[]): Promise<KeyPackages>;
  createGroup(...parts: readonly unknown[]): Promise<GroupState>;
  joinGroup(...parts: readonly unknown[]): Promise<GroupState>;
  joinGroupExternal(...parts: readonly unknown[]): Promise<{ publicMessage: Body; newState: GroupState }>;
  createGroupInfoWithExternalPubAndRatchetTree(state: GroupState, more: [], suite: Suite): Promise<Body>;
  createCommit(
    context: Context,
    options: object,
  ): Promise<{ newState: GroupState; commit: Message; welcome?: Body }>;
  createProposal(
    state: GroupState,
    isPublic: boolean,
    proposal: object,
    suite: Suite,
  ): Promise<{ newState: GroupState; message: Message }>;
  createApplicationMessage(
    state: GroupState,
    data: Uint8Array,
    suite: Suite,
  ): Promise<{ newState: GroupState; privateMessage: Body }>;
  processPrivateMessage(state: GroupState, message: Body, psks: PskIndex, suite: Suite): Promise<Processed>;
  processPublicMessage(state: GroupState, message: Body, psks: PskIndex, suite: Suite): Promise<Processed>;
  mlsExporter(...parts: readonly unknown[]): Promise<Uint8Array>;
  encodeMlsMessage(message: Message): Uint8Array;
  decodeMlsMessage(bytes: Uint8Array, offset: number): readonly [Message, number] | undefined;
}

/** @throws when it is not installed in the folder */
export async function loadTsMls(folder: string): Promise<TsMls> {
  const file = createRequire(resolve(folder, 'package.json')).resolve('ts-mls');
  return (await import(pathToFileURL(file).href)) as TsMls;
}

/** The structures that `inspect` knows, and finding those that bytes can be. */

import { MlsError } from '../../base/error.ts';
import { type Codec, decode, opaque, struct, uint16, uint32 } from '../../codec/codec.ts';
import {
  ApplicationId,
  AuthenticatedContent,
  CONTEXT_BODIES,
  Commit,
  Credential,
  ExternalPub,
  ExternalSenders,
  extensionList,
  FramedContent,
  GroupContext,
  GroupInfo,
  GroupInfoContent,
  GroupSecrets,
  HpkeCiphertext,
  KeyPackage,
  KeyPackageContent,
  LeafNode,
  LeafNodeContent,
  MlsMessage,
  ParentNode,
  PreSharedKeyId,
  PrivateMessage,
  Proposal,
  PskLabel,
  PublicMessage,
  RatchetTree,
  RequiredCapabilities,
  SenderData,
  UpdatePath,
  Welcome,
} from '../../wire/index.ts';

/** A value with the name of its type. */
export interface Structure {
  readonly type: string;
  readonly value: unknown;
}

/** What trying all types gave. */
export interface Findings {
  /** Every type that the bytes decode as, the likeliest first. */
  readonly structures: readonly Structure[];
  /** The attempt that got farthest, when there is no structure. */
  readonly nearest: Attempt | undefined;
}

/** A type that did not fit. */
export interface Attempt {
  readonly type: string;
  readonly error: MlsError;
}

/** Bodies of proposals, for bytes from which the type is missing; Add, Update and PreSharedKey have types of their own. */
const extensions = extensionList(CONTEXT_BODIES);
const Remove = struct({ removed: uint32 });
const ExternalInit = struct({ kemOutput: opaque });
const ReInit = struct({ groupId: opaque, version: uint16, cipherSuite: uint16, extensions });
const GroupContextExtensions = struct({ extensions });

/** All types, likeliest first: those that say what they are, then the larger ones, then those that fit by chance. */
export const STRUCTURES: ReadonlyMap<string, Codec<unknown>> = new Map<string, Codec<unknown>>([
  ['MLSMessage', MlsMessage as Codec<unknown>],
  ['KeyPackage', KeyPackage as Codec<unknown>],
  ['GroupInfo', GroupInfo as Codec<unknown>],
  ['GroupContext', GroupContext as Codec<unknown>],
  ['RatchetTree', RatchetTree as Codec<unknown>],
  ['LeafNode', LeafNode as Codec<unknown>],
  ['AuthenticatedContent', AuthenticatedContent as Codec<unknown>],
  ['PublicMessage', PublicMessage as Codec<unknown>],
  ['PrivateMessage', PrivateMessage as Codec<unknown>],
  ['FramedContent', FramedContent as Codec<unknown>],
  ['Welcome', Welcome as Codec<unknown>],
  ['Commit', Commit as Codec<unknown>],
  ['UpdatePath', UpdatePath as Codec<unknown>],
  ['Proposal', Proposal as Codec<unknown>],
  ['GroupSecrets', GroupSecrets as Codec<unknown>],
  ['KeyPackageTBS', KeyPackageContent as Codec<unknown>],
  ['GroupInfoTBS', GroupInfoContent as Codec<unknown>],
  ['LeafNodeTBS', LeafNodeContent as Codec<unknown>],
  ['ParentNode', ParentNode as Codec<unknown>],
  ['PSKLabel', PskLabel as Codec<unknown>],
  ['PreSharedKeyID', PreSharedKeyId as Codec<unknown>],
  ['Credential', Credential as Codec<unknown>],
  ['ExternalSenders', ExternalSenders as Codec<unknown>],
  ['RequiredCapabilities', RequiredCapabilities as Codec<unknown>],
  ['HPKECiphertext', HpkeCiphertext as Codec<unknown>],
  ['ReInit', ReInit as Codec<unknown>],
  ['GroupContextExtensions', GroupContextExtensions as Codec<unknown>],
  ['SenderData', SenderData as Codec<unknown>],
  ['ApplicationId', ApplicationId as Codec<unknown>],
  ['ExternalPub', ExternalPub as Codec<unknown>],
  ['ExternalInit', ExternalInit as Codec<unknown>],
  ['Remove', Remove as Codec<unknown>],
]);

/** The type of a given name, whatever its case. */
export function structureNamed(name: string): string | undefined {
  return [...STRUCTURES.keys()].find((type) => type.toLowerCase() === name.toLowerCase());
}

/** Decode bytes as each of the types. An MLSMessage names itself: then nothing else is considered. */
export function findStructures(bytes: Uint8Array, types: Iterable<string> = STRUCTURES.keys()): Findings {
  const structures: Structure[] = [];
  let nearest: Attempt | undefined;
  for (const type of types) {
    const outcome = attempt(type, bytes);
    if ('value' in outcome) structures.push(outcome);
    else if (nearest === undefined || reach(outcome) > reach(nearest)) nearest = outcome;
    if (structures[0]?.type === 'MLSMessage') break;
  }
  return { structures, nearest: structures.length === 0 ? nearest : undefined };
}

function attempt(type: string, bytes: Uint8Array): Structure | Attempt {
  try {
    return { type, value: decode(STRUCTURES.get(type) as Codec<unknown>, bytes) };
  } catch (error) {
    if (error instanceof MlsError) return { type, error };
    throw error;
  }
}

/** How many bytes were understood before the error. */
function reach({ error }: Attempt): number {
  const { offset } = error.detail;
  return typeof offset === 'number' ? offset : 0;
}

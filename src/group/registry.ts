/** Proposal and extension types of the application, defined once with their types (RFC 9420 §12.1, §13, §17). */

import { fail } from '../base/error.ts';
import { type Codec, decode, encode } from '../codec/codec.ts';
import type { OpenBody } from '../codec/reader.ts';
import { type Extension, findExtension } from '../wire/extension.ts';
import type { Proposal } from '../wire/proposal.ts';
import { isDefaultExtension, isDefaultProposal, type ProposalTraits } from '../wire/registry.ts';
import type { Environment } from './environment.ts';
import type { NewProposal } from './proposals.ts';

/** A proposal type of the application. */
export interface ProposalKind<T> {
  readonly type: number;
  readonly traits: ProposalTraits;
  readonly codec: Codec<T>;
  /** Whether a well-formed body is valid; the same for all members. */
  validate?(body: T): boolean;
  /** A proposal to send or to commit. */
  make(body: T): NewProposal;
  /** The body of a proposal of this type; `undefined` for another type. */
  read(proposal: Proposal): T | undefined;
}

/** An extension type of the application. */
export interface ExtensionKind<T> {
  readonly type: number;
  readonly codec: Codec<T>;
  /** Whether a well-formed body is valid in a GroupContext; the same for all members. */
  validate?(body: T): boolean;
  /** An extension for a list. */
  make(body: T): Extension;
  /** The body of the extension of this type, if the list has it. @throws `codec.*` for a malformed one */
  find(extensions: readonly Extension[]): T | undefined;
}

/** The types that a client understands beyond RFC 9420. */
export interface Registry {
  readonly proposals?: readonly ProposalKind<unknown>[];
  readonly extensions?: readonly ExtensionKind<unknown>[];
}

/**
 * Define a proposal type. @throws `codec.input` for a number of RFC 9420
 * @param definition its number and what the registry of §17.4 would say of it; `codec` reads exactly one body
 */
export function defineProposal<T>(definition: {
  readonly type: number;
  readonly codec: Codec<T>;
  readonly traits: ProposalTraits;
  readonly validate?: (body: T) => boolean;
}): ProposalKind<T> {
  const { type, codec, traits, validate } = definition;
  if (isDefaultProposal(type) || !isCodePoint(type)) fail('codec.input', { proposal: type });
  return Object.freeze({
    type,
    traits,
    codec,
    ...(validate && { validate }),
    make: (body: T): NewProposal => ({ kind: 'other', proposalType: type, body: encode(codec, body) }),
    read: (proposal: Proposal) =>
      proposal.proposalType === type && 'body' in proposal ? decode(codec, proposal.body) : undefined,
  });
}

/** Define an extension type. @throws `codec.input` for a number of RFC 9420 */
export function defineExtension<T>(definition: {
  readonly type: number;
  readonly codec: Codec<T>;
  readonly validate?: (body: T) => boolean;
}): ExtensionKind<T> {
  const { type, codec, validate } = definition;
  if (isDefaultExtension(type) || !isCodePoint(type)) fail('codec.input', { extension: type });
  return Object.freeze({
    type,
    codec,
    ...(validate && { validate }),
    make: (body: T): Extension => ({ extensionType: type, extensionData: encode(codec, body) }),
    find: (extensions: readonly Extension[]) => {
      const found = findExtension(extensions, type);
      return found && decode(codec, found.extensionData);
    },
  });
}

/** An environment that understands a registry as well. @throws `codec.input` for two definitions of one number */
export function registered(env: Environment, { proposals = [], extensions = [] }: Registry): Environment {
  const { policy, decoding } = env;
  const types = [...policy.extensionTypes, ...extensions.map(({ type }) => type)];
  const traits = [...policy.proposalTypes, ...proposals.map((kind) => [kind.type, kind.traits] as const)];
  requireDistinct(types);
  requireDistinct(traits.map(([type]) => type));
  const bodies = [
    ...(decoding.openTypes?.proposals ?? []),
    ...proposals.map((kind) => [kind.type, bodyOf(kind)] as const),
  ];
  return {
    ...env,
    policy: Object.freeze({ ...policy, extensionTypes: types, proposalTypes: new Map(traits) }),
    extensionKinds: new Map(extensions.map((kind) => [kind.type, kind])),
    decoding: { ...decoding, openTypes: { ...decoding.openTypes, proposals: new Map(bodies) } },
  };
}

/** Registered extensions of a GroupContext are well-formed and valid. @throws `validation.extension`, `codec.*` */
export function validateRegistered({ extensionKinds }: Environment, extensions: readonly Extension[]): void {
  for (const { extensionType, extensionData } of extensions) {
    const kind = extensionKinds?.get(extensionType);
    if (kind === undefined) continue;
    const body = decode(kind.codec, extensionData);
    if (kind.validate?.(body) === false) fail('validation.extension', { extension: extensionType });
  }
}

/** The end of a body, which is refused when the application finds it invalid. */
function bodyOf(kind: ProposalKind<unknown>): OpenBody {
  return {
    read: (reader) => {
      const body = kind.codec.read(reader);
      if (kind.validate?.(body) === false) fail('validation.proposal', { proposal: kind.type });
      return body;
    },
  };
}

function isCodePoint(type: number): boolean {
  return Number.isInteger(type) && type > 0 && type <= 0xffff;
}

function requireDistinct(types: readonly number[]): void {
  if (new Set(types).size !== types.length) fail('codec.input', { rule: 'a type is registered twice' });
}

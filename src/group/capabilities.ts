/** What a client says it supports, and the reserved values it mixes in (RFC 9420 §7.2, §13.5). */

import { at } from '../base/bytes.ts';
import type { Extension } from '../wire/extension.ts';
import type { Capabilities } from '../wire/leafNode.ts';
import { GREASE, isDefaultExtension, MLS10 } from '../wire/registry.ts';
import type { Environment } from './environment.ts';

/** Capabilities from the actual configuration; default types are never listed. @param grease a value to add everywhere */
export function ownCapabilities({ suite, policy }: Environment, grease?: number): Capabilities {
  const extra = grease === undefined ? [] : [grease];
  return {
    versions: [MLS10],
    cipherSuites: [suite.id, ...extra],
    extensions: [...policy.extensionTypes, ...extra],
    proposals: [...policy.proposalTypes.keys(), ...extra],
    credentials: [...policy.credentialTypes, ...extra],
  };
}

/** Whether this client understands an extension of a GroupContext, or has no need to. */
export function understandsExtension({ policy, anyExtension }: Environment, type: number): boolean {
  return anyExtension === true || isDefaultExtension(type) || policy.extensionTypes.includes(type);
}

/** One of the reserved values. */
export function greaseValue(random: (length: number) => Uint8Array): number {
  return GREASE[at(random(1), 0) % GREASE.length] as number;
}

/** An extension of a reserved type with a short random body, or none. */
export function greaseExtension(
  type: number | undefined,
  random: (length: number) => Uint8Array,
): readonly Extension[] {
  return type === undefined ? [] : [{ extensionType: type, extensionData: random(at(random(1), 0) % 8) }];
}

/** Every extension type that we use ourselves is listed (§7.2, §10). */
export function listing(capabilities: Capabilities, extensions: readonly Extension[]): Capabilities {
  const used = extensions
    .map((extension) => extension.extensionType)
    .filter((type) => !isDefaultExtension(type));
  return { ...capabilities, extensions: [...new Set([...capabilities.extensions, ...used])] };
}

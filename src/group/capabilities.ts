/** What a client says it supports, and the reserved values it mixes in (RFC 9420 §7.2, §13.5). */

import { at } from '../base/bytes.ts';
import { fail, guarded } from '../base/error.ts';
import { decode } from '../codec/codec.ts';
import type { OpenTypes } from '../codec/reader.ts';
import type { Extension } from '../wire/extension.ts';
import type { Capabilities } from '../wire/leafNode.ts';
import { MlsMessage } from '../wire/message.ts';
import { GREASE, isDefaultExtension, MLS10, WireFormat } from '../wire/registry.ts';
import type { Environment } from './environment.ts';

/** Capabilities from the actual configuration; default types are never listed. @param grease a value to add everywhere */
export function ownCapabilities({ suite, policy }: Environment, grease?: number): Capabilities {
  const extra = grease === undefined ? [] : [grease];
  return {
    versions: [MLS10],
    cipherSuites: [...new Set([suite.id, ...policy.suites]), ...extra],
    extensions: [...policy.extensionTypes, ...extra],
    proposals: [...policy.proposalTypes.keys(), ...extra],
    credentials: [...policy.credentialTypes, ...extra],
  };
}

/**
 * What the clients behind KeyPackages all support, in the order of the first: for choosing the suite and the required
 * capabilities of a group before it is made (§11), so that nobody is led to a weaker one than all have. Default types are
 * never listed, reserved values left out (§13.5). Nothing is verified: adding a KeyPackage does that.
 * @param keyPackages MLSMessages, our own among them; at least one
 * @param openTypes bodies of further credential types @defaultValue none
 * @throws `validation.key-package` for another kind of message, `validation.unsupported` for other bodies, `codec.*`
 */
export function commonCapabilities(
  keyPackages: readonly Uint8Array[],
  openTypes: OpenTypes = {},
): Capabilities {
  return guarded(() => {
    const all = keyPackages.map((message) => capabilitiesIn(message, openTypes));
    const [first] = all;
    if (first === undefined) return fail('codec.input', { expected: 'key packages' });
    const common = (field: keyof Capabilities): readonly number[] =>
      first[field].filter(
        (value) => !GREASE.includes(value) && all.every((one) => one[field].includes(value)),
      );
    return {
      versions: common('versions'),
      cipherSuites: common('cipherSuites'),
      extensions: common('extensions'),
      proposals: common('proposals'),
      credentials: common('credentials'),
    };
  });
}

function capabilitiesIn(message: Uint8Array, openTypes: OpenTypes): Capabilities {
  const decoded = decode(MlsMessage, message, { openTypes });
  return decoded.wireFormat === WireFormat.keyPackage
    ? decoded.keyPackage.leafNode.capabilities
    : fail('validation.key-package', { wireFormat: decoded.wireFormat });
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

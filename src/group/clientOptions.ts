/** What the methods of a client take and give. */

import type { ExternalJoiner } from './external.ts';
import type { Founding } from './found.ts';
import type { Group } from './group.ts';

/** A KeyPackage to publish. */
export interface CreatedKeyPackage {
  /** MLSMessage. */
  readonly message: Uint8Array;
  /** Its KeyPackageRef (§5.2), hash-length bytes. */
  readonly ref: Uint8Array;
  /** The private halves, for keeping: `restoreKeyPackage` takes them back after a restart. */
  readonly secrets: Uint8Array;
}

/** How to enter by a Welcome. */
export interface JoinOptions {
  /** Encoded, when the Welcome does not carry it (§12.4.3.3). */
  readonly ratchetTree?: Uint8Array;
  /** The group that the new one replaces or branches off, when another client holds it. @defaultValue one of this client's */
  readonly from?: Group;
}

/** How to enter without an invitation. */
export interface ExternalJoinOptions
  extends Pick<ExternalJoiner, 'resync' | 'psks' | 'leaving' | 'leafExtensions' | 'authenticatedData'> {
  /** Encoded, when the GroupInfo does not carry it. */
  readonly ratchetTree?: Uint8Array;
}

/** How to found a group on another one. */
export type FoundingOptions = Founding['options'];

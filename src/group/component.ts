/** The safe application interface of the MLS extensions draft (§4.2 to §4.4): keys of the group for one component each. */

import { leafIndex } from '../base/brand.ts';
import { fail, guarded } from '../base/error.ts';
import {
  safeDecryptWithLabel,
  safeEncryptWithLabel,
  safeSignWithLabel,
  safeVerifyWithLabel,
} from '../schedule/safeLabels.ts';
import { leafNodeIndex } from '../tree/math.ts';
import { leafAt } from '../tree/tree.ts';
import { DRAFT_CODE_POINTS } from '../wire/codePoints.ts';
import type { HpkeCiphertext } from '../wire/commit.ts';
import { type ComponentOperationLabel, componentLabel } from '../wire/component.ts';
import type { LeafNode } from '../wire/leafNode.ts';
import type { Environment } from './environment.ts';
import { safeExportMove } from './moves.ts';
import { requireActive } from './protect.ts';
import type { GroupState } from './state.ts';
import type { Cell } from './transition.ts';

/** What one component may do with the keys of a group; nothing that MLS or another component would mistake for its own. */
export interface ComponentKeys {
  /**
   * The component's secret of this epoch (§4.4), given out once.
   * @returns hash-length bytes, which are the caller's @throws `state.exported` the second time, `state.closed`
   */
  exportSecret(): Uint8Array;
  /** Sign with our key in the group (§4.3). @throws `state.closed`, `state.not-member` */
  sign(label: string, content: Uint8Array): Uint8Array;
  /** Whether the member at a leaf of this epoch signed this (§4.3); `false` for a blank leaf. */
  verify(leaf: number, label: string, signed: SignedByComponent): boolean;
  /** Encrypt to the leaf key of a member (§4.2), as long as it has that key. @throws `validation.sender` for a blank leaf */
  seal(leaf: number, label: string, message: ForComponent): HpkeCiphertext;
  /** Decrypt with our leaf key (§4.2). @throws `crypto.kem`, `crypto.aead`, `state.closed`, `state.not-member` */
  open(label: string, context: Uint8Array, sealed: HpkeCiphertext): Uint8Array;
}

/** What was signed, and by what. */
export interface SignedByComponent {
  readonly content: Uint8Array;
  readonly signature: Uint8Array;
}

/** What is encrypted, and what it is bound to. */
export interface ForComponent {
  readonly context: Uint8Array;
  readonly plaintext: Uint8Array;
}

/** The keys of a component. @param id 16 bits @throws `codec.input` */
export function componentKeys(env: Environment, cell: Cell<GroupState>, id: number): ComponentKeys {
  if (!Number.isInteger(id) || id < 0 || id > 0xffff) fail('codec.input', { expected: 'component id' });
  const { suite, random } = env;
  const named = (label: string): ComponentOperationLabel =>
    componentLabel(id, label, env.draft?.codePoints ?? DRAFT_CODE_POINTS);
  const active = (): GroupState => {
    requireActive(cell.state);
    return cell.state;
  };
  return Object.freeze({
    exportSecret: () => cell.run((state) => safeExportMove(env, state, id)),
    sign: (label: string, content: Uint8Array) =>
      guarded(() => safeSignWithLabel(suite, active().epoch.signer.secretKey, named(label), content)),
    verify: (leaf: number, label: string, signed: SignedByComponent) =>
      guarded(() => {
        const member = memberLeaf(active(), leaf);
        return member !== undefined && safeVerifyWithLabel(suite, member.signatureKey, named(label), signed);
      }),
    seal: (leaf: number, label: string, message: ForComponent) =>
      guarded(() => {
        const member = memberLeaf(active(), leaf) ?? fail('validation.sender', { leaf });
        return safeEncryptWithLabel(suite, member.encryptionKey, named(label), message, random);
      }),
    open: (label: string, context: Uint8Array, sealed: HpkeCiphertext) =>
      guarded(() => {
        const { privatePath, self } = active().epoch;
        const own = privatePath.get(leafNodeIndex(self)) ?? fail('state.not-member');
        return safeDecryptWithLabel(suite, own, named(label), context, sealed);
      }),
  });
}

function memberLeaf({ epoch }: GroupState, leaf: number): LeafNode | undefined {
  return leafAt(epoch.tree, leafIndex(leaf));
}

/** The exporter and external initialisation (RFC 9420 §8.3, §8.5). */

import { utf8 } from '../base/bytes.ts';
import { wipe } from '../base/secret.ts';
import { type HpkeContext, setupBaseR, setupBaseS } from '../crypto/hpke.ts';
import { deriveSecret, expandWithLabel } from '../crypto/labels.ts';
import type { KeyPair, SuiteCrypto } from '../crypto/provider.ts';

/** `MLS-Exporter(label, context, length)`. @param length 0..255·Nh bytes @throws `crypto.limit` beyond */
export function mlsExporter(
  suite: SuiteCrypto,
  exporterSecret: Uint8Array,
  use: { readonly label: string; readonly context: Uint8Array; readonly length: number },
): Uint8Array {
  const secret = deriveSecret(suite, exporterSecret, use.label);
  const exported = expandWithLabel(suite, secret, 'exported', suite.hash(use.context), use.length);
  wipe(secret);
  return exported;
}

/** The joiner's side of an external commit: an init secret for the holders of `externalPub`. @throws `crypto.kem` */
export function sealExternalInit(
  suite: SuiteCrypto,
  externalPub: Uint8Array,
  random: (length: number) => Uint8Array,
): { readonly kemOutput: Uint8Array; readonly initSecret: Uint8Array } {
  const { enc, context } = setupBaseS(suite, externalPub, NO_INFO, random(suite.sizes.encapSeed));
  return { kemOutput: enc, initSecret: exported(suite, context) };
}

/** The members' side. @throws `crypto.kem` */
export function openExternalInit(suite: SuiteCrypto, external: KeyPair, kemOutput: Uint8Array): Uint8Array {
  return exported(suite, setupBaseR(suite, kemOutput, external, NO_INFO));
}

/** The init secret of an HPKE context, which ends with it. */
function exported(suite: SuiteCrypto, context: HpkeContext): Uint8Array {
  const initSecret = context.export(LABEL, suite.sizes.hash);
  wipe(context.key, context.baseNonce, context.exporterSecret);
  return initSecret;
}

const NO_INFO = /* @__PURE__ */ new Uint8Array(0);
const LABEL = /* @__PURE__ */ utf8('MLS 1.0 external init secret');

/** Vectors of kind psk-secret: the chain over pre-shared keys (RFC 9420 §8.4). */

import { pskSecret } from '../../schedule/psk.ts';
import { PskType } from '../../wire/registry.ts';
import { bytesOf, expectHex, hexOf, numberOf, objectsOf, type Verifier } from './verifier.ts';

/** All PSKs of a case are external. */
export const verifyPskSecret: Verifier = (provider, vector) => {
  const suite = provider.suite(numberOf(vector, 'cipher_suite'));
  const psks = objectsOf(vector, 'psks').map((psk) => ({
    id: {
      pskType: PskType.external,
      pskId: bytesOf(psk, 'psk_id'),
      pskNonce: bytesOf(psk, 'psk_nonce'),
    },
    secret: bytesOf(psk, 'psk'),
  }));
  expectHex('psk_secret', pskSecret(suite, psks), hexOf(vector, 'psk_secret'));
};

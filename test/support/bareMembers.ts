/** Members that are nothing but a client each: to fill large groups with. */

import { provider } from '../../src/crypto/node/index.ts';
import { add, type Client, createClient } from '../../src/index.ts';
import { deviceCredential, signDeviceCert } from '../../src/xmpp/identity/deviceCert.ts';
import type { Goal } from '../../src/xmpp/ordered/committer.ts';
import { validityRules } from '../../src/xmpp/validity.ts';

const DAY = 86_400;

/** One device of an account of its own. @param now seconds since 1970 */
export function bareMember(jid: string, now: number): Client {
  const suite1 = provider.suite(1);
  const aik = suite1.signatureKeyPair(provider.random(suite1.sizes.signatureSeed));
  const signer = suite1.signatureKeyPair(provider.random(suite1.sizes.signatureSeed));
  const deviceId = Buffer.from(provider.random(8)).toString('hex');
  const cert = signDeviceCert(suite1, aik, {
    jid,
    deviceId,
    cipherSuite: 1,
    deviceKey: signer.publicKey,
    manager: true,
    notBefore: BigInt(now - DAY),
    notAfter: BigInt(now + 400 * DAY),
  });
  return createClient({
    provider,
    credential: deviceCredential({ jid, deviceId }),
    signer,
    ...validityRules(provider),
    clock: () => now,
    leafExtensions: () => [cert],
  });
}

/** A goal: so many bare members more are in. Nobody else may commit meanwhile. */
export function filledWith(count: number, now: number, domain = 'many.example'): Goal {
  const left = Array.from(
    { length: count },
    (_, index) => bareMember(`someone${index}@${domain}`, now).createKeyPackage().message,
  );
  let planned = { epoch: -1n, count: 0 };
  return {
    name: 'fill',
    plan: async (group, most) => {
      if (group.epoch > planned.epoch) left.splice(0, planned.count);
      const some = left.slice(0, Math.min(most, 40));
      planned = { epoch: group.epoch, count: some.length };
      const invited = some.map(() => ({ to: `nobody@${domain}` }));
      return some.length === 0 ? undefined : { inputs: some.map(add), invited };
    },
  };
}

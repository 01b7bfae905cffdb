/** Members that are nothing but a client each: to fill large groups with. */

import { provider } from '../../src/crypto/node/index.ts';
import { add, type Client, createClient } from '../../src/index.ts';
import { branchTag } from '../../src/xmpp/binding.ts';
import { HandshakeReason, handshakeNote } from '../../src/xmpp/handshakeNote.ts';
import { deviceCredential, signDeviceCert } from '../../src/xmpp/identity/deviceCert.ts';
import type { Goal } from '../../src/xmpp/ordered/committer.ts';
import { publishedOnEntering } from '../../src/xmpp/ordered/handout.ts';
import type { OrderedGroup } from '../../src/xmpp/ordered/orderedGroup.ts';
import { bundleStanza } from '../../src/xmpp/ordered/outgoing.ts';
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
  return withMembers(
    Array.from({ length: count }, (_, index) => bareMember(`someone${index}@${domain}`, now)),
  );
}

/** A goal: these clients are in. Nobody else may commit meanwhile. @param atOnce Adds in a commit */
export function withMembers(clients: readonly Client[], atOnce = 40): Goal {
  const left = clients.map((client) => client.createKeyPackage().message);
  let planned = { epoch: -1n, count: 0 };
  return {
    name: 'fill',
    plan: async (group, most) => {
      if (group.epoch > planned.epoch) left.splice(0, planned.count);
      const some = left.slice(0, Math.min(most, atOnce));
      planned = { epoch: group.epoch, count: some.length };
      const invited = some.map(() => ({ to: 'nobody@many.example' }));
      return some.length === 0 ? undefined : { inputs: some.map(add), invited };
    },
  };
}

/**
 * A bare member gives its leaf, and the nodes above it, fresh keys: by an external commit, which needs no state. Without any
 * such, a commit grows with every leaf that was ever added.
 */
export async function renewed(ordered: OrderedGroup, client: Client): Promise<void> {
  const { group } = ordered.stored;
  const { epoch } = group;
  const authenticatedData = handshakeNote(HandshakeReason.resync);
  const offer = client.prepareExternalJoin(group.groupInfo(), { resync: true, authenticatedData });
  const next = offer.accept();
  const { groupInfo, treePatch } = publishedOnEntering(next, group.ratchetTree);
  const stanza = bundleStanza(offer.message, {
    branch: ordered.branch,
    id: `renewed-${epoch}`,
    groupInfo: groupInfo && { message: groupInfo, branch: branchTag(next) },
    ...(treePatch && { treePatch }),
  });
  next.close();
  await ordered.sequencer.append(stanza);
  await ordered.catchUp();
  if (group.epoch === epoch) throw new Error('not renewed');
}

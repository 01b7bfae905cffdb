/** Keys in groups against the keys that accounts are known by. */

import { expect, test } from 'vitest';
import { provider } from '../../../../src/crypto/node/index.ts';
import { accountKeyOf, aikId } from '../../../../src/xmpp/identity/accountKey.ts';
import { signDeviceList } from '../../../../src/xmpp/identity/deviceList.ts';
import { Pins, type Trust } from '../../../../src/xmpp/pins.ts';
import { Parties, type Party } from '../../../support/parties.ts';
import { failed } from '../../../support/promises.ts';

const suite1 = provider.suite(1);

const told = ({ events }: Party): string[] =>
  events.flatMap((event) => (event.kind === 'trust' && event.error !== undefined ? [event.error.code] : []));

/** Alice knows bob by another key than he has; then carol lets him into the room that alice is in. */
async function stranger(trust: Trust) {
  const parties = new Parties();
  const [alice, bob, carol] = [
    await parties.join('alice'),
    await parties.join('bob'),
    await parties.join('carol'),
  ];
  const { jid } = bob.mls.device;
  await alice.mls.fingerprint(jid);
  const pins = new Pins(alice.store, suite1);
  const pin = await pins.get(jid);
  if (pin === undefined) throw new Error('unknown');
  const other = suite1.signatureKeyPair(provider.random(suite1.sizes.signatureSeed));
  const { accountKey: _, ...list } = pin.signed.list;
  const signed = signDeviceList(suite1, other, list);
  await pins.put({ ...pin, trust, signed });
  const room = await parties.room(carol, 'garden', [alice, bob]);
  const garden = await carol.mls.room(room);
  await garden.invite(alice.mls.device.jid);
  await parties.until('alice is in', () => alice.events.some(({ kind }) => kind === 'joined'));
  await garden.invite(jid);
  await parties.until('alice is told', () => told(alice).includes('policy.identity-changed'));
  const [theirs] = alice.mls.conversations;
  if (theirs === undefined) throw new Error('no conversation');
  return { parties, alice, bob, theirs };
}

test('IDN-01: another key than before is told of, whoever has let it in; nobody had compared the first', async () => {
  const { parties, bob, theirs } = await stranger('tofu');
  await theirs.send('hello');
  await parties.until('bob hears', () => bob.heard().includes('hello'));
  await parties.stop();
});

test('IDN-01: where the first was compared, nothing more is said until the user decides', async () => {
  const { parties, alice, bob, theirs } = await stranger('verified');
  expect((await failed(theirs.send('hello'))).code).toBe('policy.identity-changed');
  const key = bob.mls.accountKey;
  if (key === undefined) throw new Error('no key');
  await alice.mls.decide(bob.mls.device.jid, aikId(suite1, accountKeyOf(key)), 'verified');
  await theirs.send('hello again');
  await parties.until('bob hears', () => bob.heard().includes('hello again'));
  expect(bob.heard()).not.toContain('hello');
  await parties.stop();
});

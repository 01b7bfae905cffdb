/** This device: its id, the account's identity key if it holds it, and the certificate that binds both (design, 3). */

import { toHex } from '../../base/bytes.ts';
import { fail } from '../../base/error.ts';
import { type Codec, opaque, optional, struct, text, uint64 } from '../../codec/codec.ts';
import type { Extension, KeyPair, Provider, SuiteCrypto } from '../../index.ts';
import type { MlsStore } from '../../storage/index.ts';
import { type AccountKey, accountKeyOf, aikId } from '../identity/accountKey.ts';
import { signDeviceCert } from '../identity/deviceCert.ts';
import type { Nodes } from '../nodes.ts';
import { readRecord, record } from '../ordered/records.ts';
import { CURRENT, NODE_DEVICES } from '../stanza/mlsItems.ts';
import type { Timers } from '../timers.ts';

interface Kept {
  readonly jid: string;
  readonly deviceId: string;
  readonly added: bigint;
  readonly publicKey: Uint8Array;
  /** Nothing on devices that cannot certify others. */
  readonly secretKey: Uint8Array | undefined;
}

const Kept: Codec<Kept> = /* @__PURE__ */ struct<Kept>({
  jid: text,
  deviceId: text,
  added: uint64,
  publicKey: opaque,
  secretKey: /* @__PURE__ */ optional(opaque),
});

const RECORD = 'xmpp/device';
/** Lifetime of a certificate, and after what part of it a new one is made, seconds. */
const CERT_LIFETIME_S = 400 * 86_400;
const RENEW_AFTER_S = 300 * 86_400;
const SKEW_S = 3600;

/** What a device is opened with. */
export interface DeviceOptions {
  readonly store: MlsStore;
  readonly provider: Provider;
  readonly timers: Timers;
  readonly nodes: Nodes;
  /** Our bare address. */
  readonly account: string;
  /** The account's key pair, of cipher suite 1, from another device. */
  readonly accountKey?: KeyPair;
}

/** This device of the account. */
export class OwnDevice {
  readonly jid: string;
  /** 16 hexadecimal digits. */
  readonly id: string;
  /** When it was made, seconds since 1970. */
  readonly added: number;
  readonly accountKey: AccountKey;
  /** AikId: 32 bytes. */
  readonly aikId: Uint8Array;
  /** The account's key pair; nothing on a device that cannot certify others. */
  readonly aik: KeyPair | undefined;
  readonly #suite1: SuiteCrypto;
  readonly #timers: Timers;
  #cert: { readonly key: string; readonly until: number; readonly extension: Extension } | undefined;

  private constructor({ provider, timers }: DeviceOptions, kept: Kept) {
    this.#suite1 = provider.suite(1);
    this.#timers = timers;
    this.jid = kept.jid;
    this.id = kept.deviceId;
    this.added = Number(kept.added);
    const { publicKey, secretKey } = kept;
    this.aik = secretKey && { publicKey, secretKey };
    this.accountKey = accountKeyOf({ publicKey });
    this.aikId = aikId(this.#suite1, this.accountKey);
  }

  /**
   * The device in the store, or a new one. The first device of an account makes the account's key; others need it.
   * @throws `policy.identity-unverified` for a new device of an account that has others, without `accountKey`;
   *   `xmpp.binding` for a store of another account; `xmpp.*`, `storage.*`
   */
  static async open(options: DeviceOptions): Promise<OwnDevice> {
    const { store, account } = options;
    const found = await store.get(RECORD);
    const kept = found === undefined ? await make(options) : readRecord(Kept, found);
    if (kept.jid !== account) fail('xmpp.binding', { field: 'account' });
    return new OwnDevice(options, kept);
  }

  /**
   * The certificate for the leaves of a client, made anew in time.
   * @param signatureKey of the client @throws `policy.identity-unverified` without the account's key
   */
  certificate(cipherSuite: number, signatureKey: Uint8Array): Extension {
    const now = Math.floor(this.#timers.now() / 1000);
    const key = `${cipherSuite} ${toHex(signatureKey)}`;
    if (this.#cert?.key === key && now < this.#cert.until) return this.#cert.extension;
    const aik = this.aik ?? fail('policy.identity-unverified', { rule: 'not certified' });
    const extension = signDeviceCert(this.#suite1, aik, {
      jid: this.jid,
      deviceId: this.id,
      cipherSuite,
      deviceKey: signatureKey,
      manager: true,
      notBefore: BigInt(now - SKEW_S),
      notAfter: BigInt(now + CERT_LIFETIME_S),
    });
    this.#cert = { key, until: now + RENEW_AFTER_S, extension };
    return extension;
  }
}

async function make({ store, provider, timers, nodes, account, accountKey }: DeviceOptions): Promise<Kept> {
  const suite1 = provider.suite(1);
  if (accountKey === undefined) {
    const [published] = await nodes.fetch(account, NODE_DEVICES, [CURRENT]);
    if (published !== undefined) fail('policy.identity-unverified', { rule: 'not enrolled' });
  }
  const { publicKey, secretKey } =
    accountKey ?? suite1.signatureKeyPair(provider.random(suite1.sizes.signatureSeed));
  const deviceId = toHex(provider.random(8));
  const added = BigInt(Math.floor(timers.now() / 1000));
  const kept: Kept = { jid: account, deviceId, added, publicKey, secretKey };
  await store.write((records) => records.put(RECORD, record(Kept, kept)));
  return kept;
}

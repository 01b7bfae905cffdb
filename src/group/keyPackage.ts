/** KeyPackages: making, checking and referring to them (RFC 9420 §10). */

import { type Verified, verified } from '../base/brand.ts';
import { equal } from '../base/bytes.ts';
import { fail, MlsError } from '../base/error.ts';
import { refHash, signWithLabel, verifyWithLabel } from '../crypto/labels.ts';
import type { KeyPair, SuiteCrypto } from '../crypto/provider.ts';
import { signLeaf, validateLeafAlone, verifyLeafSignature } from '../tree/leafNode.ts';
import type { Credential } from '../wire/credential.ts';
import type { Extension } from '../wire/extension.ts';
import { KeyPackage, KeyPackageContent } from '../wire/keyPackage.ts';
import { LeafSource, MLS10 } from '../wire/registry.ts';
import { signedPart, withSignature } from '../wire/signed.ts';
import { greaseExtension, greaseValue, listing, ownCapabilities } from './capabilities.ts';
import { lastResortMarks } from './draft.ts';
import { type Environment, ownLeafExtensions } from './environment.ts';

/** A KeyPackage with its private halves. */
export interface OwnKeyPackage {
  readonly keyPackage: KeyPackage;
  readonly ref: Uint8Array;
  readonly init: KeyPair;
  readonly encryption: KeyPair;
  readonly signer: KeyPair;
  /** A join leaves the private halves where they are. */
  readonly reusable: boolean;
}

/** What a new KeyPackage is to say. */
export interface KeyPackageOptions {
  readonly credential: Credential;
  readonly signer: KeyPair;
  /** @defaultValue 90 days */
  readonly lifetimeSeconds?: number;
  /** May be used more than once (§16.8). @defaultValue false */
  readonly lastResort?: boolean;
  /**
   * Keep the private halves after a join, until `forgetKeyPackage`: for directories that cannot keep two askers from the same
   * KeyPackage. Nobody else sees it. @defaultValue as `lastResort`
   */
  readonly reusable?: boolean;
  /** Extensions of the KeyPackage. @defaultValue none */
  readonly extensions?: readonly Extension[];
  /** Extensions of its leaf node. @defaultValue those that the client has for all of them */
  readonly leafExtensions?: readonly Extension[];
}

/** `KeyPackageRef` (§5.2). */
export function keyPackageRef(suite: SuiteCrypto, keyPackage: KeyPackage): Uint8Array {
  return refHash(suite, 'MLS 1.0 KeyPackage Reference', KeyPackage.bytes(keyPackage));
}

/** Make a KeyPackage with fresh init and encryption keys. */
export function createKeyPackage(env: Environment, options: KeyPackageOptions): OwnKeyPackage {
  const { suite, random } = env;
  const { signer, credential, reusable = options.lastResort ?? false } = options;
  const init = suite.deriveKeyPair(random(suite.sizes.kemSeed));
  const encryption = suite.deriveKeyPair(random(suite.sizes.kemSeed));
  const grease = env.policy.grease ? greaseValue(random) : undefined;
  const extensions = packageExtensions(env, options, grease);
  const leafExtensions = ownLeafExtensions(env, options.leafExtensions);
  const capabilities = listing(ownCapabilities(env, grease), [...extensions, ...leafExtensions]);
  const notBefore = BigInt(env.clock() - CLOCK_SKEW_SECONDS);
  const notAfter = notBefore + BigInt(options.lifetimeSeconds ?? DEFAULT_LIFETIME_SECONDS);
  const leafNode = signLeaf(
    suite,
    {
      encryptionKey: encryption.publicKey,
      signatureKey: signer.publicKey,
      credential,
      capabilities,
      source: { leafNodeSource: LeafSource.keyPackage, lifetime: { notBefore, notAfter } },
      extensions: leafExtensions,
    },
    signer.secretKey,
  );
  const content = {
    version: MLS10,
    cipherSuite: suite.id,
    initKey: init.publicKey,
    leafNode,
    extensions,
  } as const;
  const keyPackage = withSignature(KeyPackageContent, content, (signed) =>
    signWithLabel(suite, signer.secretKey, LABEL, signed),
  );
  const ref = keyPackageRef(suite, keyPackage);
  return { keyPackage, ref, init, encryption, signer, reusable };
}

function packageExtensions(
  env: Environment,
  { extensions = [], lastResort = false }: KeyPackageOptions,
  grease: number | undefined,
): readonly Extension[] {
  const marks = lastResort ? lastResortMarks(env) : [];
  const reserved = env.policy.greaseKeyPackages ? greaseExtension(grease, env.random) : [];
  return [...extensions, ...marks, ...reserved];
}

/**
 * The checks of §10.1 that do not depend on a group's members; the clock plays no part in them.
 * @throws `validation.key-package`, with the broken rule as its cause
 */
export function validateKeyPackage(env: Environment, keyPackage: KeyPackage): Verified<KeyPackage> {
  const { suite, policy } = env;
  const { cipherSuite, initKey, leafNode, signature } = keyPackage;
  if (cipherSuite !== suite.id) fail('validation.key-package', { suite: cipherSuite, expected: suite.id });
  try {
    validateLeafAlone(suite, leafNode, LeafSource.keyPackage, policy.maxLifetimeSeconds);
    verifyLeafSignature(suite, leafNode);
  } catch (error) {
    // A back end that fails says nothing about the KeyPackage.
    if (!(error instanceof MlsError)) throw error;
    fail('validation.key-package', { rule: error.code }, error);
  }
  if (!suite.isKemPublicKey(initKey)) fail('validation.key-package', { rule: 'init_key' });
  if (equal(initKey, leafNode.encryptionKey))
    fail('validation.key-package', { rule: 'init_key is leaf key' });
  const signed = signedPart(KeyPackage, keyPackage);
  if (!verifyWithLabel(suite, leafNode.signatureKey, LABEL, signed, signature)) {
    fail('validation.key-package', { rule: 'signature' });
  }
  return verified(keyPackage);
}

const LABEL = 'KeyPackageTBS';
const DEFAULT_LIFETIME_SECONDS = 90 * 86_400;
/** Receivers' clocks may be behind ours. */
const CLOCK_SKEW_SECONDS = 3600;

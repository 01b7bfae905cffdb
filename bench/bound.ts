/**
 * The bound: a replay of only those primitive calls that an operation in suite 1 cannot avoid, with node:crypto, cached
 * keys and JWK imports. No codec, no tree, no storage.
 */

import {
  createCipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
  verify,
} from 'node:crypto';

const SHORT = randomBytes(64);
const CONTENT = randomBytes(300);
/** What a member and its share of the parents take in a Welcome. */
const TREE_BYTES = 250;
const KEY = randomBytes(16);
const NONCE = randomBytes(12);
const signer = generateKeyPairSync('ed25519');
const signature = sign(null, CONTENT, signer.privateKey);
const own = generateKeyPairSync('x25519');
const signerJwk = signer.publicKey.export({ format: 'jwk' });
const kemJwk = own.publicKey.export({ format: 'jwk' });

const times = (count: number, step: () => unknown): void => {
  for (let i = 0; i < count; i++) step();
};
const hash = (count: number): void => times(count, () => createHash('sha256').update(SHORT).digest());
/** HKDF-Extract or HKDF-Expand: one HMAC. */
const kdf = (count: number): void => times(count, () => createHmac('sha256', KEY).update(SHORT).digest());
/** AES-128-GCM. */
const aead = (count: number, text: Uint8Array = SHORT): void =>
  times(count, () => {
    const cipher = createCipheriv('aes-128-gcm', KEY, NONCE);
    cipher.setAAD(SHORT);
    cipher.update(text);
    cipher.final();
    cipher.getAuthTag();
  });
const signing = (count: number): void => times(count, () => sign(null, CONTENT, signer.privateKey));
const verifying = (count: number, key: () => KeyObject = () => signer.publicKey): void =>
  times(count, () => verify(null, CONTENT, key(), signature));
const importSigner = (): KeyObject => createPublicKey({ key: signerJwk, format: 'jwk' });
const importKem = (): KeyObject => createPublicKey({ key: kemJwk, format: 'jwk' });
const kemKeyPair = (count: number): void => times(count, () => generateKeyPairSync('x25519'));

/** HPKE seal to a key that arrives as bytes. */
const seal = (count: number): void =>
  times(count, () => {
    const { privateKey } = generateKeyPairSync('x25519');
    diffieHellman({ privateKey, publicKey: importKem() });
    kdf(6);
    aead(1);
  });

/** HPKE open with a key object that was kept. */
const open = (): void => {
  diffieHellman({ privateKey: own.privateKey, publicKey: importKem() });
  kdf(6);
  aead(1);
};

/** A node of a path: its secrets, and the key pair of its seed. */
const pathNode = (count: number): void =>
  times(count, () => {
    kdf(4);
    const d = randomBytes(32).toString('base64url');
    const pair = createPrivateKey({ key: { kty: 'OKP', crv: 'X25519', x: '', d }, format: 'jwk' });
    createPublicKey(pair).export({ format: 'jwk' });
  });

/** Key schedule, confirmation tag, transcript hashes. */
const epoch = (): void => {
  kdf(15);
  hash(2);
};

const height = (size: number): number => Math.ceil(Math.log2(size));

/** Fresh keys of the package and its leaf, two signatures; the signature key exists. */
export function keyPackage(): void {
  kemKeyPair(2);
  signing(2);
}

/** A commit of a group of one that adds `count` clients: path, commit, GroupInfo, and each client's part. */
export function addMany(count: number): void {
  for (let i = 0; i < count; i++) {
    verifying(2, cached(importSigner));
    hash(3);
    seal(1);
  }
  pathNode(height(count + 1) + 1);
  signing(3);
  hash(2 * height(count + 1) + 1);
  epoch();
  kdf(height(count + 1) + 6);
  aead(3);
}

/** An empty commit in a filled tree. */
export function createCommit(size: number): void {
  const h = height(size);
  pathNode(h + 1);
  seal(h);
  signing(2);
  hash(2 * h + 1);
  epoch();
  kdf(h + 6);
  aead(2);
}

/** The same, taken in by a member of the other half. */
export function processCommit(size: number): void {
  const h = height(size);
  kdf(h + 6);
  aead(2);
  verifying(2);
  open();
  pathNode(1);
  hash(3 * h + 1);
  epoch();
}

/** Joining a group of `size` by a Welcome with the tree: every leaf's signature is verified once. */
export function joinWelcome(size: number): void {
  open();
  kdf(3);
  aead(1, new Uint8Array(size * TREE_BYTES));
  verifying(1);
  verifying(size, importSigner);
  hash(3 * size);
  pathNode(2);
  epoch();
}

/** A message of 100 bytes, not the first of its sender. */
export function encrypt(): void {
  signing(1);
  kdf(5);
  aead(2);
}

/** As {@link encrypt}, received. */
export function decrypt(): void {
  verifying(1);
  kdf(5);
  aead(2);
}

/** A message after `count` others of its sender that did not arrive. */
export function decryptAfter(count: number): void {
  kdf(3 * count);
  decrypt();
}

function cached(make: () => KeyObject): () => KeyObject {
  let key: KeyObject | undefined;
  return () => {
    key ??= make();
    return key;
  };
}

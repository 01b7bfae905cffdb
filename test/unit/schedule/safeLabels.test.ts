/** What a component signs and seals (draft-ietf-mls-extensions-10 §4.2, §4.3): the exact bytes, and that all is bound. */

import { describe, expect, test } from 'vitest';
import { concat, toHex, utf8 } from '../../../src/base/bytes.ts';
import { openBase } from '../../../src/crypto/hpke.ts';
import { signWithLabel } from '../../../src/crypto/labels.ts';
import { nobleProvider } from '../../../src/crypto/noble/index.ts';
import { nodeProvider } from '../../../src/crypto/node/index.ts';
import {
  safeDecryptWithLabel,
  safeEncryptWithLabel,
  safeSignWithLabel,
  safeVerifyWithLabel,
} from '../../../src/schedule/safeLabels.ts';
import { componentLabel, DRAFT_CODE_POINTS } from '../../../src/wire/index.ts';
import { uint, vec } from '../../support/trees.ts';
import { codeOf } from '../wire/layout.ts';

const [content, context] = [utf8('content'), utf8('context')];
const label = componentLabel(0x8001, 'badge');
/** `opaque label<V>`: the prefix of RFC 9420, then ComponentOperationLabel as it is encoded. */
const bound = (componentId = 0x8001, text = 'badge', base = 'MLS Component'): Uint8Array =>
  vec(utf8('MLS 1.0 '), vec(utf8(base)), uint(componentId, 2), vec(utf8(text)));
const older = { ...DRAFT_CODE_POINTS, componentBaseLabel: 'Application' };
const others = [
  componentLabel(0x8002, 'badge'),
  componentLabel(0x8001, 'other'),
  componentLabel(0x8001, ''),
  componentLabel(0x8001, 'badge', older),
];
/** One suite of each kind of signature. */
const SUITES = [nodeProvider, nobleProvider].flatMap((provider) =>
  [1, 2].map((id) => [`${provider.name} ${id}`, provider.suite(id)] as const),
);

describe.each(SUITES)('%s', (_, suite) => {
  const signer = suite.signatureKeyPair(new Uint8Array(suite.sizes.signatureSeed).fill(7));
  const pair = suite.deriveKeyPair(new Uint8Array(suite.sizes.kemSeed).fill(9));
  const random = (length: number): Uint8Array => new Uint8Array(length).fill(3);

  test('extensions draft §4.3: a signature is over the label of the component and the content', () => {
    const signature = safeSignWithLabel(suite, signer.secretKey, label, content);
    expect(suite.verify(signer.publicKey, concat(bound(), vec(content)), signature)).toBe(true);
    const verify = (by = label, over = content): boolean =>
      safeVerifyWithLabel(suite, signer.publicKey, by, { content: over, signature });
    expect(verify()).toBe(true);
    for (const other of others) expect(verify(other)).toBe(false);
    expect(verify(label, context)).toBe(false);
  });

  test('extensions draft §4.3: what MLS signs under the same text is something else', () => {
    const signature = signWithLabel(suite, signer.secretKey, 'badge', content);
    expect(safeVerifyWithLabel(suite, signer.publicKey, label, { content, signature })).toBe(false);
    expect(safeVerifyWithLabel(suite, utf8('no key'), label, { content, signature })).toBe(false);
  });

  test('extensions draft §4.2: label and context are the HPKE info, the AAD is empty', () => {
    const sealed = safeEncryptWithLabel(
      suite,
      pair.publicKey,
      label,
      { context, plaintext: content },
      random,
    );
    const info = concat(bound(), vec(context));
    expect(toHex(openBase(suite, pair, info, new Uint8Array(0), sealed))).toBe(toHex(content));
    const open = (by = label, within = context): Uint8Array =>
      safeDecryptWithLabel(suite, pair, by, within, sealed);
    expect(open()).toEqual(content);
    for (const other of others) expect(codeOf(() => open(other))).toBe('crypto.aead');
    expect(codeOf(() => open(label, content))).toBe('crypto.aead');
    expect(codeOf(() => open(label, new Uint8Array(0)))).toBe('crypto.aead');
  });

  test('extensions draft §4.1: labels of any length, each with the length of its own', () => {
    for (const size of [0, 35, 36, 60, 64, 300, 17_000]) {
      const text = 'x'.repeat(size);
      const signature = safeSignWithLabel(suite, signer.secretKey, componentLabel(1, text), content);
      const signed = concat(bound(1, text), vec(content));
      expect(suite.verify(signer.publicKey, signed, signature)).toBe(true);
    }
    const wide = (): unknown =>
      safeSignWithLabel(suite, signer.secretKey, componentLabel(65_536, ''), content);
    expect(codeOf(wide)).toBe('codec.input');
  });
});

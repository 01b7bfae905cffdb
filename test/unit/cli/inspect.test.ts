/** The command `inspect`: any structure, in any of three forms, and damaged input. */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { toHex, utf8 } from '../../../src/base/bytes.ts';
import { findStructures, STRUCTURES } from '../../../src/cli/inspect/structures.ts';
import { type Codec, decode, encode } from '../../../src/codec/codec.ts';
import * as wire from '../../../src/wire/index.ts';
import { EXPORTED, encodedSamples } from '../../support/arbitraries.ts';
import { vectorFile } from '../../support/vectorFiles.ts';
import { run } from './terminal.ts';

const LEAF: wire.LeafNode = {
  encryptionKey: new Uint8Array(32).fill(0xab),
  signatureKey: new Uint8Array(32).fill(0xcd),
  credential: wire.basicCredential('romeo@montague.lit/\u001b[31mgarden\u202e'),
  capabilities: {
    versions: [1],
    cipherSuites: [1, 2, 0x1a1a, 0xf123, 0x0777],
    extensions: [3, 0x0a0a],
    proposals: [],
    credentials: [1, 2],
  },
  source: { leafNodeSource: 1, lifetime: { notBefore: 1_700_000_000n, notAfter: 2n ** 64n - 1n } },
  extensions: [wire.makeExtension(1, wire.ApplicationId, { applicationId: utf8('phone') })],
  signature: new Uint8Array(64).fill(7),
};
const KEY_PACKAGE: wire.KeyPackage = {
  version: 1,
  cipherSuite: 1,
  initKey: new Uint8Array(32).fill(0x11),
  leafNode: LEAF,
  extensions: [{ extensionType: 0x3a3a, extensionData: new Uint8Array(3) }],
  signature: new Uint8Array(0),
};
const MESSAGE = encode(wire.MlsMessage, { version: 1, wireFormat: 5, keyPackage: KEY_PACKAGE });
const TREE: readonly (wire.TreeNode | undefined)[] = [
  { nodeType: 1, leafNode: LEAF },
  {
    nodeType: 2,
    parentNode: { encryptionKey: new Uint8Array(32).fill(9), parentHash: utf8(''), unmergedLeaves: [1] },
  },
  { nodeType: 1, leafNode: { ...LEAF, credential: wire.basicCredential('juliet') } },
];
const GROUP_INFO: wire.GroupInfo = {
  groupContext: {
    version: 1,
    cipherSuite: 3,
    groupId: utf8('balcony'),
    epoch: 2n ** 63n,
    treeHash: new Uint8Array(32),
    confirmedTranscriptHash: new Uint8Array(0),
    extensions: [
      wire.makeExtension(3, wire.RequiredCapabilities, {
        extensionTypes: [0xf00d],
        proposalTypes: [],
        credentialTypes: [1],
      }),
    ],
  },
  extensions: [wire.makeExtension(2, wire.RatchetTree, TREE)],
  confirmationTag: new Uint8Array(32),
  signer: 0,
  signature: new Uint8Array(64),
};

async function lines(input: Uint8Array | string, ...options: readonly string[]): Promise<readonly string[]> {
  const { code, out, err } = await run(['inspect', '-', ...options], { '-': input });
  expect(err).toEqual([]);
  expect(code).toBe(0);
  return out;
}

describe('what is shown', () => {
  test('field names, names of code points, dates, text and shortened bytes', async () => {
    const out = await lines(MESSAGE);
    expect(out[0]).toBe(`MLSMessage (${MESSAGE.length} bytes, read as binary)`);
    const trimmed = out.map((line) => line.trim());
    for (const line of [
      'version: 1 (mls10)',
      'wire_format: 5 (mls_key_package)',
      'cipher_suite: 1 (MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519)',
      'init_key: 111111111111111111111111…11111111 (32 bytes)',
      'credential_type: 1 (basic)',
      'leaf_node_source: 1 (key_package)',
      'extensions: 3 (required_capabilities), 0x0a0a (GREASE)',
      'proposals: none',
      'not_before: 1700000000 (2023-11-14T22:13:20Z)',
      'not_after: 18446744073709551615 (beyond the calendar)',
      'application_id: "phone" (5 bytes)',
      '0x3a3a (GREASE): 000000 (3 bytes)',
      'signature: empty',
    ]) {
      expect(trimmed).toContain(line);
    }
    expect(trimmed).toContain('[2]: 0x1a1a (GREASE)');
    expect(trimmed).toContain('[3]: 0xf123 (private use)');
    expect(trimmed).toContain('[4]: 0x0777 (unknown)');
  });

  test('control and bidirectional characters of an identity are escaped', async () => {
    const text = (await lines(MESSAGE)).join('\n');
    expect(text).toContain('identity: "romeo@montague.lit/\\u{1b}[31mgarden\\u{202e}"');
    expect(text).not.toMatch(/[^\n\P{C}]/u);
  });

  test('identities that are no text are bytes', async () => {
    for (const identity of [Uint8Array.of(0xff, 0xfe), Uint8Array.of(1, 2, 3, 0x41)]) {
      const out = await lines(encode(wire.Credential, wire.basicCredential(identity)), '--as', 'credential');
      expect(out).toContain(`  identity: ${toHex(identity)} (${identity.length} bytes)`);
    }
  });

  test('a GroupInfo shows its context, and draws the tree that it carries', async () => {
    const out = await lines(encode(wire.GroupInfo, GROUP_INFO));
    const text = out.join('\n');
    expect(out[0]).toMatch(/^GroupInfo /);
    expect(text).toContain('group_id: "balcony" (7 bytes)');
    expect(text).toContain('epoch: 9223372036854775808\n');
    expect(text).toContain('extension_types: 0xf00d (private use)');
    expect(text).toContain(`
    2 (ratchet_tree)
      1 key 09090909  unmerged 1
      ├─ 0 leaf 0: "romeo@montague.lit/\\u{1b}[31mgarden\\u{202e}"  key abababab
      └─ 2 leaf 1: "juliet"  key abababab
`);
  });

  test('--json: hexadecimal, decimal text for 64 bits, and the bodies of known extensions', async () => {
    const out = await lines(encode(wire.GroupInfo, GROUP_INFO), '--json');
    const { type, alternatives, value } = JSON.parse(out.join('\n'));
    expect([type, alternatives]).toEqual(['GroupInfo', []]);
    expect(value.group_context).toMatchObject({
      group_id: toHex(utf8('balcony')),
      epoch: '9223372036854775808',
    });
    expect(value.extensions[0].extension_type).toBe(2);
    expect(value.extensions[0].body).toHaveLength(3);
    expect(value.extensions[0].body[1].parent_node.unmerged_leaves).toEqual([1]);
  });
});

describe('forms of input', () => {
  const hex = toHex(MESSAGE);
  const base64 = Buffer.from(MESSAGE).toString('base64');
  test.each([
    ['binary', MESSAGE],
    ['hex', hex],
    ['hex', `0x${hex.toUpperCase()}\n`],
    ['hex', ` ${hex.replace(/(.{64})/g, '$1\r\n')}`],
    ['base64', base64],
    ['base64', `${base64.replace(/(.{76})/g, '$1\n')}\n`],
    ['base64', Buffer.from(MESSAGE).toString('base64url')],
  ])('%s', async (form, input) => {
    expect((await lines(input))[0]).toBe(`MLSMessage (${MESSAGE.length} bytes, read as ${form})`);
  });

  test('base64 that looks like hexadecimal', async () => {
    // Eight hexadecimal digits: as such no Credential, as base64 one with an identity of three bytes.
    const bytes = Uint8Array.of(0x00, 0x01, 0x03, 0x69, 0xb7, 0x1d);
    expect(Buffer.from(bytes).toString('base64')).toBe('AAEDabcd');
    expect((await lines('AAEDabcd', '--as', 'Credential'))[0]).toBe('Credential (6 bytes, read as base64)');
  });
});

describe('which structure', () => {
  test('bytes that fit several types: the likeliest is shown, the others are named', async () => {
    const first = await lines('026162');
    expect(first[0]).toBe('ApplicationId (3 bytes, read as hex)');
    expect(first.at(-1)).toBe(
      'The same bytes can also be: ExternalPub, ExternalInit. Choose with --as TYPE.',
    );
    const chosen = await lines('026162', '--as', 'externalpub');
    expect(chosen).toEqual(['ExternalPub (3 bytes, read as hex)', '  external_pub: 6162 (2 bytes)']);
    const { alternatives } = JSON.parse((await lines('026162', '--json')).join('\n'));
    expect(alternatives).toEqual(['ExternalPub', 'ExternalInit']);
  });

  test.each(EXPORTED.map((one) => [one.name, one] as const))(
    'every %s that decodes can be shown',
    async (_, one) => {
      const type = [...STRUCTURES].find(([, codec]) => codec === (one.codec as Codec<unknown>))?.[0];
      let shown = 0;
      for (const bytes of encodedSamples(one, 20, 7)) {
        const { structures } = findStructures(bytes);
        if (type === undefined || !decodes(one.codec as Codec<unknown>, bytes)) continue;
        if (structures[0]?.type !== 'MLSMessage')
          expect(structures.map((found) => found.type)).toContain(type);
        expect(await lines(toHex(bytes) || '0x', '--as', type)).toBeDefined();
        await lines(toHex(bytes), '--as', type, '--json');
        shown += 1;
      }
      if (type !== undefined) expect(shown).toBeGreaterThan(0);
    },
  );
});

describe('bad input', () => {
  test('damaged bytes: code and offset, exit 1, nothing on standard output', async () => {
    const { code, out, err } = await run(['inspect', 'x'], { x: MESSAGE.subarray(0, 100) });
    expect([code, out]).toEqual([1, []]);
    expect(err[0]).toMatch(
      /no MLS structure in 100 bytes of binary; as MLSMessage: at byte \d+: codec\.truncated: /,
    );
  });

  test('--as says what is wrong with that type', async () => {
    const { code, err } = await run(['inspect', 'x', '--as', 'Welcome'], { x: toHex(MESSAGE) });
    expect(code).toBe(1);
    expect(err[0]).toMatch(/no Welcome in \d+ bytes of hex: at byte \d+: codec\./);
  });

  test.each([
    ['', 'the input is empty'],
    ['\n', 'the input is empty'],
    ['no such thing!', 'no MLS structure'],
  ])('%j is refused', async (input, words) => {
    const { code, err } = await run(['inspect', '-'], { '-': input });
    expect(code).toBe(1);
    expect(err.join('\n')).toContain(words);
  });

  test('a file that cannot be read', async () => {
    const { code, err } = await run(['inspect', 'missing']);
    expect(code).toBe(1);
    expect(err[0]).toContain('ENOENT');
  });

  test.each([
    [['inspect']],
    [['inspect', 'a', 'b']],
    [['inspect', 'a', '--as', 'Nothing']],
    [['inspect', 'a', '--xml']],
  ])('%j is a wrong call: usage, exit 2', async (args) => {
    const { code, err } = await run(args, { a: MESSAGE });
    expect(code).toBe(2);
    expect(err[1]).toMatch(/^usage: /);
  });

  test('any bytes are shown or refused, and never steer the terminal', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (input) => {
        const { code, out, err } = await run(['inspect', '-'], { '-': input });
        expect([0, 1]).toContain(code);
        expect([...out, ...err].join('')).not.toMatch(/\p{Cc}/u);
      }),
      { numRuns: 500 },
    );
  });
});

describe('published structures', () => {
  const messages = vectorFile('mls-vectors', 'messages.json');
  test.skipIf(messages.skip)(`${messages.title}: every field is found to be what it is called`, async () => {
    const [vector = {}] = messages.json<Record<string, string>[]>();
    const types: Readonly<Record<string, string>> = {
      ratchet_tree: 'RatchetTree',
      group_secrets: 'GroupSecrets',
      add_proposal: 'KeyPackage',
      update_proposal: 'LeafNode',
      remove_proposal: 'Remove',
      pre_shared_key_proposal: 'PreSharedKeyID',
      re_init_proposal: 'ReInit',
      external_init_proposal: 'ExternalInit',
      group_context_extensions_proposal: 'GroupContextExtensions',
      commit: 'Commit',
    };
    for (const [field, hex] of Object.entries(vector)) {
      const type = types[field] ?? 'MLSMessage';
      const found = findStructures(Buffer.from(hex, 'hex')).structures.map((structure) => structure.type);
      expect(found, field).toContain(type);
      await lines(hex, '--as', type);
    }
  });
});

function decodes(codec: Codec<unknown>, bytes: Uint8Array): boolean {
  try {
    decode(codec, bytes);
    return true;
  } catch {
    return false;
  }
}

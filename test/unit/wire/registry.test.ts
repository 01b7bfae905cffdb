import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import * as wire from '../../../src/wire/index.ts';

test('R13.5-01: fifteen GREASE values, and 0xFAFA is not one', () => {
  expect(wire.GREASE).toEqual([
    0x0a0a, 0x1a1a, 0x2a2a, 0x3a3a, 0x4a4a, 0x5a5a, 0x6a6a, 0x7a7a, 0x8a8a, 0x9a9a, 0xaaaa, 0xbaba, 0xcaca,
    0xdada, 0xeaea,
  ]);
  expect(Object.isFrozen(wire.GREASE)).toBe(true);
});

test('DEC-10: no source outside the registry and the making of capabilities looks at GREASE', () => {
  const users = readdirSync('src', { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !/registry\.ts$/.test(file))
    .filter((file) =>
      /\bGREASE\b/.test(readFileSync(join('src', file), 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, '')),
    );
  // Encoders may be added to this list, decoders and validators may not.
  expect(users.filter((file) => /^(codec|wire|tree|framing)\b|validat|decode|read/i.test(file))).toEqual([]);
});

test('R17.2-01: wire formats', () => {
  expect(wire.WireFormat).toEqual({
    publicMessage: 1,
    privateMessage: 2,
    welcome: 3,
    groupInfo: 4,
    keyPackage: 5,
  });
});

test('R17.3-01: extension types', () => {
  expect(wire.ExtensionType).toEqual({
    applicationId: 1,
    ratchetTree: 2,
    requiredCapabilities: 3,
    externalPub: 4,
    externalSenders: 5,
  });
  const defaults = Array.from({ length: 0x1_0000 }, (_, type) => type).filter(wire.isDefaultExtension);
  expect(defaults).toEqual([1, 2, 3, 4, 5]);
  expect([...wire.LEAF_BODIES.keys()]).toEqual([1]);
  expect([...wire.CONTEXT_BODIES.keys()]).toEqual([3, 5]);
});

test('R17.4-01: proposal types, what external senders may propose, and what needs a path', () => {
  expect(wire.ProposalType).toEqual({
    add: 1,
    update: 2,
    remove: 3,
    psk: 4,
    reinit: 5,
    externalInit: 6,
    groupContextExtensions: 7,
  });
  const table = [...wire.PROPOSAL_TRAITS].map(([type, { external, pathRequired }]) => [
    type,
    external,
    pathRequired,
  ]);
  expect(table).toEqual([
    [1, true, false],
    [2, false, true],
    [3, true, true],
    [4, true, false],
    [5, true, false],
    [6, false, true],
    [7, true, true],
  ]);
  const defaults = Array.from({ length: 0x1_0000 }, (_, type) => type).filter(wire.isDefaultProposal);
  expect(defaults).toEqual([1, 2, 3, 4, 5, 6, 7]);
});

test('R17.5-01: credential types', () => {
  expect(wire.CredentialType).toEqual({ basic: 1, x509: 2 });
});

test('R2.1-08: closed enumerations and the version', () => {
  expect(wire.MLS10).toBe(1);
  expect(wire.ContentType).toEqual({ application: 1, proposal: 2, commit: 3 });
  expect(wire.SenderType).toEqual({ member: 1, external: 2, newMemberProposal: 3, newMemberCommit: 4 });
  expect(wire.LeafSource).toEqual({ keyPackage: 1, update: 2, commit: 3 });
  expect(wire.NodeType).toEqual({ leaf: 1, parent: 2 });
  expect(wire.PskType).toEqual({ external: 1, resumption: 2 });
  expect(wire.PskUsage).toEqual({ application: 1, reinit: 2, branch: 3 });
});

/** Trees in pieces: what is made of them is what joins, and a wrong piece is a failed join and nothing else. */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { nodeProvider } from '../../../src/crypto/node/index.ts';
import type { Group } from '../../../src/group/group.ts';
import { remove } from '../../../src/group/proposals.ts';
import { decode, encode } from '../../../src/wire/index.ts';
import type { Http, Uploading } from '../../../src/xmpp/content/files.ts';
import type { TreePart } from '../../../src/xmpp/stanza/mls.ts';
import { NS_UPLOAD } from '../../../src/xmpp/stanza/upload.ts';
import type { Transport } from '../../../src/xmpp/transport.ts';
import { applyTreePatch, encodeTree, makeTreePatch, TreePatch } from '../../../src/xmpp/treePatch.ts';
import { fetchTree, treePlan, treesAt, uploadTree } from '../../../src/xmpp/treeSync.ts';
import { ratchetTree } from '../../support/arbitraries.ts';
import { clientOf, followAll, groupsOf } from '../../support/groups.ts';
import { codeOf } from '../../support/refusals.ts';
import { xml } from '../../support/xml.ts';

/** Trees of groups such as the binding has: with basic credentials. */
const someTree = ratchetTree.filter((nodes) =>
  nodes.every((node) => node?.nodeType !== 1 || node.leafNode.credential.credentialType === 1),
);

describe('patches', () => {
  test('lead from any tree to any other, and are read as they were written', () => {
    fc.assert(
      fc.property(someTree, someTree, fc.bigInt(0n, 2n ** 64n - 1n), (before, after, epoch) => {
        const bytes = encode(TreePatch, makeTreePatch(before, after, epoch));
        const patch = decode(TreePatch, bytes);
        expect(patch.epoch).toBe(epoch);
        expect(encodeTree(applyTreePatch(before, patch))).toEqual(encodeTree(after));
        expect(encode(TreePatch, patch)).toEqual(bytes);
      }),
    );
  });

  test('between equal trees are empty, whether they share their nodes or not', () => {
    fc.assert(
      fc.property(ratchetTree, (tree) => {
        expect(makeTreePatch(tree, tree, 1n).changes).toEqual([]);
        expect(makeTreePatch(tree, structuredClone(tree), 1n).changes).toEqual([]);
      }),
    );
  });

  test('are refused with nodes outside the tree, out of order, or at places of others', () => {
    const [leaf, parent] = groupsOf(['a', 'b'])[0]?.ratchetTree ?? [];
    const code = (patch: Omit<TreePatch, 'epoch'>) => {
      expect(codeOf(() => encode(TreePatch, { epoch: 1n, ...patch }))).toMatch(
        /^validation.tree$|^codec.limit$/,
      );
      return codeOf(() => encode(TreePatch, { epoch: 1n, ...patch }));
    };
    expect(code({ nodeCount: 3, changes: [{ index: 3, node: undefined }] })).toBe('validation.tree');
    expect(code({ nodeCount: 3, changes: [{ index: 1, node: leaf }] })).toBe('validation.tree');
    expect(code({ nodeCount: 3, changes: [{ index: 2, node: parent }] })).toBe('validation.tree');
    const twice = [2, 2].map((index) => ({ index, node: undefined }));
    expect(code({ nodeCount: 3, changes: twice })).toBe('validation.tree');
    expect(code({ nodeCount: 20_000, changes: [] })).toBe('codec.limit');
  });

  test('that claim a tree of four thousand million nodes are refused as bytes', () => {
    const bytes = encode(TreePatch, { epoch: 1n, nodeCount: 3, changes: [] });
    bytes.fill(0xff, 8, 12);
    expect(codeOf(() => decode(TreePatch, bytes))).toBe('codec.limit');
  });
});

/** A group in which things happen: its trees by epoch, and the patches between them. */
function history() {
  const groups = groupsOf(['a', 'b', 'c', 'd', 'e']);
  const [a, b] = groups as [Group, Group];
  const trees = new Map([[a.epoch as bigint, encodeTree(a.ratchetTree)]]);
  const patches: Uint8Array[] = [];
  const step = (members: readonly Group[], message: Uint8Array): void => {
    const before = a.ratchetTree;
    followAll(members, message);
    patches.push(encode(TreePatch, makeTreePatch(before, a.ratchetTree, a.epoch)));
    trees.set(a.epoch, encodeTree(a.ratchetTree));
  };
  const left = groups.slice(0, 3);
  step(groups, b.commit([]).message);
  step(left, b.commit([remove(4), remove(3)]).message);
  step(left, a.commit([]).message);
  return { a, left, trees, patches, step };
}

describe('a tree in the archive', () => {
  test('is put together from a snapshot and patches in any order, and whoever joins with it is a member', () => {
    const { a, left, trees, patches, step } = history();
    const [first] = trees.keys();
    const f = clientOf('f');
    const made = a.invite([f.createKeyPackage().message], { ratchetTree: false });
    step(left, made.message);
    const snapshot = { epoch: first as bigint, tree: trees.get(first as bigint) as Uint8Array };
    for (const order of [patches, [...patches].reverse()]) {
      const [tree] = treesAt(a.epoch, [snapshot], order);
      expect(tree).toEqual(trees.get(a.epoch));
    }
    const [tree] = treesAt(a.epoch, [snapshot], patches);
    const joined = f.prepareJoin(made.welcome, { ...(tree && { ratchetTree: tree }) }).accept();
    expect(joined.epochAuthenticator).toEqual(a.epochAuthenticator);
  });

  test('XMP-05: a wrong patch or snapshot is a failed join, and another snapshot helps', () => {
    const { a, left, trees, patches, step } = history();
    const f = clientOf('f');
    const made = a.invite([f.createKeyPackage().message], { ratchetTree: false });
    step(left, made.message);
    const [first, second] = [...trees].map(([epoch, tree]) => ({ epoch, tree }));
    if (first === undefined || second === undefined) throw new Error('no trees');
    const join = (tree: Uint8Array | undefined) =>
      f.prepareJoin(made.welcome, { ...(tree && { ratchetTree: tree }) });
    // A patch that leaves a node out: the tree is well-formed, and not that of the group.
    const last = decode(TreePatch, patches.at(-1) as Uint8Array);
    const wrong = encode(TreePatch, { ...last, changes: last.changes.slice(1) });
    const [bad] = treesAt(a.epoch, [first], [...patches.slice(0, -1), wrong]);
    expect(bad).toBeDefined();
    expect(codeOf(() => join(bad))).toMatch(/^validation\./);
    // A newer snapshot that lies, beside an older one that does not.
    const lie = { epoch: second.epoch, tree: encodeTree(groupsOf(['x', 'y', 'z'])[0]?.ratchetTree ?? []) };
    const [one, other, ...more] = treesAt(a.epoch, [lie, first], patches);
    expect(more).toEqual([]);
    expect(other).toEqual(trees.get(a.epoch));
    expect(codeOf(() => join(one))).toMatch(/^validation\./);
    expect(join(other).accept().treeHash).toEqual(a.treeHash);
  });

  test('is not there where something is missing, malformed or too new', () => {
    const { a, trees, patches } = history();
    const [first, , , last] = [...trees].map(([epoch, tree]) => ({ epoch, tree }));
    if (first === undefined || last === undefined) throw new Error('no trees');
    const all = (...given: Parameters<typeof treesAt>) => [...treesAt(...given)];
    expect(all(a.epoch, [first], patches.slice(1))).toEqual([]);
    expect(all(a.epoch, [], patches)).toEqual([]);
    expect(all(first.epoch, [last], patches)).toEqual([]);
    expect(all(a.epoch, [{ ...first, tree: Uint8Array.of(1, 2) }], patches)).toEqual([]);
    expect(all(a.epoch, [first], [...patches.slice(0, 2), Uint8Array.of(9)])).toEqual([]);
    expect(all(a.epoch, [last], [Uint8Array.of(9)])).toEqual([last.tree]);
  });
});

describe('the plan', () => {
  const KIB = 1024;
  const budget = 60 * KIB;

  test('a small tree stands in the GroupInfo, a larger one in stanzas, a large one is uploaded', () => {
    const kind = (groupInfo: number) => treePlan({ groupInfo, tree: groupInfo - 500, budget }, 33n, 32n).kind;
    expect([1, 16 * KIB, 16 * KIB + 1, 44 * KIB, 46 * KIB, 600 * KIB].map(kind)).toEqual([
      'inside',
      'inside',
      'inline',
      'inline',
      'reference',
      'reference',
    ]);
  });

  test.each([
    ['inline', 44 * KIB, 32n],
    ['reference', 600 * KIB, 64n],
  ] as const)(
    '%s: a snapshot now and then, and whoever commits next inherits the duty',
    (kind, size, every) => {
      const sizes = { groupInfo: size, tree: size, budget };
      const due = (epoch: bigint, newest: bigint | undefined) => {
        const plan = treePlan(sizes, epoch, newest);
        expect(plan.kind).toBe(kind);
        return plan.kind !== 'inside' && plan.isSnapshotDue;
      };
      expect(due(5n, undefined)).toBe(true);
      expect(due(every, 0n)).toBe(true);
      expect(due(every + 1n, every)).toBe(false);
      expect(due(2n * every - 1n, every)).toBe(false);
      expect(due(2n * every, every)).toBe(true);
      expect(due(2n * every + 1n, every)).toBe(true);
      expect(due(2n * every + 2n, 2n * every + 1n)).toBe(false);
    },
  );
});

describe('an uploaded tree', () => {
  const tree = Uint8Array.from({ length: 3000 }, (_, at) => at & 255);
  const get = 'https://down.example/t';
  const far = (stored: Uint8Array) => {
    const calls: string[] = [];
    const http: Http = {
      put: async () => 201,
      get: async (url) => {
        calls.push(url);
        return { status: url === get ? 200 : 404, bytes: stored };
      },
    };
    return { calls, http };
  };
  const part = async (): Promise<Extract<TreePart, { kind: 'reference' }>> => {
    const slot = `<iq><slot xmlns='${NS_UPLOAD}'><put url='https://up.example/t'/><get url='${get}'/></slot></iq>`;
    const transport = { request: async () => xml(slot) } as Pick<Transport, 'request'> as Transport;
    const service = { jid: 'up.example', limit: undefined };
    const uploading: Uploading = { provider: nodeProvider, transport, http: far(tree).http, service };
    const made = await uploadTree({ epoch: 64n, tree }, uploading);
    if (made.kind !== 'reference') throw new Error('inline');
    return made;
  };
  const options = (http: Http, maxBytes = 1 << 20) => ({ provider: nodeProvider, http, maxBytes });
  const code = async (promise: Promise<unknown>) => {
    const [{ reason }] = (await Promise.allSettled([promise])) as [PromiseRejectedResult];
    return codeOf(() => {
      throw reason;
    });
  };

  test('is had again, also where the first address has gone', async () => {
    const made = await part();
    expect(made).toMatchObject({ epoch: 64n, size: 3000, urls: [get] });
    const { http, calls } = far(tree);
    const urls = ['https://gone.example/t', get];
    expect(await fetchTree({ ...made, urls }, options(http))).toEqual(tree);
    expect(calls).toEqual(urls);
    expect(await fetchTree({ kind: 'inline', tree }, options(http))).toBe(tree);
  });

  test('XMP-05, XMP-19: is refused when it is another one, too large, or nowhere', async () => {
    const made = await part();
    expect(await code(fetchTree(made, options(far(tree.slice().reverse()).http)))).toBe('xmpp.file');
    expect(await code(fetchTree(made, options(far(new Uint8Array(3001)).http)))).toBe('xmpp.file');
    const small = far(tree);
    expect(await code(fetchTree(made, options(small.http, 2999)))).toBe('xmpp.too-large');
    expect(small.calls).toEqual([]);
    expect(await code(fetchTree({ ...made, urls: [] }, options(small.http)))).toBe('xmpp.file');
    const gone = Array.from({ length: 9 }, (_, n) => `https://gone.example/${n}`);
    expect(await code(fetchTree({ ...made, urls: gone }, options(small.http)))).toBe('xmpp.refused');
    expect(small.calls).toHaveLength(4);
  });
});

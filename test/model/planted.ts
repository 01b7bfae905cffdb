/** Bugs on purpose: changed lines of the sources, built into a door of their own. */

import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import type { Door } from './door.ts';

/** One bug. */
export interface Planted {
  readonly what: string;
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

/** What the model must find. */
export const PLANTED: readonly Planted[] = [
  {
    what: 'what was held for an epoch is not released',
    file: 'group/group.ts',
    from: 'before.held.filter(({ epoch }) => epoch === commit.epoch && next !== undefined)',
    to: 'before.held.filter(() => false)',
  },
  {
    what: 'one past epoch less is kept than the policy says',
    file: 'group/decide.ts',
    from: 'past: past.slice(0, policy.pastEpochs),',
    to: 'past: past.slice(0, policy.pastEpochs - 1),',
  },
  {
    what: 'a message key opens its message twice',
    file: 'schedule/secretTree.ts',
    from: 'takeKey(suite, ratchet, from.generation, limits),',
    to: '({ ...takeKey(suite, ratchet, from.generation, limits), next: ratchet, spent: [] }),',
  },
  {
    what: 'an own commit that was discarded is forgotten',
    file: 'group/decide.ts',
    from: 'dropped: [...state.dropped, markOf(pending.commit.message)]',
    to: 'dropped: state.dropped',
  },
  {
    what: 'a removed member goes on',
    file: 'group/decide.ts',
    from: "status: 'removed',",
    to: "status: 'active',",
  },
  {
    what: 'the key of a commit is used up before its fate is decided',
    file: 'group/process.ts',
    from: 'const checked = checkCommit(env, state, received.content);',
    to: 'if (received.secretTree) state = { ...state, secretTree: received.secretTree };\n  const checked = checkCommit(env, state, received.content);',
  },
  {
    what: 'a restart loses what was held',
    file: 'group/record.ts',
    from: 'VERSION, StateRecord, state)',
    to: 'VERSION, StateRecord, { ...state, held: [] })',
  },
  {
    what: 'a restart loses the commit that is under way',
    file: 'group/record.ts',
    from: 'VERSION, StateRecord, state)',
    to: 'VERSION, StateRecord, { ...state, pending: undefined })',
  },
  {
    what: 'dropping a foreign commit wipes keys that are still needed',
    file: 'group/spent.ts',
    from: 'filter((key) => !kept.has(key));\n  return [...epochAndMessages(dropped)',
    to: 'filter((key) => kept !== undefined);\n  return [...epochAndMessages(dropped)',
  },
  {
    what: 'an Update that was not covered is forgotten',
    file: 'group/again.ts',
    from: 'return isFresh && isNothing(leaf) ? undefined :',
    to: 'return isNothing(leaf) ? undefined :',
  },
  {
    what: 'a resync removes somebody else',
    file: 'group/external.ts',
    from: 'if (equal(node.signatureKey, publicKey)) return',
    to: 'if (equal(node.signatureKey, publicKey) || leaf === 0) return',
  },
  {
    what: 'the extensions of the group stay as they were',
    file: 'group/nextEpoch.ts',
    from: 'treeHash: treeHash(suite, tree.root), extensions };',
    to: 'treeHash: treeHash(suite, tree.root), extensions: old.extensions };',
  },
];

const FOLDER = join('node_modules', '.cache', 'xmpp-mls');

/** Build the library with a bug in it. */
export async function planted(bug: Planted, name: string): Promise<Door> {
  mkdirSync(FOLDER, { recursive: true });
  const outfile = join(FOLDER, `planted-${name}-${process.pid}.mjs`);
  const file = join(process.cwd(), 'src', bug.file);
  const source = readFileSync(file, 'utf8');
  if (source.split(bug.from).length !== 2)
    throw new Error(`${bug.file} has changed: plant "${bug.what}" elsewhere`);
  await build({
    entryPoints: ['test/model/door.ts'],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    conditions: ['xmpp-mls-source'],
    packages: 'external',
    alias: { '#provider': './src/crypto/node/index.ts' },
    plugins: [
      {
        name: 'plant',
        setup: ({ onLoad }) => {
          onLoad({ filter: /\.ts$/ }, ({ path }) =>
            path === file ? { contents: source.replace(bug.from, () => bug.to), loader: 'ts' } : undefined,
          );
        },
      },
    ],
  });
  const built = (await import(pathToFileURL(outfile).href)) as { readonly door: Door };
  rmSync(outfile);
  return built.door;
}

/** What conversations want of groups, asked for again and again. */

import { expect, test } from 'vitest';
import type { Group } from '../../../../src/index.ts';
import { accountsIn, type Candidate, type Packages } from '../../../../src/xmpp/session/goals.ts';
import { groupsOf } from '../../../support/groups.ts';

/** Accounts with so many devices each. */
function packagesFor(devices: number): Packages & { readonly asked: string[][] } {
  const asked: string[][] = [];
  return {
    asked,
    fetch: async (accounts, _, except) => {
      asked.push([...accounts]);
      const chosen = accounts.flatMap((jid) =>
        Array.from({ length: devices }, (_, index): Candidate => {
          const device = index.toString(16).padStart(16, '0');
          return { jid, device, message: new Uint8Array() };
        }).filter(({ device }) => !except.has(`${jid}/${device}`)),
      );
      return { chosen, left: [] };
    },
  };
}

const [group] = groupsOf(['a', 'b']) as [Group];
const accounts = Array.from({ length: 100 }, (_, index) => `u${index}@x.example`);

test('XMP-33: whom a lost race has left out is tried again, and not for ever', async () => {
  const goal = accountsIn(['u@x.example'], packagesFor(2), 0);
  for (let tries = 0; tries < 12; tries++) expect((await goal.plan(group, 40))?.inputs.length).toBe(2);
  expect(await goal.plan(group, 40)).toBeUndefined();
});

test('a large invitation asks for as many KeyPackages as fit into a commit', async () => {
  const packages = packagesFor(2);
  const goal = accountsIn(accounts, packages, 0);
  expect((await goal.plan(group, Number.POSITIVE_INFINITY))?.inputs.length).toBe(40);
  expect(packages.asked).toEqual([accounts.slice(0, 40)]);
  const smaller = await goal.plan(group, 7);
  expect(smaller?.inputs.length).toBe(7);
  expect(smaller?.invited?.map(({ to }) => to)).toEqual([0, 0, 1, 1, 2, 2, 3].map((at) => accounts[at]));
});

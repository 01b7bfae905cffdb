/** Proposal and extension types as an application may define them, and an insider who has them too. */

import { opaque, struct, uint8, uint16, vector } from '../../src/codec/codec.ts';
import { nodeProvider } from '../../src/crypto/node/index.ts';
import type { Environment } from '../../src/group/environment.ts';
import { stateOf } from '../../src/group/group.ts';
import { type CommonOptions, environmentOf } from '../../src/group/options.ts';
import type { GroupState, ProposalItem } from '../../src/group/state.ts';
import {
  acceptAnyCredential,
  defineExtension,
  defineProposal,
  type Group,
  type Registry,
  utf8,
} from '../../src/index.ts';
import type { Proposal } from '../../src/wire/proposal.ts';
import { NOW } from './doors.ts';

/** A body with some structure. */
export interface Poll {
  readonly question: Uint8Array;
  readonly options: readonly number[];
}

/** Open to external senders, and by value to external commits; valid with two options or more. */
export const poll = defineProposal<Poll>({
  type: 0xf001,
  codec: struct<Poll>({ question: opaque, options: vector(uint8) }),
  traits: { external: true, pathRequired: false, externalCommit: 'value' },
  validate: ({ options }) => options.length >= 2,
});
/** Members only, with a path; an external commit may refer to it. */
export const rotate = defineProposal<{ readonly after: number }>({
  type: 0xf002,
  codec: struct<{ after: number }>({ after: uint16 }),
  traits: { external: false, pathRequired: true, externalCommit: 'reference' },
});
/** Takes its sender out of the group. */
export const goodbye = defineProposal<{ readonly reason: number }>({
  type: 0xf003,
  codec: struct<{ reason: number }>({ reason: uint8 }),
  traits: { external: false, pathRequired: true, removesSender: true },
});
/** Valid with a name that is not empty. */
export const topic = defineExtension<{ readonly name: Uint8Array }>({
  type: 0xff01,
  codec: struct<{ name: Uint8Array }>({ name: opaque }),
  validate: ({ name }) => name.length > 0,
});

/** All of them. */
export const registry: Registry = { proposals: [poll, rotate, goodbye], extensions: [topic] };
export const POLL: Poll = { question: utf8('tea?'), options: [1, 2] };
export const BAD_POLL: Poll = { question: utf8('tea?'), options: [1] };

/** What an insider works with: the state behind a handle, and an environment like that of its client. */
export interface Insider {
  readonly env: Environment;
  readonly state: GroupState;
  /** A proposal by value. */
  readonly inline: (proposal: Proposal) => ProposalItem;
}

/** The member at a handle, as one who forges. @param options as of its client @defaultValue the registry above */
export function insider(group: Group, options: Partial<CommonOptions> = { registry }): Insider {
  const state = stateOf(group);
  const base = { provider: nodeProvider, validateCredential: acceptAnyCredential, clock: () => NOW };
  const env = environmentOf({ ...base, ...options }, group.suite, () => utf8('psk'));
  const sender = { kind: 'member', leaf: state.epoch.self } as const;
  return { env, state, inline: (proposal) => ({ proposal, sender, ref: undefined }) };
}

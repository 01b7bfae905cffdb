/** `xmpp-mls demo --core`: the life of a group of four on the core, narrated, with a check of its own results. */

import { toHex, utf8 } from '../base/bytes.ts';
import { fail, MlsError } from '../base/error.ts';
import type { Provider } from '../crypto/provider.ts';
import { acceptAnyCredential, basicCredential, type Client, createClient, remove, update } from '../index.ts';
import { parseArguments } from './arguments.ts';
import { drawTree } from './drawTree.ts';
import { agree, deliver, type Participant, type Reading, welcomeOf } from './loopback.ts';
import { paint, type Terminal } from './print.ts';
import { PROVIDERS } from './providers.ts';

/** `xmpp-mls demo --core [--suite N] [--provider noble|node] [--json]`. @returns the exit code */
export function coreDemo(args: readonly string[], terminal: Terminal): number {
  const { operands, values, flags, problem } = parseArguments(args, {
    values: ['suite', 'provider'],
    flags: ['json'],
  });
  const provider = PROVIDERS.get(values.get('provider') ?? 'node');
  const suite = Number(values.get('suite') ?? 1);
  if (
    problem !== undefined ||
    operands.length > 0 ||
    provider === undefined ||
    !provider.suites.includes(suite)
  ) {
    terminal.err('usage: xmpp-mls demo --core [--suite 1..7] [--provider noble|node] [--json]');
    return 2;
  }
  return playDemo({ provider, suite, json: flags.has('json') }, terminal);
}

/** What the demo is to use. */
export interface DemoOptions {
  readonly provider: Provider;
  readonly suite: number;
  /** One JSON object per step instead of prose. */
  readonly json: boolean;
}

/** Play the story. @returns the exit code: 0 when every check held */
export function playDemo(options: DemoOptions, terminal: Terminal): number {
  const stage = new Stage(options, terminal);
  const [alice, bob, carol, dave] = NAMES.map((name) => stage.client(name)) as [
    Client,
    Client,
    Client,
    Client,
  ];
  found(stage, alice, bob, carol);
  talk(stage);
  addDave(stage, dave);
  renew(stage);
  race(stage);
  expel(stage);
  rejoin(stage, carol);
  return stage.finish();
}

const NAMES = ['alice', 'bob', 'carol', 'dave'] as const;

/** The cast and the checks of one run. */
class Stage {
  readonly #terminal: Terminal;
  readonly #options: DemoOptions;
  readonly #checks: { readonly what: string; readonly held: boolean }[] = [];
  participants: readonly Participant[] = [];

  constructor(options: DemoOptions, terminal: Terminal) {
    this.#options = options;
    this.#terminal = terminal;
    const { name, suite } = { name: options.provider.name, suite: options.provider.suite(options.suite) };
    this.say('start', `Suite ${suite.id} ${suite.name}, primitives by ${name}.`);
  }

  client(name: string): Client {
    const { provider, suite } = this.#options;
    return createClient({
      credential: basicCredential(name),
      // A demonstration among friends: real clients ask who owns a key.
      validateCredential: acceptAnyCredential,
      provider,
      suite,
    });
  }

  of(name: string): Participant['group'] {
    const found = this.participants.find((participant) => participant.name === name);
    return (found ?? fail('internal.bug', { participant: name })).group;
  }

  join(name: string, group: Participant['group']): void {
    this.participants = [...this.participants, { name, group }];
  }

  leave(name: string): void {
    this.participants = this.participants.filter((participant) => participant.name !== name);
  }

  say(step: string, text: string): void {
    const line = this.#options.json ? JSON.stringify({ step, text }) : paint(this.#terminal, 'bold', text);
    this.#terminal.out(line);
  }

  /** Send text from one member and show who read it. */
  speak(name: string, text: string): void {
    const { readings } = deliver(this.participants, this.of(name).encrypt(utf8(text)));
    this.check(
      `all others read what ${name} says`,
      allRead(readings, this.participants.length - 1, name, text),
    );
    this.say('message', `  ${name}: ${text}   (read by ${readings.map(({ reader }) => reader).join(', ')})`);
  }

  /** Deliver a commit and check that everybody who is left agrees. */
  commit(message: Uint8Array, text: string): void {
    deliver(this.participants, message);
    this.participants = this.participants.filter(({ group }) => group.status === 'active');
    this.check(`all agree after: ${text}`, agree(this.participants));
    this.picture(text);
  }

  /** Show the tree as it is now. */
  picture(text: string): void {
    const [first] = this.participants;
    if (first === undefined) return;
    const { group } = first;
    this.say('epoch', `\nEpoch ${group.epoch}: ${text}`);
    if (this.#options.json) return;
    for (const line of drawTree(group.ratchetTree))
      this.#terminal.out(`  ${paint(this.#terminal, 'dim', line)}`);
    this.#terminal.out(`  all share the authenticator ${toHex(group.epochAuthenticator).slice(0, 16)}…`);
  }

  check(what: string, held: boolean): void {
    this.#checks.push({ what, held });
    if (!held) this.#terminal.err(paint(this.#terminal, 'bad', `check failed: ${what}`));
  }

  finish(): number {
    const failed = this.#checks.filter(({ held }) => !held).length;
    const passed = this.#checks.length - failed;
    this.say('end', `\n${passed} checks held, ${failed} did not.`);
    return failed === 0 ? 0 : 1;
  }
}

function allRead(readings: readonly Reading[], expected: number, author: string, text: string): boolean {
  return readings.length === expected && readings.every((one) => one.author === author && one.text === text);
}

function found(stage: Stage, alice: Client, bob: Client, carol: Client): void {
  const group = alice.createGroup();
  stage.join('alice', group);
  stage.picture('alice founds the group');
  const invitation = group.invite([bob.createKeyPackage().message, carol.createKeyPackage().message]);
  stage.check('nothing moves before the server took the commit', group.epoch === 0n);
  group.accept(invitation);
  stage.join('bob', bob.prepareJoin(invitation.welcome).accept());
  stage.join('carol', carol.prepareJoin(invitation.welcome).accept());
  stage.check('bob and carol joined alice', agree(stage.participants));
  stage.picture('alice added bob and carol with one commit and one Welcome');
}

function talk(stage: Stage): void {
  stage.speak('alice', 'Two households, both alike in dignity,');
  stage.speak('bob', 'in fair Verona, where we lay our scene.');
  const [first, second] = ['one', 'two'].map((text) => stage.of('carol').encrypt(utf8(text))) as [
    Uint8Array,
    Uint8Array,
  ];
  const late = [second, first, first].map((message) => stage.of('bob').process(message).kind);
  stage.check('late and repeated messages', late.join() === 'application,application,duplicate');
  stage.say(
    'order',
    '  carol sent two messages; bob got the second first, and the first twice: read once each.',
  );
}

function addDave(stage: Stage, dave: Client): void {
  const bob = stage.of('bob');
  const invitation = bob.invite([dave.createKeyPackage().message]);
  deliver(stage.participants, invitation.message);
  stage.join('dave', dave.prepareJoin(welcomeOf(invitation)).accept());
  stage.check('dave joined', agree(stage.participants));
  stage.picture('bob added dave');
  stage.speak('dave', 'What did I miss? (Nothing that I could read.)');
}

function renew(stage: Stage): void {
  const { message } = stage.of('dave').propose(update());
  deliver(stage.participants, message);
  stage.check(
    'nobody speaks before a proposal is committed',
    refusal(() => stage.of('alice').encrypt(utf8('?'))) === 'state.proposals-pending',
  );
  stage.commit(stage.of('carol').commit().message, "carol committed dave's fresh keys, and her own");
}

function race(stage: Stage): void {
  const mine = stage.of('alice').commit();
  const theirs = stage.of('dave').commit();
  const { outcomes } = deliver(stage.participants, theirs.message);
  stage.check(
    'dave won the race',
    outcomes.get('dave') === 'own-commit' && outcomes.get('alice') === 'commit',
  );
  const after = deliver(stage.participants, mine.message);
  stage.check(
    "alice's commit came too late for everybody",
    [...after.outcomes.values()].every((kind) => kind === 'expired'),
  );
  stage.check('all agree after the race', agree(stage.participants));
  stage.picture('alice and dave committed at once; the server took dave first');
}

function expel(stage: Stage): void {
  const { self } = stage.of('carol');
  const carol = stage.of('carol');
  stage.commit(stage.of('alice').commit([remove(self)]).message, 'alice removed carol');
  stage.check('carol knows', carol.status === 'removed');
  stage.speak('alice', 'Carol does not read this.');
  stage.check('carol cannot speak', refusal(() => carol.encrypt(utf8('!'))) === 'state.not-member');
}

function rejoin(stage: Stage, carol: Client): void {
  const offer = carol.prepareExternalJoin(stage.of('bob').groupInfo());
  deliver(stage.participants, offer.message);
  stage.join('carol', offer.accept());
  stage.check('carol joined by herself', agree(stage.participants));
  stage.picture('carol came back by an external commit, on the group info that bob published');
  stage.speak('carol', 'I am back.');
}

function refusal(step: () => unknown): string | undefined {
  try {
    step();
    return undefined;
  } catch (error) {
    return error instanceof MlsError ? error.code : 'untyped';
  }
}

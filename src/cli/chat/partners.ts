/** Two who answer, for trying the client without a server. */

import { openStore } from '../../storage/index.ts';
import { memoryBackend } from '../../storage/memory.ts';
import type { MessageContent } from '../../xmpp/content/content.ts';
import { el } from '../../xmpp/element.ts';
import type { MlsXmppEvent } from '../../xmpp/session/events.ts';
import { MlsXmpp } from '../../xmpp/session/session.ts';
import type { Stage } from '../story/stage.ts';

type Message = Extract<MlsXmppEvent, { kind: 'message' }>;
type Answer = (message: Message) => MessageContent;

const ANSWERS: readonly Answer[] = [
  ({ id, content }) => ({ body: `You say: ${content.body ?? ''}`, reply: { id } }),
  ({ id }) => ({ reactions: { id, emoji: ['👍'] } }),
];

/** Connect the partners of a user, who let themselves be invited by him and answer nobody else. @throws as `MlsXmpp.start` */
export async function partners(stage: Stage, user: string): Promise<readonly MlsXmpp[]> {
  const { provider, timers } = stage;
  const started: MlsXmpp[] = [];
  for (const [index, account] of stage.accounts.filter((one) => one !== user).entries()) {
    const { transport } = await stage.connect(account, 'partner');
    await transport.send(el('presence'));
    const store = await openStore(memoryBackend(), { provider, lostWrites: 0 });
    const options = { transport, store, provider, timers, mayInvite: (jid: string) => jid === user };
    const answer = ANSWERS[index % ANSWERS.length] as Answer;
    started.push(await MlsXmpp.start(options, (event) => respond(event, user, answer)));
  }
  return started;
}

function respond(event: MlsXmppEvent, user: string, answer: Answer): void {
  if (event.kind !== 'message' || event.sender.jid !== user || event.content.body === undefined) return;
  // Whoever is out meanwhile has nothing to say.
  event.conversation.send(answer(event)).catch(() => undefined);
}

/** The story of the demonstration: what people do with encrypted rooms, on any server. */

import { MlsError } from '../../base/error.ts';
import { file, invite, publish, talk } from './beginning.ts';
import type { Narrator } from './narrator.ts';
import { Scene } from './scene.ts';
import type { Stage } from './stage.ts';
import { absence, crash, ending, kick, newDevice, oneToOne, race } from './turns.ts';

const CHAPTERS: readonly ((scene: Scene) => Promise<void> | void)[] = [
  publish,
  invite,
  talk,
  file,
  newDevice,
  kick,
  absence,
  race,
  crash,
  oneToOne,
  ending,
];

/** Play it, and let go of the stage. @returns the exit code: 0 when every check held */
export async function playStory(stage: Stage, narrator: Narrator): Promise<number> {
  const scene = new Scene(stage, narrator);
  narrator.begin(`Three accounts on ${stage.name}.`);
  try {
    for (const chapter of CHAPTERS) await chapter(scene);
  } catch (error) {
    narrator.check(`the story goes on to its end: ${textOf(error)}`, false);
  }
  try {
    await scene.cast.stop();
    await scene.clear();
    await scene.cast.leave();
    await stage.close();
  } catch (error) {
    narrator.check(`the stage is left as it was: ${textOf(error)}`, false);
  }
  return narrator.end();
}

function textOf(error: unknown): string {
  if (!(error instanceof MlsError)) return String(error);
  const detail = Object.entries(error.detail).map(([name, value]) => `${name} ${String(value)}`);
  return [error.code, ...detail].join(', ');
}

/**
 * What a run does when a disk or the artifact store cannot be used (exit 74). On a cluster, such an attempt is tried again for hours. Here a
 * person waits at the terminal and can fix the cause, so the run tries a few times and then ends with the error. Nothing is lost: the same
 * command continues.
 */
import { CarpalError, EXIT } from '@carpal/configs/errors.ts';
import type { StageKey } from '@carpal/configs/names.ts';
import { stageTitle } from '../experiment/stage.ts';

/** How often a run tries the same thing again before it ends. */
const TRIES_AGAIN = 3;

/** Counts what failed in a row with exit 74. */
export type InfrastructureTries = {
  /** Counts the end of an attempt. True: the run must end, because the stage was tried often enough and no other attempt runs. */
  attemptEnded(key: StageKey, exitCode: number | undefined, othersRun: boolean): boolean;
  /** The delay before the run itself tries again what failed with this error, with a line for people. Throws the error if it must end. */
  stepFailed(error: unknown): { readonly delayMs: number; readonly line: string };
  stepSucceeded(): void;
};

/** `firstDelayMs`: the delay after the first failure of the run itself. Each further one is twice as long. */
export function countTries(firstDelayMs: number): InfrastructureTries {
  const attempts = new Map<string, number>();
  let steps = 0;
  return {
    attemptEnded(key, exitCode, othersRun) {
      const stage = stageTitle(key);
      const failed = exitCode === EXIT.infrastructure ? (attempts.get(stage) ?? 0) + 1 : 0;
      attempts.set(stage, failed);
      return failed > TRIES_AGAIN && !othersRun;
    },
    stepFailed(error) {
      if (!(error instanceof CarpalError) || error.exit !== EXIT.infrastructure || steps === TRIES_AGAIN) throw error;
      const delayMs = firstDelayMs * 2 ** steps;
      steps += 1;
      const where = error.where === undefined ? '' : ` (${error.where})`;
      const line = `${error.code}: ${error.message}${where}; the run tries again in ${Math.ceil(delayMs / 1000)} s (${steps} of ${TRIES_AGAIN})`;
      return { delayMs, line };
    },
    stepSucceeded() {
      steps = 0;
    },
  };
}

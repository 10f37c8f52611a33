/** What must be true of everything that anybody ever read of an experiment of well-behaved stages: it only went forward. */

import type { ExperimentState } from '@carpal/configs/schema/status.ts';
import type { ExperimentObject } from '@carpal/operator/controller/experiment-object.ts';
import { expect } from 'vitest';

const ORDER: readonly ExperimentState[] = ['Pending', 'Queued', 'Preparing', 'Training', 'Ensembling', 'Complete'];

/** What grows with an experiment: its state, its finished folds, its attempts and what they cost. */
function marks({ status }: ExperimentObject): readonly number[] {
  if (status === undefined) return [];
  const stages = [status.prepare, ...status.folds, status.ensemble];
  const counts = stages.flatMap(({ attempts, failures, disruptions, state }) => [
    attempts,
    failures,
    disruptions,
    Number(state === 'Succeeded'),
  ]);
  return [ORDER.indexOf(status.state), Number.parseInt(status.foldsFinished, 10), ...counts];
}

/** No version takes back what one before it said. */
export function expectSteady(versions: readonly ExperimentObject[]): void {
  const told = versions.map(marks).filter((mark) => mark.length > 0);
  for (const [index, mark] of told.entries()) {
    const before = told[index - 1] ?? [];
    const back = mark.some((value, place) => value < (before[place] ?? value));
    expect(back, `version ${index} takes back what the one before it said:\n${JSON.stringify(before)}\n${JSON.stringify(mark)}`).toBe(
      false,
    );
  }
}

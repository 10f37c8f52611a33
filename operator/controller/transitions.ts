/** What has changed its state between two statuses of an experiment, for the log. */
import { type ExperimentStatus, FRESH_STAGE } from '@carpal/configs/experiment-status.ts';
import { keyOf } from '@carpal/kubernetes/api/object-key.ts';
import type { ObjectMeta } from '@carpal/kubernetes/api/objects.ts';
import type { Log } from '@carpal/kubernetes/runtime/logger.ts';
import { stageTitle } from '../experiment/stage.ts';
import { entriesOf, stageAt } from '../experiment/stages.ts';
import { known } from '../jobs/kept-metadata.ts';

/** Of a stage, or of the experiment as a whole. */
export type Transition = {
  readonly stage?: string;
  readonly attempt?: number;
  readonly from: string;
  readonly to: string;
  readonly reason?: string;
  readonly message?: string;
};

/** The experiment's own first, then its stages in order. */
export function transitions(before: ExperimentStatus | undefined, after: ExperimentStatus): readonly Transition[] {
  const from = before?.state ?? 'Pending';
  const whole: Transition[] = from === after.state ? [] : [{ from, to: after.state, reason: after.reason }];
  const stages = entriesOf(after).flatMap(([key, stage]): Transition[] => {
    const was = stageAt(before, key) ?? FRESH_STAGE;
    if (was.state === stage.state && was.attempts === stage.attempts) return [];
    const { attempts: attempt, state: to, reason, message } = stage;
    return [{ stage: stageTitle(key), attempt, from: was.state, to, ...known({ reason, message }) }];
  });
  return [...whole, ...stages];
}

/** One line for each. */
export function logTransitions(
  log: Log,
  { metadata }: { readonly metadata: Pick<ObjectMeta, 'namespace' | 'name'> },
  before: ExperimentStatus | undefined,
  after: ExperimentStatus,
): void {
  const experiment = keyOf(metadata);
  for (const change of transitions(before, after))
    log.info({ experiment, ...change }, change.stage === undefined ? 'the experiment has changed' : 'a stage has changed');
}

/** How soon news of the cluster are worth a look at their experiment, so that many of them cost one look and one write of the status. */

import type { Change } from '@carpal/kubernetes/runtime/reflector.ts';
import { hasEnded, type KeptJob, trueCondition } from '../jobs/kept-job.ts';
import type { KeptPod } from '../jobs/kept-pod.ts';
import type { KeptExperiment } from './experiment-object.ts';

/**
 * `now`: somebody wants something else of the experiment. `soon`: an attempt has ended, and something may follow. `later`: an attempt gets on,
 * which is told and changes nothing else; what happens until then is told with it.
 */
export type Urgency = 'now' | 'soon' | 'later';

/** Of a Job of that experiment, whose Jobs `siblings` gives, it among them. */
export function urgencyOfJob(
  { type, object }: Pick<Change<KeptJob>, 'type' | 'object'>,
  experiment: KeptExperiment | undefined,
  siblings: () => readonly KeptJob[],
): Urgency {
  if (type === 'deleted') return 'soon';
  if (!hasEnded(object)) return 'later';
  const goesWell = trueCondition(object, 'Complete') !== undefined;
  // Folds that wait would take its place; where none does, only the last to end makes way for something.
  const nobodyWaits = experiment?.object?.status?.folds?.every(({ state }) => state !== 'Waiting' && state !== 'Stopped') ?? false;
  return goesWell && nobodyWaits && siblings().some((job) => !hasEnded(job)) ? 'later' : 'soon';
}

/** Of a pod. How an attempt ends is its Job's word; a pod that nobody manages any more has gone when it is gone. */
export function urgencyOfPod({ type }: Pick<Change<KeptPod>, 'type'>): Urgency {
  return type === 'deleted' ? 'soon' : 'later';
}

/** What the operator keeps of a Job. */
import type { Job, ObjectCondition, ObjectMeta } from '@carpal/kubernetes/api/objects.ts';
import { keepMetadata, known } from './kept-metadata.ts';

export type KeptJob = {
  readonly metadata: ObjectMeta;
  readonly spec: { readonly suspend?: boolean };
  readonly status?: Pick<NonNullable<Job['status']>, 'ready' | 'startTime' | 'completionTime' | 'conditions'>;
};

const ENDS: readonly string[] = ['Complete', 'Failed'];

/** Once it has ended, how is all that matters. */
function keepConditions(conditions: readonly ObjectCondition[] | undefined): readonly ObjectCondition[] | undefined {
  const kept = conditions?.map(({ type, status, reason, message, lastTransitionTime }) => ({
    type,
    status,
    ...known({ reason, message, lastTransitionTime }),
  }));
  const end = kept?.find(({ type, status }) => ENDS.includes(type) && status === 'True');
  return end === undefined ? kept : [end];
}

export function keepJob(job: Job): KeptJob {
  const { ready, startTime, completionTime } = job.status ?? {};
  const conditions = keepConditions(job.status?.conditions);
  return {
    metadata: keepMetadata(job.metadata),
    spec: known({ suspend: job.spec.suspend }),
    status: known({ ready, startTime, completionTime, conditions }),
  };
}

/** The Job's condition of that type if it is True. */
export function trueCondition(job: KeptJob, type: string): ObjectCondition | undefined {
  return job.status?.conditions?.find((condition) => condition.type === type && condition.status === 'True');
}

/** Whether the Job has said its last word: all its pods have ended. */
export function hasEnded(job: KeptJob): boolean {
  return ENDS.some((type) => trueCondition(job, type) !== undefined);
}

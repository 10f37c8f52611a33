/** The end of an experiment that no rule of the API server could refuse, but that cannot be run. */

import { type Finding, formatPath } from '@carpal/configs/finding.ts';
import { type Condition, type ExperimentStatus, FRESH_STAGE } from '@carpal/configs/schema/status.ts';
import { stopAll } from './stages.ts';

/** Status is for reading: the first mistakes are enough to begin with. */
const MOST_FINDINGS = 10;

const inWords = ({ path, message, fix }: Finding): string => `${formatPath(path)} ${message} (${fix})`;

const NOTHING: Pick<ExperimentStatus, 'progress' | 'foldsFinished' | 'announcements' | 'estimatedCompletionTime'> = {
  progress: '0%',
  foldsFinished: '0/0',
  announcements: [],
};

/**
 * The status of an experiment whose manifest breaks rules: failed for good, with what is wrong and its mend. What `previous` tells of attempts,
 * figures and artifacts stays; what was under way is stopped.
 */
export function invalidManifestStatus(
  findings: readonly Finding[],
  { generation }: { readonly generation?: number | undefined },
  previous: ExperimentStatus | undefined,
  now: Date,
): ExperimentStatus {
  const rest = findings.length - MOST_FINDINGS;
  const mistakes = findings.slice(0, MOST_FINDINGS).map(inWords).join('; ');
  const message = `the manifest breaks a rule: ${mistakes}${rest > 0 ? `; and ${rest} more` : ''}`.slice(0, 2000);
  const observed = generation === undefined ? {} : { observedGeneration: generation };
  const decided = (type: Condition['type'], status: Condition['status']): Condition => {
    const before = previous?.conditions.find((condition) => condition.type === type);
    const lastTransitionTime = before?.status === status ? before.lastTransitionTime : now.toISOString();
    return { type, status, reason: 'InvalidManifest', message: status === 'True' ? message : '', lastTransitionTime, ...observed };
  };
  // What was found of it stays found; that it trains or is suspended does not.
  const kept = (previous?.conditions ?? [])
    .filter(({ type }) => type !== 'Complete' && type !== 'Failed')
    .map((condition) => (condition.type === 'Prepared' ? condition : decided(condition.type, 'False')));
  const stages = previous === undefined ? { prepare: FRESH_STAGE, folds: [], ensemble: FRESH_STAGE } : stopAll(previous, 'Stopped');
  const { estimatedCompletionTime: _time, ...known } = previous ?? NOTHING;
  return {
    ...known,
    ...observed,
    conditions: [...kept, decided('Complete', 'False'), decided('Failed', 'True')],
    state: 'Failed',
    reason: 'InvalidManifest',
    finishedAt: now.toISOString(),
    ...stages,
  };
}

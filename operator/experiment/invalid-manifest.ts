/** The end of an experiment with an invalid manifest that the API server accepted. */

import { type Finding, formatPath } from '@carpal/configs/finding.ts';
import { type Condition, type ExperimentStatus, FRESH_STAGE } from '@carpal/configs/schema/status.ts';
import { stopAll } from './stages.ts';

/** People read the status; the first mistakes are enough to start with. */
const MOST_FINDINGS = 10;

const findingText = ({ path, message, fix }: Finding): string => `${formatPath(path)} ${message} (${fix})`;

const NOTHING: Pick<ExperimentStatus, 'progress' | 'foldsFinished' | 'announcements' | 'estimatedCompletionTime'> = {
  progress: '0%',
  foldsFinished: '0/0',
  announcements: [],
};

/**
 * The status of an experiment whose manifest breaks rules: failed for good, with the mistakes and their fixes. Attempts, figures and
 * artifacts of `previous` stay; active attempts are stopped.
 */
export function invalidManifestStatus(
  findings: readonly Finding[],
  { generation }: { readonly generation?: number | undefined },
  previous: ExperimentStatus | undefined,
  now: Date,
): ExperimentStatus {
  const rest = findings.length - MOST_FINDINGS;
  const mistakes = findings.slice(0, MOST_FINDINGS).map(findingText).join('; ');
  const message = `the manifest breaks a rule: ${mistakes}${rest > 0 ? `; and ${rest} more` : ''}`.slice(0, 2000);
  const observed = generation === undefined ? {} : { observedGeneration: generation };
  const decided = (type: Condition['type'], status: Condition['status']): Condition => {
    const before = previous?.conditions.find((condition) => condition.type === type);
    const lastTransitionTime = before?.status === status ? before.lastTransitionTime : now.toISOString();
    return { type, status, reason: 'InvalidManifest', message: status === 'True' ? message : '', lastTransitionTime, ...observed };
  };
  // Prepared stays as it was. Training and Suspended become False.
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

/** The end of an experiment that no rule of the API server could refuse, but that cannot be run. */
import { type Finding, formatPath } from '@carpal/configs/finding.ts';
import { type Condition, type ExperimentStatus, FRESH_STAGE } from './experiment-status.ts';

/** Status is for reading: the first mistakes are enough to begin with. */
const MOST_FINDINGS = 10;

const inWords = ({ path, message, mend }: Finding): string => `${formatPath(path)} ${message} (${mend})`;

/** The status of an experiment whose manifest breaks rules: failed for good, with what is wrong and its mend; nothing was started. */
export function invalidManifestStatus(findings: readonly Finding[], generation: number | undefined, now: Date): ExperimentStatus {
  const rest = findings.length - MOST_FINDINGS;
  const mistakes = findings.slice(0, MOST_FINDINGS).map(inWords).join('; ');
  const message = `the manifest breaks a rule: ${mistakes}${rest > 0 ? `; and ${rest} more` : ''}`.slice(0, 2000);
  const condition = (type: Condition['type'], status: Condition['status']): Condition => ({
    type,
    status,
    reason: 'InvalidManifest',
    message: status === 'True' ? message : '',
    lastTransitionTime: now.toISOString(),
    ...(generation === undefined ? {} : { observedGeneration: generation }),
  });
  return {
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    conditions: [condition('Complete', 'False'), condition('Failed', 'True')],
    state: 'Failed',
    reason: 'InvalidManifest',
    progress: '0%',
    foldsFinished: '0/0',
    finishedAt: now.toISOString(),
    prepare: FRESH_STAGE,
    folds: [],
    ensemble: FRESH_STAGE,
    announcements: [],
  };
}

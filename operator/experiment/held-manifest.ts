/** The status of an experiment whose manifest this version of the operator does not understand. */

import { type Finding, formatPath } from '@carpal/configs/finding.ts';
import { type Condition, type ExperimentStatus, FRESH_STAGE, isTerminal } from '@carpal/configs/schema/status.ts';

/** People read the status; the first mistakes are enough to start with. */
const MOST_FINDINGS = 10;
const LONGEST_MESSAGE = 2000;

const findingText = ({ path, message, fix }: Finding): string => `${formatPath(path)} ${message} (${fix})`;

const NOT_BEGUN: Omit<ExperimentStatus, 'conditions'> = {
  state: 'Pending',
  reason: 'ManifestNotUnderstood',
  progress: '0%',
  foldsFinished: '0/0',
  prepare: FRESH_STAGE,
  folds: [],
  ensemble: FRESH_STAGE,
  announcements: [],
};

/**
 * `previous` with the condition Held, whose message lists what the operator does not understand. Everything else stays as it was, except
 * that it has no estimate of when training will finish. An experiment that has ended is not Held: its status is `previous`.
 */
export function heldManifestStatus(
  findings: readonly Finding[],
  { generation }: { readonly generation?: number | undefined },
  previous: ExperimentStatus | undefined,
  now: Date,
): ExperimentStatus {
  if (previous !== undefined && isTerminal(previous)) return previous;
  const rest = findings.length - MOST_FINDINGS;
  const mistakes = findings.slice(0, MOST_FINDINGS).map(findingText).join('; ');
  const before = previous?.conditions.find(({ type }) => type === 'Held');
  const held: Condition = {
    type: 'Held',
    status: 'True',
    reason: 'ManifestNotUnderstood',
    message: `nothing new is started: ${mistakes}${rest > 0 ? `; and ${rest} more` : ''}`.slice(0, LONGEST_MESSAGE),
    lastTransitionTime: before?.status === 'True' ? before.lastTransitionTime : now.toISOString(),
    ...(generation === undefined ? {} : { observedGeneration: generation }),
  };
  const { estimatedCompletionTime: _time, conditions, ...kept } = previous ?? { ...NOT_BEGUN, conditions: [] };
  // status.observedGeneration stays: the planner has not acted on this generation.
  return { ...kept, conditions: [...conditions.filter(({ type }) => type !== 'Held'), held] };
}

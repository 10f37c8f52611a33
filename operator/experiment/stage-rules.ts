/** What the manifest says about the ends of one stage's attempts: the budgets, the memory limit, and what a person can change. */

import type { Reason, StageKey } from '@carpal/configs/names.ts';
import type { RunSpec, SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';

export type StageRules = Pick<RunSpec, 'maxFailures' | 'maxDisruptions'> & {
  readonly memory?: MemoryLimit;
  /** What a person does so that a stage that has failed for this reason continues; `cause` is the reason of its last attempt. */
  readonly remedy?: (reason: Reason, cause?: Reason) => string;
};

/** The field of the manifest that limits the memory of a stage, and its value; without a value the operator's default applies. */
export type MemoryLimit = { readonly field: string; readonly limit?: string };

export function stageRules(experiment: SegmentationExperiment, key: StageKey): StageRules {
  const { maxFailures, maxDisruptions } = experiment.spec.run;
  const memory = memoryLimit(experiment, key);
  return { maxFailures, maxDisruptions, memory, remedy: (reason, cause) => remedy(experiment, memory, cause ?? reason, reason) };
}

/** prepare has the operator's default unless the manifest says otherwise; the ensemble has the limit of the folds. */
function memoryLimit({ spec: { placement } }: SegmentationExperiment, { stage }: StageKey): MemoryLimit {
  const own = stage === 'fold' ? undefined : placement[stage]?.memory;
  if (own !== undefined) return { field: `placement.${stage}.memory`, limit: own };
  return stage === 'prepare' ? { field: 'placement.prepare.memory' } : { field: 'placement.memory', limit: placement.memory };
}

/** What to change, for each reason for which a stage fails or its last attempt ended. */
const CHANGES: Partial<Record<Reason, string>> = {
  InvalidData: 'fix the data or the configuration',
  StoreUnavailable: 'make the artifact store usable again',
  StageStalled: 'fix the cause, or raise run.stallTimeout if the work is that slow',
  StartDeadlineExceeded: 'fix the cause, for example in placement, or raise run.startDeadline',
  CapacityDeadlineExceeded: 'add capacity, or raise run.capacityDeadline',
  FoldDeadlineExceeded: 'raise run.foldDeadline',
  StageDeadlineExceeded: 'raise run.stageDeadline',
  DisruptionBudgetExceeded: 'raise run.maxDisruptions if so many disruptions are usual here',
  FailureBudgetExceeded: 'fix the cause, or raise run.maxFailures',
};

function remedy(experiment: SegmentationExperiment, memory: MemoryLimit, cause: Reason, reason: Reason): string {
  const retry = experiment.spec.run.retry + 1;
  if (cause === 'OutOfMemory')
    return `raise ${memory.field} and run.retry; it continues from its last checkpoint: ${patch(experiment, memory, retry)}`;
  const change = CHANGES[cause] ?? CHANGES[reason] ?? 'fix the cause';
  return `${change}; then raise run.retry to ${retry}, and it continues`;
}

/** The command that doubles the memory and continues the experiment. */
function patch({ metadata: { name, namespace } }: SegmentationExperiment, { field, limit }: MemoryLimit, retry: number): string {
  const value = JSON.stringify(limit === undefined ? 'a higher value' : doubled(limit));
  const placement = field.split('.').reduceRight((inner, part) => `{"${part}":${inner}}`, value);
  return `kubectl patch segx ${name} -n ${namespace} --type=merge -p '{"spec":${placement.slice(0, -1)},"run":{"retry":${retry}}}}'`;
}

/** Twice the quantity; a quantity that is not a whole number with a unit stays for the reader to double. */
function doubled(limit: string): string {
  const [, count, unit] = /^(\d+)([A-Za-z]*)$/.exec(limit) ?? [];
  return count === undefined ? `more than ${limit}` : `${Number(count) * 2}${unit}`;
}

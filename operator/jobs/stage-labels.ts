/** The labels by which an attempt's Job and pods say what they are. */
import { LABEL } from '@carpal/configs/names.ts';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import type { ObjectMeta } from '@carpal/kubernetes/api/objects.ts';
import type { PlannedStart } from '../experiment/next-starts.ts';
import type { StageKey } from '../experiment/stage.ts';
import { uidOf } from './owner.ts';

/** Kueue holds a Job with this label back until the queue has room. */
export const QUEUE_LABEL = 'kueue.x-k8s.io/queue-name';

/** Who manages every Job and pod of an experiment; by it the operator asks for them. */
export const MANAGED_BY = 'carpal-operator';

type Labels = Readonly<Record<string, string>>;

/** Labels of everything that belongs to the experiment. */
export function experimentLabels(experiment: SegmentationExperiment): Labels {
  const { name } = experiment.metadata;
  return {
    [LABEL.experiment]: name,
    [LABEL.experimentUid]: uidOf(experiment),
    [LABEL.managedBy]: MANAGED_BY,
    [LABEL.partOf]: 'carpal',
  };
}

/** Labels of an attempt's Job and of its pods. */
export function attemptLabels(experiment: SegmentationExperiment, { stage, fold, attempt }: PlannedStart): Labels {
  return {
    ...experimentLabels(experiment),
    [LABEL.stage]: stage,
    ...(fold === undefined ? {} : { [LABEL.fold]: String(fold) }),
    [LABEL.attempt]: String(attempt),
  };
}

/** Selects everything of one stage of the experiment, whatever the attempt. */
export function stageSelector(experiment: SegmentationExperiment, { stage, fold }: StageKey): string {
  const labels = { [LABEL.experimentUid]: uidOf(experiment), [LABEL.stage]: stage, ...(fold === undefined ? {} : { [LABEL.fold]: fold }) };
  return Object.entries(labels)
    .map(([label, value]) => `${label}=${value}`)
    .join(',');
}

const whole = (text: string | undefined): number | undefined => (text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : undefined);

/** The attempt that an object's labels name; undefined where they name none. */
export function labelledAttempt({ labels }: ObjectMeta): (StageKey & { readonly attempt: number }) | undefined {
  const stage = labels?.[LABEL.stage];
  const attempt = whole(labels?.[LABEL.attempt]);
  if (attempt === undefined) return undefined;
  if (stage === 'prepare' || stage === 'ensemble') return { stage, attempt };
  const fold = whole(labels?.[LABEL.fold]);
  return stage === 'fold' && fold !== undefined ? { stage, fold, attempt } : undefined;
}

/** By what the operator looks Jobs and pods up; see {@link labelledAttempt}. */
export function experimentUidOf({ metadata }: { readonly metadata: ObjectMeta }): string | undefined {
  return metadata.labels?.[LABEL.experimentUid];
}

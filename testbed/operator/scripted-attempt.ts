import { LABEL } from '@carpal/configs/names.ts';
import type { KubeletPod } from '../cluster/kubelet-pod.ts';

/** What the script of a pod is chosen by. */
export type ScriptedAttempt = {
  readonly experiment: string;
  readonly stage: string;
  readonly fold: number | undefined;
  readonly attempt: number;
};

/** The attempt that a pod's labels name. */
export function attemptOfPod({ metadata: { labels = {} } }: KubeletPod): ScriptedAttempt {
  const fold = labels[LABEL.fold];
  return {
    experiment: labels[LABEL.experiment] ?? '',
    stage: labels[LABEL.stage] ?? '',
    fold: fold === undefined ? undefined : Number(fold),
    attempt: Number(labels[LABEL.attempt]),
  };
}

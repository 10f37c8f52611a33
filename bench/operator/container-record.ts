/** Records which containers of a soak ran concurrently although they must not. */
import { LABEL } from '@carpal/configs/names.ts';
import type { KubeletPod } from '@carpal/testbed/cluster/kubelet-pod.ts';
import type { ContainerRunner } from '@carpal/testbed/cluster/pod-run.ts';
import { attemptOfPod } from '@carpal/testbed/operator/attempt-objects.ts';

export type ContainerRecord = {
  /** Runs a pod with `play`, and keeps it in the record while it runs. */
  around(play: ContainerRunner): ContainerRunner;
  /** Containers of different Jobs that ran concurrently for one stage of one experiment. */
  readonly overlaps: readonly string[];
  /**
   * The number of pods that started while another pod of the same Job ran. The Job controller requests a pod again if the answer to its
   * first request is lost; Kubernetes documents that a Job's program may start twice even if the Job needs only one pod.
   */
  duplicatePods(): number;
  /** The number of containers that have started. */
  containers(): number;
};

export function createContainerRecord(): ContainerRecord {
  const running = new Map<string, Set<KubeletPod>>();
  const overlaps: string[] = [];
  let [duplicatePods, containers] = [0, 0];
  const begin = (place: string, pod: KubeletPod): void => {
    const others = running.get(place) ?? new Set<KubeletPod>();
    const job = jobOf(pod);
    const foreign = [...others].find((other) => job === undefined || jobOf(other) !== job);
    if (foreign !== undefined) overlaps.push(`${foreign.metadata.name} and ${pod.metadata.name}`);
    else if (others.size > 0) duplicatePods += 1;
    running.set(place, others.add(pod));
    containers += 1;
  };
  return {
    around: (play) => async (pod, control) => {
      const place = placeOf(pod);
      const started = async (): Promise<void> => {
        begin(place, pod);
        await control.started();
      };
      try {
        return await play(pod, { ...control, started });
      } finally {
        running.get(place)?.delete(pod);
      }
    },
    overlaps,
    duplicatePods: () => duplicatePods,
    containers: () => containers,
  };
}

/** The place where only one container may run at a time. */
function placeOf(pod: KubeletPod): string {
  const { experiment, stage, fold } = attemptOfPod(pod);
  return `${pod.metadata.labels?.[LABEL.experimentUid]} ${experiment} ${stage} ${fold ?? ''}`;
}

function jobOf({ metadata }: KubeletPod): string | undefined {
  return metadata.ownerReferences?.find(({ controller }) => controller)?.uid;
}

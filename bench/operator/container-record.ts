/** Which containers of a soak ran at the same time although they should not. */
import { LABEL } from '@carpal/configs/names.ts';
import type { KubeletPod } from '@carpal/testbed/cluster/kubelet-pod.ts';
import type { RunPod } from '@carpal/testbed/cluster/pod-work.ts';
import { attemptOfPod } from '@carpal/testbed/operator/scripted-attempt.ts';

export type ContainerRecord = {
  /** Runs a pod as `play` does, and keeps it in the record while it does. */
  around(play: RunPod): RunPod;
  /** Containers of one stage of one experiment, of different Jobs, that ran at the same time. */
  readonly overlaps: readonly string[];
  /**
   * Pods that ran beside others of their own Job alone: its controller asks again for a pod where the answer to its first request was lost.
   * Kubernetes says of Jobs that a program may be started twice, also where one pod is asked for.
   */
  twins(): number;
  /** How many have begun. */
  containers(): number;
};

export function createContainerRecord(): ContainerRecord {
  const running = new Map<string, Set<KubeletPod>>();
  const overlaps: string[] = [];
  let [twins, containers] = [0, 0];
  const begin = (place: string, pod: KubeletPod): void => {
    const beside = running.get(place) ?? new Set<KubeletPod>();
    const job = jobOf(pod);
    const stranger = [...beside].find((other) => job === undefined || jobOf(other) !== job);
    if (stranger !== undefined) overlaps.push(`${stranger.metadata.name} and ${pod.metadata.name}`);
    else if (beside.size > 0) twins += 1;
    running.set(place, beside.add(pod));
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
    twins: () => twins,
    containers: () => containers,
  };
}

/** Where one container may run at a time. */
function placeOf(pod: KubeletPod): string {
  const { experiment, stage, fold } = attemptOfPod(pod);
  return `${pod.metadata.labels?.[LABEL.experimentUid]} ${experiment} ${stage} ${fold ?? ''}`;
}

function jobOf({ metadata }: KubeletPod): string | undefined {
  return metadata.ownerReferences?.find(({ controller }) => controller)?.uid;
}

/** One pod on its node, from the moment it is bound to its end. */
import type { KubernetesClient } from '@carpal/kubernetes/api/client.ts';
import { apiTime, type ContainerPhase, type KubeletPod, type PodEnd, type PodEndReason, podStatus } from './kubelet-pod.ts';
import { createPodWriter } from './pod-writer.ts';

/** What runs a pod's container, for real or for show. Resolves with how it ended; a rejection counts as `StartError`. */
export type RunPod = (pod: KubeletPod, control: PodControl) => Promise<PodEnd>;

export type PodControl = {
  /** The pod's own folder on this machine, there until the pod object is gone. */
  readonly folder: string;
  /** Takes what the container writes; `kubectl logs` shows it. */
  readonly logFile: string;
  /** Aborted when the container is asked to end (SIGTERM). */
  readonly stop: AbortSignal;
  /** Aborted when it must be gone (SIGKILL). */
  readonly kill: AbortSignal;
  /** To be called once the container runs. */
  started(): Promise<void>;
  /** Says why it does not run yet: `ErrImagePull`, `CreateContainerConfigError`, … */
  waiting(reason: string, message?: string): Promise<void>;
};

export type PodRunOptions = {
  readonly client: KubernetesClient;
  readonly run: RunPod;
  readonly folder: string;
  readonly logFile: string;
  readonly whenConnected: () => Promise<void>;
  readonly now: () => Date;
  /** What is wrong with an image, if anything. */
  readonly imageFault: (image: string) => string | undefined;
  /** Hears of a write that the API server will never take. */
  readonly onError: (error: unknown) => void;
};

export type PodRun = {
  readonly logFile: string;
  /** Resolves when nothing of the pod runs any more and its end is written, or nobody can write it. */
  readonly done: Promise<void>;
  latest(): KubeletPod;
  /** Whether nothing of it runs any more. */
  hasEnded(): boolean;
  /** A newer version of the pod; a deletion begins or is shortened by it. */
  notice(pod: KubeletPod): void;
  /** Ends the container at once and gives the reason. */
  evict(verdict: PodEndReason): void;
  /** The pod's object is gone: nothing is left to tell. */
  podIsGone(): void;
};

const DEFAULT_GRACE_SECONDS = 30;
const KILLED: PodEnd = { exitCode: 137 };

/** Takes up a pod that is bound to a node of ours. Errors of the API are waited out. */
export function startPodRun(
  pod: KubeletPod,
  { client, run, folder, logFile, whenConnected, now, imageFault, onError }: PodRunOptions,
): PodRun {
  const stop = new AbortController();
  const kill = new AbortController();
  const gone = new AbortController();
  const deleted = Promise.withResolvers<void>();
  const writer = createPodWriter(pod, { client, signal: gone.signal, whenConnected });
  let graceTimer: NodeJS.Timeout | undefined;
  let graceSeconds: number | undefined;
  let verdict: PodEndReason = {};
  let startedAt: string | undefined;
  let hasEnded = false;

  const say = (phase: ContainerPhase): Promise<boolean> =>
    writer.writeStatus((newest) => podStatus(newest, phase, verdict, apiTime(now())));

  const endWithin = (seconds: number): void => {
    if (graceSeconds !== undefined && graceSeconds <= seconds) return;
    graceSeconds = seconds;
    stop.abort();
    clearTimeout(graceTimer);
    if (seconds <= 0) kill.abort();
    else graceTimer = setTimeout(() => kill.abort(), seconds * 1000);
  };

  const control: PodControl = {
    folder,
    logFile,
    stop: stop.signal,
    kill: kill.signal,
    started: async () => {
      startedAt = apiTime(now());
      await say({ kind: 'running', startedAt });
    },
    waiting: async (reason, message) => {
      await say({ kind: 'waiting', reason, ...(message === undefined ? {} : { message }) });
    },
  };

  /** Waits for an image that does not come, as long as the pod is wanted. */
  const waitForImage = async (image: string, fault: string): Promise<PodEnd> => {
    await control.waiting('ErrImagePull', fault);
    await control.waiting('ImagePullBackOff', `Back-off pulling image "${image}": ErrImagePull: ${fault}`);
    await aborted(stop.signal);
    return KILLED;
  };

  const runToItsEnd = async (): Promise<PodEnd> => {
    // A kubelet that was restarted finds containers that it knows nothing of.
    if (pod.status?.phase === 'Running') {
      return { ...KILLED, reason: 'ContainerStatusUnknown', message: 'The container could not be located when the pod was terminated' };
    }
    await control.waiting('ContainerCreating');
    const image = pod.spec.containers[0]?.image ?? '';
    const fault = imageFault(image);
    if (fault !== undefined) return waitForImage(image, fault);
    if (stop.signal.aborted) return KILLED;
    return run(pod, control).catch((error: unknown) => ({ exitCode: 128, reason: 'StartError', message: String(error) }));
  };

  const live = async (): Promise<void> => {
    const { phase } = pod.status ?? {};
    const seconds = pod.spec.activeDeadlineSeconds;
    const deadline = seconds === undefined ? undefined : setTimeout(() => evict(deadlineVerdict()), seconds * 1000);
    if (phase !== 'Succeeded' && phase !== 'Failed') {
      const end = await runToItsEnd();
      hasEnded = true;
      await say({ kind: 'ended', end, finishedAt: apiTime(now()), ...(startedAt === undefined ? {} : { startedAt }) });
    }
    hasEnded = true;
    clearTimeout(deadline);
    clearTimeout(graceTimer);
  };

  const evict = (why: PodEndReason): void => {
    verdict = why;
    endWithin(0);
  };

  const notice = (newer: KubeletPod): void => {
    writer.notice(newer);
    if (newer.metadata.deletionTimestamp === undefined) return;
    endWithin(newer.metadata.deletionGracePeriodSeconds ?? newer.spec.terminationGracePeriodSeconds ?? DEFAULT_GRACE_SECONDS);
    deleted.resolve();
  };

  notice(pod);
  const done = live().catch(onError);
  // The object goes when its deletion was asked for and its end is told, in whatever order.
  void Promise.all([done, deleted.promise])
    .then(() => writer.remove())
    .catch(onError);
  return {
    logFile,
    done,
    latest: writer.latest,
    hasEnded: () => hasEnded,
    notice,
    evict,
    podIsGone: () => {
      gone.abort();
      endWithin(0);
    },
  };
}

const deadlineVerdict = (): PodEndReason => ({
  reason: 'DeadlineExceeded',
  message: 'Pod was active on the node longer than the specified deadline',
});

/** Resolves once the signal aborts. */
export function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

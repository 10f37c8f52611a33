/** One pod on its node, from its binding to its end. */
import type { KubernetesClient } from '@carpal/kubernetes/api/client.ts';
import { apiTime, type ContainerPhase, type KubeletPod, type PodEnd, type PodEndReason, podStatus } from './kubelet-pod.ts';
import { createPodWriter } from './pod-writer.ts';

/** Runs a pod's container, as a process or as a script. Resolves with how it ended. A rejection counts as `StartError`. */
export type ContainerRunner = (pod: KubeletPod, control: PodControl) => Promise<PodEnd>;

export type PodControl = {
  /** The pod's own folder on this machine. It exists until the pod object is gone. */
  readonly folder: string;
  /** Receives the container's output; `kubectl logs` shows it. */
  readonly logFile: string;
  /** Aborted when the container must stop (SIGTERM). */
  readonly stop: AbortSignal;
  /** Aborted when the container is killed (SIGKILL). */
  readonly kill: AbortSignal;
  /** Call it when the container runs. */
  started(): Promise<void>;
  /** Reports why the container does not run yet: `ErrImagePull`, `CreateContainerConfigError`, … */
  waiting(reason: string, message?: string): Promise<void>;
};

export type PodRunOptions = {
  readonly client: KubernetesClient;
  readonly run: ContainerRunner;
  readonly folder: string;
  readonly logFile: string;
  readonly whenConnected: () => Promise<void>;
  readonly now: () => Date;
  /** The problem with an image, if there is one. */
  readonly imageFault: (image: string) => string | undefined;
  /** Called for a write that the API server will never accept. */
  readonly onError: (error: unknown) => void;
};

export type PodRun = {
  readonly logFile: string;
  /** Resolves when nothing of the pod runs any more and its end is written or can no longer be written. */
  readonly done: Promise<void>;
  latest(): KubeletPod;
  /** Whether nothing of it runs any more. */
  hasEnded(): boolean;
  /** A newer version of the pod. It can start or shorten a deletion. */
  update(pod: KubeletPod): void;
  /** Kills the container and reports the reason. */
  evict(endReason: PodEndReason): void;
  /** The pod's object is gone: kills the container and writes nothing more. */
  podIsGone(): void;
};

const DEFAULT_GRACE_SECONDS = 30;
const KILLED: PodEnd = { exitCode: 137 };

/** Runs a pod that is bound to one of our nodes. Retries after errors of the API. */
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
  let endReason: PodEndReason = {};
  let startedAt: string | undefined;
  let hasEnded = false;

  const writePhase = (phase: ContainerPhase): Promise<boolean> =>
    writer.writeStatus((newest) => podStatus(newest, phase, endReason, apiTime(now())));

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
      await writePhase({ kind: 'running', startedAt });
    },
    waiting: async (reason, message) => {
      await writePhase({ kind: 'waiting', reason, ...(message === undefined ? {} : { message }) });
    },
  };

  /** Waits for an image that never arrives, until the pod is deleted. */
  const waitForImage = async (image: string, fault: string): Promise<PodEnd> => {
    await control.waiting('ErrImagePull', fault);
    await control.waiting('ImagePullBackOff', `Back-off pulling image "${image}": ErrImagePull: ${fault}`);
    await aborted(stop.signal);
    return KILLED;
  };

  const runToItsEnd = async (): Promise<PodEnd> => {
    // A restarted kubelet finds pods of which it has no container.
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
    const deadline = seconds === undefined ? undefined : setTimeout(() => evict(deadlineExceeded()), seconds * 1000);
    if (phase !== 'Succeeded' && phase !== 'Failed') {
      const end = await runToItsEnd();
      hasEnded = true;
      await writePhase({ kind: 'ended', end, finishedAt: apiTime(now()), ...(startedAt === undefined ? {} : { startedAt }) });
    }
    hasEnded = true;
    clearTimeout(deadline);
    clearTimeout(graceTimer);
  };

  const evict = (why: PodEndReason): void => {
    endReason = why;
    endWithin(0);
  };

  const update = (newer: KubeletPod): void => {
    writer.update(newer);
    if (newer.metadata.deletionTimestamp === undefined) return;
    endWithin(newer.metadata.deletionGracePeriodSeconds ?? newer.spec.terminationGracePeriodSeconds ?? DEFAULT_GRACE_SECONDS);
    deleted.resolve();
  };

  update(pod);
  const done = live().catch(onError);
  // The object is deleted once its deletion was requested and its end was written, in any order.
  void Promise.all([done, deleted.promise])
    .then(() => writer.remove())
    .catch(onError);
  return {
    logFile,
    done,
    latest: writer.latest,
    hasEnded: () => hasEnded,
    update,
    evict,
    podIsGone: () => {
      gone.abort();
      endWithin(0);
    },
  };
}

const deadlineExceeded = (): PodEndReason => ({
  reason: 'DeadlineExceeded',
  message: 'Pod was active on the node longer than the specified deadline',
});

/** Resolves when the signal aborts. */
export function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** A kubelet's writes about one pod. They are retried until they succeed and never overwrite another writer's change. */
import { ApiError } from '@carpal/kubernetes/api/api-error.ts';
import type { KubernetesClient } from '@carpal/kubernetes/api/client.ts';
import { PODS, resourcePath } from '@carpal/kubernetes/api/resource-path.ts';
import { backoffMs, pause, systemTimers } from '@carpal/kubernetes/runtime/timers.ts';
import type { KubeletPod } from './kubelet-pod.ts';

const BACKOFF = { baseMs: 100, longestMs: 2000 };

export type PodWriterOptions = {
  readonly client: KubernetesClient;
  /** Ends all retries. */
  readonly signal: AbortSignal;
  /** Resolves when the node is connected. A disconnected node's kubelet reaches no server. */
  readonly whenConnected: () => Promise<void>;
};

export type PodWriter = {
  /** Writes the status that `make` returns for the newest version of the pod. Resolves with false if the pod no longer exists. */
  writeStatus(make: (pod: KubeletPod) => object): Promise<boolean>;
  /** Deletes the object, as the last step of a deletion. */
  remove(): Promise<void>;
  /** A newer version of the pod, from the watch. */
  update(pod: KubeletPod): void;
  latest(): KubeletPod;
};

/** A writer for exactly this pod (by uid). */
export function createPodWriter(first: KubeletPod, { client, signal, whenConnected }: PodWriterOptions): PodWriter {
  const { name, namespace, uid } = first.metadata;
  const path = resourcePath(PODS, { namespace, name });
  let latest = first;

  /** Whether a retry can help: after a conflict with the newest version, or after a server problem. Otherwise throws the error. */
  const shouldRetry = async (error: unknown): Promise<boolean> => {
    if (signal.aborted || !(error instanceof ApiError)) throw error;
    if (error.status === 404) return false;
    if (error.status === 409) {
      const newer = await retry(() => client.request<KubeletPod>({ method: 'GET', path, signal }));
      if (newer?.metadata.uid !== uid) return false;
      latest = newer;
      return true;
    }
    if (error.status === 0 || error.status >= 429) return true;
    throw error;
  };

  /** Retries until the answer is final. Resolves with undefined if the pod is gone or the kubelet ends. */
  async function retry<Answer>(attempt: () => Promise<Answer>): Promise<Answer | undefined> {
    for (let failures = 1; ; failures += 1) {
      await whenConnected();
      if (signal.aborted) return undefined;
      try {
        return await attempt();
      } catch (error) {
        if (signal.aborted || !(await shouldRetry(error))) return undefined;
      }
      await pause(systemTimers, backoffMs(failures, BACKOFF), signal);
    }
  }

  return {
    latest: () => latest,
    update: (pod) => {
      latest = pod;
    },
    writeStatus: async (make) => {
      const answer = await retry(() => {
        const metadata = { uid, resourceVersion: latest.metadata.resourceVersion };
        return client.request<KubeletPod>({
          method: 'PATCH',
          path: `${path}/status`,
          patch: 'merge',
          body: { metadata, status: make(latest) },
          signal,
        });
      });
      if (answer !== undefined) latest = answer;
      return answer !== undefined;
    },
    remove: async () => {
      await retry(() => client.request({ method: 'DELETE', path, body: { gracePeriodSeconds: 0, preconditions: { uid } }, signal }));
    },
  };
}

/** A kubelet's writes about one pod: tried again until they are through, never over somebody else's. */
import { ApiError } from '@carpal/kubernetes/api/api-error.ts';
import type { KubernetesClient } from '@carpal/kubernetes/api/client.ts';
import { PODS, resourcePath } from '@carpal/kubernetes/api/resource-path.ts';
import { backoffMs, pause, systemTimers } from '@carpal/kubernetes/runtime/timers.ts';
import type { KubeletPod } from './kubelet-pod.ts';

const BACKOFF = { baseMs: 100, longestMs: 2000 };

export type PodWriterOptions = {
  readonly client: KubernetesClient;
  /** Ends all tries. */
  readonly signal: AbortSignal;
  /** Resolves when the node may speak: a silent node's kubelet reaches nobody. */
  readonly whenConnected: () => Promise<void>;
};

export type PodWriter = {
  /** Writes the status that `make` gives for the newest version of the pod; false when there is no such pod any more. */
  writeStatus(make: (pod: KubeletPod) => object): Promise<boolean>;
  /** The last step of a deletion: the object goes. */
  remove(): Promise<void>;
  /** A newer version of the pod, from the watch. */
  notice(pod: KubeletPod): void;
  latest(): KubeletPod;
};

/** A writer for that very pod (by uid). */
export function createPodWriter(first: KubeletPod, { client, signal, whenConnected }: PodWriterOptions): PodWriter {
  const { name, namespace, uid } = first.metadata;
  const path = resourcePath(PODS, { namespace, name });
  let latest = first;

  /** Whether trying again may help: after a conflict with the newest version, after a server's trouble some time later. Throws the error if not. */
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

  /** Tries until an answer is final; `undefined` when the pod is gone or the kubelet ends. */
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
    notice: (pod) => {
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

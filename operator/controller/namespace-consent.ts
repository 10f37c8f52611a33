/**
 * Namespaces that have not opted in. An operator of all namespaces reads everywhere and writes only where a RoleBinding lets it. Elsewhere
 * it cannot write a status either. It logs one warning, holds the experiments, and retries with one experiment per namespace.
 */
import { PLURAL } from '@carpal/configs/names.ts';
import type { KubernetesClient } from '@carpal/kubernetes/api/client.ts';
import { apiAction } from '@carpal/kubernetes/api/resource-path.ts';
import type { Log } from '@carpal/kubernetes/runtime/logger.ts';
import { isMissingRight } from '../jobs/refusal.ts';

/** A step for the experiment `namespace/name`, as in experiment-step.ts. */
type Step = (key: string) => Promise<number | undefined>;

export type NamespaceConsent = {
  /** The same step, which rests in a namespace without consent. Other errors pass. */
  respect(step: Step): Step;
  /** The same client. A status that it writes proves that the namespace has opted in. */
  observe(client: KubernetesClient): KubernetesClient;
  /** Whether the namespace has refused a write, and has accepted none since. */
  isWithheld(namespace: string): boolean;
};

export type NamespaceConsentOptions = {
  /** How long a namespace is left alone after a refusal. */
  readonly retryMs: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly log: Log;
};

const namespaceOf = (key: string): string => key.slice(0, key.indexOf('/'));
const NAMESPACE_IN_PATH = /\/namespaces\/([^/]+)\//;

/** Create one for the whole operator. */
export function createNamespaceConsent({ retryMs, now, log }: NamespaceConsentOptions): NamespaceConsent {
  /** Until when each namespace without consent is left alone. */
  const withheld = new Map<string, number>();

  const refused = (namespace: string, error: unknown): number => {
    if (!withheld.has(namespace)) {
      const fix = `carpal manifests --for-namespace ${namespace} prints what is missing`;
      log.warn({ namespace, error, fix }, 'the namespace has not opted in; its experiments are held');
    }
    withheld.set(namespace, now() + retryMs);
    return retryMs;
  };
  const accepted = (namespace: string): void => {
    if (withheld.delete(namespace)) log.info({ namespace }, 'the namespace has opted in; its experiments continue');
  };

  return {
    respect: (step) => async (key) => {
      const namespace = namespaceOf(key);
      const waitMs = (withheld.get(namespace) ?? 0) - now();
      if (waitMs > 0) return waitMs;
      // One experiment tries; the others wait for its result.
      if (withheld.has(namespace)) withheld.set(namespace, now() + retryMs);
      try {
        const nextMs = await step(key);
        // Its step had nothing to write, so another one tries.
        if (withheld.has(namespace)) withheld.set(namespace, now());
        return nextMs;
      } catch (error) {
        if (!isMissingRight(error)) throw error;
        return refused(namespace, error);
      }
    },
    observe: (client) => ({
      ...client,
      request: async (request) => {
        const answer = await client.request<never>(request);
        const [, namespace] = NAMESPACE_IN_PATH.exec(request.path) ?? [];
        const { verb, resource } = apiAction(request.method, request.path);
        if (namespace !== undefined && verb === 'patch' && resource === `${PLURAL}/status`) accepted(decodeURIComponent(namespace));
        return answer;
      },
    }),
    isWithheld: (namespace) => withheld.has(namespace),
  };
}

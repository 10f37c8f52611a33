import { ApiError } from '../api/api-error.ts';
import type { KubernetesClient } from '../api/client.ts';

/**
 * A client that writes only as long as `mayWrite` says so at the moment of the request; later writes fail with an `ApiError` (status 0)
 * and the server hears nothing of them. Reads and watches go through.
 */
export function fence(client: KubernetesClient, mayWrite: () => boolean): KubernetesClient {
  return {
    async request<Answer>(asked: Parameters<KubernetesClient['request']>[0]): Promise<Answer> {
      if (asked.method === 'GET' || mayWrite()) return await client.request<Answer>(asked);
      throw new ApiError(0, 'NotLeading', `${asked.method} ${asked.path}: not sent, since another replica may lead by now`);
    },
    watch: (asked) => client.watch(asked),
    close: () => client.close(),
  };
}

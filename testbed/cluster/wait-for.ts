import { setTimeout as pause } from 'node:timers/promises';
import { ApiError } from '@carpal/kubernetes/api/api-error.ts';
import type { KubernetesClient, Query } from '@carpal/kubernetes/api/client.ts';

const POLL_MS = 50;
const LONGEST_MS = 50_000;

/** Answers of a server that is not ready yet, or of one that does not serve the resource or have the object yet. */
const isPassing = (error: unknown): error is ApiError =>
  error instanceof ApiError && (error.status === 0 || error.status === 404 || error.status >= 429);

/** Reads an object, or a collection, until that is true of it; throws with what it was last if it takes most of a minute. */
export async function waitFor<Found>(
  client: KubernetesClient,
  path: string,
  isSo: (found: Found) => boolean,
  query: Query = {},
): Promise<Found> {
  const begin = performance.now();
  let last = '';
  while (performance.now() - begin < LONGEST_MS) {
    try {
      const found = await client.request<Found>({ method: 'GET', path, query });
      if (isSo(found)) return found;
      last = JSON.stringify(found);
    } catch (error) {
      if (!isPassing(error)) throw error;
      last = error.message;
    }
    await pause(POLL_MS);
  }
  throw new Error(`waited in vain; last seen: ${last.slice(0, 4000)}`);
}

/** Waiting for objects of the API server and for other processes. */
import { setTimeout as pause } from 'node:timers/promises';
import { ApiError } from '@carpal/kubernetes/api/api-error.ts';
import type { KubernetesClient, Query } from '@carpal/kubernetes/api/client.ts';

const POLL_MS = 50;
const LIMIT_MS = 50_000;

/** Errors that pass: the server is not ready yet, or does not serve the resource or have the object yet. */
const isTemporary = (error: unknown): error is ApiError =>
  error instanceof ApiError && (error.status === 0 || error.status === 404 || error.status >= 429);

/** Reads an object or a collection until `isSo` returns true. Throws with its last state after 50 s. */
export async function waitFor<Found>(
  client: KubernetesClient,
  path: string,
  isSo: (found: Found) => boolean,
  query: Query = {},
): Promise<Found> {
  const begin = performance.now();
  let last = '';
  while (performance.now() - begin < LIMIT_MS) {
    try {
      const found = await client.request<Found>({ method: 'GET', path, query });
      if (isSo(found)) return found;
      last = JSON.stringify(found);
    } catch (error) {
      if (!isTemporary(error)) throw error;
      last = error.message;
    }
    await pause(POLL_MS);
  }
  throw new Error(`no success within ${LIMIT_MS / 1000} s; last state: ${last.slice(0, 4000)}`);
}

/** Waits for something that another process does. Throws with `what` after 30 s. */
export async function until(what: string, isSo: () => boolean): Promise<void> {
  for (let waitedMs = 0; waitedMs < 30_000; waitedMs += 20) {
    if (isSo()) return;
    await pause(20);
  }
  throw new Error(`this did not happen within 30 s: ${what}`);
}

import { setTimeout as pause } from 'node:timers/promises';
import type { KubernetesClient, Query } from '../kubernetes/api/client.ts';

const POLL_MS = 50;
const LONGEST_MS = 50_000;

/** Reads an object, or a collection, until that is true of it; throws with what it was last if it takes most of a minute. */
export async function waitFor<Found>(
  client: KubernetesClient,
  path: string,
  isSo: (found: Found) => boolean,
  query: Query = {},
): Promise<Found> {
  const begin = performance.now();
  for (;;) {
    const found = await client.request<Found>({ method: 'GET', path, query });
    if (isSo(found)) return found;
    if (performance.now() - begin > LONGEST_MS) throw new Error(`waited in vain; last seen: ${JSON.stringify(found).slice(0, 4000)}`);
    await pause(POLL_MS);
  }
}

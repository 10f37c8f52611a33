/** Lists a whole collection, in pages. */
import { ApiError, isStatus } from '../api/api-error.ts';
import type { KubernetesClient, Query } from '../api/client.ts';
import type { KubernetesObject, ObjectList } from '../api/objects.ts';

/** Limit for a list without pages, which can be a hundred megabytes. */
const WHOLE_LIST_MS = 180_000;

type ListRequest<Item> = {
  readonly client: KubernetesClient;
  readonly path: string;
  readonly query?: Query | undefined;
  readonly pageSize: number;
  readonly signal: AbortSignal;
  /** Called at the start, and again when the items so far must be discarded. */
  readonly onStart: () => void;
  readonly onItem: (item: Item) => void;
};

/**
 * Lists everything and returns the version of the list. All pages have the version of the first page: the continue token contains it, and
 * the server rejects a `resourceVersion` next to it. When the token has expired (410), the list starts again without pages, so that a slow
 * reader finishes.
 */
export async function listAll<Item extends KubernetesObject>(request: ListRequest<Item>): Promise<string> {
  try {
    return await listOnce(request, request.pageSize);
  } catch (error) {
    if (!isStatus(error, 410)) throw error;
    return listOnce(request, undefined);
  }
}

async function listOnce<Item extends KubernetesObject>(request: ListRequest<Item>, limit: number | undefined): Promise<string> {
  const { client, path, query, signal } = request;
  request.onStart();
  let token: string | undefined;
  for (;;) {
    const page = await client.request<ObjectList<Item>>({
      method: 'GET',
      path,
      query: { ...query, limit, continue: token },
      signal,
      ...(limit === undefined ? { timeoutMs: WHOLE_LIST_MS } : {}),
    });
    const version = page.metadata?.resourceVersion;
    if (version === undefined || !Array.isArray(page.items))
      throw new ApiError(200, 'InvalidAnswer', `GET ${path}: the answer is not a list`);
    for (const item of page.items) request.onItem(item);
    token = page.metadata.continue;
    if (token === undefined || token === '') return version;
  }
}

/** The interface of the API client: JSON in, JSON out. */

/** `apply`: server-side apply; `merge`: JSON merge patch. */
export type PatchKind = 'apply' | 'merge';

type QueryValue = string | number | boolean | undefined;
export type Query = Readonly<Record<string, QueryValue>>;

export type KubernetesRequest = {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Absolute path, such as `/apis/batch/v1/namespaces/default/jobs`; see resource-path.ts. */
  readonly path: string;
  readonly query?: Query;
  readonly body?: unknown;
  /** The kind of a PATCH. Default: `merge`. */
  readonly patch?: PatchKind;
  readonly signal?: AbortSignal;
  /** Limit for the whole request. Default: the client's own limit. */
  readonly timeoutMs?: number;
};

export type WatchRequest = {
  readonly path: string;
  readonly query?: Query;
  readonly signal: AbortSignal;
  /** The watch fails when nothing arrives for this long, not even a bookmark. */
  readonly inactivityMs: number;
};

/** A connection to one API server. Requests share kept-alive sockets. */
export type KubernetesClient = {
  /** Returns the server's answer. Throws `ApiError` for an answer outside 2xx, and with `status` 0 when the server cannot be reached. */
  request<Answer>(request: KubernetesRequest): Promise<Answer>;
  /**
   * Yields the events of a watch until the server ends it or `signal` aborts. Throws `ApiError` if the watch cannot be opened or breaks.
   */
  watch<Event>(request: WatchRequest): AsyncIterable<Event>;
  /** Closes idle sockets. */
  close(): void;
};

/** The one way to the API server: JSON in, JSON out, every request counted. */

/** `apply` is server-side apply; `merge` a JSON merge patch. */
export type PatchKind = 'apply' | 'merge';

export type QueryValue = string | number | boolean | undefined;
export type Query = Readonly<Record<string, QueryValue>>;

export type KubernetesRequest = {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Absolute path, such as `/apis/batch/v1/namespaces/default/jobs`; see resource-path.ts. */
  readonly path: string;
  readonly query?: Query;
  readonly body?: unknown;
  /** Of a PATCH. */
  readonly patch?: PatchKind;
  readonly signal?: AbortSignal;
  /** Whole request; the client's own default where absent. */
  readonly timeoutMs?: number;
};

export type WatchRequest = {
  readonly path: string;
  readonly query?: Query;
  readonly signal: AbortSignal;
  /** The watch ends with an error when nothing at all, not even a bookmark, came for this long. */
  readonly inactivityMs: number;
};

/** A connection to one API server. Requests share kept-alive sockets. */
export type KubernetesClient = {
  /** The server's answer. Throws `ApiError` for an answer that is none of 2xx and for a server that cannot be reached (its `status` is 0). */
  request<Answer>(request: KubernetesRequest): Promise<Answer>;
  /** The lines of a watch as they come, until the server ends it or `signal` aborts. Throws `ApiError` if it cannot be opened or breaks. */
  watch<Event>(request: WatchRequest): AsyncIterable<Event>;
  /** Closes idle sockets. */
  close(): void;
};

/** The errors of the API client: what the API server rejected, or that it gave no answer. */
import type { IncomingHttpHeaders } from 'node:http';

export class ApiError extends Error {
  /** The HTTP status; 0 when there was no answer. */
  readonly status: number;
  /**
   * The machine-readable reason of a Status object (`NotFound`, `AlreadyExists`, `Conflict`, `Expired`, …) or of this client (`Timeout`,
   * `NoAnswer`).
   */
  readonly reason: string;
  /** How long the server asks the client to wait before the next request. */
  readonly retryAfterMs: number | undefined;
  /** What exactly the server rejected, such as single fields; empty if it does not say. */
  readonly causes: readonly StatusCause[];

  constructor(
    status: number,
    reason: string,
    message: string,
    options: { retryAfterMs?: number | undefined; causes?: readonly StatusCause[] | undefined; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.name = 'ApiError';
    this.status = status;
    this.reason = reason;
    this.retryAfterMs = options.retryAfterMs;
    this.causes = options.causes ?? [];
  }
}

/** Whether the error is an answer with this HTTP status. */
export function isStatus(error: unknown, status: number): boolean {
  return error instanceof ApiError && error.status === status;
}

/** `field`: the path of a field, such as `spec.template.spec.containers[0].image`; absent if the cause is about no field. */
type StatusCause = { readonly reason?: string; readonly message?: string; readonly field?: string };

/** The Status object: the body of a rejection, and the object of an ERROR event in a watch. */
export type StatusObject = {
  readonly code?: number;
  readonly reason?: string;
  readonly message?: string;
  readonly details?: { readonly retryAfterSeconds?: number; readonly causes?: readonly StatusCause[] };
};

/** Reasons for answers without a Status object, such as those of a proxy or a load balancer. */
const REASONS: Readonly<Record<number, string>> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  409: 'Conflict',
  410: 'Gone',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
  504: 'Timeout',
};

function parseStatus(text: string): StatusObject {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}

/** Retry-After in milliseconds. The API server sends whole seconds. */
function retryAfterMs(headers: IncomingHttpHeaders, status: StatusObject): number | undefined {
  const seconds = Number(headers['retry-after'] ?? status.details?.retryAfterSeconds);
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : undefined;
}

/** The error for an answer outside 2xx. `what` names the request: `PUT /api/v1/…`. */
export function rejection(what: string, code: number, headers: IncomingHttpHeaders, text: string): ApiError {
  const status = parseStatus(text);
  const message = status.message ?? (text.slice(0, 200).trim() || 'no message');
  const reason = status.reason || (REASONS[code] ?? 'Unknown');
  const { causes } = status.details ?? {};
  return new ApiError(code, reason, `${what}: ${code} ${reason}: ${message}`, {
    retryAfterMs: retryAfterMs(headers, status),
    causes: Array.isArray(causes) ? causes : [],
  });
}

/** The error for a Status object that came as an event of a watch. */
export function watchRejection(what: string, status: StatusObject): ApiError {
  const code = status.code ?? 500;
  const reason = status.reason || (REASONS[code] ?? 'Unknown');
  return new ApiError(code, reason, `${what}: ${code} ${reason}: ${status.message ?? 'no message'}`, {
    retryAfterMs: retryAfterMs({}, status),
  });
}

/** The error for a request that got no answer or an incomplete one. Returns an ApiError unchanged. */
export function noAnswer(what: string, cause: unknown): ApiError {
  if (cause instanceof ApiError) return cause;
  const text = cause instanceof Error ? cause.message || cause.name : String(cause);
  return new ApiError(0, 'NoAnswer', `${what}: no answer from the API server: ${text}`, { cause });
}

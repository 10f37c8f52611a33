/** From the server's refusal, or the lack of any answer, to an {@link ApiError}. */
import type { IncomingHttpHeaders } from 'node:http';
import { ApiError } from './api-error.ts';

/** The Status object that the API server answers with when it refuses, and sends as the object of a watch's ERROR event. */
export type StatusObject = {
  readonly code?: number;
  readonly reason?: string;
  readonly message?: string;
  readonly details?: { readonly retryAfterSeconds?: number };
};

/** Reasons of answers that carry no Status, from a proxy or a load balancer. */
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

/** Retry-After in milliseconds; the API server sends whole seconds. */
function retryAfterMs(headers: IncomingHttpHeaders, status: StatusObject): number | undefined {
  const seconds = Number(headers['retry-after'] ?? status.details?.retryAfterSeconds);
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : undefined;
}

/** The error of an answer that is none of 2xx. `what` names the request: `PUT /api/v1/…`. */
export function refusal(what: string, code: number, headers: IncomingHttpHeaders, text: string): ApiError {
  const status = parseStatus(text);
  const message = status.message ?? (text.slice(0, 200).trim() || 'no message');
  const reason = status.reason || (REASONS[code] ?? 'Unknown');
  return new ApiError(code, reason, `${what}: ${code} ${reason}: ${message}`, { retryAfterMs: retryAfterMs(headers, status) });
}

/** The error of a Status that came as an event of a watch. */
export function watchRefusal(what: string, status: StatusObject): ApiError {
  const code = status.code ?? 500;
  const reason = status.reason || (REASONS[code] ?? 'Unknown');
  return new ApiError(code, reason, `${what}: ${code} ${reason}: ${status.message ?? 'no message'}`, {
    retryAfterMs: retryAfterMs({}, status),
  });
}

/** The error of a request that got no answer, or half of one. An ApiError is left as it is. */
export function noAnswer(what: string, cause: unknown): ApiError {
  if (cause instanceof ApiError) return cause;
  const text = cause instanceof Error ? cause.message || cause.name : String(cause);
  return new ApiError(0, 'NoAnswer', `${what}: no answer from the API server: ${text}`, { cause });
}

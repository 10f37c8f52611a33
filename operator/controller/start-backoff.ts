/** Backs off from starts that fail. */
import { CarpalError, messageOf } from '@carpal/configs/errors.ts';
import { systemErrorCode } from '@carpal/configs/file-errors.ts';
import { ApiError } from '@carpal/kubernetes/api/api-error.ts';
import type { HoldCause } from '../experiment/observed.ts';
import { type RetryPolicy, retryDelayMs } from '../experiment/retry-policy.ts';
import { StartHeld } from '../experiment/substrate.ts';

/** A failed start that is reported. */
export type FailedStart = { readonly attempt: string; readonly cause: HoldCause; readonly error: unknown; readonly againMs: number };

export type StartBackoffOptions = {
  readonly retry: RetryPolicy;
  readonly nowMs: () => number;
  readonly onHeld: (start: FailedStart) => void;
};

type Failing = { readonly count: number; readonly untilMs: number; readonly message: string; readonly hold: HoldCause };

/** Failures in a row before one is reported: a server in trouble recovers more often than a refusal goes away. */
const REPORT_AFTER = { trouble: 5, refusal: 2 } as const;

/**
 * The failed starts of one experiment. The first failures are thrown and tried again immediately, since most of them pass; further ones are
 * reported and tried again with a growing delay.
 */
export class StartBackoff {
  readonly #options: StartBackoffOptions;
  readonly #failing = new Map<string, Failing>();

  constructor(options: StartBackoffOptions) {
    this.#options = options;
  }

  /** Calls `start` unless the attempt has to wait. Throws `StartHeld` if the attempt is held back, and otherwise what `start` throws. */
  async start(attempt: string, start: () => Promise<void>): Promise<void> {
    const { nowMs, onHeld } = this.#options;
    const before = this.#failing.get(attempt);
    const leftMs = (before?.untilMs ?? 0) - nowMs();
    if (before !== undefined && leftMs > 0) throw new StartHeld(before.message, leftMs, { hold: before.hold });
    try {
      await start();
    } catch (error) {
      if (!isExternal(error)) throw error;
      const failing = this.#afterFailure(before, error);
      this.#failing.set(attempt, failing);
      const cause = rootOf(error);
      if (failing.untilMs === 0) throw cause;
      const againMs = failing.untilMs - nowMs();
      const { message, hold } = failing;
      onHeld({ attempt, cause: hold, error: cause, againMs });
      throw new StartHeld(message, againMs, { hold, cause });
    }
    this.#failing.delete(attempt);
  }

  #afterFailure(before: Failing | undefined, error: unknown): Failing {
    const { retry, nowMs } = this.#options;
    const hold = error instanceof StartHeld ? error.hold : 'trouble';
    const cause = rootOf(error);
    const count = (before?.count ?? 0) + 1;
    const reportAfter = hold === 'trouble' && isTrouble(cause) ? REPORT_AFTER.trouble : REPORT_AFTER.refusal;
    // A namespace that is being deleted accepts nothing any more.
    if (count < reportAfter && hold !== 'terminating') return { count, untilMs: 0, message: '', hold };
    const askedMs = Math.max(cause instanceof ApiError ? (cause.retryAfterMs ?? 0) : 0, error instanceof StartHeld ? error.againMs : 0);
    const againMs = Math.max(askedMs, retryDelayMs(retry, Math.max(1, count - reportAfter + 1), 0));
    return { count, untilMs: nowMs() + againMs, message: failureMessage(error), hold };
  }
}

/** What the substrate reported as the cause of a held start; otherwise the error itself. */
const rootOf = (error: unknown): unknown => (error instanceof StartHeld ? (error.cause ?? error) : error);

/** Whether the problem may pass without a change: no answer, an overloaded server or a conflict. */
const isTrouble = (error: unknown): boolean =>
  error instanceof ApiError && (error.status === 0 || error.status >= 429 || [404, 409].includes(error.status));

/** Whether the API server, the store or the system refused. Any other error is a bug, which must make the step fail. */
const isExternal = (error: unknown): boolean =>
  error instanceof StartHeld || error instanceof ApiError || error instanceof CarpalError || /^E(?!RR_)/.test(systemErrorCode(error) ?? '');

const LONGEST_MESSAGE = 500;

/** What failed, in one line of at most 500 characters for a status. */
function failureMessage(error: unknown): string {
  const message = errorText(error).replaceAll(/\s+/g, ' ').trim();
  return message.length > LONGEST_MESSAGE ? `${message.slice(0, LONGEST_MESSAGE - 1)}…` : message;
}

function errorText(error: unknown): string {
  // Without the request's method and path: the reader of a status did not send it.
  if (error instanceof ApiError || error instanceof StartHeld) return error.message.replace(/^[A-Z]+ \/\S+: (\d{3} \w+: )?/, '');
  if (error instanceof CarpalError) {
    const where = error.where === undefined ? '' : ` (${error.where})`;
    return `${error.message}${where} → ${error.fix}`;
  }
  return messageOf(error);
}

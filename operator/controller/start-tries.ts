/**
 * Starts that fail: the first failures are taken up again at once, since most pass; one that goes on is told of and tried at a pace that slackens.
 * Kept in memory alone: whoever does not know it tries once more.
 */
import { CarpalError } from '@carpal/configs/errors.ts';
import { systemErrorCode } from '@carpal/configs/file-errors.ts';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import { ApiError } from '@carpal/kubernetes/api/api-error.ts';
import { type RetryPolicy, retryDelayMs } from '../experiment/retry-delay.ts';
import { StartHeld } from '../experiment/start-held.ts';
import { StartRefused } from '../experiment/start-refused.ts';
import { uidOf } from '../jobs/owner.ts';
import { failureWords } from './failure-words.ts';

export type StartTries = {
  /** Starts the attempt of that name, unless it is to wait; throws `StartHeld` where it is held back, and what `start` throws. */
  start(experiment: SegmentationExperiment, name: string, start: () => Promise<void>): Promise<void>;
  /** The experiment has come to its end, or is gone. */
  forget(uid: string): void;
};

/** A try that was in vain and is told of. */
export type HeldTry = {
  readonly experiment: SegmentationExperiment;
  readonly attempt: string;
  readonly error: unknown;
  readonly againMs: number;
};

type Failing = { readonly count: number; readonly untilMs: number; readonly message: string };

/** Failures in a row that are worth a word: of a server in trouble more than of one that says no. */
const TOLD_AFTER = { trouble: 5, refusal: 2 } as const;

/** No answer, too much to do, a conflict: nothing that the answer itself says would last. */
const isTrouble = (error: unknown): boolean =>
  error instanceof ApiError && (error.status === 0 || error.status >= 429 || [404, 409].includes(error.status));

/** The API server, the store or the system has said no. A fault of the program is nobody's to mend there: its step is to count as failed. */
const isFromOutside = (error: unknown): boolean =>
  error instanceof ApiError || error instanceof CarpalError || /^E(?!RR_)/.test(systemErrorCode(error) ?? '');

/** None yet. */
export function createStartTries(retry: RetryPolicy, nowMs: () => number, onHeld: (held: HeldTry) => void): StartTries {
  const all = new Map<string, Map<string, Failing>>();

  const failed = (before: Failing | undefined, error: unknown): Failing => {
    const count = (before?.count ?? 0) + 1;
    const most = isTrouble(error) ? TOLD_AFTER.trouble : TOLD_AFTER.refusal;
    if (count < most) return { count, untilMs: 0, message: '' };
    const asked = error instanceof ApiError ? (error.retryAfterMs ?? 0) : 0;
    const againMs = Math.max(asked, retryDelayMs(retry, count - most + 1, 0));
    return { count, untilMs: nowMs() + againMs, message: failureWords(error) };
  };

  return {
    async start(experiment, name, start) {
      const uid = uidOf(experiment);
      const before = all.get(uid)?.get(name);
      const leftMs = (before?.untilMs ?? 0) - nowMs();
      if (before !== undefined && leftMs > 0) throw new StartHeld(before.message, leftMs);
      try {
        await start();
      } catch (error) {
        if (error instanceof StartRefused || !isFromOutside(error)) throw error;
        const failing = failed(before, error);
        all.set(uid, (all.get(uid) ?? new Map<string, Failing>()).set(name, failing));
        if (failing.untilMs === 0) throw error;
        const againMs = failing.untilMs - nowMs();
        onHeld({ experiment, attempt: name, error, againMs });
        throw new StartHeld(failing.message, againMs, error);
      }
      all.get(uid)?.delete(name);
    },
    forget: (uid) => void all.delete(uid),
  };
}

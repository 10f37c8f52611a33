/**
 * What the outside is to be told: started, each third of the epochs, finished, failed. Announced at least once: the planner lists what is
 * due and not yet recorded as sent, and goes on listing it until it is.
 */

import { type AnnouncementKey, type ExperimentStatus, isTrue } from '@carpal/configs/experiment-status.ts';
import type { Reason } from '@carpal/configs/names.ts';

export type Announcement = {
  readonly key: AnnouncementKey;
  readonly progress: string;
  readonly bestDice?: number;
  /** Of `failed` alone. */
  readonly reason?: Reason;
  readonly message?: string;
};

function dueKeys(status: ExperimentStatus, trained: number): readonly AnnouncementKey[] {
  const begun = status.prepare.attempts > 0;
  const failed = isTrue(status, 'Failed');
  if (isTrue(status, 'Complete')) return ['started', 'finished'];
  if (failed) return begun ? ['started', 'failed'] : ['failed'];
  if (!begun) return [];
  // A later third makes an earlier one that was never sent pointless.
  if (trained >= 2 / 3) return ['started', 'second-third'];
  return trained >= 1 / 3 ? ['started', 'first-third'] : ['started'];
}

/** Announcements that are due and not recorded in the status. `trained` is the fraction of all epochs that is done. */
export function dueAnnouncements(status: ExperimentStatus, trained: number): readonly Announcement[] {
  const sent = new Set(status.announcements.map(({ key }) => key));
  const failure = status.conditions.find(({ type, status: value }) => type === 'Failed' && value === 'True');
  return dueKeys(status, trained)
    .filter((key) => !sent.has(key) && !(key === 'first-third' && sent.has('second-third')))
    .map((key) => ({
      key,
      progress: status.progress,
      ...(status.bestDice === undefined ? {} : { bestDice: status.bestDice }),
      ...(key === 'failed' && failure !== undefined ? { reason: failure.reason, message: failure.message } : {}),
    }));
}

/** The status with these announcements recorded as sent. */
export function recordAnnouncements(status: ExperimentStatus, keys: readonly AnnouncementKey[], now: Date): ExperimentStatus {
  const fresh = keys.filter((key) => !status.announcements.some((sent) => sent.key === key));
  if (fresh.length === 0) return status;
  return { ...status, announcements: [...status.announcements, ...fresh.map((key) => ({ key, sentAt: now.toISOString() }))] };
}

/**
 * Jobs that were there and are gone though they had not ended. The status says of an attempt that it starts until its Job has been seen; what
 * went before a status could say more is known here alone, to this process. One that does not know it starts the attempt again, after a look for
 * its pods; see experiment/settle.ts.
 */
import { hasEnded, type KeptJob } from '../jobs/kept-job.ts';
import { controllerUid } from '../jobs/owner.ts';

export type GoneJobs = {
  /** A Job is gone. */
  note(job: KeptJob): void;
  has(experimentUid: string, name: string): boolean;
  /** The experiment has come to its end, or is gone. */
  forget(experimentUid: string): void;
};

/** None yet. */
export function createGoneJobs(): GoneJobs {
  const names = new Map<string, Set<string>>();
  return {
    note(job) {
      const uid = controllerUid(job.metadata);
      if (uid === undefined || hasEnded(job)) return;
      names.set(uid, (names.get(uid) ?? new Set()).add(job.metadata.name));
    },
    has: (uid, name) => names.get(uid)?.has(name) === true,
    forget: (uid) => void names.delete(uid),
  };
}
